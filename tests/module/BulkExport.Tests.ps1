Describe '-BulkExport' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant
        $text = { param($Rows) ($Rows | ConvertTo-Csv | Sort-Object) -join "`n" }
    }
    BeforeEach {
        Reset-Tenant
        Grant-Everything
        Connect-Tenant
    }
    AfterAll { Stop-FakeTenant }
    AfterEach { (Get-Report).violations | Should -BeNullOrEmpty }

    It 'gives the rows of the pages, from files: <_>' -ForEach @(
        'SoftwareInventory', 'SecureConfiguration', 'NonCpeSoftware', 'BrowserExtension', 'Certificate'
        'HardwareFirmware', 'BaselineCompliance'
    ) {
        $pages = @(Get-FdxAssessment -Type $_)
        $before = Get-Count pages
        $files = @(Get-FdxAssessment -Type $_ -BulkExport)
        Get-Count files | Should -Be 3
        Get-Count pages | Should -Be $before
        $files.Count | Should -BeGreaterThan 10
        $files[0].PSObject.TypeNames[0] | Should -Be $pages[0].PSObject.TypeNames[0]
        & $text $files | Should -BeExactly (& $text $pages)
    }

    It 'gives vulnerabilities of several tenants, with their names' {
        Connect-Tenant @{ TenantId = $fake.tenants[0, 1] }
        $files = @(Get-FdxVulnerability -BulkExport)
        & $text $files | Should -BeExactly (& $text (Get-FdxVulnerability))
        @($files.TenantId | Sort-Object -Unique).Count | Should -Be 2
    }

    It 'filters the rows, and stops after -First' {
        $filter = "vulnerabilitySeverityLevel eq 'Critical'"
        $files = @(Get-FdxVulnerability -BulkExport -Filter $filter)
        & $text $files | Should -BeExactly (& $text (Get-FdxVulnerability -Filter $filter))
        # The first file does not end before the command does: it has more rows than wait for the pipeline.
        Set-Customer @{ vulnerabilityRows = 150000 }
        $before = Get-Count files
        @(Get-FdxVulnerability -BulkExport -First 3).Count | Should -Be 3
        Get-Count files | Should -Be ($before + 1)
    }

    It 'gives each row once if a file breaks off' {
        Add-Fault @{ service = 'blob'; name = 'cut-body'; afterRows = 700 }
        $files = @(Get-FdxVulnerability -BulkExport)
        $files.Count | Should -Be 6000
        @($files.Id | Sort-Object -Unique).Count | Should -Be 6000
    }

    It 'says so if the files cannot be had' {
        Add-Fault @{ service = 'blob'; name = 'status'; code = 403; times = 20 }
        $failure = Get-Failure { Get-FdxVulnerability -BulkExport }
        Get-ErrorId $failure | Should -Be 'Fdx.Dataset.FileUnavailable'
        Assert-NoSecret "$failure"
    }

    It 'does not go with what has no files: <_>' -ForEach '-Since (Get-Date)', '-MachineId 1e5bc9d7' {
        $failure = Get-Failure { Invoke-Expression "Get-FdxVulnerability -BulkExport $_ -ErrorAction Stop" }
        Get-ErrorId $failure | Should -Be 'Fdx.Settings.ParameterMisfit'
        "$failure" | Should -Match BulkExport
    }
}
