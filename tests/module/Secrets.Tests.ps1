Describe 'Nothing secret is shown' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant

        # A session at the most verbose level that there is, with errors of every step, into one file.
        $script:Session = @'
param($Addresses, $Output)
$fake = Get-Content $Addresses -Raw | ConvertFrom-Json
$VerbosePreference = $DebugPreference = $InformationPreference = 'Continue'
$ErrorActionPreference = 'Continue'
& {
    Import-Module FedXdr
    $env:IDENTITY_ENDPOINT = $fake.identityEndpoint
    $env:IDENTITY_HEADER = $fake.identityHeader
    $endpoint = @{ authority = $fake.authority; defender = $fake.defender; graph = $fake.graph }
    $connect = @{ ClientId = $fake.clientId; Endpoint = $endpoint; MaximumRetryCount = 1 }
    Connect-Fdx -TenantId $fake.tenants.tenantId @connect -ManagedIdentityClientId $fake.managedIdentity.clientId -PassThru -Verify | Format-List * -Force
    Get-FdxToken | Format-List * -Force
    Get-FdxToken | ConvertTo-Json -Depth 4
    Get-FdxToken | Out-String
    Get-FdxConnection | Format-List * -Force
    Get-FdxConnection | ConvertTo-Json -Depth 4
    Get-FdxMachine -First 2 | Format-List * -Force
    Get-FdxVulnerability -First 500 | Out-String
    Get-FdxVulnerability -First 3 -Raw
    Invoke-FdxRequest -Path /api/nothing
    Get-FdxMachine -Id nobody
    Get-FdxToken -TenantId unknown.example.com
    Get-FdxToken -Resource https://unknown.example.com
    Connect-Fdx -TenantId $fake.tenants[0].tenantId @connect -ManagedIdentityClientId $fake.secondIdentity.clientId
    Get-FdxToken
    Connect-Fdx -TenantId $fake.tenants[0].tenantId @connect -ManagedIdentityClientId ([guid]::NewGuid())
    Get-FdxToken
    Connect-Fdx -TenantId $fake.tenants[0].tenantId @connect
    Get-FdxToken
    $Error | ForEach-Object { $_ | Format-List * -Force; $_.Exception | Format-List * -Force; $_.ErrorDetails | Format-List * -Force; "$($_.Exception)" }
    Disconnect-Fdx -ClearTokenCache
} *>&1 | Out-File $Output
'@
    }

    AfterAll { Stop-FakeTenant }

    It 'not in any stream, error or object of a whole session' {
        Reset-Tenant
        $script = Join-Path $TestDrive session.ps1
        Set-Content $script $Session
        $addresses = Join-Path $TestDrive fake.json
        $Fake | ConvertTo-Json -Depth 6 | Set-Content $addresses
        $output = Join-Path $TestDrive output.txt
        $pwsh = Join-Path $PSHOME ($IsWindows ? 'pwsh.exe' : 'pwsh')
        $console = & $pwsh -NoProfile -NonInteractive -File $script $addresses $output 2>&1 | Out-String
        $text = (Get-Content $output -Raw) + $console

        # The session really did what it should: rows, and errors of several steps.
        $text | Should -Match 'Request: GET /api/machines/SoftwareVulnerabilitiesByMachine'
        foreach ($id in 'Fdx.Auth.SubjectMismatch', 'Fdx.Identity.UnknownIdentity', 'Fdx.Api.NotFound', 'Fdx.Auth.TenantNotFound') {
            $text | Should -Match ([regex]::Escape($id))
        }
        $secrets = @(Invoke-Control GET /secrets)
        $secrets.Count | Should -BeGreaterThan 5
        foreach ($secret in $secrets) {
            $text.Contains($secret) | Should -BeFalse
            # Half of a token, or its signature alone, is no more fit to be seen.
            foreach ($part in $secret.Split('.') | Where-Object Length -gt 40) { $text.Contains($part.Substring($part.Length - 40)) | Should -BeFalse }
        }
    }
}
