Describe 'Nothing secret is shown' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant

        # A session at the most verbose level, with errors of every step. All output goes into one file.
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
    $identity = @{ ManagedIdentityClientId = $fake.managedIdentity.clientId }
    Connect-Fdx -TenantId $fake.tenants.tenantId @connect @identity -PassThru -Verify | Format-List * -Force
    Get-FdxToken | Format-List * -Force
    Get-FdxToken | ConvertTo-Json -Depth 4
    Get-FdxToken | Out-String -Width 9999
    Get-FdxConnection | Format-List * -Force
    Get-FdxConnection | ConvertTo-Json -Depth 4
    Get-FdxMachine -First 2 | Format-List * -Force
    Get-FdxVulnerability -First 500 | Out-String -Width 9999
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
    foreach ($record in @($Error)) {
        $record, $record.Exception, $record.ErrorDetails | ForEach-Object { $_ | Format-List * -Force }
        "$($record.Exception)"
    }
    Disconnect-Fdx -ClearTokenCache
} *>&1 | Out-File $Output -Width 9999
'@
    }

    AfterAll {
        Set-HostVariable
        Stop-FakeTenant
    }

    It 'not with any other source, even if it fails' {
        Reset-Tenant
        $pfx = Join-Path $TestDrive app.pfx
        $password = 'fake-pfx-password-0123456789'
        [IO.File]::WriteAllBytes($pfx, (New-AppCertificate $password).Pfx)
        Add-FederatedCredential https://oidc.example.net/cluster/ vault
        $tokenFile = Join-Path $TestDrive token
        Set-Content $tokenFile (New-ForeignToken vault)
        $given = @{
            Pfx = $pfx; Password = $password; TokenFile = $tokenFile
            Secret = $Fake.clientSecret; WrongSecret = 'fake-wrong-secret-0123456789 "\ü'
            Good = New-ForeignToken vault; Old = New-ForeignToken vault -60; Other = New-ForeignToken nobody
        }
        Connect-Tenant
        $given.Ready = Get-FdxToken -AsPlainText
        $script = Join-Path $TestDrive sources.ps1
        Set-Content $script @'
param($Addresses, $Values, $Output)
$fake = Get-Content $Addresses -Raw | ConvertFrom-Json
$given = Get-Content $Values -Raw | ConvertFrom-Json
$VerbosePreference = $DebugPreference = $InformationPreference = 'Continue'
$ErrorActionPreference = 'Continue'
function secure([string] $Text) { ConvertTo-SecureString $Text -AsPlainText -Force }
function place([hashtable] $Variables) {
    foreach ($name in 'IDENTITY_ENDPOINT', 'IDENTITY_HEADER', 'IDENTITY_SERVER_THUMBPRINT', 'IMDS_ENDPOINT',
        'MSI_ENDPOINT', 'MSI_SECRET', 'ACTIONS_ID_TOKEN_REQUEST_URL', 'ACTIONS_ID_TOKEN_REQUEST_TOKEN',
        'SYSTEM_OIDCREQUESTURI', 'SYSTEM_ACCESSTOKEN') {
        [Environment]::SetEnvironmentVariable($name, $Variables[$name])
    }
}
& {
    Import-Module FedXdr
    $endpoint = @{ authority = $fake.authority; defender = $fake.defender; imds = $fake.imds }
    $endpoint.arcTokens = $fake.arcTokenDirectory
    $common = @{ TenantId = $fake.tenants[0].tenantId; Endpoint = $endpoint; MaximumRetryCount = 0; PassThru = $true }
    $app = $common + @{ ClientId = $fake.clientId }
    function look {
        Get-FdxToken -Force | Format-List * -Force
        Get-FdxVulnerability -First 2 | Out-String -Width 9999
        Test-FdxConnection | Format-List * -Force
        Get-FdxConnection | Format-List * -Force
        Get-FdxConnection | ConvertTo-Json -Depth 3
    }
    $hosts = @{
        Arc      = @{ IDENTITY_ENDPOINT = $fake.arcIdentityEndpoint; IMDS_ENDPOINT = $fake.arcImdsEndpoint }
        Fabric   = @{
            IDENTITY_ENDPOINT = $fake.fabricIdentityEndpoint; IDENTITY_HEADER = $fake.fabricHeader
            IDENTITY_SERVER_THUMBPRINT = $fake.fabricThumbprint
        }
        Shell    = @{ MSI_ENDPOINT = $fake.cloudShellEndpoint }
        Old      = @{ MSI_ENDPOINT = $fake.identityEndpoint; MSI_SECRET = $fake.identityHeader }
        Mixed    = @{
            IDENTITY_ENDPOINT = $fake.identityEndpoint; IDENTITY_HEADER = 'fake-other-header'
            MSI_ENDPOINT = $fake.identityEndpoint; MSI_SECRET = $fake.identityHeader
        }
        GitHub   = @{
            ACTIONS_ID_TOKEN_REQUEST_URL   = $fake.builds.ACTIONS_ID_TOKEN_REQUEST_URL
            ACTIONS_ID_TOKEN_REQUEST_TOKEN = $fake.builds.ACTIONS_ID_TOKEN_REQUEST_TOKEN
        }
        Pipeline = @{
            SYSTEM_OIDCREQUESTURI = $fake.builds.SYSTEM_OIDCREQUESTURI
            SYSTEM_ACCESSTOKEN    = $fake.builds.SYSTEM_ACCESSTOKEN
        }
        Nothing  = @{}
    }
    foreach ($name in $hosts.Keys) {
        "== $name"
        place $hosts[$name]
        Connect-Fdx @app; look
        Connect-Fdx -Endpoint $endpoint -PassThru; look
    }
    place $hosts.GitHub; Connect-Fdx @app -GitHubActions; look
    place $hosts.Pipeline; Connect-Fdx @app -ServiceConnectionId $fake.serviceConnectionId; look
    place @{}
    '== passed in'
    Connect-Fdx @app -CertificatePath $given.Pfx -CertificatePassword (secure $given.Password); look
    Connect-Fdx @app -CertificatePath $given.Pfx -CertificatePassword (secure $given.WrongSecret)
    Connect-Fdx @common -Credential ([pscredential]::new($fake.clientId, (secure $given.Secret))); look
    Connect-Fdx @common -Credential ([pscredential]::new($fake.clientId, (secure $given.WrongSecret))); look
    Connect-Fdx @app -FederatedTokenFile $given.TokenFile; look
    foreach ($token in $given.Good, $given.Old, $given.Other) {
        Connect-Fdx @app -ClientAssertion (secure $token); look
        $env:FAKE_TOKEN = $token
        Connect-Fdx @app -ClientAssertionScript { $env:FAKE_TOKEN }; look
    }
    foreach ($token in $given.Ready, $given.Old) {
        Connect-Fdx @common -AccessToken (secure $token); look
        Get-FdxToken -Resource Graph
    }
    foreach ($record in @($Error)) {
        $record, $record.Exception, $record.ErrorDetails | ForEach-Object { $_ | Format-List * -Force }
        "$($record.Exception)"
        Resolve-FdxError $record
    }
    Disconnect-Fdx -ClearTokenCache
} *>&1 | Out-File $Output -Width 9999
'@
        $addresses = Join-Path $TestDrive fake.json
        $Fake | ConvertTo-Json -Depth 6 | Set-Content $addresses
        $values = Join-Path $TestDrive given.json
        $given | ConvertTo-Json | Set-Content $values
        $output = Join-Path $TestDrive sources.txt
        $pwsh = Join-Path $PSHOME ($IsWindows ? 'pwsh.exe' : 'pwsh')
        $console = & $pwsh -NoProfile -NonInteractive -File $script $addresses $values $output 2>&1 | Out-String
        $text = (Get-Content $output -Raw) + $console

        # Proves that each source was used, with success and with failure.
        foreach ($said in 'Azure Arc', 'Service Fabric', 'Cloud Shell', 'GitHub Actions', 'Azure Pipelines',
            'certificate', 'Fdx.Certificate.WrongPassword', 'Fdx.Auth.SecretWrong', 'Fdx.Assertion.Expired',
            'Fdx.Auth.SubjectMismatch', 'Fdx.AccessToken.WrongAudience', 'Fdx.Identity.Refused',
            'got a token for https://api.securitycenter') {
            $text | Should -Match ([regex]::Escape($said))
        }
        $secrets = @(Invoke-Control GET /secrets) + $given.Password, $given.Secret, $given.WrongSecret +
            $given.Good, $given.Old, $given.Other, $given.Ready
        $secrets.Count | Should -BeGreaterThan 40
        Assert-NoSecret $text $secrets
    }

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

        # Proves that the session had rows, and errors of several steps.
        $text | Should -Match 'Request: GET /api/machines/SoftwareVulnerabilitiesByMachine'
        foreach ($id in 'Fdx.Auth.SubjectMismatch', 'Fdx.Identity.UnknownIdentity', 'Fdx.Api.NotFound',
            'Fdx.Auth.TenantNotFound') {
            $text | Should -Match ([regex]::Escape($id))
        }
        $secrets = @(Invoke-Control GET /secrets)
        $secrets.Count | Should -BeGreaterThan 5
        Assert-NoSecret $text $secrets
    }
}
