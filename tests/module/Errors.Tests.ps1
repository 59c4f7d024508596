Describe 'Errors' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant
    }

    AfterAll { Stop-FakeTenant }

    BeforeEach { Reset-Tenant }

    It 'come from the service after the allowed retries: HTTP <code>' -ForEach @(
        @{ code = 429; id = 'Fdx.Api.Throttled'; category = 'LimitsExceeded'; tries = 2 }
        @{ code = 500; id = 'Fdx.Api.Unavailable'; category = 'ResourceUnavailable'; tries = 2 }
        @{ code = 503; id = 'Fdx.Api.Unavailable'; category = 'ResourceUnavailable'; tries = 2 }
        @{ code = 418; id = 'Fdx.Api.Refused'; category = 'ResourceUnavailable'; tries = 1 }
        @{ code = 403; id = 'Fdx.Api.Forbidden'; category = 'PermissionDenied'; tries = 1 }
    ) {
        Connect-Tenant @{ MaximumRetryCount = 1 }
        $body = @{ error = @{ code = 'x'; message = 'said by the service' } }
        Add-Fault @{ service = 'defender'; name = 'status'; code = $code; retryAfter = 0; times = 99; body = $body }
        $failure = Get-Failure { Get-FdxVulnerability }
        Get-ErrorId $failure | Should -Be $id
        $failure.CategoryInfo.Category | Should -Be $category
        $failure.Exception.HttpStatus | Should -Be $code
        $failure.Exception.Message | Should -Match 'said by the service'
        $failure.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
        $failure.TargetObject | Should -Be $Tenant
        Get-Count defender | Should -Be $tries
    }

    It 'say when to try again if the service asks for too long a pause' {
        Connect-Tenant @{ MaximumRetryCount = 3 }
        Add-Fault @{ service = 'defender'; name = 'status'; code = 429; retryAfter = 7200; times = 99 }
        $clock = [Diagnostics.Stopwatch]::StartNew()
        $failure = Get-Failure { Get-FdxVulnerability }
        $clock.ElapsedMilliseconds | Should -BeLessThan 5000
        Get-ErrorId $failure | Should -Be 'Fdx.Api.Throttled'
        $failure.Exception.RetryAfter | Should -Be ([timespan]::FromHours(2))
        Get-Count defender | Should -Be 1
    }

    It 'do not come before the service''s pause ends: <retryAfter>' -ForEach @(
        @{ retryAfter = 2; least = 1950 }
        @{ retryAfter = 'date:+3'; least = 1900 }
    ) {
        Connect-Tenant
        $null = Get-FdxToken
        Add-Fault @{ service = 'defender'; name = 'status'; code = 429; retryAfter = $retryAfter }
        $clock = [Diagnostics.Stopwatch]::StartNew()
        @(Get-FdxVulnerability -First 1).Count | Should -Be 1
        $clock.ElapsedMilliseconds | Should -BeGreaterThan $least
        $clock.ElapsedMilliseconds | Should -BeLessThan 8000
    }

    It 'come at once with MaximumRetryCount 0' {
        Connect-Tenant @{ MaximumRetryCount = 0 }
        Add-Fault @{ service = 'defender'; name = 'status'; code = 503; times = 99 }
        Get-ErrorId (Get-Failure { Get-FdxMachine }) | Should -Be 'Fdx.Api.Unavailable'
        Get-Count defender | Should -Be 1
    }

    It 'name an identity endpoint that is set and cannot be reached' {
        $env:IDENTITY_ENDPOINT = 'http://127.0.0.1:9/msi/token'
        Connect-Tenant @{ MaximumRetryCount = 0 }
        $failure = Get-Failure { Get-FdxToken }
        Get-ErrorId $failure | Should -Be 'Fdx.Identity.Unreachable'
        $failure.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    }

    It 'say that there is no identity if there is no endpoint' {
        $env:IDENTITY_ENDPOINT = $null
        $env:IDENTITY_HEADER = $null
        $endpoint = Get-Endpoint
        $endpoint.imds = 'http://127.0.0.1:9'
        Connect-Tenant @{ Endpoint = $endpoint; MaximumRetryCount = 0 }
        $failure = Get-Failure { Get-FdxToken }
        Get-ErrorId $failure | Should -Be 'Fdx.Identity.NotFound'
        $failure.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    }

    It 'name an identity endpoint that is not an address: <_>' -ForEach 'not an address', 'ftp://127.0.0.1/msi' {
        $env:IDENTITY_ENDPOINT = $_
        Connect-Tenant
        Get-ErrorId (Get-Failure { Get-FdxToken }) | Should -Be 'Fdx.Identity.InvalidEndpoint'
    }

    It 'end a script with -ErrorAction Stop, and otherwise are one record per tenant' {
        Connect-Tenant @{ TenantId = $Fake.tenants.tenantId }
        Set-Customer @{ consented = $false } 0
        Set-Customer @{ consented = $false } 1
        { Get-FdxMachine -ErrorAction Stop } | Should -Throw
        $before = $Error.Count
        $rows = @(Get-FdxMachine -ErrorAction SilentlyContinue)
        $rows.Count | Should -Be 40
        $Error.Count - $before | Should -Be 2
        @($Error[0..1].TargetObject | Sort-Object) | Should -Be (@($Fake.tenants[0, 1].tenantId) | Sort-Object)
    }

    It 'show their id, message and advice when they are printed' {
        Connect-Tenant
        Set-Customer @{ roles = @('Machine.Read.All') }
        $shown = & { Get-FdxVulnerability -ErrorAction Continue } 2>&1 | Out-String -Width 500
        $shown | Should -Match 'Vulnerability\.Read\.All'
        $shown | Should -Match $Tenant
        $failure = Get-Failure { Get-FdxVulnerability }
        "$failure" | Should -Match '^[A-Z].*\.$'
        $failure.Exception.Id | Should -Be 'Fdx.Api.RoleMissing'
        $failure.Exception.Step | Should -Not -BeNullOrEmpty
    }

    It 'say what to do in the error view, as text and in a log' {
        Connect-Tenant
        Set-Customer @{ consented = $false }
        $failure = Get-Failure { Get-FdxToken }
        $advice = [regex]::Escape($failure.ErrorDetails.RecommendedAction)
        "$failure" | Should -Match $advice
        $failure.ToString() | Should -Match $advice
        "$($failure.Exception)" | Should -Match $advice
        # The error view breaks the text into lines, each with a bar before it.
        $shown = ($failure | Out-String -Width 2000) -replace '\x1b\[[\d;]*m' -replace '[\s|]+', ' '
        $shown | Should -Match $advice
        Get-FdxToken -ErrorVariable written -ErrorAction SilentlyContinue
        "$($written[0])" | Should -Match $advice
    }

    It 'name the lost connection or the damage: <name>' -ForEach @(
        @{ name = 'cut-body'; id = 'Fdx.Network.Broken' }
        @{ name = 'bad-gzip'; id = 'Fdx.Network.Damaged' }
    ) {
        Connect-Tenant @{ MaximumRetryCount = 0 }
        Add-Fault @{ service = 'defender'; name = $name; afterRows = 5; times = 9 }
        Get-ErrorId (Get-Failure { Get-FdxVulnerability }) | Should -Be $id
    }

    It 'come at once if the certificate is not trusted' {
        # Only Service Fabric pins this server's certificate.
        $endpoint = Get-Endpoint
        $endpoint.authority = $Fake.fabricIdentityEndpoint -replace '^(https://[^/]+).*', '$1'
        Connect-Tenant @{ Endpoint = $endpoint }
        $clock = [Diagnostics.Stopwatch]::StartNew()
        $failure = Get-Failure { Get-FdxToken }
        $clock.ElapsedMilliseconds | Should -BeLessThan 3000
        Get-ErrorId $failure | Should -Be 'Fdx.Auth.Unreachable'
        $failure.ErrorDetails.RecommendedAction | Should -Match 'certificate'
    }

    It 'come before a wait that is longer than -MaximumWait: <_>' -ForEach @(
        5, '5', [timespan]::FromSeconds(5), '00:00:05'
    ) {
        Connect-Tenant @{ MaximumWait = $_ }
        Add-Fault @{ service = 'defender'; name = 'status'; code = 429; retryAfter = 6; times = 9 }
        $clock = [Diagnostics.Stopwatch]::StartNew()
        $failure = Get-Failure { Get-FdxVulnerability }
        $clock.ElapsedMilliseconds | Should -BeLessThan 4000
        Get-ErrorId $failure | Should -Be 'Fdx.Api.Throttled'
        $failure.Exception.RetryAfter | Should -Be ([timespan]::FromSeconds(6))
        $failure.Exception.Message | Should -Match '-MaximumWait'
        Get-Count defender | Should -Be 1
    }

    It 'come when the waits of one command together would be longer than -MaximumWait' {
        Connect-Tenant @{ MaximumWait = 3 }
        $machines = @(Get-FdxMachine -First 3)
        Add-Fault @{ service = 'defender'; name = 'status'; code = 429; retryAfter = 2; times = 9 }
        $clock = [Diagnostics.Stopwatch]::StartNew()
        # Each machine is a query of its own.
        $null = Get-FdxMachine -Id $machines.Id -ErrorVariable failed -ErrorAction SilentlyContinue
        $clock.ElapsedMilliseconds | Should -BeLessThan 4000
        $failed.Count | Should -Be 3
        $failed[0].Exception.Message | Should -Match '-MaximumWait'
    }

    It 'have the correlation id that the service sent' {
        Connect-Tenant
        Set-Customer @{ consented = $false }
        (Get-Failure { Get-FdxToken }).Exception.CorrelationId | Should -Match '^[0-9a-f-]{36}$'
        Set-Customer @{ consented = $true; licensed = $false }
        (Get-Failure { Get-FdxVulnerability }).Exception.CorrelationId | Should -Not -BeNullOrEmpty
    }

    It 'end with their cause: the same connection works again' {
        Connect-Tenant
        Set-Customer @{ consented = $false }
        Get-ErrorId (Get-Failure { Get-FdxVulnerability }) | Should -Be 'Fdx.Auth.AppNotConsented'
        Set-Customer @{ consented = $true }
        @(Get-FdxVulnerability -First 1).Count | Should -Be 1
    }

    It 'send no request to the host that a link names: <_>' -ForEach 'foreign-next-link', 'http-next-link' {
        Connect-Tenant
        Add-Fault @{ service = 'defender'; name = $_ }
        $found = @(Get-FdxMachine -ErrorVariable failed -ErrorAction SilentlyContinue)
        $found.Count | Should -Be 40
        @($failed).Count | Should -Be 1
        $failed[0].Exception.Rows | Should -Be 40
        (Get-Report).foreign | Should -BeNullOrEmpty
    }
}
