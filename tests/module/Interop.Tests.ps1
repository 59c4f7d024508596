Describe 'A token for other modules' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant

        # Stand-ins with the same parameter names and types as the other modules' cmdlets.
        function Connect-MgGraphLike {
            param([Parameter(Mandatory)] [securestring] $AccessToken)
            [pscustomobject]@{ Length = $AccessToken.Length }
        }
        function Connect-AzAccountLike {
            param(
                [Parameter(Mandatory)] [string] $AccessToken, [Parameter(Mandatory)] [string] $AccountId,
                [string] $Tenant, [string] $GraphAccessToken)
            [pscustomobject]@{ Parts = $AccessToken.Split('.').Count; AccountId = $AccountId; Tenant = $Tenant }
        }
        # Reads the properties Token, ExpiresOn and TenantId, as scripts do with the result of Get-AzAccessToken.
        function Read-TokenObject {
            param(
                [Parameter(ValueFromPipelineByPropertyName)] [securestring] $Token,
                [Parameter(ValueFromPipelineByPropertyName)] [DateTimeOffset] $ExpiresOn,
                [Parameter(ValueFromPipelineByPropertyName)] [string] $TenantId)
            process { [pscustomobject]@{ Token = $Token; ExpiresOn = $ExpiresOn; TenantId = $TenantId } }
        }
    }

    AfterAll {
        Set-HostVariable
        Stop-FakeTenant
    }

    BeforeEach {
        Reset-Tenant
        Connect-Tenant
    }

    It 'has the types and names that they accept' {
        $token = Get-FdxToken
        $token.Token | Should -BeOfType ([securestring])
        $token.Token.IsReadOnly() | Should -BeTrue
        $token.ExpiresOn | Should -BeOfType ([DateTimeOffset])
        $token.TenantId | Should -Be $Tenant
        $token.Audience | Should -Be 'https://api.securitycenter.microsoft.com'
        $token.AppId | Should -Be $Fake.clientId
        $token.ObjectId | Should -Not -BeNullOrEmpty
        $token.Roles | Should -Contain 'Machine.Read.All'
        $read = $token | Read-TokenObject
        $read.Token.Length | Should -Be $token.Token.Length
        $read.ExpiresOn | Should -Be $token.ExpiresOn
    }

    It 'goes into Connect-MgGraph -AccessToken and Connect-AzAccount -AccessToken' {
        (Connect-MgGraphLike -AccessToken (Get-FdxToken -Resource Graph).Token).Length | Should -BeGreaterThan 100
        $account = @{ AccountId = $Fake.clientId; Tenant = $Tenant }
        (Connect-AzAccountLike -AccessToken (Get-FdxToken -Resource Arm -AsPlainText) @account).Parts | Should -Be 3
    }

    It 'goes into Invoke-RestMethod -Authentication Bearer -Token' {
        $arguments = @{
            Authentication = 'Bearer'; Token = (Get-FdxToken).Token
            AllowUnencryptedAuthentication = $true; NoProxy = $true
        }
        @((Invoke-RestMethod -Uri "$($Fake.defender)/api/machines?`$top=2" @arguments).value).Count | Should -Be 2
    }

    It 'is available for <resource>' -ForEach @(
        @{ resource = 'Graph'; audience = 'https://graph.microsoft.com' }
        @{ resource = 'Arm'; audience = 'https://management.azure.com' }
        @{ resource = 'Xdr'; audience = 'https://api.security.microsoft.com' }
        @{ resource = 'https://storage.azure.com'; audience = 'https://storage.azure.com' }
        @{ resource = 'https://storage.azure.com/.default'; audience = 'https://storage.azure.com' }
        @{ resource = 'https://vault.azure.net'; audience = 'https://vault.azure.net' }
        @{ resource = 'https://api.loganalytics.io'; audience = 'https://api.loganalytics.io' }
    ) {
        (Get-FdxToken -Resource $resource).Audience | Should -Be $audience
    }

    It 'is one per tenant' {
        $tokens = Get-FdxToken -TenantId $Fake.tenants.tenantId -Resource Graph
        ($tokens.TenantId | Sort-Object) | Should -Be ($Fake.tenants.tenantId | Sort-Object)
    }

    It 'is available in thread jobs, parallel runspaces and jobs' {
        $connection = Connect-Tenant @{ PassThru = $true }
        $found = 1..6 | ForEach-Object -ThrottleLimit 6 -Parallel {
            Import-Module FedXdr
            (Get-FdxToken -Connection $using:connection).Token.Length
        }
        @($found | Sort-Object -Unique).Count | Should -Be 1
        if (Get-Command Start-ThreadJob -ErrorAction Ignore) {
            $job = Start-ThreadJob { Import-Module FedXdr; (Get-FdxToken -Connection $using:connection).AppId }
            $job | Receive-Job -Wait -AutoRemoveJob | Should -Be $Fake.clientId
        }
        $job = Start-Job {
            $fake = $using:Fake
            $env:IDENTITY_ENDPOINT, $env:IDENTITY_HEADER = $fake.identityEndpoint, $fake.identityHeader
            Import-Module FedXdr
            $ids = @{ ClientId = $fake.clientId; ManagedIdentityClientId = $fake.managedIdentity.clientId }
            Connect-Fdx -TenantId $using:Tenant @ids -Endpoint @{ authority = $fake.authority }
            (Get-FdxToken).AppId
        }
        $job | Receive-Job -Wait -AutoRemoveJob | Should -Be $Fake.clientId
    }
}
