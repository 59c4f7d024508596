# What the bench prints: medians, tables, targets. Bench.ps1 sets $cases, $size, $native and $genuine.

$targets = [Collections.Generic.List[object]]::new()
$ratios = [ordered]@{}

# Median, lowest and highest value of a case; $null if it did not run.
function Get-Spread([string] $Case, [string] $Measure) {
    if (-not $cases.Contains($Case)) { return $null }
    $values = @($cases[$Case].Runs | ForEach-Object { [double] $_[$Measure] } | Sort-Object)
    if (-not $values) { return $null }
    $middle = [int] [math]::Floor($values.Count / 2)
    [ordered]@{
        median = $values.Count % 2 ? $values[$middle] : ($values[$middle - 1] + $values[$middle]) / 2
        min    = $values[0]
        max    = $values[-1]
    }
}

# A number computed from the medians of two cases; $null if one of them did not run.
function Get-Combined([string] $Case, [string] $Other, [string] $Measure, [scriptblock] $Combine) {
    $one, $two = (Get-Spread $Case $Measure), (Get-Spread $Other $Measure)
    if (-not $one -or -not $two) { return $null }
    $value = & $Combine $one.median $two.median
    [ordered]@{ median = $value; min = $value; max = $value }
}

function Format-Number([double] $Value) {
    $digits = [math]::Abs($Value) -lt 10 ? 2 : [math]::Abs($Value) -lt 100 ? 1 : 0
    $Value.ToString("n$digits", [cultureinfo]::InvariantCulture)
}

function Format-Spread($Spread) {
    if (-not $Spread) { return '' }
    $text = Format-Number $Spread.median
    if ($Spread.min -ne $Spread.max) { $text += " ($(Format-Number $Spread.min)–$(Format-Number $Spread.max))" }
    $text
}

function Format-Case([string] $Case, [string] $Measure) { Format-Spread (Get-Spread $Case $Measure) }

function Format-Share($Spread) { '{0:n0}–{1:n0} %' -f ($Spread.min * 100), ($Spread.max * 100) }

function Format-Count([long] $Value) { $Value.ToString('n0', [cultureinfo]::InvariantCulture) }

function Write-Table([object[]] $Lines) {
    if (-not $Lines) { return }
    $columns = @($Lines[0].Keys)
    $widths = @{}
    foreach ($column in $columns) {
        $cells = @($column) + @($Lines | ForEach-Object { "$($_[$column])" })
        $widths[$column] = ($cells | Measure-Object Length -Maximum).Maximum
    }
    $write = {
        param($Cells, $Color)
        $text = for ($i = 0; $i -lt $columns.Count; $i++) {
            $cell = "$($Cells[$i])"
            $width = $widths[$columns[$i]]
            # Names are left-aligned, numbers right-aligned.
            $isName = $i -eq 0 -or $columns[$i] -in 'verdict', 'note'
            $isName ? $cell.PadRight($width) : $cell.PadLeft($width)
        }
        $text = ($text -join '  ').TrimEnd()
        if ($Color) { Write-Host $text -ForegroundColor $Color } else { Write-Host $text }
    }
    Write-Host ''
    & $write $columns
    & $write @($columns | ForEach-Object { '-' * $widths[$_] })
    foreach ($line in $Lines) {
        $color = "$($line['verdict'])".StartsWith('NOT MET') ? 'Red' : $null
        & $write @($columns | ForEach-Object { $line[$_] }) $color
    }
}

# -- the comparison with the plain script ----------------------------------------------------------------------------

function New-Comparison([string] $Name, [string] $Case, [string] $Measure, $Genuine = $null) {
    $ours, $theirs = (Get-Spread "module $Case" $Measure), (Get-Spread "plain $Case" $Measure)
    if (-not $ours -or -not $theirs) { return }
    $isRate = $Measure -eq 'rowsPerSecond'
    $better = { param($Theirs) $isRate ? $ours.median / $Theirs : $Theirs / $ours.median }
    $middle = ($Genuine | Measure-Object -Average).Average
    $ratios[$Name] = [ordered]@{
        module = $ours; plain = $theirs; better = & $better $theirs.median
        genuinePlain = $Genuine; betterThanGenuine = $Genuine ? (& $better $middle) : $null
    }
    [ordered]@{
        "the same job, $(Format-Count $size.JobRows) rows" = $Name
        'module'        = Format-Spread $ours
        'plain script'  = Format-Spread $theirs
        'better by'     = "$(Format-Number $ratios[$Name].better)x"
        'genuine plain' = ($Genuine | ForEach-Object { Format-Count $_ }) -join '–'
        'then by'       = $Genuine ? "$(Format-Number $ratios[$Name].betterThanGenuine)x" : ''
    }
}

function Write-Comparison {
    $lines = @(
        New-Comparison 'rows per second' job rowsPerSecond $genuine.rowsPerSecond
        New-Comparison 'client CPU, seconds per million rows' job cpuUsPerRow $genuine.cpuUsPerRow
        New-Comparison 'peak memory, streamed, MB' job peakMB $genuine.peakMB
        New-Comparison 'peak memory, kept in a variable, MB' kept peakMB
        New-Comparison 'kept in a variable: bytes per row' kept bytesPerRow
        New-Comparison 'kept in a variable: rows per second' kept rowsPerSecond
        New-Comparison 'first row, cold (with token), ms' first coldFirstMs
        New-Comparison 'first row, warm, ms' first warmFirstMs
        New-Comparison 'Select-Object -First 3, ms' first selectMs
    )
    if (-not $lines) { return }
    Write-Table $lines
    Write-Host "genuine plain: a reference, not measured in this run. $($genuine.source)"
    Write-Host 'If the PowerShell of this run has a stand-in for Invoke-RestMethod, these columns show what users have.'
}

# -- the targets -----------------------------------------------------------------------------------------------------

function Add-Target(
    [string] $Name, $Spread, [string] $Wanted, $Before, [string] $Note = '', [bool] $IsComparable = $true
) {
    if (-not $Spread) { return }
    $atLeast = $Wanted.StartsWith('≥')
    $limit = [double]::Parse(($Wanted -replace '[^\d.]'), [cultureinfo]::InvariantCulture)
    $met = $atLeast ? $Spread.median -ge $limit : $Spread.median -le $limit
    $always = $atLeast ? $Spread.min -ge $limit : $Spread.max -le $limit
    $verdict = $met ? 'met' : 'NOT MET'
    if ($met -and -not $always) { $verdict += ', but not in every run' }
    if (-not $IsComparable) { $verdict += ' (not the size or the machine that the target names)' }
    $targets.Add([ordered]@{
            name = $Name; measured = $Spread; before = $Before; wanted = $Wanted; limit = $limit
            verdict = $verdict; met = $met; inEveryRun = $always; comparable = $IsComparable; note = $Note
        })
}

# A target for one measure of one case.
function Add-CaseTarget(
    [string] $Name, [string] $Case, [string] $Measure, [string] $Wanted, [string] $Note = '',
    [bool] $IsComparable = $true
) {
    $before = Get-Spread "baseline: $Case" $Measure
    Add-Target $Name (Get-Spread $Case $Measure) $Wanted $before $Note $IsComparable
}

# A target for what two cases have in common.
function Add-CombinedTarget(
    [string] $Name, [string] $Case, [string] $Other, [string] $Measure, [scriptblock] $Combine, [string] $Wanted,
    [string] $Note = '', [bool] $IsComparable = $true
) {
    $before = Get-Combined "baseline: $Case" "baseline: $Other" $Measure $Combine
    Add-Target $Name (Get-Combined $Case $Other $Measure $Combine) $Wanted $before $Note $IsComparable
}

function Add-AllTarget {
    $rows, $few, $kept = (Format-Count $size.Rows), (Format-Count $size.FewRows), (Format-Count $size.JobRows)
    $full = -not $size.IsReduced
    $minus = { param($One, $Two) $One - $Two }
    $over = { param($One, $Two) $One / $Two }

    $floor = "the engine's own floor: $(Format-Case floor cpuUsPerRow)"
    Add-CaseTarget "client CPU, $rows rows, µs per row" 'module steady' cpuUsPerRow '≤ 11' $floor $full
    Add-CaseTarget "client CPU, $rows rows, µs per row" 'module steady' cpuUsPerRow '≤ 4.0' $floor $full
    Add-CaseTarget 'the same with gzip over TLS, µs per row' 'module tls' cpuUsPerRow '≤ 5.0' `
        "gzip without TLS: $(Format-Case 'module gzip' cpuUsPerRow)" $full
    Add-CaseTarget 'client CPU, hunting rows, µs per row' 'module hunting' cpuUsPerRow '≤ 6.0' `
        'rows of 10 columns and 520 bytes, two thirds with an object or a list'
    foreach ($list in 'alerts', 'inventory') {
        Add-CaseTarget "client CPU, typed rows, $list, µs per KB" "module $list" cpuUsPerKB '≤ 5.0' `
            "rows of $(Format-Case "module $list" kbPerRow) KB"
    }
    $server = "the server's own CPU: $(Format-Case 'module steady' serverCpuUsPerRow) µs per row"
    Add-CaseTarget "rows per second, $rows rows" 'module steady' rowsPerSecond '≥ 120,000' $server $full
    $cores = [Environment]::ProcessorCount
    Add-CaseTarget 'rows per second, two cores for the client only' 'module steady' rowsPerSecond '≥ 300,000' `
        "$cores cores, shared with the server" ($full -and $cores -ge 4)
    Add-CaseTarget "peak memory, $rows rows, MB" 'module steady' peakMB '≤ 140' `
        "empty PowerShell: $(Format-Case empty peakMB)" $full
    $growth = "peak memory, growth from $few to $rows rows, MB"
    Add-CombinedTarget $growth 'module steady' 'module cold' peakMB $minus '≤ 10' `
        "with ${few}: $(Format-Case 'module cold' peakMB)" $full
    Add-CombinedTarget "peak memory, growth from 1 to $($size.Tenants) tenants, the same rows, MB" `
        'many tenants' 'one tenant' peakMB $minus '≤ 15' "one tenant: $(Format-Case 'one tenant' peakMB)" $full
    Add-CaseTarget "peak memory, $($size.Customers) customers, two resources, 2 % fail, MB" customers peakMB '≤ 200' `
        "ms: $(Format-Case customers wallMs)" $full
    Add-CaseTarget "peak memory, $kept rows in a variable, MB" 'module kept' peakMB '≤ 350' '' $full
    Add-CaseTarget 'first row on a warm connection, ms' 'module first' warmFirstMs '≤ 300' `
        "cold, with connect and token: $(Format-Case 'module first' coldFirstMs)"
    Add-CaseTarget 'Select-Object -First 3, ms' 'module first' selectMs '≤ 200'
    Add-CaseTarget 'Import-Module FedXdr, first of its process, ms' 'import module' wallMs '≤ 100' (
        "an empty binary module: $(Format-Case 'import empty' wallMs); " +
        "after another import: $(Format-Case 'import module after' wallMs), " +
        "empty $(Format-Case 'import empty after' wallMs)")
    Add-CombinedTarget 'Import-Module FedXdr above an empty binary module, ms' 'import module' 'import empty' `
        wallMs $minus '≤ 20' 'the first import of each process'
    $library = [ordered]@{ median = $native.Length / 1MB; min = $native.Length / 1MB; max = $native.Length / 1MB }
    Add-Target 'native library, MB' $library '≤ 6' $null $native.Name
    $cached = "cached Get-FdxToken, median of $(Format-Count $size.Calls) calls, µs"
    Add-CaseTarget $cached token tokenUs '≤ 150' `
        "empty cmdlet: $(Format-Case token emptyUs); first token: $(Format-Case token exchangeMs) ms" $full
    Add-CaseTarget $cached token tokenUs '≤ 100' "CPU of all threads: $(Format-Case token tokenCpuUs)" $full

    $exports = [ordered]@{
        'export' = '≥ 400,000'; 'export gzip' = '≥ 350,000'
        'export csv' = '≥ 240,000'; 'export parquet' = '≥ 250,000'
    }
    foreach ($case in $exports.Keys) {
        $note = "$cores cores, shared with the server: $(Format-Case $case serverCpuUsPerRow) µs per row"
        Add-CaseTarget "rows per second, $case" $case rowsPerSecond $exports[$case] $note ($full -and $cores -ge 4)
        $above = "peak memory above an empty PowerShell, $case, MB"
        Add-CombinedTarget $above $case empty peakMB $minus '≤ 40' '' $full
    }
    $long, $spread = (Format-Count $size.LongRows), (Format-Count $size.TenantRows)
    Add-CombinedTarget "peak memory above an empty PowerShell, export gzip, $long rows, MB" 'export long' empty `
        peakMB $minus '≤ 40' '' $full
    Add-CombinedTarget "peak memory above an empty PowerShell, export, $($size.Tenants) tenants, MB" 'export tenants' `
        empty peakMB $minus '≤ 40' "$spread rows" $full
    Add-CaseTarget 'client CPU, export, µs per row' export cpuUsPerRow '≤ 2.5' '' $full
    Add-CaseTarget 'export from files, MB of plain JSON per second' 'export files' megabytesPerSecond '≥ 400' `
        "$cores cores, shared with the server: $(Format-Case 'export files' megabytes) MB of JSON in gzip files" `
        ($full -and $cores -ge 4)

    foreach ($encoding in 'plain', 'gzip') {
        $document, $list = "document $encoding", "list $encoding"
        $note = "document: $(Format-Case $document cpuNsPerByte), list: $(Format-Case $list cpuNsPerByte) ns per byte"
        $name = "CPU per byte, a document of $(Format-Case $document megabytes) MB over a list, $encoding"
        Add-CombinedTarget $name $document $list cpuNsPerByte $over '≤ 2.0' $note $full
    }
    foreach ($encoding in 'plain', 'gzip') {
        $case = "page beside a document $encoding"
        Add-CaseTarget "another query's page while a document is read, $encoding, ms more" $case addedMs '≤ 100' (
            "by itself: $(Format-Case $case undisturbedMs), beside: $(Format-Case $case besideMs) (medians)") $full
    }
    $best = 8, 16, 32, 64 | ForEach-Object { "small tenants $_" } | Where-Object { Get-Spread $_ wallMs } |
        Sort-Object { (Get-Spread $_ wallMs).median } | Select-Object -First 1
    if ($best) {
        $name = "$($size.SmallTenants) small tenants, $($size.DelayMs) ms per request: default over the best limit"
        $all = 8, 16, 32, 64 | ForEach-Object { "$_`: $(Format-Case "small tenants $_" wallMs)" }
        Add-CombinedTarget $name "small tenants 0" $best wallMs $over '≤ 1.25' `
            "ms by -ThrottleLimit: $($all -join '; ')" $full
    }
}

function Write-TargetTable([switch] $WithBaseline) {
    Write-Table @(
        foreach ($target in $targets) {
            $line = [ordered]@{ 'target' = $target.name }
            if ($WithBaseline) { $line['before'] = Format-Spread $target.before }
            $line['measured'] = Format-Spread $target.measured
            $line['wanted'] = $target.wanted
            $line['verdict'] = $target.verdict
            $line['note'] = $target.note
            $line
        }
    )
}

function Write-RecordTable {
    $titles = [ordered]@{
        'module cold'    = 'module, first rows of its process'
        'module steady'  = 'module, warm connection'
        'module gzip'    = 'module, warm connection, gzip'
        'module tls'     = 'module, warm connection, gzip over TLS'
        'module hunting' = 'module, hunting'
        'module job'     = 'module, the same job'
        'one tenant'     = 'module, one tenant'
        'many tenants'   = "module, $($size.Tenants) tenants"
        'plain job'      = 'plain script, the same job'
        'export'         = 'Export-FdxDataset, JSON lines'
        'export gzip'    = 'Export-FdxDataset, JSON lines, gzip'
        'export csv'     = 'Export-FdxDataset, CSV'
        'export parquet' = 'Export-FdxDataset, Parquet'
        'export long'    = 'Export-FdxDataset, gzip, many rows'
        'export tenants' = "Export-FdxDataset, $($size.Tenants) tenants"
        'export files'   = "Export-FdxDataset, from the service's files"
        'Export-Csv'     = 'Get-FdxVulnerability | Export-Csv'
    }
    Write-Table @(
        foreach ($name in $titles.Keys) {
            foreach ($case in $name, "baseline: $name") {
                if (-not (Get-Spread $case cpuUsPerRow)) { continue }
                [ordered]@{
                    'for the record'  = ($case -eq $name ? '' : 'before: ') + $titles[$name]
                    'rows'            = Format-Count $cases[$case].Rows
                    'rows/s'          = Format-Case $case rowsPerSecond
                    'client µs/row'   = Format-Case $case cpuUsPerRow
                    'server µs/row'   = Format-Case $case serverCpuUsPerRow
                    'peak MB'         = Format-Case $case peakMB
                    'others on cores' = Format-Share (Get-Spread $case others)
                }
            }
        }
    )
}
