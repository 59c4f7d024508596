Describe 'Export-FdxDataset' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant

        # The rows of all files of a folder.
        function Read-Row([string] $Folder) {
            foreach ($file in Get-ChildItem $Folder | Sort-Object Name) {
                $stream = [IO.File]::OpenRead($file.FullName)
                if ($file.Name.EndsWith('.gz')) {
                    $stream = [IO.Compression.GZipStream]::new($stream, [IO.Compression.CompressionMode]::Decompress)
                }
                $reader = [IO.StreamReader]::new($stream)
                $lines = $reader.ReadToEnd().TrimEnd("`n") -split "`n"
                $reader.Dispose()
                if ($file.Name -match '\.csv') { $lines | ConvertFrom-Csv } else { $lines | ConvertFrom-Json }
            }
        }

        function Get-Manifest($Result) {
            $root = "$($Result.Path)/../../.."
            Get-Content "$root/_fedxdr/$($Result.Dataset)/tenant=$($Result.TenantId)/*.json" | ConvertFrom-Json
        }

        # What a reader that is not ours finds in Parquet files, compared with JSON lines of the same rows.
        $python = Join-Path $PSScriptRoot ../../out/python/bin/python3
        function Compare-Parquet([object[]] $Parquet, [object[]] $Lines) {
            $arguments = for ($index = 0; $index -lt $Parquet.Count; $index++) {
                $manifest = "$folder/manifest-$index.json"
                Get-Manifest $Parquet[$index] | ConvertTo-Json -Depth 5 | Set-Content $manifest
                $Parquet[$index].Path, $Lines[$index].Path, $manifest
            }
            & $python "$PSScriptRoot/../clients/compare_parquet.py" @arguments
        }
        function Skip-WithoutPython {
            if (Test-Path $python) { return }
            if ($env:CI -and $IsLinux) { throw 'out/python is missing: under CI every test must run' }
            Set-ItResult -Skipped -Because 'out/python is missing'
        }
    }

    AfterAll {
        Set-HostVariable
        Stop-FakeTenant
    }

    BeforeEach {
        Reset-Tenant
        $folder = Join-Path $TestDrive ([guid]::NewGuid())
    }

    AfterEach { (Get-Report).violations | Should -BeNullOrEmpty }

    It 'gives memory back that nobody uses any more before it starts: <_>' -ForEach @(
        'Export-FdxDataset vulnerabilities $args[0]'
        'Export-FdxReport "$($args[0])/report.html"'
    ) {
        # Without a connection it fails, but only after that.
        $script = New-Item "$folder/garbage.ps1" -Force -Value @"
Import-Module '$env:FEDXDR_MODULE'
function New-Garbage { [WeakReference]::new([byte[]]::new(1MB)) }
`$garbage = New-Garbage
try { $_ } catch { `$_.FullyQualifiedErrorId }
`$garbage.IsAlive
"@
        $process = Start-PowerShell @('-File', $script.FullName, $folder)
        $said = $process.StandardOutput.ReadToEnd() -split '\r?\n'
        $said[0] | Should -BeLike 'Fdx.Settings.NotConnected,*'
        $said[1] | Should -Be 'False'
    }

    It 'writes the rows that Get-FdxVulnerability returns, and a manifest: <format>, <compression>' -ForEach @(
        @{ format = 'JsonLines'; compression = 'Gzip'; name = 'part-00000.json.gz' }
        @{ format = 'jsonlines'; compression = 'none'; name = 'part-00000.json' }
        @{ format = 'Csv'; compression = 'Gzip'; name = 'part-00000.csv.gz' }
        @{ format = 'Csv'; compression = 'None'; name = 'part-00000.csv' }
        @{ format = 'CsvExcel'; compression = 'None'; name = 'part-00000.csv' }
    ) {
        Connect-Tenant
        $result = Export-FdxDataset Vulnerabilities $folder -Format $format -Compression $compression
        $result | Should -BeOfType FedXdr.DatasetExport
        $result.Dataset, $result.Result, $result.TenantId | Should -Be 'vulnerabilities', 'Complete', $Tenant
        $result.Rows, $result.Files | Should -Be 6000, 1
        (Get-ChildItem $result.Path).Name | Should -Be $name
        $day = [DateTime]::UtcNow.ToString('yyyy-MM-dd')
        $result.Path | Should -Match "vulnerabilities.tenant=$Tenant.date=$day$"

        $rows = @(Read-Row $result.Path)
        $expected = @(Get-FdxVulnerability)
        $rows.Count | Should -Be $expected.Count
        foreach ($index in 0, 1, 2, 17, 5999) {
            $row, $other = $rows[$index], $expected[$index]
            $row.id | Should -Be $other.Id
            $row.tenantId | Should -Be $Tenant
            "$($row.cvssScore)" | Should -Be "$($other.CvssScore)"
            "$($row.cveId)" | Should -Be "$($other.CveId)"
            [DateTime] $row.firstSeenTimestamp | Should -Be ([DateTime] $other.FirstSeenTimestamp)
            ($row.diskPaths -join '; ') | Should -Be ($other.DiskPaths -join '; ')
        }

        $manifest = Get-Manifest $result
        $manifest.rows, $manifest.bytes | Should -Be $result.Rows, $result.Bytes
        $file = Get-ChildItem $result.Path
        $manifest.parts[0].sha256 | Should -Be (Get-FileHash $file).Hash
        $manifest.parts[0].bytes | Should -Be $file.Length
        @($manifest.columns.name) | Should -Be @($rows[0].PSObject.Properties.Name)
    }

    It 'writes several datasets of several tenants, and goes on when one fails' {
        Grant-Everything
        Set-Customer @{ consented = $false } 1
        $tenants = $Fake.tenants[0].tenantId, $Fake.tenants[1].tenantId
        Connect-Tenant @{ TenantId = $tenants }
        $results = Export-FdxDataset machines, 'vulnerabilities, alerts' $folder -ErrorVariable failures -ErrorAction 0
        @($results).Count | Should -Be 6
        $written = $results | Where-Object TenantId -eq $tenants[0]
        $written.Result | Should -Be 'Complete', 'Complete', 'Complete'
        $written.Dataset | Should -Be 'machines', 'vulnerabilities', 'alerts'
        $failed = $results | Where-Object TenantId -eq $tenants[1]
        $failed.Result | Should -Be 'Failed', 'Failed', 'Failed'
        $failed[0].ErrorId | Should -Be 'Fdx.Auth.AppNotConsented'
        $failed[0].Advice | Should -Match 'adminconsent'
        @($failures).Count | Should -Be 3
        @(Read-Row $written[0].Path).Count | Should -Be $written[0].Rows
    }

    It 'writes every dataset that it completes' {
        Grant-Everything
        Connect-Tenant
        $names = (TabExpansion2 'Export-FdxDataset ' 18).CompletionMatches.CompletionText
        $names | Should -Contain 'baselineCompliance'
        $results = Export-FdxDataset $names $folder -Compression None -Query DeviceProcessEvents
        ($results | Where-Object Result -ne Complete) | Should -BeNullOrEmpty
        @($results).Count | Should -Be @($names).Count
        foreach ($result in $results) {
            $rows = @(if ($result.Files) { Read-Row $result.Path })
            $rows.Count | Should -Be $result.Rows -Because $result.Dataset
            foreach ($row in $rows | Select-Object -First 3) {
                @($row.PSObject.Properties.Name) | Should -Be @((Get-Manifest $result).columns.name)
            }
        }
    }

    It 'writes Parquet with the rows and the types of every dataset' {
        Skip-OnWine 'runs no Python of this machine'
        Skip-WithoutPython
        Grant-Everything
        Connect-Tenant
        $names = (TabExpansion2 'Export-FdxDataset ' 18).CompletionMatches.CompletionText
        $query = @{ Query = 'DeviceProcessEvents' }
        $lines = Export-FdxDataset $names "$folder/lines" -Compression None @query
        $results = Export-FdxDataset $names "$folder/parquet" -Format Parquet @query
        @($results).Count | Should -Be @($names).Count
        $expected = foreach ($result in $results) {
            $result.Result | Should -Be 'Complete'
            "$($result.Rows) rows of $(@((Get-Manifest $result).columns).Count) columns are equal"
        }
        $results.Dataset | Should -Be $lines.Dataset
        $results.Rows | Should -Be $lines.Rows
        Compare-Parquet $results $lines | Should -Be $expected
        # As many files, and the same bytes when they are written again.
        $arguments = @{ Format = 'Parquet'; Compression = 'Snappy'; RowsPerFile = 1000; Mode = 'Full' }
        $files = 1..2 | ForEach-Object { Export-FdxDataset vulnerabilities "$folder/$_" @arguments }
        $files[0].Files | Should -BeGreaterThan 1
        $names = 0..($files[0].Files - 1) | ForEach-Object { "part-0000$_.parquet" }
        (Get-ChildItem $files[0].Path).Name | Should -Be $names
        $hashes = { param($Result) (Get-ChildItem $Result.Path | Get-FileHash).Hash -join ' ' }
        & $hashes $files[1] | Should -Be (& $hashes $files[0])
        $again = Export-FdxDataset vulnerabilities "$folder/again" -RowsPerFile 1000 -Mode Full -Compression None
        Compare-Parquet $files[0] $again | Should -Match '^6000 rows'
    }

    It 'writes the rows of a query of every tenant' {
        $other = $Fake.tenants[1].tenantId
        Connect-Tenant
        $file = "$TestDrive/query.kql"
        Set-Content $file 'DeviceProcessEvents | where FileName != name'
        $arguments = @{ QueryPath = $file; Parameter = @{ name = 'fake-name' }; Timespan = 'P30D'; Name = 'processes' }
        $results = Export-FdxDataset Hunting $folder -TenantId $Tenant, $other @arguments
        $results.Result | Should -Be 'Complete', 'Complete'
        $results.Dataset | Should -Be 'processes', 'processes'
        foreach ($result in $results) {
            $rows = @(Read-Row $result.Path)
            $expected = @(Invoke-FdxHunting DeviceProcessEvents -TenantId $result.TenantId)
            $rows.Count | Should -Be $result.Rows
            $rows.Count | Should -Be $expected.Count
            $names = @($expected[0].PSObject.Properties.Name | Where-Object { $_ -notlike 'Tenant*' })
            @($rows[0].PSObject.Properties.Name) | Should -Be (@('tenantId', 'additionalProperties') + $names)
            foreach ($index in 0, 1, 2, 17, 499) {
                foreach ($name in $names) {
                    $cell, $value = $rows[$index].$name, $expected[$index].$name
                    if ($value -is [datetime]) { $cell = ([datetime] $cell).ToUniversalTime() }
                    "$(ConvertTo-Json $cell -Depth 9)" | Should -Be "$(ConvertTo-Json $value -Depth 9)" -Because $name
                }
            }
            $stored = @(Import-FdxDataset hunting $folder -Name processes -TenantId $result.TenantId)
            ConvertTo-Json $stored -Depth 9 | Should -Be (ConvertTo-Json $expected -Depth 9)
            $manifest = Get-Manifest $result
            $manifest.query.query, $manifest.query.parameters | Should -Be (Get-Content $file), 'name'
            "$($manifest | ConvertTo-Json -Depth 9)" | Should -Not -Match 'fake-name'
        }
        # Each query has its folder, and a later run of the day replaces its rows only.
        $again = Export-FdxDataset hunting $folder -Query 'DeviceProcessEvents | take 3' -Name processes
        $again.Rows, @(Read-Row $again.Path).Count | Should -Be 3, 3
        $untouched = $results | Where-Object TenantId -eq $other
        @(Read-Row $untouched.Path).Count | Should -Be $untouched.Rows
        $machines = Export-FdxDataset machines $folder
        $both = @(Import-FdxDataset machines, Hunting $folder -Name processes)
        $both.Count | Should -Be ($machines.Rows + $untouched.Rows + 3)
        $misfits = { Import-FdxDataset machines $folder -Name processes }, { Export-FdxDataset hunting $folder }
        foreach ($misfit in $misfits) {
            $failure = Get-Failure $misfit
            Get-ErrorId $failure | Should -Be 'Fdx.Dataset.QueryMisfit'
        }
        $failure.ErrorDetails.RecommendedAction | Should -Match '-QueryPath'
    }

    It 'says how files of a format can be compressed: <format>, <compression>' -ForEach @(
        @{ format = 'Parquet'; compression = 'Gzip'; known = 'Snappy' }
        @{ format = 'Csv'; compression = 'Snappy'; known = 'Gzip, None' }
    ) {
        Connect-Tenant
        $failure = Get-Failure { Export-FdxDataset machines $folder -Format $format -Compression $compression }
        Get-ErrorId $failure | Should -Be 'Fdx.Dataset.InvalidCompression'
        $failure.ErrorDetails.RecommendedAction | Should -Match "${known}\.$"
        Test-Path $folder | Should -BeFalse
    }

    It 'completes and checks names of formats, compressions and modes' {
        $complete = { param($Text) (TabExpansion2 $Text $Text.Length).CompletionMatches.CompletionText }
        & $complete 'Export-FdxDataset machines . -Format ' | Should -Be 'JsonLines', 'Csv', 'CsvExcel', 'Parquet'
        & $complete 'Export-FdxDataset machines . -Compression s' | Should -Be 'Snappy'
        & $complete 'Export-FdxDataset machines . -Mode ' | Should -Contain 'Full'
        $failure = Get-Failure { Export-FdxDataset machines $folder -Format Xml }
        "$failure" | Should -Match 'JsonLines, Csv, CsvExcel, Parquet'
    }

    It 'says what is wrong with a destination: <id>' -ForEach @(
        @{ id = 'Fdx.Dataset.InvalidDestination'; path = 'https://example.com/container' }
        @{ id = 'Fdx.Dataset.InvalidDestination'; path = 'Env:PATH' }
        @{ id = 'Fdx.Dataset.NotAFolder'; path = $null }
    ) {
        Connect-Tenant
        if (-not $path) {
            $path = "$TestDrive/file"
            Set-Content $path 'x'
        }
        $failure = Get-Failure { Export-FdxDataset machines $path -ErrorAction Stop }
        Get-ErrorId $failure | Should -Be $id
        $failure.ErrorDetails.RecommendedAction | Should -Match 'folder'
    }

    It 'says that a folder is read-only' -Skip:(-not $IsLinux) {
        Connect-Tenant
        # Not even the administrator may write there.
        $failure = Get-Failure { Export-FdxDataset machines /sys/fedxdr -ErrorAction Stop }
        Get-ErrorId $failure | Should -Be 'Fdx.Dataset.ReadOnly'
        $failure.ErrorDetails.RecommendedAction | Should -Match 'right to create'
    }

    It 'names the datasets that there are' {
        Connect-Tenant
        $failure = Get-Failure { Export-FdxDataset nothing $folder }
        Get-ErrorId $failure | Should -Be 'Fdx.Dataset.Unknown'
        $failure.ErrorDetails.RecommendedAction | Should -Match 'vulnerabilities, softwareInventory'
        Get-ChildItem $TestDrive -Filter (Split-Path $folder -Leaf) | Should -BeNullOrEmpty
    }

    It 'writes the same rows from the files of the service: <_>' -ForEach @(
        'vulnerabilities', 'softwareInventory', 'secureConfigurations', 'nonCpeSoftware', 'browserExtensions'
        'certificates', 'hardwareFirmware', 'baselineCompliance'
    ) {
        Grant-Everything
        Connect-Tenant
        $pages = Export-FdxDataset $_ "$folder/pages" -Compression None
        $files = Export-FdxDataset $_ "$folder/files" -Compression None -Mode Full
        $files.Result, $files.Rows | Should -Be 'Complete', $pages.Rows
        $files.SnapshotTime.ToUniversalTime().ToString('s') | Should -Be '2026-11-24T11:01:00'
        (Get-Manifest $files).source | Should -Be 'Files'
        $lines = { param($Result) Get-ChildItem $Result.Path | Get-Content | Sort-Object }
        (& $lines $files) -join "`n" | Should -BeExactly ((& $lines $pages) -join "`n")
        Get-Count files | Should -Be 3
        # A snapshot is read once.
        (Export-FdxDataset $_ "$folder/files" -Compression None -Mode Full).Result | Should -Be 'Unchanged'
        Get-Count files | Should -Be 3
    }

    It 'asks again for a file that comes empty, cut, damaged or refused: <name>' -ForEach @(
        @{ name = 'empty-page'; code = 0 }
        @{ name = 'truncated-json'; code = 0 }
        @{ name = 'bad-gzip'; code = 0 }
        @{ name = 'cut-body'; code = 0 }
        @{ name = 'reset'; code = 0 }
        @{ name = 'status'; code = 503 }
        @{ name = 'status'; code = 403 }
    ) {
        Connect-Tenant
        $fault = @{ service = 'blob'; name = $name; pathContains = 'part-001' }
        if ($code) { $fault.code = $code }
        Add-Fault $fault
        $messages = @()
        $result = Export-FdxDataset vulnerabilities $folder -Mode Full -Verbose 4>&1 |
            ForEach-Object { if ($_ -is [FedXdr.DatasetExport]) { $_ } else { $messages += "$_" } }
        $result.Result, $result.Rows | Should -Be 'Complete', 6000
        $ids = (Read-Row $result.Path).id
        @($ids | Sort-Object -Unique).Count | Should -Be 6000
        Get-Count exportLists | Should -Be ($code -eq 403 ? 2 : 1)
        Assert-NoSecret "$messages $(Get-ChildItem $folder -Recurse -Filter *.json | Get-Content -Raw)"
    }

    It 'writes the whole list once, and then the changes, which have a folder of their own' {
        # A list of twelve hours ago: some changes are older.
        Set-World @{ snapshot = [DateTime]::UtcNow.AddHours(-12).ToString('yyyy-MM-ddTHH:mm:ssZ') }
        Connect-Tenant
        $full = Export-FdxDataset vulnerabilities $folder -Mode Full
        $full.Mode, $full.Result, $full.Rows | Should -Be 'Full', 'Complete', 6000
        $delta = Export-FdxDataset vulnerabilities $folder
        $delta.Mode, $delta.Result, $delta.Files | Should -Be 'Delta', 'Complete', 1
        $delta.Path | Should -Match 'vulnerabilityChanges'
        $changes = @(Get-FdxVulnerability -Since ([DateTime]::UtcNow.AddHours(-12)))
        $delta.Rows | Should -Be $changes.Count
        $again = Export-FdxDataset vulnerabilities $folder -Mode Delta
        $again.Mode, $again.Result, $again.Rows | Should -Be 'Delta', 'Unchanged', 0

        # What was changed is what the service said, and it is in the present state.
        $read = @(Import-FdxDataset vulnerabilityChanges $folder)
        $read[0] | Should -BeOfType FedXdr.VulnerabilityChange
        @($read.Id | Sort-Object) | Should -Be @($changes.Id | Sort-Object)
        $present = @(Import-FdxDataset vulnerabilities $folder)
        $present[0] | Should -BeOfType FedXdr.Vulnerability
        $there = @($changes | Where-Object Status -ne Fixed).Id
        @($present.Id | Where-Object { $_ -in $there }).Count | Should -Be $there.Count
        @($present | Where-Object Id -in $there)[0].AdditionalProperties | Should -BeNullOrEmpty
        # Readers of the list's folder see only the list.
        @(Read-Row $full.Path).Count | Should -Be 6000

        $failure = Get-Failure { Export-FdxDataset machines $folder -Mode Delta }
        Get-ErrorId $failure | Should -Be 'Fdx.Dataset.NoChanges'
        $failure.ErrorDetails.RecommendedAction | Should -Match 'vulnerabilities'
        $failure = Get-Failure { Export-FdxDataset vulnerabilities "$folder/new" -Mode Delta -ErrorAction Stop }
        Get-ErrorId $failure | Should -Be 'Fdx.Dataset.NoBaseline'
    }

    It 'stops when its time is over, and goes on later' {
        Set-World @{ vulnerabilityPageSize = 500 }
        Connect-Tenant
        $whole = Export-FdxDataset vulnerabilities "$folder/whole" -RowsPerFile 500
        Add-Fault @{ service = 'defender'; name = 'status'; code = 429; retryAfter = 5; skip = 4 }
        $stopped = Export-FdxDataset vulnerabilities "$folder/resumed" -RowsPerFile 500 -TimeLimit 2
        $stopped.Result, $stopped.ErrorId | Should -Be 'Unfinished', 'Fdx.Dataset.TimeLimit'
        $resumed = Export-FdxDataset vulnerabilities "$folder/resumed" -RowsPerFile 500 -TimeLimit '00:05:00'
        $resumed.Result, $resumed.Rows | Should -Be 'Resumed', 6000
        (Get-ChildItem $resumed.Path | Get-FileHash).Hash | Should -Be (Get-ChildItem $whole.Path | Get-FileHash).Hash
    }

    # Every destination is killed three times at most, then a run comes to its end. $Kills is how many kills in all.
    It 'goes on after it was killed, and makes the files of a run that was not: <mode>, <format>' -ForEach @(
        @{ mode = 'Auto'; format = 'JsonLines'; rows = 500; files = 12; service = 'defender'; counted = 'pages' }
        @{ mode = 'Full'; format = 'Parquet'; rows = 500; files = 12; service = 'blob'; counted = 'files' }
        @{ mode = 'Delta'; format = 'Csv'; rows = 3; files = 10; service = 'defender'; counted = 'pages' }
    ) {
        $world = @{ vulnerabilityPageSize = 500; exportPageSize = 3; exportFiles = 12 }
        # Some changes are newer than a list of twelve hours ago.
        if ($mode -eq 'Delta') { $world.snapshot = [DateTime]::UtcNow.AddHours(-12).ToString('yyyy-MM-ddTHH:mm:ssZ') }
        Set-World $world
        Connect-Tenant
        $first = @{ Dataset = 'vulnerabilities'; Mode = 'Full'; Format = $format; RowsPerFile = $rows }
        $export = $first + @{}
        $export.Mode = $mode
        if ($mode -eq 'Delta') {
            $before = Export-FdxDataset @first "$folder/before"
            $before.Result | Should -Be 'Complete'
        }
        # A destination that has the whole list already, if the changes are read.
        function New-Destination([string] $Name) {
            if ($mode -eq 'Delta') { Copy-Item "$folder/before" "$folder/$Name" -Recurse }
            "$folder/$Name"
        }
        $whole = Export-FdxDataset @export (New-Destination whole)
        $whole.Result | Should -Be 'Complete'
        $whole.Files | Should -BeGreaterOrEqual $files
        $job = "$TestDrive/job.ps1"
        Set-Content $job @'
param([string] $Addresses, [string] $Destination, [string] $Mode, [string] $Format, [int] $Rows)
$fake = Get-Content $Addresses -Raw | ConvertFrom-Json
Import-Module FedXdr
$endpoint = @{ authority = $fake.authority; defender = $fake.defender }
$ids = @{ ClientId = $fake.clientId; ManagedIdentityClientId = $fake.managedIdentity.clientId }
Connect-Fdx -TenantId $fake.tenants[0].tenantId -Endpoint $endpoint @ids
Export-FdxDataset vulnerabilities $Destination -RowsPerFile $Rows -Mode $Mode -Format $Format
'@
        $addresses = "$TestDrive/addresses.json"
        $Fake | ConvertTo-Json -Depth 8 | Set-Content $addresses
        Add-Fault @{ service = $service; name = 'slow'; delayMs = 60; times = 100000; pathContains = 'ByMachine' }
        $random = [Random]::new(4711)
        # A run may be killed after its end. The next Auto reads changes then, which have folders of their own.
        $of = @{ Auto = '*vulnerabilities*' }[$mode] ?? '*'
        $files = { param($Path) Get-ChildItem $Path -Recurse -File | Where-Object FullName -like $of }
        $hashes = {
            param($Path)
            $all = & $files $Path | Where-Object FullName -notmatch _fedxdr | Sort-Object FullName
            ($all | Get-FileHash).Hash -join ' '
        }
        $expected = & $hashes "$folder/whole"
        $killed = 0
        for ($round = 1; $killed -lt $Kills -and $round -le $Kills; $round++) {
            $destination = New-Destination "killed$round"
            foreach ($kill in 1..3) {
                $before = Get-Count $counted
                $process = Start-PowerShell '-File', $job, $addresses, $destination, $mode, $format, $rows
                $killed += Stop-Midway $process $counted $before $random
            }
            $result = Export-FdxDataset @export $destination
            $result.Result | Should -BeIn 'Resumed', 'Complete', 'Unchanged'
            & $hashes $destination | Should -Be $expected
            $own = @(& $files "$destination/_fedxdr")
            $own.Count | Should -Be ($mode -eq 'Delta' ? 3 : 2)
        }
        $killed | Should -BeGreaterThan 0
        Write-Host "$mode, ${format}: $killed runs were killed"
    }

    It 'ends at Ctrl+C, goes on later, and lets the next run of the process begin at once' {
        Set-World @{ vulnerabilityPageSize = 500 }
        Connect-Tenant
        Add-Fault @{ service = 'defender'; name = 'hang'; skip = 5; pathContains = 'ByMachine' }
        $shell = [powershell]::Create()
        $null = $shell.AddScript({
                param($Connection, $Folder)
                Export-FdxDataset vulnerabilities $Folder -RowsPerFile 500 -Connection $Connection
            }).AddArgument((Get-FdxConnection)).AddArgument($folder)
        $running = $shell.BeginInvoke()
        while ((Get-Report).open -eq 0 -or (Get-Count pages) -lt 5) { Start-Sleep -Milliseconds 20 }
        $failure = Get-Failure { Export-FdxDataset vulnerabilities $folder -RowsPerFile 500 }
        Get-ErrorId $failure | Should -Be 'Fdx.Dataset.InUse'
        $shell.Stop()
        $shell.Dispose()
        $result = Export-FdxDataset vulnerabilities $folder -RowsPerFile 500
        $result.Result, $result.Rows, $result.Files | Should -Be 'Resumed', 6000, 12
        # One page shows which snapshot is the newest; five of the twelve were kept.
        Get-Count pages | Should -Be (5 + 1 + 7)
    }
}
