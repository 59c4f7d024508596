Describe 'Test-FdxConnection' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant

        function Get-Result([object[]] $Checks, [string] $Name) { ($Checks | Where-Object Check -eq $Name).Result }
    }

    AfterAll {
        Set-HostVariable
        Stop-FakeTenant
    }

    BeforeEach { Reset-Tenant }

    AfterEach { (Get-Report).violations | Should -BeNullOrEmpty }

    It 'passes every check when everything works, and shows what the federated credential must contain' {
        Connect-Tenant
        $checks = Test-FdxConnection
        @($checks | Where-Object Result -ne Passed) | Should -BeNullOrEmpty
        $names = 'Connection Identity Assertion TokenEndpoint App Credential Resource Roles Answer Licence'
        ($checks.Check -join ' ') | Should -Be $names
        $assertion = ($checks | Where-Object Check -eq Assertion).Detail
        $assertion | Should -Match $Fake.managedIdentity.objectId
        $assertion | Should -Match "https://login.microsoftonline.com/$($Fake.homeTenantId)/v2.0"
        # The audience of the credential, not the one that the token shows.
        $assertion | Should -Match 'audience api://AzureADTokenExchange$'
        $messages = & { Disconnect-Fdx -ClearTokenCache; Connect-Tenant; Get-FdxToken -Verbose } 4>&1
        "$messages" | Should -Match 'audience api://AzureADTokenExchange\.'
        "$messages $assertion" | Should -Not -Match 'fb60f99c'
        Test-FdxConnection -Quiet | Should -BeTrue
    }

    It 'names the check that fails, why, and the fix: <id>' -ForEach @(
        @{
            id = 'Fdx.Auth.AppNotConsented'; check = 'App'; fix = 'adminconsent'
            change = { Set-Customer @{ consented = $false } }
        }
        @{
            id = 'Fdx.Auth.AppNotMultiTenant'; check = 'App'; fix = 'AzureADMultipleOrgs'
            change = { Set-World @{ app = @{ multiTenant = $false } } }
        }
        @{
            id = 'Fdx.Auth.FederatedCredentialMissing'; check = 'Credential'; fix = 'federated-credential create'
            change = { Set-World @{ app = @{ federatedCredentials = @() } } }
        }
        @{
            id = 'Fdx.Auth.SubjectMismatch'; check = 'Credential'; fix = 'Object \(principal\) ID'
            change = {
                $credential.subject = $Fake.managedIdentity.clientId
                Set-World @{ app = @{ federatedCredentials = @($credential) } }
            }
        }
        @{
            id = 'Fdx.Auth.IssuerMismatch'; check = 'Credential'; fix = 'no trailing slash'
            change = {
                $credential.issuer += '/'
                Set-World @{ app = @{ federatedCredentials = @($credential) } }
            }
        }
        @{
            id = 'Fdx.Auth.ResourceNotInTenant'; check = 'Resource'; fix = 'fc780465'
            change = { Set-Customer @{ defenderProvisioned = $false } }
        }
        @{
            id = 'Fdx.Api.RoleMissing'; check = 'Roles'; fix = 'application permission'
            change = { Set-Customer @{ roles = @() } }
        }
        @{
            id = 'Fdx.Identity.UnknownIdentity'; check = 'Identity'; fix = 'Assign the identity'
            change = { Connect-Tenant @{ ManagedIdentityClientId = "$([guid]::NewGuid())" } }
        }
        @{
            id = 'Fdx.Identity.Refused'; check = 'Identity'; fix = 'MSI_ENDPOINT'
            change = { $env:IDENTITY_HEADER = 'fake-wrong-header' }
        }
    ) {
        $credential = @{
            issuer   = "https://login.microsoftonline.com/$($Fake.homeTenantId)/v2.0"
            subject  = $Fake.managedIdentity.objectId
            audience = 'api://AzureADTokenExchange'
        }
        Connect-Tenant
        . $change
        $checks = Test-FdxConnection
        $failed = @($checks | Where-Object Result -eq Failed)
        $failed[0].Check | Should -Be $check
        $failed[0].Id | Should -Be $id
        $failed[0].Fix | Should -Match $fix
        $failed[0].Fix | Should -Not -Match '\{\w+\}'
        # A check that could not run must not pass.
        $passed = @($checks | Where-Object Result -eq Passed).Check
        $passed | Where-Object { $_ -in 'Answer', 'Licence' } | Should -BeNullOrEmpty
        Test-FdxConnection -Quiet | Should -BeFalse
    }

    It 'distinguishes a missing licence from a missing role' {
        Set-Customer @{ licensed = $false }
        Connect-Tenant
        $checks = Test-FdxConnection -Resource Vulnerability
        Get-Result $checks Roles | Should -Be Passed
        Get-Result $checks Answer | Should -Be Passed
        ($checks | Where-Object Check -eq Licence).Id | Should -Be 'Fdx.Api.NotLicensed'
    }

    It 'checks several tenants in parallel, each with its own result' {
        Set-Customer @{ consented = $false } 1
        Set-Customer @{ slowMs = 800 } 0
        Set-Customer @{ slowMs = 800 } 2
        Connect-Tenant @{ TenantId = $Fake.tenants.tenantId }
        $clock = [Diagnostics.Stopwatch]::StartNew()
        $checks = Test-FdxConnection
        $clock.ElapsedMilliseconds | Should -BeLessThan 1500
        @($checks | Where-Object Result -eq Failed).TenantId | Should -Be $Fake.tenants[1].tenantId
        @($checks | Where-Object { $_.Check -eq 'Answer' -and $_.Result -eq 'Passed' }).Count | Should -Be 2
        @($checks | Where-Object { -not $_.TenantId }).Check | Should -Be 'Connection', 'Identity', 'Assertion'
        Get-Count identity | Should -Be 1
    }

    It 'checks each requested API' {
        Connect-Tenant
        $checks = Test-FdxConnection -Resource Defender, Xdr, Graph, Arm, Machine, Vulnerability
        @($checks | Where-Object Result -eq Failed) | Should -BeNullOrEmpty
        $answered = ($checks | Where-Object Check -eq Answer).Resource
        $answered | Should -Be 'Defender', 'Machine', 'Vulnerability', 'Xdr', 'Graph', 'Arm'
        Get-Result ($checks | Where-Object Resource -eq Arm) Roles | Should -Be Skipped
        Get-ErrorId (Get-Failure { Test-FdxConnection -Resource Nothing }) | Should -Be 'Fdx.Settings.InvalidResource'
    }

    It 'counts roles that were granted a moment ago' {
        Set-Customer @{ roles = @('Machine.Read.All') }
        Connect-Tenant
        Get-Result (Test-FdxConnection -Resource Vulnerability) Roles | Should -Be Failed
        Set-Customer @{ roles = @('Machine.Read.All', 'Vulnerability.Read.All') }
        Get-Result (Test-FdxConnection -Resource Vulnerability) Roles | Should -Be Passed
    }

    It 'completes what it can check: each API, and what each data cmdlet reads' {
        $line = 'Test-FdxConnection -Resource '
        $names = (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText
        $names[0..3] | Should -Be 'Defender', 'Xdr', 'Graph', 'Arm'
        $commands = Get-Command Get-Fdx*, Invoke-FdxHunting -Module FedXdr
        $nouns = ($commands | Where-Object { $_.Parameters.ContainsKey('Raw') }).Noun
        $names | Select-Object -Skip 4 | Should -Be @($nouns -replace '^Fdx' | Sort-Object)
        Grant-Everything
        Connect-Tenant
        @(Test-FdxConnection -Resource $names | Where-Object Result -eq Failed) | Should -BeNullOrEmpty
    }

    It 'warns of a system-assigned identity and continues' {
        $issuer = "https://login.microsoftonline.com/$($Fake.homeTenantId)/v2.0"
        Add-FederatedCredential $issuer $Fake.systemIdentity.objectId
        Connect-Tenant @{ ManagedIdentityClientId = $null }
        $checks = Test-FdxConnection
        $warning = $checks | Where-Object Result -eq Warning
        $warning.Id | Should -Be 'Fdx.Identity.SystemAssigned'
        $warning.Fix | Should -Match '-ManagedIdentityClientId'
        Get-Result $checks Answer | Should -Be Passed
        Test-FdxConnection -Quiet | Should -BeTrue
    }

    It 'checks an identity that is used directly' {
        Connect-Fdx -Identity -Endpoint (Get-Endpoint)
        $checks = Test-FdxConnection
        @($checks | Where-Object Result -in Failed, Warning) | Should -BeNullOrEmpty
        Get-Result $checks Answer | Should -Be Passed
    }

    It 'checks a connection with a <kind>' -ForEach @(
        @{
            kind = 'secret'
            connect = {
                $secret = ConvertTo-Secure $Fake.clientSecret
                Connect-Fdx -TenantId $Tenant @endpoint -Credential ([pscredential]::new($Fake.clientId, $secret))
            }
        }
        @{
            kind = 'certificate'
            connect = {
                $pem = Join-Path $TestDrive app.pem
                $made = New-AppCertificate
                Set-Content $pem ($made.Pem + $made.KeyPem)
                Connect-Fdx -TenantId $Tenant -ClientId $Fake.clientId @endpoint -CertificatePath $pem
            }
        }
        @{
            kind = 'token'
            connect = {
                Connect-Tenant
                Connect-Fdx -AccessToken (Get-FdxToken).Token @endpoint
            }
        }
    ) {
        $endpoint = @{ Endpoint = Get-Endpoint }
        . $connect
        $checks = Test-FdxConnection
        @($checks | Where-Object Result -in Failed, Warning) | Should -BeNullOrEmpty
        Get-Result $checks Answer | Should -Be Passed
    }

    It 'works without a connection: says so, and checks the host''s identity' {
        $checks = Test-FdxConnection
        $checks[0].Check | Should -Be Connection
        $checks[0].Result | Should -Be Failed
        $checks[0].Fix | Should -Match 'Connect-Fdx'
        $assertion = $checks | Where-Object { $_.Check -eq 'Assertion' -and $_.Result -eq 'Passed' }
        $assertion.Detail | Should -Match $Fake.systemIdentity.objectId
        Test-FdxConnection -Quiet | Should -BeFalse
    }

    It 'works when nothing works' {
        Set-HostVariable @{ AZURE_POD_IDENTITY_AUTHORITY_HOST = 'http://127.0.0.1:9' }
        $checks = Test-FdxConnection
        ($checks | Where-Object Check -eq Identity)[-1].Id | Should -Be 'Fdx.Identity.NotFound'
        Get-Result $checks Assertion | Should -Be Skipped
        $endpoint = Get-Endpoint
        $endpoint.authority = 'http://127.0.0.1:9'
        Set-HostVariable @{ IDENTITY_ENDPOINT = $Fake.identityEndpoint; IDENTITY_HEADER = $Fake.identityHeader }
        Connect-Tenant @{ Endpoint = $endpoint; MaximumRetryCount = 0 }
        $checks = Test-FdxConnection
        ($checks | Where-Object Result -eq Failed).Id | Should -Be 'Fdx.Auth.Unreachable'
        $skipped = @($checks | Where-Object Result -eq Skipped).Check
        $skipped | Should -Be 'App', 'Credential', 'Resource', 'Roles', 'Answer', 'Licence'
    }

    It 'warns if the platform is configured to give no identity' {
        Connect-Tenant
        $env:WEBSITE_DISABLE_MSI = 'true'
        $warning = Test-FdxConnection | Where-Object Result -eq Warning
        $warning.Id | Should -Be 'Fdx.Identity.Disabled'
        $warning.Fix | Should -Match 'WEBSITE_DISABLE_MSI'
    }

    It 'warns if the host is in another cloud' {
        Connect-Tenant
        $env:AZURE_AUTHORITY_HOST = 'https://login.microsoftonline.us/'
        $warning = Test-FdxConnection | Where-Object Result -eq Warning
        $warning.Id | Should -Be 'Fdx.Settings.OtherCloud'
        $warning.Fix | Should -Match '-Environment'
        $env:AZURE_AUTHORITY_HOST = 'https://login.windows.net'
        Test-FdxConnection | Where-Object Result -eq Warning | Should -BeNullOrEmpty
    }

    It 'accepts tenants from the pipeline' {
        Connect-Tenant
        $checks = $Fake.tenants | Test-FdxConnection
        @($checks | Where-Object Check -eq Answer).TenantId | Should -Be $Fake.tenants.tenantId
        $Fake.tenants | Test-FdxConnection -Quiet | Should -BeTrue
    }
}

Describe 'Common mistakes of scripts that request tokens themselves' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant

        # Sends the token request as a script would, and returns its error.
        function Get-HandMadeError([hashtable] $Change, [switch] $Multipart) {
            $form = @{
                client_id             = $Fake.clientId
                scope                 = 'https://api.securitycenter.microsoft.com/.default'
                grant_type            = 'client_credentials'
                client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
                client_assertion      = New-ForeignToken pod
            }
            foreach ($name in $Change.Keys) { $form[$name] = $Change[$name] }
            $arguments = @{ Method = 'Post'; Uri = "$($Fake.authority)/$Tenant/oauth2/v2.0/token"; NoProxy = $true }
            if ($Multipart) { $arguments.Form = $form } else { $arguments.Body = $form }
            try { Invoke-RestMethod @arguments } catch { $_ }
        }
    }

    AfterAll {
        Set-HostVariable
        Stop-FakeTenant
    }

    BeforeEach { Reset-Tenant }

    It 'a grant type''s URN as the assertion type' {
        $change = @{ client_assertion_type = 'urn:ietf:params:oauth:grant-type:jwt-bearer' }
        $known = Get-HandMadeError $change | Resolve-FdxError
        $known.Id | Should -Be 'Fdx.Auth.AssertionType'
        $known.Code | Should -Be 90023
        $known.Fix | Should -Match 'client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
    }

    It 'jwt-bearer as the grant type' {
        $known = Get-HandMadeError @{ grant_type = 'urn:ietf:params:oauth:grant-type:jwt-bearer' } | Resolve-FdxError
        $known.Id | Should -Be 'Fdx.Auth.GrantType'
        $known.Fix | Should -Match 'grant_type=client_credentials'
    }

    It 'a multipart body' {
        $known = Get-HandMadeError -Multipart @{} | Resolve-FdxError
        $known.Id | Should -Be 'Fdx.Auth.RequestMalformed'
        $known.Fix | Should -Match '-Body @\{.*never -Form'
    }

    It 'the variables of two endpoints mixed: <name>' -ForEach @(
        @{
            name = 'the old secret as the new header'
            variables = {
                @{
                    IDENTITY_ENDPOINT = $Fake.identityEndpoint; IDENTITY_HEADER = 'fake-old-secret'
                    MSI_ENDPOINT = "$($Fake.identityEndpoint)/old"; MSI_SECRET = 'fake-old-secret'
                }
            }
        }
        @{
            name = 'the old endpoint as the new one'
            variables = {
                @{
                    IDENTITY_ENDPOINT = $Fake.identityEndpoint; IDENTITY_HEADER = 'fake-other-header'
                    MSI_ENDPOINT = $Fake.identityEndpoint; MSI_SECRET = 'fake-old-secret'
                }
            }
        }
        @{
            name = 'half of each'
            variables = { @{ IDENTITY_HEADER = $Fake.identityHeader; MSI_ENDPOINT = $Fake.identityEndpoint } }
        }
        @{ name = 'an endpoint without its header'; variables = { @{ IDENTITY_ENDPOINT = $Fake.identityEndpoint } } }
    ) {
        Connect-Tenant
        Set-HostVariable (. $variables)
        $found = @(Test-FdxConnection | Where-Object Id -eq Fdx.Identity.VariablesMixed)
        $found.Count | Should -BeGreaterThan 0
        $found[0].Check | Should -Be Identity
        $found[0].Fix | Should -Match 'IDENTITY_ENDPOINT belongs with IDENTITY_HEADER.*MSI_ENDPOINT with MSI_SECRET'
    }

    It 'no warning if App Service sets both pairs to the same values' {
        Connect-Tenant
        Set-HostVariable @{
            IDENTITY_ENDPOINT = $Fake.identityEndpoint; IDENTITY_HEADER = $Fake.identityHeader
            MSI_ENDPOINT = $Fake.identityEndpoint; MSI_SECRET = $Fake.identityHeader
        }
        @(Test-FdxConnection | Where-Object Result -ne Passed) | Should -BeNullOrEmpty
    }

    It 'a system-assigned identity as the federated subject' {
        Connect-Tenant @{ ManagedIdentityClientId = $null }
        $checks = Test-FdxConnection
        ($checks | Where-Object Id -eq Fdx.Identity.SystemAssigned).Fix | Should -Match 'user-assigned identity'
        ($checks | Where-Object Result -eq Failed).Id | Should -Be 'Fdx.Auth.SubjectMismatch'
    }
}

Describe 'Resolve-FdxError and New-FdxConsentUrl' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant
        Reset-Tenant
    }

    AfterAll {
        Set-HostVariable
        Stop-FakeTenant
    }

    It 'explains codes, texts, ids and the newest error' {
        (Resolve-FdxError -Code 700213, 50194).Id | Should -Be 'Fdx.Auth.SubjectMismatch', 'Fdx.Auth.AppNotMultiTenant'
        (Resolve-FdxError -Message 'x AADSTS7000215: y AADSTS7000215 z').Id | Should -Be 'Fdx.Auth.SecretWrong'
        $text = 'No MSI found for specified ClientId/ResourceId.'
        (Resolve-FdxError -Message $text).Id | Should -Be 'Fdx.Identity.UnknownIdentity'
        Connect-Tenant
        Set-Customer @{ consented = $false }
        try { Get-FdxToken -ErrorAction Stop } catch { $failure = $_ }
        $known = $failure | Resolve-FdxError
        $known.Id | Should -Be 'Fdx.Auth.AppNotConsented'
        $known.Fix | Should -Match $Fake.clientId
        (Resolve-FdxError).Id | Should -Be 'Fdx.Auth.AppNotConsented'
        Get-ErrorId (Get-Failure { Resolve-FdxError -Message 'it is raining' }) | Should -Be 'Fdx.Settings.UnknownError'
        (Resolve-FdxError 'x AADSTS7000215: y').Id | Should -Be 'Fdx.Auth.SecretWrong'
        (Resolve-FdxError 700213).Id | Should -Be 'Fdx.Auth.SubjectMismatch'
        $found = 'AADSTS700213', 'x AADSTS50194 y' | Resolve-FdxError
        $found.Id | Should -Be 'Fdx.Auth.SubjectMismatch', 'Fdx.Auth.AppNotMultiTenant'
        # Neither its advice nor the error view's.
        @($failure | Resolve-FdxError).Count | Should -Be 1
    }

    It 'needs no connection' {
        Disconnect-Fdx
        (Resolve-FdxError -Code 700016).Fix | Should -Match '<client>'
        $url = New-FdxConsentUrl contoso.onmicrosoft.com $Fake.clientId -RedirectUri https://localhost/x?y -State 'a&b'
        $query = "client_id=$($Fake.clientId)&redirect_uri=https%3A%2F%2Flocalhost%2Fx%3Fy&state=a%26b"
        $page = 'https://login.microsoftonline.com/contoso.onmicrosoft.com/adminconsent'
        $url.Url | Should -Be "${page}?$query"
        $url.TenantId | Should -Be 'contoso.onmicrosoft.com'
        "$url" | Should -Be $url.Url
        $url = New-FdxConsentUrl contoso.onmicrosoft.us $Fake.clientId -Environment usgov
        $url.Url | Should -BeLike 'https://login.microsoftonline.us/*'
        $failure = Get-Failure { New-FdxConsentUrl contoso.onmicrosoft.com }
        Get-ErrorId $failure | Should -Be 'Fdx.Settings.ClientIdMissing'
        Get-ErrorId (Get-Failure { New-FdxConsentUrl '{x}' $Fake.clientId }) | Should -Be 'Fdx.Settings.InvalidTenantId'
    }

    It 'takes app and tenants of the connection' {
        Connect-Tenant @{ TenantId = $Fake.tenants.tenantId }
        @(New-FdxConsentUrl).Count | Should -Be 3
        $page = "$($Fake.tenants[0].tenantId)/adminconsent\?client_id=$($Fake.clientId)"
        (New-FdxConsentUrl)[0].Url | Should -Match $page
        # Tenant and address, and nothing else.
        $shown = New-FdxConsentUrl | Select-Object -First 1 | Out-String -Width 400
        @($shown -split '\r?\n' | Where-Object { $_ }).Count | Should -Be 2
        @($Fake.tenants.tenantId | New-FdxConsentUrl).TenantId | Should -Be $Fake.tenants.tenantId
    }
}
