Describe 'Import-FdxDataset' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant
        # What a row is, whatever its order and its unread values.
        function Get-Text($Row) { $Row | ForEach-Object { $_ | ConvertTo-Json -Depth 20 -Compress } }
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

    It 'returns the rows of the data cmdlet, without a connection: <dataset>' -ForEach @(
        @{ dataset = 'vulnerabilities'; read = { Get-FdxVulnerability } }
        @{ dataset = 'softwareInventory'; read = { Get-FdxAssessment -Type SoftwareInventory } }
        @{ dataset = 'browserExtensions'; read = { Get-FdxAssessment -Type BrowserExtension } }
        @{ dataset = 'machines'; read = { Get-FdxMachine } }
        @{ dataset = 'alerts'; read = { Get-FdxAlert } }
        @{ dataset = 'incidents'; read = { Get-FdxIncident } }
        @{ dataset = 'secureScores'; read = { Get-FdxSecureScore } }
    ) {
        Grant-Everything
        Connect-Tenant
        $null = Export-FdxDataset $dataset $folder
        $expected = @(& $read)
        Disconnect-Fdx
        $rows = @(Import-FdxDataset $dataset $folder)
        $rows.Count | Should -Be $expected.Count
        $rows[0].GetType() | Should -Be $expected[0].GetType()
        $rows[0].TenantId | Should -Be $Tenant
        foreach ($index in 0, 1, ($rows.Count - 1)) {
            Get-Text $rows[$index] | Should -BeExactly (Get-Text $expected[$index])
        }
        ($rows | Select-Object -First 3 | Out-String) | Should -Be ($expected | Select-Object -First 3 | Out-String)
    }

    It 'reads CSV as well, and several datasets of the tenants that are named' {
        Grant-Everything
        $tenants = $Fake.tenants[0..1].tenantId
        Connect-Tenant @{ TenantId = $tenants }
        $null = Export-FdxDataset machines, vulnerabilities $folder -Format Csv
        $expected = @(Get-FdxMachine -TenantId $tenants[1]) + @(Get-FdxVulnerability -TenantId $tenants[1])
        $customer = [pscustomobject] @{ CustomerId = $tenants[1]; CustomerName = 'Fabrikam' }
        $rows = @($customer | Import-FdxDataset machines, vulnerabilities $folder -TenantSummary summary)
        $rows.Count | Should -Be $expected.Count
        @($rows.TenantId | Sort-Object -Unique) | Should -Be $tenants[1]
        @($rows.TenantName | Sort-Object -Unique) | Should -Be 'Fabrikam'
        foreach ($index in 0, ($rows.Count - 1)) {
            $rows[$index].TenantName = [NullString]::Value
            Get-Text $rows[$index] | Should -BeExactly (Get-Text $expected[$index])
        }
        @($summary).Count | Should -Be 2
        ($summary.Rows | Measure-Object -Sum).Sum | Should -Be $rows.Count
        @(Import-FdxDataset machines $folder -First 1).Count | Should -Be 1
        $line = Import-FdxDataset machines $folder -First 1 -Raw -TenantId $tenants[1] | ConvertFrom-Json
        $line.id | Should -Be $expected[0].Id
        @(Import-FdxDataset machines $folder -Date ([DateTime]::UtcNow)).Count | Should -BeGreaterThan 0
    }

    It 'says which file is damaged or missing, and reads the other tenants' {
        Grant-Everything
        $tenants = $Fake.tenants[0..1].tenantId
        Connect-Tenant @{ TenantId = $tenants }
        $results = Export-FdxDataset machines $folder -Compression None
        $file = Get-ChildItem $results[0].Path
        Add-Content $file 'x'
        $rows = @(Import-FdxDataset machines $folder -ErrorVariable failures -ErrorAction SilentlyContinue)
        @($rows.TenantId | Sort-Object -Unique) | Should -Be $results[1].TenantId
        Get-ErrorId $failures[0] | Should -Be 'Fdx.Dataset.Damaged'
        "$($failures[0])" | Should -Match ([regex]::Escape($file.Name))
        Remove-Item $file
        $failure = Get-Failure { Import-FdxDataset machines $folder -TenantId $results[0].TenantId -ErrorAction Stop }
        Get-ErrorId $failure | Should -Be 'Fdx.Dataset.FileMissing'
        $failure.ErrorDetails.RecommendedAction | Should -Match 'export the dataset again'
    }

    It 'says what is wrong with what it was asked for: <id>' -ForEach @(
        @{ id = 'Fdx.Dataset.InvalidPath'; name = 'machines'; path = 'https://example.com/data' }
        @{ id = 'Fdx.Dataset.InvalidPath'; name = 'machines'; path = 'Env:PATH' }
        @{ id = 'Fdx.Dataset.NotFound'; name = 'machines'; path = 'nothing' }
        @{ id = 'Fdx.Dataset.Unknown'; name = 'nothing'; path = 'nothing' }
    ) {
        Get-ErrorId (Get-Failure { Import-FdxDataset $name $path -ErrorAction Stop }) | Should -Be $id
    }
}
