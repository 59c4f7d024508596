Describe 'The quotas of the services' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant
        $Window = 2

        function Get-Refused { @((Get-Report).requests | Where-Object status -eq 429).Count }
    }

    AfterAll { Stop-FakeTenant }

    BeforeEach {
        Reset-Tenant
        Connect-Tenant
    }

    AfterEach { (Get-Report).violations | Should -BeNullOrEmpty }

    It 'are kept to after the first refusal of their kind: <name>' -ForEach @(
        @{ name = 'a window that slides'; kind = 'sliding'; withSeconds = $false }
        @{ name = 'a window that the first request opens'; kind = 'fixed'; withSeconds = $true }
    ) {
        Set-World @{
            quota = @{
                limit = 5; windowSeconds = $Window; window = $kind; retryAfterSeconds = $Window
                textWithSeconds = $withSeconds
            }
        }
        $machines = @(Get-FdxMachine -First 12)
        # A test server has no published quota: its refusal names it.
        @($machines | Get-FdxVulnerability | Sort-Object MachineId -Unique).Count | Should -Be 12
        $learned = Get-Refused
        $learned | Should -Be 1
        $clock = [Diagnostics.Stopwatch]::StartNew()
        $output = $machines | Get-FdxVulnerability -Verbose 4>&1
        # 12 requests, 5 in each window.
        $clock.Elapsed.TotalSeconds | Should -BeGreaterThan ($Window * 2 - 1)
        Get-Refused | Should -Be $learned
        $rows, $messages = $output.Where({ $_ -is [FedXdr.MachineVulnerability] }, 'Split')
        @($rows | Sort-Object MachineId -Unique).Count | Should -Be 12
        $told = @($messages.Message -match '^Quota:')
        $told.Count | Should -BeGreaterThan 0
        $told[0] | Should -Match 'waiting \d+\.\d s, until [\d-]{10} [\d:]{8} UTC, before /api/machines/'
        $told[0] | Should -Match 'the quota is 5 requests per 2 seconds'
    }

    It 'are waited for no longer than -MaximumWait' {
        Set-World @{ quota = @{ limit = 2; windowSeconds = 3600; retryAfterSeconds = 1 } }
        Connect-Tenant @{ MaximumWait = 5 }
        $machines = @(Get-FdxMachine -First 4)
        $null = $machines | Get-FdxVulnerability -ErrorVariable failed -ErrorAction SilentlyContinue
        # The refusal of the third request asked for a second; the next one is refused here.
        $failed | ForEach-Object { Get-ErrorId $_ } | Sort-Object -Unique | Should -Be 'Fdx.Api.Throttled'
        $failed[-1].Exception.Message | Should -Match '-MaximumWait'
        $failed[-1].Exception.Message | Should -Match '2 requests per hour'
        $before = Get-Count defender
        $clock = [Diagnostics.Stopwatch]::StartNew()
        $failure = Get-Failure { $machines[0] | Get-FdxVulnerability }
        $clock.ElapsedMilliseconds | Should -BeLessThan 1000
        Get-ErrorId $failure | Should -Be 'Fdx.Api.Throttled'
        $failure.Exception.RetryAfter.TotalMinutes | Should -BeGreaterThan 55
        Get-Count defender | Should -Be $before
    }
}
