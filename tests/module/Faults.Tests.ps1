Describe 'When the service or the connection fails' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant

        # All rows, and each of them once.
        function Assert-Complete($Rows) {
            @($Rows).Count | Should -Be 6000
            @($Rows.Id | Sort-Object -Unique).Count | Should -Be 6000
        }
    }

    AfterAll { Stop-FakeTenant }

    BeforeEach {
        Reset-Tenant
        Connect-Tenant @{ MaximumRetryCount = 2 }
    }

    It 'requests a page damaged by <name> after <rows> rows again, and returns no row twice' -ForEach @(
        @{ name = 'reset'; rows = 0; page = 3 }
        @{ name = 'status'; rows = 0; page = 3 }
        @{ name = 'cut-body'; rows = 0; page = 0 }
        @{ name = 'cut-body'; rows = 1; page = 2 }
        @{ name = 'cut-body'; rows = 999; page = 5 }
        @{ name = 'truncated-json'; rows = 500; page = 2 }
        @{ name = 'bad-gzip'; rows = 0; page = 1 }
    ) {
        Set-World @{ vulnerabilityPageSize = 1000 }
        $fault = @{ service = 'defender'; name = $name; skip = $page; afterRows = $rows }
        if ($name -eq 'status') { $fault.code = 503 }
        Add-Fault $fault
        Assert-Complete (Get-FdxVulnerability)
        (Get-Report).violations | Should -BeNullOrEmpty
    }

    It 'skips the delivered rows when the body breaks off several times, later each time' {
        Add-Fault @{ service = 'defender'; name = 'cut-body'; afterRows = 1500 }
        Add-Fault @{ service = 'defender'; name = 'cut-body'; afterRows = 3000 }
        Add-Fault @{ service = 'defender'; name = 'cut-body'; afterRows = 4500 }
        Add-Fault @{ service = 'defender'; name = 'cut-body'; afterRows = 5999 }
        Assert-Complete (Get-FdxVulnerability)
    }

    It 'fails when the page changed before it was read again' {
        Add-Fault @{ service = 'defender'; name = 'cut-body'; afterRows = 2500 }
        Add-Fault @{ service = 'defender'; name = 'changed-page' }
        $rows = @(Get-FdxVulnerability -ErrorVariable failed -ErrorAction SilentlyContinue)
        $rows.Count | Should -Be 2500
        Get-ErrorId $failed[0] | Should -Be 'Fdx.Protocol.PageChanged'
    }

    It 'ends with an error after the intact rows when a page keeps failing' {
        Set-World @{ vulnerabilityPageSize = 1000 }
        Add-Fault @{ service = 'defender'; name = 'status'; code = 500; skip = 4; times = 99 }
        $rows = @(Get-FdxVulnerability -ErrorVariable failed -ErrorAction SilentlyContinue)
        $rows.Count | Should -Be 4000
        Get-ErrorId $failed[0] | Should -Be 'Fdx.Api.Unavailable'
        $failed[0].Exception.Rows | Should -Be 4000
        $failed[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    }

    It 'renews a token that is revoked in the middle of 200 pages once, and loses no row' {
        Set-World @{ vulnerabilityPageSize = 30 }
        Add-Fault @{ service = 'defender'; name = 'revoke-tokens'; skip = 100 }
        Assert-Complete (Get-FdxVulnerability)
        (Get-Report).counts.exchanges | Should -Be 2
        (Get-Report).counts.pages | Should -Be 200
    }

    It 'renews a token that ends in the middle of 200 pages, and loses no row' {
        Set-World @{ vulnerabilityPageSize = 30 }
        # A token is renewed when a quarter of its life is left; the pages take several times as long.
        Set-Customer @{ tokenLifetime = 2 }
        Add-Fault @{ service = 'defender'; name = 'slow'; delayMs = 20; times = 500 }
        Assert-Complete (Get-FdxVulnerability)
        $report = Get-Report
        $report.counts.exchanges | Should -BeGreaterThan 1
        $refused = @($report.requests | Where-Object { $_.service -eq 'defender' -and $_.status -eq 401 })
        # Each refusal leads to one renewal, and the first token is no renewal.
        $refused.Count | Should -BeLessThan $report.counts.exchanges
    }

    It 'recovers from a single 401' {
        Add-Fault @{ service = 'defender'; name = 'unauthorized' }
        Assert-Complete (Get-FdxVulnerability)
        (Get-Report).counts.exchanges | Should -Be 2
    }

    It 'waits as long as the service asks for: <retryAfter>' -ForEach @(
        @{ retryAfter = 1 }
        @{ retryAfter = 'date:+1' }
    ) {
        $body = @{ error = @{ code = '429'; message = 'quota' } }
        Add-Fault @{ service = 'defender'; name = 'status'; code = 429; retryAfter = $retryAfter; body = $body }
        $clock = [Diagnostics.Stopwatch]::StartNew()
        Assert-Complete (Get-FdxVulnerability)
        $clock.ElapsedMilliseconds | Should -BeLessThan 10000
        (Get-Report).counts.defender | Should -Be 2
    }

    It 'keeps to a quota that it cannot know in advance' {
        Set-World @{ vulnerabilityPageSize = 1000; quota = @{ limit = 2; windowSeconds = 1; retryAfterSeconds = 1 } }
        Assert-Complete (Get-FdxVulnerability)
        @((Get-Report).requests | Where-Object status -eq 429).Count | Should -BeGreaterThan 0
    }

    It 'continues after an empty page that has a link' {
        Add-Fault @{ service = 'defender'; name = 'empty-page' }
        Assert-Complete (Get-FdxVulnerability)
    }

    It 'recovers from transient faults of the identity endpoint and of Entra' {
        Add-Fault @{ service = 'identity'; name = 'status'; code = 503 }
        Add-Fault @{ service = 'authority'; name = 'status'; code = 503 }
        Add-Fault @{ service = 'authority'; name = 'reset' }
        @(Get-FdxVulnerability -First 1).Count | Should -Be 1
    }

    It 'sends no token to an unknown host: <name>' -ForEach @(
        @{ name = 'foreign-next-link'; id = 'Fdx.Protocol.ForeignNextLink' }
        @{ name = 'http-next-link'; id = 'Fdx.Protocol.InsecureNextLink' }
    ) {
        Add-Fault @{ service = 'defender'; name = $name }
        $rows = @(Get-FdxVulnerability -ErrorVariable failed -ErrorAction SilentlyContinue)
        $rows.Count | Should -Be 6000
        Get-ErrorId $failed[0] | Should -Be $id
        (Get-Report).foreign | Should -BeNullOrEmpty
    }

    It 'reports an unexpected answer: <name>' -ForEach @(
        @{ name = 'not-json'; id = 'Fdx.Protocol.NotJson'; rows = 0 }
        @{ name = 'other-shape'; id = 'Fdx.Protocol.UnexpectedShape'; rows = 0 }
        @{ name = 'trailing-garbage'; id = 'Fdx.Protocol.NotJson'; rows = 6000 }
        @{ name = 'repeated-next-link'; id = 'Fdx.Protocol.RepeatedNextLink'; rows = 6000 }
    ) {
        Add-Fault @{ service = 'defender'; name = $name; times = 9 }
        $found = @(Get-FdxVulnerability -ErrorVariable failed -ErrorAction SilentlyContinue)
        $found.Count | Should -Be $rows
        Get-ErrorId $failed[0] | Should -Be $id
        $failed[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    }
}
