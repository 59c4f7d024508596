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

    It 'writes the rows that Get-FdxVulnerability returns, and a manifest: <format>, <compression>' -ForEach @(
        @{ format = 'JsonLines'; compression = 'Gzip'; name = 'part-00000.json.gz' }
        @{ format = 'jsonlines'; compression = 'none'; name = 'part-00000.json' }
        @{ format = 'Csv'; compression = 'Gzip'; name = 'part-00000.csv.gz' }
        @{ format = 'Csv'; compression = 'None'; name = 'part-00000.csv' }
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
        $results = Export-FdxDataset $names $folder -Compression None
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

    It 'says what is wrong with a destination: <id>' -ForEach @(
        @{ id = 'Fdx.Dataset.InvalidDestination'; path = 'https://account.blob.core.windows.net/container' }
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

    It 'names the datasets that there are' {
        Connect-Tenant
        $failure = Get-Failure { Export-FdxDataset nothing $folder }
        Get-ErrorId $failure | Should -Be 'Fdx.Dataset.Unknown'
        $failure.ErrorDetails.RecommendedAction | Should -Match 'vulnerabilities, softwareInventory'
        Get-ChildItem $TestDrive -Filter (Split-Path $folder -Leaf) | Should -BeNullOrEmpty
    }
}
