Describe 'Machines' {
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

    It 'have non-ASCII letters, lists, nested values and times exact to the tick' {
        $machine = Get-FdxMachine -First 1
        $machine.MachineTags.GetType().Name | Should -Be 'String[]'
        $machine.MachineTags | Should -Be 'vip', 'Prüfung'
        $expected = [datetime]::new(2025, 3, 14, 15, 9, 26, [DateTimeKind]::Utc).AddTicks(5358979)
        $machine.FirstSeen.ToUniversalTime() | Should -Be $expected
        $machine.IsAadJoined | Should -BeOfType bool
        $machine.OsBuild | Should -BeOfType long
        $machine.VmMetadata | Should -BeNullOrEmpty
        $machine.IpAddresses[0].type | Should -Be 'Ethernet'
        (Get-FdxMachine).RbacGroupName | Should -Contain 'Kiosks – Zürich'
    }

    It 'have values that sort and compare as dates, not as texts' {
        $sorted = @(Get-FdxMachine | Sort-Object LastSeen)
        $sorted[0].LastSeen | Should -BeLessThan $sorted[-1].LastSeen
        $limit = [datetime]::new(2026, 11, 2, 0, 0, 0, [DateTimeKind]::Utc).ToLocalTime()
        @(Get-FdxMachine | Where-Object LastSeen -lt $limit).Count | Should -Be 2
    }

    It 'are found by a filter with characters that are special in a URL: <value>' -ForEach @(
        @{ value = "O'Brien & Söhne" }, @{ value = 'a+b=c#d?e%20f' }, @{ value = '100% / 50' }
    ) {
        $literal = $value.Replace("'", "''")
        Get-FdxMachine -Filter "computerDnsName eq '$literal' or osPlatform eq 'Ubuntu'" |
            ForEach-Object OsPlatform | Sort-Object -Unique | Should -Be 'Ubuntu'
        $query = @((Get-Report).requests | Where-Object path -eq '/api/machines')[-1].query
        [Net.WebUtility]::UrlDecode($query) | Should -Match ([regex]::Escape("computerDnsName eq '$literal'"))
    }

    It 'are found by several names, and not by a name that ends the filter early' {
        Get-FdxMachine -Name "host'); drop" | Should -BeNullOrEmpty
        @(Get-FdxMachine -Name host-000001.corp.net, host-000003.corp.net).Count | Should -Be 2
    }

    It 'are found by a name and a filter together' {
        $machine = @(Get-FdxMachine)[3]
        $name = $machine.ComputerDnsName
        (Get-FdxMachine -Name $name -Filter "osPlatform eq '$($machine.OsPlatform)'").Id | Should -Be $machine.Id
        Get-FdxMachine -Name $name -Filter "osPlatform eq 'none' or osPlatform eq 'neither'" | Should -BeNullOrEmpty
    }

    It 'keep their filter on later pages' {
        Set-World @{ machinePageSize = 3 }
        $found = @(Get-FdxMachine -Filter "osPlatform eq 'Ubuntu'")
        $found.Count | Should -Be 8
        $found.OsPlatform | Sort-Object -Unique | Should -Be 'Ubuntu'
        # A page begins with the last row of the one before, which shows that no row went in between.
        Get-Count pages | Should -Be 4
    }

    It 'are exactly as many as -First says, also at the end of a page: <_>' -ForEach 6, 7, 8, 14, 39, 40, 41 {
        Set-World @{ machinePageSize = 7 }
        $found = @(Get-FdxMachine -First $_)
        $found.Count | Should -Be ([Math]::Min($_, 40))
        @($found.Id | Sort-Object -Unique).Count | Should -Be $found.Count
    }

    It 'are complete when a body broke off after <_> rows' -ForEach 0, 1, 39 {
        Add-Fault @{ service = 'defender'; name = 'cut-body'; afterRows = $_ }
        $found = @(Get-FdxMachine)
        $found.Count | Should -Be 40
        @($found.Id | Sort-Object -Unique).Count | Should -Be 40
        Get-Count defender | Should -Be 2
    }

    It 'are requested with $top if one page is enough for -First' {
        @(Get-FdxMachine -First 5).Count | Should -Be 5
        @((Get-Report).requests | Where-Object path -eq '/api/machines')[-1].query | Should -Be '$top=5'
        @(Get-FdxMachine -First 10001).Count | Should -Be 40
        @((Get-Report).requests | Where-Object path -eq '/api/machines')[-1].query | Should -BeNullOrEmpty
    }

    It 'have a table that is readable in 80 columns, as their vulnerabilities have' {
        $machine = Get-FdxMachine -First 1
        $table = $machine | Out-String -Width 80
        foreach ($value in $machine.ComputerDnsName, $machine.OsPlatform, $machine.HealthStatus, $machine.RiskScore) {
            $table | Should -Match ([regex]::Escape($value))
        }
        $row = Get-FdxVulnerability -First 1
        $table = $row | Out-String -Width 80
        foreach ($value in $row.DeviceName, $row.SoftwareName, $row.CveId, $row.VulnerabilitySeverityLevel) {
            $table | Should -Match ([regex]::Escape("$value".Substring(0, [Math]::Min(19, "$value".Length))))
        }
    }

    It 'have a filter whose fields Tab completes' {
        $line = "Get-FdxMachine -Filter 'riskScore eq ''High'' and o"
        $found = (TabExpansion2 $line $line.Length).CompletionMatches
        $found.ListItemText | Should -Be 'onboardingStatus', 'osPlatform'
    }

    It 'are found by ids from the pipeline, also if one of them does not exist' {
        $ids = @((Get-FdxMachine -First 3).Id)
        $found = @($ids[0], ('0' * 40), $ids[2] | Get-FdxMachine -ErrorVariable failed -ErrorAction SilentlyContinue)
        @($found.Id) | Should -Be $ids[0], $ids[2]
        @($failed | ForEach-Object { Get-ErrorId $_ }) | Should -Be 'Fdx.Api.NotFound'
    }

    It 'are not found only if no tenant has them' {
        $tenants = $Fake.tenants.tenantId
        $own = (Get-FdxMachine -TenantId $tenants[1] -First 1).Id
        $found = @(Get-FdxMachine -Id $own -TenantId $tenants -ErrorVariable failed -ErrorAction SilentlyContinue)
        $found.TenantId | Should -Be $tenants[1]
        $failed | Should -BeNullOrEmpty
        $quiet = @{ ErrorVariable = 'failed'; ErrorAction = 'SilentlyContinue' }
        $rows = @(Get-FdxVulnerability -MachineId $own -TenantId $tenants @quiet)
        $rows.Count | Should -Be 150
        $failed | Should -BeNullOrEmpty
        foreach ($command in 'Get-FdxMachine -Id', 'Get-FdxVulnerability -MachineId') {
            $ask = "$command ('f' * 40) -TenantId `$tenants -ErrorVariable failed -ErrorAction SilentlyContinue"
            . ([scriptblock]::Create($ask)) | Should -BeNullOrEmpty
            @($failed | ForEach-Object { Get-ErrorId $_ }) | Should -Be 'Fdx.Api.NotFound'
            "$failed" | Should -Match 'not found in any of the 3 tenants'
        }
    }

    It 'come from the tenants that the pipeline brings as text' {
        $tenants = $Fake.tenants[0..1].tenantId
        @($tenants | Get-FdxMachine -First 60).TenantId | Sort-Object -Unique | Should -Be $tenants
        @($Fake.tenants[1].domain | Get-FdxMachine -Filter "osPlatform eq 'Ubuntu'").Count | Should -BeGreaterThan 0
        @($tenants | Get-FdxVulnerability -First 7000).TenantId | Sort-Object -Unique | Should -Be $tenants
        @($tenants | Get-FdxToken).TenantId | Should -Be $tenants
        @($tenants | Test-FdxConnection | Where-Object TenantId).TenantId | Sort-Object -Unique | Should -Be $tenants
        @($tenants | Get-FdxAlert -First 2).TenantId | Should -Contain $tenants[0]
        $alert = Get-FdxAlert -First 1
        ($alert.Id | Get-FdxAlert).Id | Should -Be $alert.Id
        $id = (Get-FdxMachine -TenantId $tenants[1] -First 1).Id
        ($id | Get-FdxMachine -TenantId $tenants[1]).TenantId | Should -Be $tenants[1]
        Get-Failure { Get-FdxMachine -TenantId $id } | Should -Match 'is not a tenant'
    }

    It 'are found by a vulnerability''s device, in the tenant of the row' {
        $row = Get-FdxVulnerability -TenantId $Fake.tenants[1].tenantId -First 1
        $machine = $row | Get-FdxMachine
        $machine.Id | Should -Be $row.DeviceId
        $machine.TenantId | Should -Be $Fake.tenants[1].tenantId
    }

    It 'are never requested by an id that would change the path: <id>' -ForEach @(
        @{ id = '../alerts' }, @{ id = 'a/b' }, @{ id = 'x?y=1' }, @{ id = '%2e%2e' }, @{ id = '..' }, @{ id = '.' }
    ) {
        $expected = "/api/machines/$id", "/api/machines/$id/vulnerabilities"
        Get-Failure { Get-FdxMachine -Id $id } | Should -Not -BeNullOrEmpty
        Get-Failure { Get-FdxVulnerability -MachineId $id } | Should -Not -BeNullOrEmpty
        $asked = @((Get-Report).requests | Where-Object service -eq 'defender' |
                ForEach-Object { [uri]::UnescapeDataString($_.path) + $_.query })
        @($asked | Where-Object { $_ -cnotin $expected }) | Should -BeNullOrEmpty
    }
}
