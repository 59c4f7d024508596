#!/usr/bin/env pwsh
#Requires -Version 7.4
<#
.SYNOPSIS
Measures FedXdr against a plain PowerShell script that does the same job, and against its targets.
.DESCRIPTION
Every case runs in a fresh PowerShell against a fresh fake tenant on this machine. Both sides get the same server with
the same settings. `./build.sh bench` builds everything and calls this script. To run it by hand, put the module on the
module path and set FEDXDR_TENANT to the fake tenant's program.
.EXAMPLE
./build.sh bench -Quick
#>
param(
    # Rows of the long runs. The cold run, and the run that memory growth is compared with, use a tenth.
    [ValidateRange(50000, 100000000)] [int] $Rows = 2000000,
    # How often each case runs; the order alternates between rounds.
    [ValidateRange(1, 100)] [int] $Runs = 3,
    # One run with fewer rows: shows that it works, and rough numbers.
    [switch] $Quick,
    [string] $Output = 'out/bench.json'
)
Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

# Rows that the targets name, streamed and kept in a variable.
$targetRows = 2000000
$targetKept = 100000
if ($Quick) {
    if (-not $PSBoundParameters.ContainsKey('Rows')) { $Rows = 400000 }
    if (-not $PSBoundParameters.ContainsKey('Runs')) { $Runs = 1 }
}
$fewRows = [int] ($Rows / 10)
$jobRows = $Quick ? 20000 : $targetKept
$calls = $Quick ? 2000 : 10000

# A plain loop over 100,000 rows of 968 bytes in the genuine PowerShell 7.6.5, on another machine with 2 cores.
# This script does not measure it.
$genuine = [ordered]@{
    powershell = '7.6.5'; rows = 100000; cpuUsPerRow = 229; rowsPerSecond = 6200; peakMB = 617; collectedPeakMB = 1509
}

$tenant = $env:FEDXDR_TENANT
if (-not $tenant) { throw 'FEDXDR_TENANT does not name the fake tenant. Run ./build.sh bench, which sets it.' }
$pwsh = Join-Path $PSHOME ($IsWindows ? 'pwsh.exe' : 'pwsh')
$work = Join-Path ([IO.Path]::GetTempPath()) "fedxdr-bench-$PID"
$null = New-Item $work -ItemType Directory

# -- running ---------------------------------------------------------------------------------------------------------

# Builds the comparison module where Import-Module finds it, and returns that folder.
function Build-Floor {
    $package = Join-Path $work 'modules' 'BenchFloor'
    $env:MSBUILDDISABLENODEREUSE = '1'
    $project = Join-Path $PSScriptRoot 'floor' 'FedXdr.BenchFloor.csproj'
    $said = dotnet build $project -c Release -o $package --nologo -v quiet `
        -p:UseSharedCompilation=false "-p:BaseIntermediateOutputPath=$(Join-Path $work 'obj')/"
    if ($LASTEXITCODE -ne 0) { throw "the comparison module does not build:`n$($said -join "`n")" }
    Set-Content (Join-Path $package 'BenchFloor.psd1') @'
@{
    RootModule        = 'BenchFloor.dll'
    ModuleVersion     = '1.0.0'
    GUID              = '0d3b2e53-6d4c-4b63-9f10-0a53ad6a5d11'
    CmdletsToExport   = @('Get-BenchNothing', 'Measure-BenchRow', 'Write-BenchRow')
    FunctionsToExport = @()
    AliasesToExport   = @()
    VariablesToExport = @()
}
'@
    Split-Path $package
}

# Time that all cores were busy since the machine started, in ms; 0 if unknown.
function Get-BusyMs {
    if (-not (Test-Path /proc/stat)) { return 0 }
    $fields = [IO.File]::ReadAllLines('/proc/stat')[0] -split '\s+'
    # user nice system idle iowait irq softirq steal, in hundredths of a second
    10 * ($fields[1, 2, 3, 6, 7, 8] | ForEach-Object { [long] $_ } | Measure-Object -Sum).Sum
}

function Start-Tool([string] $Command, [string[]] $Arguments) {
    $start = [Diagnostics.ProcessStartInfo]::new($Command)
    $Arguments | ForEach-Object { $start.ArgumentList.Add($_) }
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    # The measured traffic stays on this machine.
    foreach ($name in 'HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy') {
        $null = $start.Environment.Remove($name)
    }
    $start.Environment['PSModulePath'] = $modules + [IO.Path]::PathSeparator + $env:PSModulePath
    [Diagnostics.Process]::Start($start)
}

# Runs one case once, with its own server and its own PowerShell.
function Invoke-Case([hashtable] $Case) {
    $settings = @('--until-stdin-closes', '--tenants', '1', '--rows', "$($Case.ServerRows)")
    if (-not $Case.Gzip) { $settings += '--no-gzip' }
    $server = Start-Tool $tenant $settings
    try {
        $addresses = Join-Path $work 'tenant.json'
        $line = $server.StandardOutput.ReadLine()
        if (-not $line) { throw "$tenant did not start" }
        Set-Content $addresses $line
        $control = ($line | ConvertFrom-Json).control
        # By default the server compresses only small answers.
        if ($Case.Gzip) {
            $change = @{ Method = 'Patch'; Body = '{"gzip":"on"}'; ContentType = 'application/json' }
            $null = Invoke-RestMethod "$control/world" @change -NoProxy
        }

        $busy = Get-BusyMs
        $clock = [Diagnostics.Stopwatch]::StartNew()
        $file = Join-Path $PSScriptRoot 'cases' "$($Case.Script).ps1"
        $child = Start-Tool $pwsh (@('-NoProfile', '-NonInteractive', '-File', $file, '-Addresses', $addresses) +
            $Case.Arguments)
        try {
            $child.StandardInput.Close()
            $said = $child.StandardOutput.ReadToEndAsync()
            if (-not $child.WaitForExit(600000)) { throw "$($Case.Name) did not end within 10 minutes" }
            if ($child.ExitCode -ne 0) { throw "$($Case.Name) ended with $($child.ExitCode): $($said.Result)" }
        }
        finally {
            if (-not $child.HasExited) { $child.Kill($true) }
        }
        $elapsed = $clock.Elapsed.TotalMilliseconds
        $busy = (Get-BusyMs) - $busy
        $result = @("$($said.Result)".Trim() -split "`n")[-1] | ConvertFrom-Json -AsHashtable
        $server.Refresh()
        $result.serverCpuMs = $server.TotalProcessorTime.TotalMilliseconds
        # The share of all cores that other processes used: how far the numbers can be trusted.
        $othersMs = $busy - $result.processCpuMs - $result.serverCpuMs
        $result.others = $busy ? [math]::Max(0.0, $othersMs / $elapsed / [Environment]::ProcessorCount) : 0

        $report = Invoke-RestMethod "$control/report" -NoProxy
        if ($report.violations) {
            throw "$($Case.Name): the server reports $($report.violations | ConvertTo-Json -Compress)"
        }
        $result.pages = $report.counts.PSObject.Properties['pages'] ? $report.counts.pages : 0
        if ($Case.Rows -and $result.rows -ne $Case.Rows) {
            throw "$($Case.Name): $($result.rows) rows, not $($Case.Rows)"
        }
        if ($Case.Pages -and $result.pages -lt $Case.Pages) {
            throw "$($Case.Name): $($result.pages) pages, not $($Case.Pages)"
        }
        if ($result.rows) {
            if ($result.ContainsKey('wallMs')) {
                $result.rowsPerSecond = $result.rows / $result.wallMs * 1000
                $result.cpuUsPerRow = $result.cpuMs * 1000 / $result.rows
                $result.serverCpuUsPerRow = $result.serverCpuMs * 1000 / $result.rows
            }
        }
        $result
    }
    finally {
        $server.StandardInput.Close()
        if (-not $server.WaitForExit(5000)) { $server.Kill($true) }
        $server.Dispose()
    }
}

function New-Case([string] $Name, [string] $Script, [int] $CaseRows, [string[]] $More = @(), [switch] $Gzip) {
    $case = @{
        Name = $Name; Script = $Script; ServerRows = [math]::Max(1, $CaseRows); Rows = $CaseRows; Pages = 0
        Gzip = [bool] $Gzip; Arguments = $More; Runs = [Collections.Generic.List[object]]::new()
    }
    if ($CaseRows) {
        $case.Arguments = @('-Rows', "$CaseRows") + $More
        # 50,000 rows per page by default, as in the service.
        if ($Script -ne 'floor') { $case.Pages = [int] [math]::Ceiling($CaseRows / 50000) }
    }
    $case
}

# -- reading ---------------------------------------------------------------------------------------------------------

function Get-Spread([string] $Case, [string] $Measure) {
    $values = @($cases[$Case].Runs | ForEach-Object { [double] $_[$Measure] } | Sort-Object)
    $middle = [int] [math]::Floor($values.Count / 2)
    [ordered]@{
        median = $values.Count % 2 ? $values[$middle] : ($values[$middle - 1] + $values[$middle]) / 2
        min    = $values[0]
        max    = $values[-1]
    }
}

function Format-Number([double] $Value) {
    $digits = [math]::Abs($Value) -lt 10 ? 2 : [math]::Abs($Value) -lt 100 ? 1 : 0
    $Value.ToString("n$digits", [cultureinfo]::InvariantCulture)
}

function Format-Spread($Spread) {
    $text = Format-Number $Spread.median
    if ($Spread.min -ne $Spread.max) { $text += " ($(Format-Number $Spread.min)–$(Format-Number $Spread.max))" }
    $text
}

function Format-Share($Spread) { '{0:n0}–{1:n0} %' -f ($Spread.min * 100), ($Spread.max * 100) }

function Write-Table([object[]] $Lines) {
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
    & $write $columns
    & $write @($columns | ForEach-Object { '-' * $widths[$_] })
    foreach ($line in $Lines) {
        $color = "$($line['verdict'])".StartsWith('NOT MET') ? 'Red' : $null
        & $write @($columns | ForEach-Object { $line[$_] }) $color
    }
}

# -- the run ---------------------------------------------------------------------------------------------------------

try {
    $modules = Build-Floor
    $module = Get-Module FedXdr -ListAvailable | Sort-Object Version -Descending | Select-Object -First 1
    if (-not $module) { throw 'FedXdr is not on the module path. Run ./build.sh bench, which puts it there.' }
    $native = Get-ChildItem $module.ModuleBase -Recurse -File |
        Where-Object Name -match '^(lib)?fedxdr_native\.' | Sort-Object Length -Descending | Select-Object -First 1
    if (-not $native) { throw "no native library in $($module.ModuleBase)" }

    $cases = [ordered]@{}
    foreach ($case in @(
            New-Case 'empty' empty 0
            New-Case 'import empty' import 0 '-Module', 'BenchFloor'
            New-Case 'import module' import 0 '-Module', 'FedXdr'
            New-Case 'import empty after' import 0 '-Module', 'BenchFloor', '-After', 'Microsoft.PowerShell.Security'
            New-Case 'import module after' import 0 '-Module', 'FedXdr', '-After', 'Microsoft.PowerShell.Security'
            New-Case 'module job' module-cold $jobRows
            New-Case 'plain job' plain-cold $jobRows
            New-Case 'module kept' module-collect $jobRows
            New-Case 'plain kept' plain-collect $jobRows
            New-Case 'module first' module-first $jobRows
            New-Case 'plain first' plain-first $jobRows
            New-Case 'module cold' module-cold $fewRows
            New-Case 'module steady' module-steady $Rows
            New-Case 'module gzip' module-steady $Rows -Gzip
            New-Case 'floor' floor $Rows
            New-Case 'token' token 0 '-Calls', "$calls"
        )) { $cases[$case.Name] = $case }

    for ($run = 1; $run -le $Runs; $run++) {
        $order = @($cases.Values)
        if ($run % 2 -eq 0) { [array]::Reverse($order) }
        foreach ($case in $order) {
            Write-Host "run $run of ${Runs}: $($case.Name)" -ForegroundColor DarkGray
            $case.Runs.Add((Invoke-Case $case))
        }
    }
}
finally {
    Remove-Item $work -Recurse -Force -ErrorAction Ignore
}

# -- the results -----------------------------------------------------------------------------------------------------

$model = ''
if (Test-Path /proc/cpuinfo) {
    $model = [regex]::Match([IO.File]::ReadAllText('/proc/cpuinfo'), 'model name\s*:\s*(.+)').Groups[1].Value
}
$load = (Test-Path /proc/loadavg) ? ([IO.File]::ReadAllText('/proc/loadavg').Split(' ')[0..2] -join ' ') : ''
$facts = [ordered]@{
    date       = [datetime]::UtcNow.ToString('u')
    cores      = [Environment]::ProcessorCount
    processor  = $model
    os         = [Runtime.InteropServices.RuntimeInformation]::OSDescription
    powershell = "$($PSVersionTable.PSVersion)"
    dotnet     = [Runtime.InteropServices.RuntimeInformation]::FrameworkDescription
    module     = "$($module.Version)"
    rows       = $Rows
    runs       = $Runs
    quick      = [bool] $Quick
    load       = $load
}

Write-Host ''
Write-Host "FedXdr $($module.Version), PowerShell $($facts.powershell), $($facts.cores) cores ($model)"
Write-Host "$($facts.os), $($facts.date)"
Write-Host "Server, client and other processes share the cores (load now: $load)."
Write-Host 'Rows of about 970 bytes and 24 columns over plain HTTP, pages of 50,000, no gzip unless stated.'
Write-Host "Every case ran $Runs time(s) in a fresh PowerShell: median (lowest–highest)."

# The same job by both.
$ratios = [ordered]@{}
function New-Comparison([string] $Name, [string] $Case, [string] $Measure, $Genuine = '') {
    $ours = Get-Spread "module $Case" $Measure
    $theirs = Get-Spread "plain $Case" $Measure
    $better = $Measure -eq 'rowsPerSecond' ? $ours.median / $theirs.median : $theirs.median / $ours.median
    $ratios[$Name] = [ordered]@{ module = $ours; plain = $theirs; moduleOverPlain = $ours.median / $theirs.median }
    [ordered]@{
        "the same job, $('{0:n0}' -f $jobRows) rows" = $Name
        'module' = Format-Spread $ours; 'plain script' = Format-Spread $theirs
        'module/plain' = ($ours.median / $theirs.median).ToString('n3', [cultureinfo]::InvariantCulture)
        'better by' = "$(Format-Number $better)x"
        'genuine plain' = $Genuine
    }
}
Write-Host ''
Write-Table @(
    New-Comparison 'rows per second' job rowsPerSecond ('{0:n0}' -f $genuine.rowsPerSecond)
    New-Comparison 'client CPU, seconds per million rows' job cpuUsPerRow $genuine.cpuUsPerRow
    New-Comparison 'peak memory, streamed, MB' job peakMB $genuine.peakMB
    New-Comparison 'peak memory, kept in a variable, MB' kept jobPeakMB $genuine.collectedPeakMB
    New-Comparison 'kept in a variable: bytes per row' kept bytesPerRow
    New-Comparison 'kept in a variable: rows per second' kept rowsPerSecond
    New-Comparison 'first row, cold (with token), ms' first coldFirstMs
    New-Comparison 'first row, warm, ms' first warmFirstMs
    New-Comparison 'Select-Object -First 3, ms' first selectMs
)
Write-Host ("genuine plain = reference, not measured in this run: the plain loop in the genuine PowerShell " +
    "$($genuine.powershell) on another machine with 2 cores, $('{0:n0}' -f $genuine.rows) rows.")
Write-Host 'In a rebuilt PowerShell, Invoke-RestMethod is a stand-in that needs less CPU and other memory.'
Write-Host 'The last column has the numbers of the genuine one.'

# Against the targets.
$targets = [Collections.Generic.List[object]]::new()
function Add-Target(
    [string] $Name, $Spread, [string] $Wanted, [double] $Limit, [string] $Beside = '', [bool] $Comparable = $true
) {
    $least = $Wanted.StartsWith('≥')
    $met = $least ? $Spread.median -ge $Limit : $Spread.median -le $Limit
    $always = $least ? $Spread.min -ge $Limit : $Spread.max -le $Limit
    $verdict = $met ? 'met' : 'NOT MET'
    if ($met -and -not $always) { $verdict += ', but not in every run' }
    if (-not $Comparable) { $verdict += ' (fewer rows than the target names)' }
    $targets.Add([ordered]@{
            name = $Name; measured = $Spread; wanted = $Wanted; limit = $Limit
            met = $met; inEveryRun = $always; comparable = $Comparable; beside = $Beside
        })
    [ordered]@{
        'target' = $Name; 'measured' = (Format-Spread $Spread); 'wanted' = $Wanted
        'verdict' = $verdict; 'note' = $Beside
    }
}
function Get-Single([double] $Value) { [ordered]@{ median = $Value; min = $Value; max = $Value } }

$long = $Rows -ge $targetRows
$kept = $jobRows -ge $targetKept
$many = '{0:n0}' -f $Rows
$few = '{0:n0}' -f $fewRows
$cpu = Get-Spread 'module steady' cpuUsPerRow
$rate = Get-Spread 'module steady' rowsPerSecond
$peak = Get-Spread 'module steady' peakMB
$fewPeak = Get-Spread 'module cold' peakMB
$empty = Get-Spread 'empty' peakMB
$growth = Get-Single ($peak.median - $fewPeak.median)
$keptPeak = Get-Spread 'module kept' jobPeakMB
$first = Get-Spread 'module first' warmFirstMs
$select = Get-Spread 'module first' selectMs
$import = Get-Spread 'import module' wallMs
$importEmpty = Get-Spread 'import empty' wallMs
$token = Get-Spread 'token' tokenUs
$nativeMB = Get-Single ($native.Length / 1MB)
function Format-Case([string] $Case, [string] $Measure) { Format-Spread (Get-Spread $Case $Measure) }

Write-Host ''
Write-Table @(
    Add-Target "client CPU, $many rows, µs per row" $cpu '≤ 11' 11 `
        "the engine's own floor: $(Format-Case floor cpuUsPerRow)" $long
    Add-Target "rows per second, $many rows" $rate '≥ 120,000' 120000 `
        "the server's own CPU: $(Format-Case 'module steady' serverCpuUsPerRow) µs per row" $long
    Add-Target "peak memory, $many rows, MB" $peak '≤ 140' 140 "empty PowerShell: $(Format-Spread $empty)" $long
    Add-Target "peak memory, growth from $few to $many rows, MB" $growth '≤ 10 (flat)' 10 `
        "with ${few}: $(Format-Spread $fewPeak)" $long
    Add-Target "peak memory, $('{0:n0}' -f $jobRows) rows in a variable, MB" $keptPeak '≤ 350' 350 '' $kept
    Add-Target 'first row on a warm connection, ms' $first '≤ 300' 300 `
        "cold, with connect and token: $(Format-Case 'module first' coldFirstMs)"
    Add-Target 'Select-Object -First 3, ms' $select '≤ 200' 200
    Add-Target 'Import-Module FedXdr, first of its process, ms' $import '≤ 100' 100 (
        "an empty binary module: $(Format-Spread $importEmpty); " +
        "after another import: $(Format-Case 'import module after' wallMs), " +
        "empty $(Format-Case 'import empty after' wallMs)")
    Add-Target 'native library, MB' $nativeMB '≤ 6' 6 $native.Name
    Add-Target "cached Get-FdxToken, median of $('{0:n0}' -f $calls) calls, µs" $token '≤ 150' 150 `
        "empty cmdlet: $(Format-Case token emptyUs); first token: $(Format-Case token exchangeMs) ms" ($calls -ge 10000)
)

$titles = [ordered]@{
    'module cold'   = 'module, first rows of its process'
    'module steady' = 'module, warm connection'
    'module gzip'   = 'module, warm connection, gzip'
    'module job'    = 'module, the same job'
    'plain job'     = 'plain script, the same job'
}
Write-Host ''
Write-Table @(
    foreach ($name in $titles.Keys) {
        [ordered]@{
            'for the record'   = $titles[$name]
            'rows'             = '{0:n0}' -f $cases[$name].Rows
            'rows/s'           = Format-Case $name rowsPerSecond
            'client µs/row'    = Format-Case $name cpuUsPerRow
            'server µs/row'    = Format-Case $name serverCpuUsPerRow
            'peak MB'          = Format-Case $name peakMB
            'others on cores'  = Format-Share (Get-Spread $name others)
        }
    }
)

$missed = @($targets | Where-Object { -not $_.met })
Write-Host ''
if ($missed) {
    $names = $missed.name -join '; '
    Write-Host -ForegroundColor Red "!! $($missed.Count) of $($targets.Count) targets NOT MET: $names"
}
else {
    $but = $long -and $kept ? '' : ', but with fewer rows than they name'
    Write-Host -ForegroundColor Green "all $($targets.Count) targets met$but"
}

$null = New-Item (Split-Path ([IO.Path]::GetFullPath($Output, $PWD.ProviderPath))) -ItemType Directory -Force
$raw = [ordered]@{}
foreach ($case in $cases.Values) {
    $raw[$case.Name] = [ordered]@{ script = $case.Script; rows = $case.Rows; gzip = $case.Gzip; runs = $case.Runs }
}
$all = [ordered]@{ machine = $facts; targets = $targets; ratios = $ratios; reference = $genuine; cases = $raw }
Set-Content $Output (ConvertTo-Json $all -Depth 10)
Write-Host "written to $Output"
exit 0
