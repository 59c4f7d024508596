Describe 'Many runspaces' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant '--tenants', '8'
    }

    AfterAll { Stop-FakeTenant }

    BeforeEach {
        Reset-Tenant
        $connection = Connect-Tenant @{ TenantId = $Fake.tenants.tenantId; PassThru = $true }
    }

    It 'requests a token once when 64 of them need the same one' {
        Set-Customer @{ slowMs = 300 }
        $tokens = 1..64 | ForEach-Object -ThrottleLimit 64 -Parallel {
            Import-Module FedXdr
            Get-FdxToken -Connection $using:connection -TenantId $using:Tenant -AsPlainText
        }
        @($tokens).Count | Should -Be 64
        @($tokens | Sort-Object -Unique).Count | Should -Be 1
        (Get-Report).counts.exchanges | Should -Be 1
        (Get-Report).counts.identity | Should -Be 1
    }

    It 'requests eight tokens for eight tenants, and a slow tenant delays no other' {
        Set-Customer @{ slowMs = 3000 } 3
        $clock = [Diagnostics.Stopwatch]::StartNew()
        $arrived = Get-FdxToken -TenantId $Fake.tenants.tenantId |
            ForEach-Object { [pscustomobject]@{ Tenant = $_.TenantId; At = $clock.ElapsedMilliseconds } }
        @($arrived).Count | Should -Be 8
        (Get-Report).counts.exchanges | Should -Be 8
        $slow = $Fake.tenants[3].tenantId
        @($arrived | Where-Object Tenant -ne $slow | Where-Object At -gt 1500) | Should -BeNullOrEmpty
        ($arrived | Where-Object Tenant -eq $slow).At | Should -BeGreaterThan 2900
    }

    It 'have a default connection each' {
        $found = $Fake.tenants.tenantId | ForEach-Object -ThrottleLimit 8 -Parallel {
            Import-Module FedXdr
            $fake = $using:Fake
            $ids = @{ ClientId = $fake.clientId; ManagedIdentityClientId = $fake.managedIdentity.clientId }
            Connect-Fdx -TenantId $_ @ids -Endpoint @{ authority = $fake.authority; defender = $fake.defender }
            [pscustomobject]@{
                Asked = $_; Got = (Get-FdxVulnerability -First 1).TenantId; Default = (Get-FdxConnection).TenantId[0]
            }
        }
        @($found).Count | Should -Be 8
        $found | ForEach-Object { $_.Got | Should -Be $_.Asked; $_.Default | Should -Be $_.Asked }
        (Get-FdxConnection).TenantId.Count | Should -Be 8
    }

    It 'do not get the default connection of another one' {
        $shell = [powershell]::Create()
        $null = $shell.AddScript('Import-Module FedXdr
            try { Get-FdxMachine -ErrorAction Stop } catch { $_.FullyQualifiedErrorId }')
        "$($shell.Invoke())" | Should -BeLike 'Fdx.Settings.NotConnected*'
        $shell.Dispose()
    }

    It 'stream from one connection at the same time' {
        $counts = 0..7 | ForEach-Object -ThrottleLimit 8 -Parallel {
            Import-Module FedXdr
            @(Get-FdxVulnerability -Connection $using:connection -TenantId ($using:Fake).tenants[$_].tenantId).Count
        }
        $counts | Should -Be (, 6000 * 8)
    }

    It 'refuse a connection of another process' {
        $text = [Management.Automation.PSSerializer]::Serialize($connection)
        $copy = [Management.Automation.PSSerializer]::Deserialize($text)
        $failure = Get-Failure { Get-FdxMachine -Connection $copy }
        "$failure" | Should -Match 'connection'
        $failure | Should -Not -BeNullOrEmpty
    }

    It 'return rows that survive a process, a parallel loop and a file' {
        $row = Get-FdxVulnerability -TenantId $Tenant -First 1
        $copy = [Management.Automation.PSSerializer]::Deserialize([Management.Automation.PSSerializer]::Serialize($row))
        $copy.Id | Should -Be $row.Id
        $copy.DiskPaths[0] | Should -Be $row.DiskPaths[0]
        ($row | ConvertTo-Json | ConvertFrom-Json).CveId | Should -Be $row.CveId
        ($row | ConvertTo-Csv | ConvertFrom-Csv).DeviceName | Should -Be $row.DeviceName
        (, $row | ForEach-Object -Parallel { $_.SoftwareName }) | Should -Be $row.SoftwareName
    }
}
