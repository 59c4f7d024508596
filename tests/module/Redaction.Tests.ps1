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
