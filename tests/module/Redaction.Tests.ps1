Describe 'A secret in an answer' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant

        # Everything that a session could show of an error and of the messages before it.
        function Get-Shown([scriptblock] $Script) {
            $DebugPreference = $VerbosePreference = $InformationPreference = 'Continue'
            $Error.Clear()
            $said = & { & $Script } *>&1 | Out-String -Width 9999
            $kept = foreach ($record in @($Error)) {
                $record, $record.Exception, $record.ErrorDetails | ForEach-Object { $_ | Format-List * -Force }
                "$($record.Exception)"
            }
            $kept = $kept | Out-String -Width 9999
            $said + $kept
        }
    }

    AfterAll { Stop-FakeTenant }

    BeforeEach {
        Reset-Tenant
        Connect-Tenant @{ MaximumRetryCount = 0 }
    }

    It 'would be found here, also in a console of 80 columns' {
        $shown = [pscustomobject]@{ Value = Get-FdxToken -AsPlainText } | Format-List | Out-String -Width 80
        { Assert-NoSecret $shown } | Should -Throw
        { Assert-NoSecret 'nothing secret' } | Should -Not -Throw
    }

    It 'is not repeated when Defender''s refusal quotes the token: HTTP <_>' -ForEach 400, 401, 403, 404, 429, 500 {
        $bearer = Get-FdxToken -AsPlainText
        $body = @{ error = @{ code = 'x'; message = "refused: Authorization: Bearer $bearer" } }
        Add-Fault @{ service = 'defender'; name = 'status'; code = $_; times = 9; body = $body }
        $shown = Get-Shown { Get-FdxVulnerability -Verbose -Debug -ErrorAction Continue }
        $shown | Should -Match 'Fdx\.Api\.'
        Assert-NoSecret $shown
    }

    It 'is not repeated when a gateway''s page of HTML quotes the token' {
        $bearer = Get-FdxToken -AsPlainText
        Add-Fault @{ service = 'defender'; name = 'status'; code = 502; times = 9; body = "<html>$bearer</html>" }
        $shown = Get-Shown { Get-FdxVulnerability -Verbose -Debug -ErrorAction Continue }
        $shown | Should -Match 'Fdx\.Api\.'
        Assert-NoSecret $shown
    }

    It 'is not repeated when Entra''s refusal quotes a token' {
        $bearer = Get-FdxToken -AsPlainText
        $body = @{ error = 'invalid_request'; error_codes = @(900144) }
        $body.error_description = "AADSTS900144: client_assertion=$bearer"
        Add-Fault @{ service = 'authority'; name = 'status'; code = 400; times = 9; body = $body }
        $shown = Get-Shown { Get-FdxToken -Force -Verbose -Debug -ErrorAction Continue }
        $shown | Should -Match 'Fdx\.Auth\.'
        Assert-NoSecret $shown
    }

    It 'is not repeated when the identity endpoint''s refusal quotes its header' {
        $body = @{ statusCode = 400; message = "header $($env:IDENTITY_HEADER)" }
        Add-Fault @{ service = 'identity'; name = 'status'; code = 400; times = 9; body = $body }
        $shown = Get-Shown { Get-FdxToken -Verbose -Debug -ErrorAction Continue }
        $shown | Should -Match 'Fdx\.Identity\.'
        $shown.Contains($Fake.identityHeader) | Should -BeFalse
    }

    It 'is not repeated when Entra echoes a client secret: <name>' -ForEach @(
        @{ name = 'form-encoded'; encode = { [Uri]::EscapeDataString($args[0]).Replace('~', '%7E') } }
        @{ name = 'as base64'; encode = { [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($args[0])) } }
        @{ name = 'escaped'; encode = { -join ($args[0].ToCharArray() | ForEach-Object { '\u{0:x4}' -f [int] $_ }) } }
        @{ name = 'as it is'; encode = { $args[0] } }
    ) {
        $secret = 'fake~Secret/of+an=App'
        Connect-Tenant @{
            MaximumRetryCount = 0; ClientId = $null; ManagedIdentityClientId = $null
            Credential = [pscredential]::new($Fake.clientId, (ConvertTo-Secure $secret))
        }
        $echo = & $encode $secret
        $body = @{ error = 'invalid_client'; error_codes = @(7000215); correlation_id = "$echo$([char] 27)[31m" }
        $body.error_description = "AADSTS7000215: the secret '$echo' is wrong"
        Add-Fault @{ service = 'authority'; name = 'status'; code = 401; times = 9; body = $body }
        $shown = Get-Shown { Get-FdxToken -Verbose -Debug -ErrorAction Continue }
        $shown | Should -Match 'Fdx\.Auth\.SecretWrong'
        $shown.Contains($echo) | Should -BeFalse
        $shown.Contains($secret) | Should -BeFalse
        (Get-Failure { Get-FdxToken }).Exception.CorrelationId | Should -Not -Match "[\x00-\x1f]"
    }

    It 'is not repeated in the id that Defender sends' {
        $bearer = Get-FdxToken -AsPlainText
        $body = @{ error = @{ code = 'x'; message = 'y'; target = $bearer; innerError = @{ 'request-id' = $bearer } } }
        Add-Fault @{ service = 'defender'; name = 'status'; code = 400; times = 9; body = $body }
        $shown = Get-Shown { Get-FdxVulnerability -Verbose -Debug -ErrorAction Continue }
        $shown | Should -Match 'Fdx\.Api\.'
        Assert-NoSecret $shown
    }

    It 'is in no transcript of a session' {
        $transcript = Join-Path $TestDrive transcript.txt
        $script = Join-Path $TestDrive session.ps1
        Set-Content $script @'
param($Addresses, $Transcript)
$fake = Get-Content $Addresses -Raw | ConvertFrom-Json
$env:IDENTITY_ENDPOINT = $fake.identityEndpoint
$env:IDENTITY_HEADER = $fake.identityHeader
try { $null = Start-Transcript $Transcript -Force } catch { 'no transcript here'; exit 3 }
$VerbosePreference = $DebugPreference = 'Continue'
Import-Module FedXdr
$connect = @{
    ClientId = $fake.clientId; ManagedIdentityClientId = $fake.managedIdentity.clientId
    Endpoint = @{ authority = $fake.authority; defender = $fake.defender }
}
Connect-Fdx -TenantId $fake.tenants.tenantId @connect -Verify
Get-FdxToken -Force | Format-List *
Get-FdxVulnerability -First 3 | Format-List *
Get-FdxToken -TenantId unknown.example.com -ErrorAction Continue
$Error | Format-List * -Force
$null = Stop-Transcript
'@
        $addresses = Join-Path $TestDrive fake.json
        $Fake | ConvertTo-Json -Depth 6 | Set-Content $addresses
        $pwsh = Join-Path $PSHOME ($IsWindows ? 'pwsh.exe' : 'pwsh')
        $console = & $pwsh -NoProfile -NonInteractive -File $script $addresses $transcript 2>&1 | Out-String
        if ($LASTEXITCODE -eq 3 -or $console -match 'no transcript here|Start-Transcript.*not recognized') {
            Set-ItResult -Skipped -Because 'this PowerShell has no Start-Transcript'
            return
        }
        $console | Should -Match 'Fdx\.Auth\.TenantNotFound|tenant'
        Assert-NoSecret ((Get-Content $transcript -Raw) + $console)
    }
}
