Describe 'A row names the tenant that it is from' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant '--tenants', '3'
    }

    AfterAll { Stop-FakeTenant }

    BeforeEach { Reset-Tenant }

    AfterEach { (Get-Report).violations | Should -BeNullOrEmpty }

    It 'by its id and its domain, if the domain was given: <_>' -ForEach @(
        'Get-FdxMachine', 'Get-FdxVulnerability', 'Get-FdxAlert', 'Invoke-FdxRequest /api/machines'
    ) {
        Connect-Tenant @{ TenantId = $Fake.tenants[1].domain }
        $row = & ([scriptblock]::Create("$_ -First 1"))
        $row.TenantId | Should -Be $Fake.tenants[1].tenantId
        $row.TenantName | Should -Be $Fake.tenants[1].domain
        $label = $Fake.tenants[1].domain.Split('.')[0]
        $row | Format-Table | Out-String -Width 80 | Should -Match ([regex]::Escape($label))
    }

    It 'without a name, if the id was given' {
        Connect-Tenant
        $row = Get-FdxMachine -First 1
        $row.TenantId | Should -Be $Tenant
        $row.TenantName | Should -BeNullOrEmpty
    }

    It 'once, although the tenant was given twice' {
        Connect-Tenant @{ TenantId = $Fake.tenants[1].tenantId, $Fake.tenants[1].domain.ToUpperInvariant() }
        $machines = @(Get-FdxMachine)
        @($machines.Id | Sort-Object -Unique).Count | Should -Be $machines.Count
    }

    It 'and is never a row of the home tenant under the id of a customer' {
        Connect-Tenant @{ TenantId = $Fake.tenants.tenantId; ClientId = $null }
        $rows = @(Get-FdxMachine -ErrorAction SilentlyContinue -ErrorVariable failed)
        $rows | Where-Object TenantId -ne $Fake.homeTenantId | Should -BeNullOrEmpty
        $customers = @($Fake.tenants.tenantId | Where-Object { $_ -ne $Fake.homeTenantId })
        $failed.TargetObject | Sort-Object | Should -Be ($customers | Sort-Object)
        @($failed | ForEach-Object { Get-ErrorId $_ } | Sort-Object -Unique) | Should -Be 'Fdx.Identity.HomeTenantOnly'
        $failure = Get-Failure { Get-FdxMachine -TenantId $Fake.tenants[1].domain }
        Get-ErrorId $failure | Should -Be 'Fdx.Identity.HomeTenantOnly'
        Get-ErrorId (Get-Failure { Get-FdxToken -TenantId $customers[0] }) | Should -Be 'Fdx.Identity.HomeTenantOnly'
    }
}
