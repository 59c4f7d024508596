Describe 'What a user can get wrong' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant

        # Checks the id and the advice.
        function Assert-Failure($ErrorRecord, [string] $Id, [string] $Advice) {
            $ErrorRecord | Should -Not -BeNullOrEmpty
            Get-ErrorId $ErrorRecord | Should -Be $Id
            $ErrorRecord.ErrorDetails.RecommendedAction | Should -Match $Advice
            $ErrorRecord.CategoryInfo.Category | Should -Not -Be 'NotSpecified'
        }

        function Set-FederatedCredential([hashtable] $Change) {
            $credential = @((Invoke-Control GET /world).app.federatedCredentials)[0]
            foreach ($name in $Change.Keys) { $credential.$name = $Change[$name] }
            Set-World @{ app = @{ federatedCredentials = @($credential) } }
        }
    }

    AfterAll { Stop-FakeTenant }

    BeforeEach { Reset-Tenant }

    Context 'the identity' {
        It 'has no endpoint' {
            $env:IDENTITY_ENDPOINT = $null
            $env:IDENTITY_HEADER = $null
            $endpoint = Get-Endpoint
            $endpoint.imds = 'http://127.0.0.1:9'
            Connect-Tenant @{ Endpoint = $endpoint }
            Add-Fault @{ service = 'imds'; name = 'reset'; times = 99 }
            Assert-Failure (Get-Failure { Get-FdxToken }) 'Fdx.Identity.NotFound' 'assigned identity'
        }

        It 'is not attached' {
            Connect-Tenant @{ ManagedIdentityClientId = '99999999-9999-4999-8999-999999999999' }
            Assert-Failure (Get-Failure { Get-FdxToken }) 'Fdx.Identity.UnknownIdentity' 'Assign the identity'
        }

        It 'has a header that the platform did not set' {
            $env:IDENTITY_HEADER = 'fake-other-header'
            Connect-Tenant
            Assert-Failure (Get-Failure { Get-FdxToken }) 'Fdx.Identity.Refused' 'IDENTITY_HEADER'
        }

        It 'is not the one that answers' {
            Add-Fault @{ service = 'identity'; name = 'identity-mismatch' }
            Connect-Tenant
            Assert-Failure (Get-Failure { Get-FdxToken }) 'Fdx.Identity.WrongIdentity' 'assigned to this resource'
        }

        It 'answers without a token: <name>' -ForEach @{ name = 'empty-token' }, @{ name = 'not-json' } {
            Add-Fault @{ service = 'identity'; name = $name }
            Connect-Tenant
            Assert-Failure (Get-Failure { Get-FdxToken }) 'Fdx.Identity.InvalidAnswer' 'Restart'
        }

        It 'is named twice' {
            $failure = Get-Failure { Connect-Tenant @{ ManagedIdentityObjectId = $Fake.managedIdentity.objectId } }
            Assert-Failure $failure 'Fdx.Settings.IdentityAmbiguous' 'one of'
        }
    }

    Context 'the federated credential' {
        It 'is missing' {
            Set-World @{ app = @{ federatedCredentials = @() } }
            Connect-Tenant
            $failure = Get-Failure { Get-FdxToken }
            Assert-Failure $failure 'Fdx.Auth.FederatedCredentialMissing' 'az ad app federated-credential create'
        }

        It 'has a wrong <field>' -ForEach @(
            @{
                field = 'subject'; value = '1d000000-0000-4000-8000-c00000000001'
                id = 'Fdx.Auth.SubjectMismatch'; advice = '1d000000-0000-4000-8000-b00000000001'
            }
            @{
                field = 'issuer'; value = 'https://sts.windows.net/0a0a0a0a-0000-4000-8000-000000000001/'
                id = 'Fdx.Auth.IssuerMismatch'
                advice = 'login.microsoftonline.com/0a0a0a0a-0000-4000-8000-000000000001/v2.0'
            }
            @{
                field = 'audience'; value = 'fb60f99c-7a34-4190-8149-302f77469936'
                id = 'Fdx.Auth.AudienceMismatch'; advice = 'api://AzureADTokenExchange'
            }
            @{
                field = 'subject'; value = '1D000000-0000-4000-8000-B00000000001'
                id = 'Fdx.Auth.SubjectCase'; advice = 'exactly'
            }
        ) {
            Set-FederatedCredential @{ $field = $value }
            Connect-Tenant
            $failure = Get-Failure { Get-FdxToken }
            Assert-Failure $failure $id $advice
            $failure.TargetObject | Should -Be $Tenant
            $failure.Exception.AadStsCode | Should -BeGreaterThan 700000
        }

        It 'is for an identity that is not the one in use' {
            Connect-Tenant @{ ManagedIdentityClientId = $Fake.secondIdentity.clientId }
            Assert-Failure (Get-Failure { Get-FdxToken }) 'Fdx.Auth.SubjectMismatch' $Fake.secondIdentity.objectId
        }
    }

    Context 'the app and the tenant' {
        It 'does not exist' {
            Connect-Tenant @{ TenantId = 'dddddddd-0000-4000-8000-000000000001' }
            Assert-Failure (Get-Failure { Get-FdxToken }) 'Fdx.Auth.TenantNotFound' 'Tenant ID'
        }

        It 'has not consented' {
            Set-Customer @{ consented = $false }
            Connect-Tenant
            Assert-Failure (Get-Failure { Get-FdxToken }) 'Fdx.Auth.AppNotConsented' 'adminconsent\?client_id='
        }

        It 'is not the app''s id' {
            Connect-Tenant @{ ClientId = $Fake.secondIdentity.clientId }
            Assert-Failure (Get-Failure { Get-FdxToken }) 'Fdx.Auth.AppNotConsented' 'ClientId'
        }

        It 'is an app of one tenant' {
            Set-World @{ app = @{ multiTenant = $false } }
            Connect-Tenant
            Assert-Failure (Get-Failure { Get-FdxToken }) 'Fdx.Auth.AppNotMultiTenant' 'AzureADMultipleOrgs'
        }

        It 'is registered in another tenant than the identity' {
            Set-World @{ app = @{ homeTenantId = $Tenant } }
            Connect-Tenant
            Assert-Failure (Get-Failure { Get-FdxToken }) 'Fdx.Auth.AppInOtherTenant' 'home tenant'
        }

        It 'has no Defender' {
            Set-Customer @{ defenderProvisioned = $false }
            Connect-Tenant
            Assert-Failure (Get-Failure { Get-FdxToken }) 'Fdx.Auth.ResourceNotInTenant' 'az ad sp create'
        }

        It 'has no licence' {
            Set-Customer @{ licensed = $false }
            Connect-Tenant
            Assert-Failure (Get-Failure { Get-FdxVulnerability }) 'Fdx.Api.NotLicensed' 'Plan 2'
        }

        It 'has not granted the role, which is named' {
            Set-Customer @{ roles = @('Machine.Read.All') }
            Connect-Tenant
            $failure = Get-Failure { Get-FdxVulnerability }
            Assert-Failure $failure 'Fdx.Api.RoleMissing' 'consent again'
            $missing = 'lacks the application permission Vulnerability\.Read\.All.*it has Machine\.Read\.All'
            $failure.Exception.Message | Should -Match $missing
        }

        It 'has granted no role at all, and a warning says so before the API does' {
            Set-Customer @{ roles = @() }
            Connect-Tenant
            $null = Get-FdxToken -WarningVariable warnings -WarningAction SilentlyContinue
            "$warnings" | Should -Match 'no roles'
        }

        It 'gets a token for another audience' {
            Add-Fault @{ service = 'authority'; name = 'wrong-audience'; times = 9 }
            Connect-Tenant
            $failure = Get-Failure { Get-FdxVulnerability }
            Assert-Failure $failure 'Fdx.Api.WrongAudience' 'scope'
            $failure.Exception.Message | Should -Match 'graph\.microsoft\.com'
        }
    }

    Context 'the arguments' {
        It 'name no tenant: <_>' -ForEach '{c0000000-0000-4000-8000-000000000001}', 'contoso com', 'common', '../x',
            'contoso' {
            $tenant = $_
            $failure = Get-Failure { Connect-Tenant @{ TenantId = $tenant } }
            Assert-Failure $failure 'Fdx.Settings.InvalidTenantId' 'Tenant ID'
            Connect-Tenant
            $failure = Get-Failure { Get-FdxVulnerability -TenantId $tenant }
            Assert-Failure $failure 'Fdx.Settings.InvalidTenantId' 'Tenant ID'
        }

        It 'have an id that is not a GUID' {
            Assert-Failure (Get-Failure { Connect-Tenant @{ ClientId = 'my-app' } }) 'Fdx.Settings.InvalidId' 'GUID'
        }

        It 'leave the tenant out' {
            $failure = Get-Failure { Connect-Tenant @{ TenantId = $null } }
            Assert-Failure $failure 'Fdx.Settings.TenantMissing' 'Connect-Fdx -TenantId'
        }

        It 'have a filter that cannot be parsed: <_>' -ForEach "cveId eq 'x", '(cveId eq ''x''', ' ' {
            $filter = $_
            Connect-Tenant
            Assert-Failure (Get-Failure { Get-FdxVulnerability -Filter $filter }) 'Fdx.Settings.InvalidFilter' 'OData'
            Get-Count defender | Should -Be 0
        }

        It 'have a filter that the service does not accept' {
            Connect-Tenant
            $failure = Get-Failure { Get-FdxMachine -Filter "colour eq 'red'" }
            Assert-Failure $failure 'Fdx.Api.InvalidFilter' 'computerDnsName'
        }

        It 'have a path that is an address or relative: <_>' -ForEach 'https://evil.example/x', '//evil.example/x',
            'api/machines' {
            $path = $_
            Connect-Tenant
            Assert-Failure (Get-Failure { Invoke-FdxRequest -Path $path }) 'Fdx.Settings.InvalidPath' '/api/machines'
        }

        It 'have an endpoint that is not https' {
            $failure = Get-Failure { Connect-Tenant @{ Endpoint = @{ defender = 'http://api.example.net' } } }
            Assert-Failure $failure 'Fdx.Settings.InvalidEndpoint' 'https'
        }

        It 'have an endpoint with more than a host, and its password is not repeated' {
            $endpoint = @{ defender = 'https://user:fake-password@api.example.net' }
            $failure = Get-Failure { Connect-Tenant @{ Endpoint = $endpoint } }
            Assert-Failure $failure 'Fdx.Settings.InvalidEndpoint' 'https'
            "$failure" | Should -Not -Match 'fake-password'
            $endpoint = @{ defender = 'https://api.example.net/?a=b' }
            $failure = Get-Failure { Connect-Tenant @{ Endpoint = $endpoint } }
            Assert-Failure $failure 'Fdx.Settings.InvalidEndpoint' 'https'
        }

        It 'have an id that would change the path: <id>' -ForEach @{ id = '..' }, @{ id = '.' } {
            Connect-Tenant
            Assert-Failure (Get-Failure { Get-FdxMachine -Id $id }) 'Fdx.Settings.InvalidItemId' 'Get-FdxMachine'
            Get-Count defender | Should -Be 0
        }

        It 'name an invalid resource' {
            Connect-Tenant
            foreach ($resource in 'Defendr', 'https://graph.microsoft.com/.default https://vault.azure.net/.default',
                ' ', '://') {
                $failure = Get-Failure { Get-FdxToken -Resource $resource }
                Assert-Failure $failure 'Fdx.Settings.InvalidResource' 'Defender, Xdr, Graph or Arm'
            }
        }

        It 'come without a connection' {
            Assert-Failure (Get-Failure { Get-FdxMachine }) 'Fdx.Settings.NotConnected' 'Connect-Fdx'
        }
    }

    Context 'the network' {
        It 'does not reach Entra' {
            $endpoint = Get-Endpoint
            $endpoint.authority = 'http://127.0.0.1:9'
            Connect-Tenant @{ Endpoint = $endpoint; MaximumRetryCount = 0 }
            Assert-Failure (Get-Failure { Get-FdxToken }) 'Fdx.Auth.Unreachable' 'proxy'
        }

        It 'does not reach Defender' {
            $endpoint = Get-Endpoint
            $endpoint.defender = 'http://127.0.0.1:9'
            Connect-Tenant @{ Endpoint = $endpoint; MaximumRetryCount = 0 }
            Assert-Failure (Get-Failure { Get-FdxMachine }) 'Fdx.Network.Unreachable' 'firewall'
        }

        It 'has a proxy that cannot be used, and does not repeat its password' {
            $failure = Get-Failure { Connect-Tenant @{ Proxy = 'socks5://user:fake-password@proxy.example:1080' } }
            Assert-Failure $failure 'Fdx.Settings.InvalidProxy' 'SOCKS'
            "$failure" | Should -Not -Match 'fake-password'
        }
    }
}
