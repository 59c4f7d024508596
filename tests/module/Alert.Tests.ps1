Describe 'Alerts' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant
    }

    AfterAll { Stop-FakeTenant }

    BeforeEach {
        Reset-Tenant
        Connect-Tenant
    }

    AfterEach { (Get-Report).violations | Should -BeNullOrEmpty }

    It 'are read over every page, each once' {
        $alerts = @(Get-FdxAlert)
        $alerts.Count | Should -Be 25
        @($alerts.Id | Sort-Object -Unique).Count | Should -Be 25
        # One large page; without $top the service gives small ones.
        Get-Count pages | Should -Be 1
        $rows = @(Invoke-FdxRequest /v1.0/security/alerts_v2 -Resource Graph)
        $rows.id | Sort-Object | Should -Be ($alerts.Id | Sort-Object)
        Get-Count pages | Should -Be 4
        @($alerts.TenantId | Sort-Object -Unique) | Should -Be $Tenant
        $alerts.AlertTenantId | Sort-Object -Unique | Should -Be $Tenant
    }

    It 'have typed values' {
        $alert = @(Get-FdxAlert -First 2)[1]
        $alert | Should -BeOfType FedXdr.Alert
        $alert.Title | Should -Be 'Möglicher Pass-the-Hash-Angriff „admin“'
        $created = [datetime]::new(2026, 11, 20, 8, 15, 30, [DateTimeKind]::Utc).AddTicks(1234567)
        $alert.CreatedDateTime | Should -Be $created
        $alert.CreatedDateTime.Kind | Should -Be 'Utc'
        $alert.ResolvedDateTime | Should -BeNullOrEmpty
        $alert.MitreTechniques | Should -Be 'T1550', 'T1550.002'
        $alert.Evidence[0].userAccount.userSid | Should -Be 'S-1-5-18'
        $alert.AdditionalProperties | Should -BeNullOrEmpty
    }

    It 'keep members that the class does not have' {
        @(Get-FdxAlert -First 3)[2].AdditionalProperties.newMember.a[0] | Should -Be 1
    }

    It 'are requested with $top if one page is enough for -First' {
        @(Get-FdxAlert -First 12).Count | Should -Be 12
        $request = @((Get-Report).requests | Where-Object service -eq graph)
        $request.query | Should -Be '$top=12'
    }

    It 'are found by a filter, also on later pages' {
        $found = @(Get-FdxAlert -Filter "severity eq 'high' or severity eq 'low'")
        $found.Count | Should -Be 17
        $found.Severity | Sort-Object -Unique | Should -Be 'low', 'high'
        Get-Count pages | Should -Be 1
        $query = "severity eq 'high' or severity eq 'low'"
        @(Invoke-FdxRequest "/v1.0/security/alerts_v2?`$filter=$query" -Resource Graph).Count | Should -Be 17
        Get-Count pages | Should -Be 3
    }

    It 'are found by ids from the pipeline, also if one of them does not exist' {
        $ids = @(Get-FdxAlert -First 3).Id
        $wanted = $ids[0], 'da-no-such-alert_1', $ids[2]
        $found = @($wanted | Get-FdxAlert -ErrorVariable failed -ErrorAction SilentlyContinue)
        $found.Id | Should -Be $ids[0], $ids[2]
        @($failed | ForEach-Object { Get-ErrorId $_ }) | Should -Be 'Fdx.Api.NotFound'
        (Get-FdxAlert -First 1 | Get-FdxAlert).Id | Should -Be $ids[0]
    }

    It 'name the permission that is missing' {
        Set-Customer @{ graphRoles = @('User.Read.All') }
        $failure = Get-Failure { Get-FdxAlert }
        Get-ErrorId $failure | Should -Be 'Fdx.Api.RoleMissing'
        "$($failure.Exception.Message)" | Should -Match 'SecurityAlert\.Read\.All'
        (Test-FdxConnection -Resource Alert | Where-Object Result -eq Failed).Check | Should -Contain 'Roles'
    }

    It 'have a table that is readable in 80 columns' {
        $table = @(Get-FdxAlert -First 3) | Out-String -Width 80
        foreach ($text in 'Suspicious execution of hid', 'informational', 'inProgress', '2026-11-20 08:15') {
            $table | Should -Match $text
        }
    }
}
