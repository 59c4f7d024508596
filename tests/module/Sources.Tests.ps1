Describe 'Where a token comes from' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant '--page-size', '1000'
        $hosts = @{
            AppService    = @{ IDENTITY_ENDPOINT = $Fake.identityEndpoint; IDENTITY_HEADER = $Fake.identityHeader }
            Arc           = @{ IDENTITY_ENDPOINT = $Fake.arcIdentityEndpoint; IMDS_ENDPOINT = $Fake.arcImdsEndpoint }
            ServiceFabric = @{
                IDENTITY_ENDPOINT = $Fake.fabricIdentityEndpoint; IDENTITY_HEADER = $Fake.fabricHeader
                IDENTITY_SERVER_THUMBPRINT = $Fake.fabricThumbprint
            }
            CloudShell    = @{ MSI_ENDPOINT = $Fake.cloudShellEndpoint }
        }
    }

    AfterAll {
        Set-HostVariable
        Stop-FakeTenant
    }

    BeforeEach {
        Reset-Tenant
        $direct = @{ Endpoint = Get-Endpoint; MaximumRetryCount = 1 }
        $app = $direct + @{ TenantId = $Fake.tenants[0].tenantId; ClientId = $Fake.clientId }
    }

    AfterEach { (Get-Report).violations | Should -BeNullOrEmpty }

    Context 'Azure Automation and Azure Machine Learning' {
        It 'reads in a runbook, whose endpoint requires one more header' {
            Set-HostVariable @{
                IDENTITY_ENDPOINT = $Fake.automationIdentityEndpoint; IDENTITY_HEADER = $Fake.identityHeader
                AZUREPS_HOST_ENVIRONMENT = 'AzureAutomation'
            }
            Connect-Fdx @app -ManagedIdentityClientId $Fake.managedIdentity.clientId
            @(Get-FdxVulnerability -First 10).Count | Should -Be 10
            Connect-Fdx @direct
            @(Get-FdxMachine -First 3).Count | Should -Be 3
        }

        It 'reads with the endpoint of 2017, only by client id or by the host''s default identity' {
            Set-HostVariable @{ MSI_ENDPOINT = $Fake.machineLearningEndpoint; MSI_SECRET = $Fake.identityHeader }
            Connect-Fdx @app -ManagedIdentityClientId $Fake.managedIdentity.clientId
            @(Get-FdxVulnerability -First 10).Count | Should -Be 10
            Connect-Fdx @app -ManagedIdentityObjectId $Fake.managedIdentity.objectId
            Get-ErrorId (Get-Failure { Get-FdxToken }) | Should -Be 'Fdx.Identity.SelectorNotSupported'
            $env:DEFAULT_IDENTITY_CLIENT_ID = $Fake.managedIdentity.clientId
            Connect-Fdx @app -Identity
            (Get-FdxToken).AppId | Should -Be $Fake.clientId
            $env:MSI_SECRET = 'fake-wrong-secret'
            $failure = Get-Failure { Disconnect-Fdx -ClearTokenCache; Connect-Fdx @app -Identity; Get-FdxToken }
            Get-ErrorId $failure | Should -Be 'Fdx.Identity.Refused'
        }
    }

    Context 'A redirect' {
        It 'is not followed with a secret in the request to <service>: <id>' -ForEach @(
            @{ service = 'identity'; id = 'Fdx.Identity.Unavailable'; place = { $hosts.AppService } }
            @{ service = 'fabric'; id = 'Fdx.Identity.Unavailable'; place = { $hosts.ServiceFabric } }
            @{ service = 'imds'; id = 'Fdx.Identity.Unavailable'; place = { @{} } }
            @{ service = 'authority'; id = 'Fdx.Auth.Failed'; place = { $hosts.AppService } }
        ) {
            Set-HostVariable (. $place)
            # The metadata service gets a probe first; its second request is the one for a token.
            $redirect = @{ name = 'status'; code = 307; location = "$($Fake.foreign)/x"; times = 9 }
            Add-Fault ($redirect + @{ service = $service; skip = [int] ($service -eq 'imds') })
            Connect-Fdx @app -Identity
            Get-ErrorId (Get-Failure { Get-FdxToken }) | Should -Be $id
            (Get-Report).foreign | Should -BeNullOrEmpty
        }
    }

    Context 'Azure Arc' {
        BeforeEach { Set-HostVariable $hosts.Arc }

        It 'reads with the identity chosen by <by>' -ForEach @(
            @{ by = 'ManagedIdentityClientId'; id = 'clientId' }
            @{ by = 'ManagedIdentityObjectId'; id = 'objectId' }
            @{ by = 'ManagedIdentityResourceId'; id = 'resourceId' }
        ) {
            $chosen = @{ $by = $Fake.managedIdentity.$id }
            Connect-Fdx @app @chosen
            @(Get-FdxVulnerability -First 10).Count | Should -Be 10
            Get-Count arc | Should -Be 2
            Get-ChildItem $Fake.arcTokenDirectory | Should -BeNullOrEmpty
        }

        It 'uses the server''s own identity directly, and warns before it is exchanged that it is system-assigned' {
            Connect-Fdx @direct
            @(Get-FdxMachine -First 3).Count | Should -Be 3
            Connect-Fdx @app -Identity
            (Test-FdxConnection | Where-Object Id -eq Fdx.Identity.SystemAssigned).Result | Should -Be Warning
        }

        It 'refuses the token of an agent that is too old to know the identity' {
            Set-World @{ arc = @{ honoursSelector = $false } }
            Connect-Fdx @app -ManagedIdentityClientId $Fake.managedIdentity.clientId
            $failure = Get-Failure { Get-FdxToken }
            Get-ErrorId $failure | Should -Be 'Fdx.Arc.IdentityIgnored'
            $failure.ErrorDetails.RecommendedAction | Should -Match 'Update'
            Get-Count exchanges | Should -Be 0
        }

        It 'reads no file except a key file of the agent: <name>' -ForEach @(
            @{ name = 'another folder'; header = 'Basic realm=/etc/shadow' }
            @{ name = 'a path out of the folder'; header = 'Basic realm={directory}/../secret.key' }
            @{ name = 'another type of file'; header = 'Basic realm={directory}/notes.txt' }
            @{ name = 'no challenge at all'; header = '' }
        ) {
            Add-Fault @{ service = 'arc'; name = 'challenge'; body = $header; times = 9 }
            Connect-Fdx @app -ManagedIdentityClientId $Fake.managedIdentity.clientId
            Get-ErrorId (Get-Failure { Get-FdxToken }) | Should -Be 'Fdx.Arc.InvalidChallenge'
        }

        It 'reads no key file that is too large for a key' {
            Add-Fault @{ service = 'arc'; name = 'big-key' }
            Connect-Fdx @app -ManagedIdentityClientId $Fake.managedIdentity.clientId
            $failure = Get-Failure { Get-FdxToken }
            Get-ErrorId $failure | Should -Be 'Fdx.Arc.InvalidChallenge'
            "$failure" | Should -Match '5000 bytes'
        }
    }

    Context 'Service Fabric' {
        It 'reads over TLS from the server with the named certificate' {
            Set-HostVariable $hosts.ServiceFabric
            Connect-Fdx @app
            @(Get-FdxVulnerability -First 10).Count | Should -Be 10
        }

        It 'sends nothing to a server with another certificate' {
            Set-HostVariable ($hosts.ServiceFabric + @{})
            $env:IDENTITY_SERVER_THUMBPRINT = '00' * 20
            Connect-Fdx @app
            $failure = Get-Failure { Get-FdxToken }
            Get-ErrorId $failure | Should -Be 'Fdx.ServiceFabric.WrongCertificate'
            Get-Count fabric-connections | Should -Be 0
            Get-Count fabric | Should -Be 0
        }

        It 'sends nothing over http, and nothing with an invalid thumbprint' {
            Set-HostVariable ($hosts.ServiceFabric + @{})
            $env:IDENTITY_ENDPOINT = $Fake.identityEndpoint
            Connect-Fdx @app
            Get-ErrorId (Get-Failure { Get-FdxToken }) | Should -Be 'Fdx.Identity.InvalidEndpoint'
            Set-HostVariable ($hosts.ServiceFabric + @{})
            $env:IDENTITY_SERVER_THUMBPRINT = 'abc'
            Get-ErrorId (Get-Failure { Get-FdxToken }) | Should -Be 'Fdx.ServiceFabric.InvalidThumbprint'
            Get-Count identity | Should -Be 0
        }

        It 'has one identity, which cannot be chosen' {
            Set-HostVariable $hosts.ServiceFabric
            Connect-Fdx @app -ManagedIdentityClientId $Fake.managedIdentity.clientId
            Get-ErrorId (Get-Failure { Get-FdxToken }) | Should -Be 'Fdx.Identity.SelectorNotSupported'
        }
    }

    Context 'Cloud Shell' {
        BeforeEach { Set-HostVariable $hosts.CloudShell }

        It 'says that a user''s token cannot be exchanged, and requests none' {
            Connect-Fdx @app
            $failure = Get-Failure { Get-FdxToken }
            Get-ErrorId $failure | Should -Be 'Fdx.Identity.CloudShell'
            "$failure" | Should -Match 'AADSTS700229'
            Get-Count cloudshell | Should -Be 0
        }

        It 'returns the user''s own token for direct use' {
            Connect-Fdx @direct
            (Get-FdxToken -Resource https://management.azure.com).Roles | Should -BeNullOrEmpty
            Get-Count cloudshell | Should -Be 1
        }
    }

    Context 'Certificate' {
        BeforeEach {
            Set-HostVariable
            $text = 'fake-password "quoted" ü'
            $made = New-AppCertificate $text
            $password = ConvertTo-Secure $text
            $pfx = Join-Path $TestDrive collector.pfx
            $pem = Join-Path $TestDrive collector.pem
            [IO.File]::WriteAllBytes($pfx, $made.Pfx)
            Set-Content $pem ($made.Pem + $made.KeyPem)
        }

        It 'reads with a PFX and its password' {
            Connect-Fdx @app -CertificatePath $pfx -CertificatePassword $password
            @(Get-FdxVulnerability -First 10).Count | Should -Be 10
            (Get-FdxConnection).Identity | Should -Match 'Certificate'
        }

        It 'reads with a PFX that .NET wrote' {
            Skip-OnWine 'exports no key'
            [IO.File]::WriteAllBytes($pfx, (New-AppCertificateObject).Export('Pkcs12', $password))
            Connect-Fdx @app -CertificatePath $pfx -CertificatePassword $password
            (Get-FdxToken).AppId | Should -Be $Fake.clientId
        }

        It 'reads with a PEM file, relative to PowerShell''s current location' {
            Push-Location $TestDrive
            try { Connect-Fdx @app -CertificatePath ./collector.pem } finally { Pop-Location }
            @(Get-FdxVulnerability -First 10).Count | Should -Be 10
        }

        It 'uses a renewed file without connecting again' {
            Connect-Fdx @app -CertificatePath $pem
            $null = Get-FdxToken
            $renewed = New-AppCertificate
            Get-ErrorId (Get-Failure { Get-FdxToken -Force }) | Should -Be 'Fdx.Auth.CertificateNotRegistered'
            Set-Content $pem ($renewed.Pem + $renewed.KeyPem)
            (Get-FdxToken -Force).AppId | Should -Be $Fake.clientId
            # While the file is being replaced, the earlier certificate is used.
            Set-Content $pem 'half a file'
            Set-World @{ app = @{ certificates = @([Convert]::ToBase64String($made.Raw)) } }
            (Get-FdxToken -Force).AppId | Should -Be $Fake.clientId
        }

        It 'says what is wrong with it when connecting: <id>' -ForEach @(
            @{
                id = 'Fdx.Certificate.WrongPassword'
                arguments = { @{ CertificatePath = $pfx; CertificatePassword = ConvertTo-Secure 'other' } }
            }
            @{ id = 'Fdx.Certificate.PasswordMissing'; arguments = { @{ CertificatePath = $pfx } } }
            @{ id = 'Fdx.Certificate.Unreadable'; arguments = { @{ CertificatePath = Join-Path $TestDrive none.pfx } } }
            @{ id = 'Fdx.Certificate.Unreadable'; arguments = { @{ CertificatePath = 'Env:PATH' } } }
            @{ id = 'Fdx.Workload.FileUnreadable'; arguments = { @{ FederatedTokenFile = 'Variable:HOME' } } }
            @{
                id = 'Fdx.Certificate.KeyMissing'
                arguments = { Set-Content $pem $made.Pem; @{ CertificatePath = $pem } }
            }
            @{
                id = 'Fdx.Certificate.KeyMissing'
                arguments = { [IO.File]::WriteAllBytes($pfx, $made.Raw); @{ CertificatePath = $pfx } }
            }
            @{
                id = 'Fdx.Certificate.Invalid'
                arguments = { Set-Content $pem 'no certificate'; @{ CertificatePath = $pem } }
            }
            @{
                id = 'Fdx.Certificate.KeyMissing'
                arguments = {
                    $loader = [Security.Cryptography.X509Certificates.X509CertificateLoader]
                    @{ Certificate = $loader::LoadCertificate($made.Raw) }
                }
            }
        ) {
            $given = . $arguments
            $failure = Get-Failure { Connect-Fdx @app @given }
            Get-ErrorId $failure | Should -Be $id
            $failure.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
        }
    }

    Context 'Client secret' {
        It 'reads with a credential whose user is the app' {
            Set-HostVariable
            $app.Remove('ClientId')
            Connect-Fdx @app -Credential ([pscredential]::new($Fake.clientId, (ConvertTo-Secure $Fake.clientSecret)))
            @(Get-FdxVulnerability -First 10).Count | Should -Be 10
            (Get-FdxConnection).ClientId | Should -Be $Fake.clientId
            $secretId = (Invoke-Control GET /world).app.secrets[0].id
            Connect-Fdx @app -Credential ([pscredential]::new($Fake.clientId, (ConvertTo-Secure $secretId)))
            $failure = Get-Failure { Get-FdxToken }
            Get-ErrorId $failure | Should -Be 'Fdx.Auth.SecretWrong'
            $failure.ErrorDetails.RecommendedAction | Should -Match 'not its id'
        }
    }

    Context 'Client assertion' {
        BeforeEach {
            Set-HostVariable
            Add-FederatedCredential https://oidc.example.net/cluster/ vault
            $global:Asked = 0
        }

        AfterEach { Remove-Variable Asked -Scope Global -ErrorAction Ignore }

        It 'reads with a given one until it has expired' {
            Connect-Fdx @app -ClientAssertion (ConvertTo-Secure (New-ForeignToken vault))
            @(Get-FdxVulnerability -First 10).Count | Should -Be 10
            Connect-Fdx @app -ClientAssertion (ConvertTo-Secure (New-ForeignToken vault -60))
            $failure = Get-Failure { Get-FdxToken -Force }
            Get-ErrorId $failure | Should -Be 'Fdx.Assertion.Expired'
            $failure.ErrorDetails.RecommendedAction | Should -Match 'ClientAssertionScript'
        }

        It 'runs the script block when one is needed, on the pipeline thread, and once for all tenants' {
            $app.TenantId = $Fake.tenants.tenantId
            $thread = [Environment]::CurrentManagedThreadId
            Connect-Fdx @app -ClientAssertionScript {
                $global:Asked++
                $global:Thread = [Environment]::CurrentManagedThreadId
                New-ForeignToken vault
            }
            $global:Asked | Should -Be 0
            @(Get-FdxVulnerability | ForEach-Object TenantId | Sort-Object -Unique).Count | Should -Be 3
            $global:Asked | Should -Be 1
            $global:Thread | Should -Be $thread
            $null = Get-FdxToken
            $global:Asked | Should -Be 1
        }

        It 'accepts a SecureString from it' {
            Connect-Fdx @app -ClientAssertionScript { ConvertTo-Secure (New-ForeignToken vault) }
            (Get-FdxToken).AppId | Should -Be $Fake.clientId
        }

        It 'runs it again between pages when both tokens have ended' {
            Set-Customer @{ tokenLifetime = 3; vulnerabilityRows = 4000 }
            Connect-Fdx @app -ClientAssertionScript { $global:Asked++; New-ForeignToken vault 3 }
            Add-Fault @{ service = 'defender'; name = 'slow'; delayMs = 1300; times = 4 }
            @(Get-FdxVulnerability).Count | Should -Be 4000
            $global:Asked | Should -BeGreaterThan 1
        }

        It 'ends with the pipeline while the script block works' {
            $connection = Connect-Fdx @app -ClientAssertionScript { $env:FAKE_ASKED = 1; Start-Sleep 60 } -PassThru
            $shell = [powershell]::Create()
            $script = 'param($c) Import-Module FedXdr; Get-FdxToken -Connection $c'
            $null = $shell.AddScript($script).AddArgument($connection)
            $clock = [Diagnostics.Stopwatch]::StartNew()
            $running = $shell.BeginInvoke()
            while (-not $env:FAKE_ASKED -and $clock.Elapsed.TotalSeconds -lt 20) { Start-Sleep -Milliseconds 5 }
            $env:FAKE_ASKED | Should -Be 1
            $env:FAKE_ASKED = $null
            $shell.Stop()
            $clock.Elapsed.TotalSeconds | Should -BeLessThan 30
            $running.IsCompleted | Should -BeTrue
            $shell.Dispose()
        }

        It 'reports why it returned none, and runs again the next time: <said>' -ForEach @(
            @{ said = 'no vault today'; script = { throw 'no vault today' } }
            @{ said = 'it gave nothing'; script = { } }
            @{ said = 'neither one string'; script = { 1, 2 } }
            @{ said = 'uses the connection that it is for'; script = { Get-FdxToken -AsPlainText } }
        ) {
            Connect-Fdx @app -ClientAssertionScript $script
            $failure = Get-Failure { Get-FdxToken }
            Get-ErrorId $failure | Should -Be 'Fdx.Assertion.ScriptFailed'
            "$failure" | Should -Match $said
            Get-ErrorId (Get-Failure { Get-FdxToken }) | Should -Be 'Fdx.Assertion.ScriptFailed'
        }

        It 'runs as a copy of its text in other runspaces' {
            $env:FAKE_ASSERTION = New-ForeignToken vault
            $connection = Connect-Fdx @app -ClientAssertionScript { $env:FAKE_ASSERTION } -PassThru
            $found = 1..4 | ForEach-Object -ThrottleLimit 4 -Parallel {
                Import-Module FedXdr
                (Get-FdxToken -Connection $using:connection -Force).AppId
            }
            $env:FAKE_ASSERTION = $null
            $found | Should -Be (, $Fake.clientId * 4)
        }

        It 'does not wait for a stalled pipeline' {
            Set-Customer @{ tokenLifetime = 2 }
            Connect-Fdx @app -ClientAssertionScript { $global:Asked++; New-ForeignToken vault 2 }
            # The outer query is stalled while the inner one needs an assertion.
            $counts = Get-FdxMachine -First 2 | ForEach-Object {
                Get-FdxToken -Force | Out-Null
                @(Get-FdxVulnerability -First 5).Count
            }
            $counts | Should -Be 5, 5
        }
    }

    Context 'Access token' {
        It 'is used as it is, for the API that it is for' {
            Connect-Tenant
            $ready = (Get-FdxToken).Token
            $exchanges = Get-Count exchanges
            Set-HostVariable
            Connect-Fdx -TenantId $Tenant -AccessToken $ready -Endpoint (Get-Endpoint)
            @(Get-FdxVulnerability -First 10).Count | Should -Be 10
            Get-ErrorId (Get-Failure { Get-FdxToken -Resource Graph }) | Should -Be 'Fdx.AccessToken.WrongAudience'
            $failure = Get-Failure { Get-FdxToken -TenantId $Fake.tenants[1].tenantId }
            Get-ErrorId $failure | Should -Be 'Fdx.AccessToken.WrongTenant'
            Connect-Fdx -AccessToken $ready -Endpoint (Get-Endpoint)
            (Get-FdxMachine -First 1).TenantId | Should -Be $Tenant
            Get-Count exchanges | Should -Be $exchanges
            Get-Count authority | Should -Be $exchanges
        }
    }

    Context 'Detection' {
        It 'finds <what>' -ForEach @(
            @{
                what = 'a Kubernetes token file'
                variables = {
                    $file = Join-Path $TestDrive pod
                    Set-Content $file (New-ForeignToken pod)
                    @{ AZURE_FEDERATED_TOKEN_FILE = $file; AZURE_CLIENT_ID = $Fake.clientId }
                }
            }
            @{
                what = 'a GitHub Actions job'
                variables = {
                    @{
                        ACTIONS_ID_TOKEN_REQUEST_URL   = $Fake.builds.ACTIONS_ID_TOKEN_REQUEST_URL
                        ACTIONS_ID_TOKEN_REQUEST_TOKEN = $Fake.builds.ACTIONS_ID_TOKEN_REQUEST_TOKEN
                    }
                }
            }
            @{
                what = 'an Azure Pipelines job'
                variables = {
                    @{
                        SYSTEM_OIDCREQUESTURI                   = $Fake.builds.SYSTEM_OIDCREQUESTURI
                        SYSTEM_ACCESSTOKEN                      = $Fake.builds.SYSTEM_ACCESSTOKEN
                        AZURESUBSCRIPTION_SERVICE_CONNECTION_ID = $Fake.serviceConnectionId
                    }
                }
            }
            @{
                what = 'App Service or Automation'
                variables = {
                    $hosts.AppService + $identity + @{ MSI_ENDPOINT = $Fake.foreign; MSI_SECRET = 'fake-old-secret' }
                }
            }
            @{ what = 'Service Fabric'; variables = { $hosts.ServiceFabric } }
            @{ what = 'Azure Arc'; variables = { $hosts.Arc + $identity } }
            @{ what = 'the instance metadata service'; variables = { $identity } }
        ) {
            $identity = @{ AZURE_CLIENT_ID = $Fake.managedIdentity.clientId }
            Add-FederatedCredential https://oidc.example.net/cluster/ pod
            $issuer = 'https://token.actions.githubusercontent.com'
            Add-FederatedCredential $issuer 'repo:org@1/collector@2:ref:refs/heads/main'
            $issuer = 'https://vstoken.dev.azure.com/0de00000-0000-4000-8000-000000000001'
            Add-FederatedCredential $issuer sc://org/project/collector
            Set-HostVariable (. $variables)
            Connect-Fdx @app
            $said = (Get-FdxToken -Verbose 4>&1) -join "`n"
            $said | Should -Match "found $what"
            $said | Should -Match 'got a token for https://api\.securitycenter'
            (Get-FdxConnection).Identity | Should -Match 'Detected'
        }

        It 'does not guess if only half of an endpoint''s variables are set' {
            Set-HostVariable @{ IDENTITY_ENDPOINT = $Fake.identityEndpoint }
            Connect-Fdx @app
            $failure = Get-Failure { Get-FdxToken }
            Get-ErrorId $failure | Should -Be 'Fdx.Identity.VariablesMixed'
            $failure.ErrorDetails.RecommendedAction | Should -Match 'IDENTITY_HEADER'
        }

        It 'uses only the managed identity with -Identity' {
            $others = @{ AZURE_FEDERATED_TOKEN_FILE = '/nowhere'; AZURE_CLIENT_ID = $Fake.managedIdentity.clientId }
            Set-HostVariable ($hosts.AppService + $others)
            Connect-Fdx @app -Identity
            Get-ErrorId (Get-Failure { Get-FdxToken }) | Should -Be 'Fdx.Auth.SubjectMismatch'
            Get-Count identity | Should -Be 1
        }
    }

    Context 'Clouds' {
        It 'reads in <cloud>' -ForEach @{ cloud = 'GCC' }, @{ cloud = 'USGov' }, @{ cloud = 'USGovDoD' } {
            Set-World @{ cloud = $cloud }
            Connect-Fdx @app -ManagedIdentityClientId $Fake.managedIdentity.clientId -Environment $cloud.ToLower()
            @(Get-FdxVulnerability -First 10).Count | Should -Be 10
            (Get-FdxConnection).Environment | Should -BeExactly $cloud
        }

        It 'says which API China does not have, and returns a token for one that it has' {
            Set-World @{ cloud = 'China' }
            $app.Endpoint = @{ authority = $Fake.authority }
            Connect-Fdx @app -ManagedIdentityClientId $Fake.managedIdentity.clientId -Environment China
            $failure = Get-Failure { Get-FdxVulnerability }
            Get-ErrorId $failure | Should -Be 'Fdx.Settings.ApiNotInCloud'
            "$failure" | Should -Match 'Defender.*China'
            (Get-FdxToken -Resource Graph).Audience | Should -Match 'chinacloudapi'
        }

        It 'accepts a region of Defender, and names the valid ones if it is unknown' {
            { Connect-Fdx @app -Geo EU } | Should -Not -Throw
            $failure = Get-Failure { Connect-Fdx @app -Geo mars }
            Get-ErrorId $failure | Should -Be 'Fdx.Settings.InvalidGeo'
            $failure.ErrorDetails.RecommendedAction | Should -Match 'us, eu, uk'
        }
    }

    Context 'Token cache' {
        It 'keeps a token only for one query with -TokenCache None' {
            Connect-Tenant @{ TokenCache = 'None' }
            @(Get-FdxVulnerability -First 3000).Count | Should -Be 3000
            Get-Count exchanges | Should -Be 1
            (Get-FdxToken).FromCache | Should -BeFalse
            (Get-FdxToken).FromCache | Should -BeFalse
            Get-Count exchanges | Should -Be 3
            (Get-FdxConnection).Tokens | Should -BeNullOrEmpty
        }

        It 'answers a claims challenge with one exchange' {
            Connect-Tenant
            $null = Get-FdxToken
            Add-Fault @{ service = 'defender'; name = 'claims-challenge'; times = 9 }
            @(Get-FdxVulnerability -First 10).Count | Should -Be 10
            Get-Count claims | Should -Be 1
            Get-Count exchanges | Should -Be 2
        }
    }
}
