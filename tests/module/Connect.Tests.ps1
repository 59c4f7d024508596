Describe 'Connecting' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant
    }

    AfterAll { Stop-FakeTenant }

    BeforeEach { Reset-Tenant }

    AfterEach { (Get-Report).violations | Should -BeNullOrEmpty }

    It 'sends no request until a cmdlet needs a token' {
        Connect-Tenant | Should -BeNullOrEmpty
        $null = Get-FdxConnection
        $requests = (Get-Report).requests
        $requests | Where-Object service -in 'identity', 'imds', 'authority', 'defender' | Should -BeNullOrEmpty
    }

    It 'requests one token per tenant with -Verify' {
        Connect-Tenant @{ TenantId = $Fake.tenants.tenantId; Verify = $true }
        Get-Count exchanges | Should -Be 3
        Get-Count defender | Should -Be 0
        @((Get-FdxConnection).Tokens).Count | Should -Be 3
    }

    It 'forgets the earlier connection when -Verify fails in every tenant' {
        Connect-Tenant @{ TenantId = $Fake.tenants[1].tenantId }
        Set-Customer @{ consented = $false }
        Get-ErrorId (Get-Failure { Connect-Tenant @{ Verify = $true } }) | Should -Be 'Fdx.Auth.AppNotConsented'
        Get-ErrorId (Get-Failure { Get-FdxMachine }) | Should -Be 'Fdx.Settings.NotConnected'
    }

    It 'connects when -Verify fails in some tenants, and says in which' {
        Set-Customer @{ consented = $false } 1
        $arguments = @{
            TenantId = $Fake.tenants.tenantId; ClientId = $Fake.clientId; Endpoint = Get-Endpoint
            ManagedIdentityClientId = $Fake.managedIdentity.clientId
        }
        Connect-Fdx @arguments -Verify -ErrorVariable failed -ErrorAction SilentlyContinue
        @($failed).Count | Should -Be 1
        $failed[0].TargetObject | Should -Be $Fake.tenants[1].tenantId
        (Get-FdxConnection).TenantId.Count | Should -Be 3
    }

    It 'forgets the earlier connection when the new one cannot be made' {
        Connect-Tenant
        Get-Failure { Connect-Tenant @{ TenantId = 'common' } } | Should -Not -BeNullOrEmpty
        Get-ErrorId (Get-Failure { Get-FdxMachine }) | Should -Be 'Fdx.Settings.NotConnected'
    }

    It 'forgets the earlier connection whatever parameter is refused' {
        $common = [Management.Automation.PSCmdlet]::CommonParameters
        $parameters = (Get-Command Connect-Fdx).Parameters.Values |
            Where-Object { -not $_.SwitchParameter -and $_.Name -notin $common }
        $parameters.Count | Should -BeGreaterThan 15
        foreach ($parameter in $parameters) {
            Connect-Tenant
            $arguments = @{ $parameter.Name = $null }
            # A value that its transformation refuses.
            if ($parameter.Name -eq 'TenantId') { $arguments.TenantId = Get-Date }
            # These take null.
            if ($parameter.Name -eq 'MaximumRetryCount') { $arguments.MaximumRetryCount = 1000 }
            if ($parameter.Name -eq 'MaximumWait') { $arguments.MaximumWait = -1 }
            Get-Failure { Connect-Fdx @arguments } | Should -Not -BeNullOrEmpty -Because $parameter.Name
            $failure = Get-Failure { Get-FdxMachine }
            Get-ErrorId $failure | Should -Be 'Fdx.Settings.NotConnected' -Because $parameter.Name
        }
    }

    It 'keeps the connection while Tab completes a command line, and a connection that -PassThru gave' {
        $connection = Connect-Tenant @{ PassThru = $true }
        $line = 'Connect-Fdx -TenantId contoso.onmicrosoft.com -Env'
        (TabExpansion2 $line $line.Length).CompletionMatches.ListItemText | Should -Contain 'Environment'
        (Get-FdxConnection).TenantId | Should -Be $Tenant
        $null = Get-Failure { Connect-Tenant @{ ClientId = '' } }
        (Get-FdxMachine -Connection $connection -First 1).TenantId | Should -Be $Tenant
    }

    It 'takes what people type: blanks, and commas in one text' {
        $tenants = $Fake.tenants[0..1].tenantId
        $lists = @(, " $($tenants -join ' , '), "), @(" $($tenants[0]) ", " $($tenants[1])"),
        @("$($tenants[0]),", ' ', $tenants[1])
        foreach ($typed in $lists) {
            Connect-Tenant @{ TenantId = $typed; ClientId = " $($Fake.clientId) " }
            (Get-FdxConnection).TenantId | Should -Be $tenants
            @(Get-FdxToken).Count | Should -Be 2
        }
        @(Get-FdxMachine -TenantId "$($tenants[0]), $($tenants[1])" -First 50).TenantId | Sort-Object -Unique |
            Should -Be $tenants
        (Get-FdxToken -TenantId $tenants[0] -Resource ' Graph ').Audience | Should -Be 'https://graph.microsoft.com'
        @(Get-FdxMachine -TenantId $tenants[0] -Name 'host-000001.corp.net, host-000003.corp.net ').Count | Should -Be 2
        $checks = Test-FdxConnection -TenantId $tenants[0] -Resource 'Machine, Vulnerability'
        @($checks | Where-Object Check -eq Answer).Count | Should -Be 2
        Get-Failure { Connect-Tenant @{ TenantId = ' , ' } } | Should -Not -BeNullOrEmpty
    }

    It 'says the versions of the module and of its library with -Verbose' {
        $said = Connect-Tenant @{ Verbose = $true } 4>&1 | Out-String -Width 300
        $version = [regex]::Escape((Import-PowerShellDataFile $env:FEDXDR_MODULE).ModuleVersion)
        $said | Should -Match "FedXdr $version\S*, native library $version\S* \((win|linux|osx)[a-z-]*-(x64|arm64)\)"
    }

    It 'takes each of several connections with -Connection, and the last as the default' {
        $one = Connect-Tenant @{ TenantId = $Fake.tenants[0].tenantId; PassThru = $true }
        $two = Connect-Tenant @{ TenantId = $Fake.tenants[1].tenantId; PassThru = $true }
        (Get-FdxMachine -First 1 -Connection $one).TenantId | Should -Be $Fake.tenants[0].tenantId
        (Get-FdxMachine -First 1 -Connection $two).TenantId | Should -Be $Fake.tenants[1].tenantId
        (Get-FdxMachine -First 1).TenantId | Should -Be $Fake.tenants[1].tenantId
        Disconnect-Fdx
        (Get-FdxMachine -First 1 -Connection $one).TenantId | Should -Be $Fake.tenants[0].tenantId
    }

    It 'finds the identity again when the environment has changed, in the same connection' {
        $header = $env:IDENTITY_HEADER
        $env:IDENTITY_HEADER = 'fake-other-header'
        Connect-Tenant
        Get-ErrorId (Get-Failure { Get-FdxToken }) | Should -Be 'Fdx.Identity.Refused'
        $env:IDENTITY_HEADER = $header
        (Get-FdxToken).AppId | Should -Be $Fake.clientId
    }

    It 'refuses an unknown endpoint, and names the known ones' {
        $failure = Get-Failure { Connect-Tenant @{ Endpoint = @{ defnder = 'https://x.example' } } }
        Get-ErrorId $failure | Should -Be 'Fdx.Settings.InvalidEndpoint'
        $failure.ErrorDetails.RecommendedAction | Should -Match 'authority, defender'
    }

    It 'refuses an endpoint that is not an address: "<_>"' -ForEach '', 'x.example', 'ftp://127.0.0.1' {
        $address = $_
        $endpoint = Get-Endpoint
        $endpoint.defender = $address
        $failure = Get-Failure { Connect-Tenant @{ Endpoint = $endpoint } }
        Get-ErrorId $failure | Should -Be 'Fdx.Settings.InvalidEndpoint'
        $failure.ErrorDetails.RecommendedAction | Should -Match 'https://host'
    }

    It 'disconnects twice, and without a connection' {
        { Disconnect-Fdx; Disconnect-Fdx -ClearTokenCache } | Should -Not -Throw
        Get-ErrorId (Get-Failure { Get-FdxConnection }) | Should -Be 'Fdx.Settings.NotConnected'
    }
}
