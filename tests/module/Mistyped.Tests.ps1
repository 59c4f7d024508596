Describe 'Connect-Fdx with a mistake' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant

        # What a user sees who connects with these arguments and reads.
        function Get-Said([hashtable] $Arguments) {
            $failure = Get-Failure {
                Connect-Fdx @Arguments -ErrorAction Stop
                Get-FdxVulnerability -First 1 -ErrorAction Stop
            }
            [pscustomobject]@{
                Id = Get-ErrorId $failure; Message = "$failure"; Advice = $failure.ErrorDetails.RecommendedAction
            }
        }
    }

    AfterAll {
        Set-HostVariable
        Stop-FakeTenant
    }

    BeforeEach {
        Reset-Tenant
        $right = @{
            TenantId = $Tenant; ClientId = $Fake.clientId; ManagedIdentityClientId = $Fake.managedIdentity.clientId
            Endpoint = Get-Endpoint; MaximumRetryCount = 0
        }
    }

    It '<what>: <id>' -ForEach @(
        @{
            what = 'no tenant'; id = 'Fdx.Settings.TenantMissing'; advice = '-TenantId'
            change = { $right.Remove('TenantId') }
        }
        @{
            what = 'an empty credential'; id = 'Fdx.Settings.ClientIdMissing'; advice = '-ClientId'
            change = {
                $right.Remove('ManagedIdentityClientId')
                $right.Remove('ClientId')
                $right.Credential = [pscredential]::Empty
            }
        }
        @{
            what = 'a credential without a secret'; id = 'Fdx.Settings.SecretMissing'
            advice = 'value of the client secret'
            change = {
                $right.Remove('ManagedIdentityClientId')
                $right.Remove('ClientId')
                $right.Credential = [pscredential]::new($Fake.clientId, [securestring]::new())
            }
        }
        @{
            what = 'an app id with braces'; id = 'Fdx.Settings.InvalidId'
            advice = 'Application \(client\) ID.*without braces'
            change = { $right.ClientId = "{$($Fake.clientId)}" }
        }
        @{
            what = 'a tenant id with braces'; id = 'Fdx.Settings.InvalidTenantId'; advice = 'without braces'
            change = { $right.TenantId = "{$Tenant}" }
        }
        @{
            what = 'the app''s name instead of its id'; id = 'Fdx.Settings.InvalidId'
            advice = 'Application \(client\) ID'
            change = { $right.ClientId = 'Defender collector' }
        }
        @{
            what = 'a domain instead of the app''s id'; id = 'Fdx.Settings.InvalidId'; advice = 'GUID'
            change = { $right.ClientId = 'contoso.onmicrosoft.com' }
        }
        @{
            what = 'a tenant''s name instead of its domain'; id = 'Fdx.Settings.InvalidTenantId'
            advice = 'contoso\.onmicrosoft\.com'
            change = { $right.TenantId = 'contoso' }
        }
        @{
            what = 'another cloud'; id = 'Fdx.Identity.Unavailable'; advice = '-Environment'
            change = { $right.Environment = 'USGov' }
        }
        @{
            what = 'both ids swapped'; id = 'Fdx.Identity.UnknownIdentity'; advice = 'not the app''s id'
            change = {
                $right.ClientId, $right.ManagedIdentityClientId = $right.ManagedIdentityClientId, $right.ClientId
            }
        }
        @{
            what = 'the same id twice'; id = 'Fdx.Settings.SameId'; advice = 'always different'
            change = { $right.ManagedIdentityClientId = $right.ClientId }
        }
        @{
            what = 'the object id as the client id'; id = 'Fdx.Identity.UnknownIdentity'; advice = 'or the object id'
            change = { $right.ManagedIdentityClientId = $Fake.managedIdentity.objectId }
        }
        @{
            what = 'an expired token file'; id = 'Fdx.Workload.FileExpired'; advice = 'renew the file'
            change = {
                $right.Remove('ManagedIdentityClientId')
                $right.FederatedTokenFile = Join-Path $TestDrive old
                Set-Content $right.FederatedTokenFile (New-ForeignToken pod -60)
            }
        }
        @{
            what = 'a certificate without its key'; id = 'Fdx.Certificate.KeyMissing'; advice = 'contains both'
            change = {
                $right.Remove('ManagedIdentityClientId')
                $right.CertificatePath = Join-Path $TestDrive public.cer
                [IO.File]::WriteAllBytes($right.CertificatePath, (New-AppCertificate).Raw)
            }
        }
        @{
            what = 'a wrong password'; id = 'Fdx.Certificate.WrongPassword'; advice = '-CertificatePassword'
            change = {
                $right.Remove('ManagedIdentityClientId')
                $right.CertificatePath = Join-Path $TestDrive app.pfx
                $right.CertificatePassword = ConvertTo-Secure 'fake-wrong'
                [IO.File]::WriteAllBytes($right.CertificatePath, (New-AppCertificate 'fake-right').Pfx)
            }
        }
        @{
            what = 'a proxy that does not answer'; id = 'Fdx.Auth.Unreachable'; advice = '-Proxy'
            change = {
                $right.Proxy = 'http://127.0.0.1:9'
                # Addresses of this machine are never reached through a proxy.
                $right.Endpoint.authority = 'https://login.example.net'
            }
        }
        @{
            what = 'a proxy that is not supported'; id = 'Fdx.Settings.InvalidProxy'; advice = 'http://host:port'
            change = { $right.Proxy = 'socks5://127.0.0.1:9' }
        }
        @{
            what = 'no network'; id = 'Fdx.Auth.Unreachable'; advice = 'network'
            change = { $right.Endpoint.authority = 'http://127.0.0.1:9' }
        }
        @{
            what = 'a token with the word Bearer before it'; id = 'Fdx.AccessToken.Invalid'; advice = 'Bearer'
            change = {
                $right = @{ AccessToken = ConvertTo-Secure "Bearer $(New-ForeignToken x)"; Endpoint = Get-Endpoint }
            }
        }
        @{
            what = 'an expired assertion'; id = 'Fdx.Assertion.Expired'; advice = '-ClientAssertionScript'
            change = {
                $right.Remove('ManagedIdentityClientId')
                $right.ClientAssertion = ConvertTo-Secure (New-ForeignToken x -5)
            }
        }
    ) {
        . $change
        $said = Get-Said $right
        $said.Id | Should -Be $id
        $said.Message.Length | Should -BeGreaterThan 15
        $said.Advice | Should -Match $advice
        $said.Advice | Should -Not -Match '\{\w+\}'
    }

    It 'works without the mistake' {
        Connect-Fdx @right
        @(Get-FdxVulnerability -First 1).Count | Should -Be 1
    }
}
