# Every test file begins with this: . $PSScriptRoot/Fixture.ps1 in BeforeAll, Stop-FakeTenant in AfterAll.
$ErrorActionPreference = 'Stop'
Import-Module FedXdr

function Start-FakeTenant([string[]] $Arguments = @()) {
    $start = [Diagnostics.ProcessStartInfo]::new($env:FEDXDR_TENANT)
    foreach ($argument in @('--until-stdin-closes', '--rows', '6000', '--machines', '40') + $Arguments) {
        $start.ArgumentList.Add($argument)
    }
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    $script:TenantProcess = [Diagnostics.Process]::Start($start)
    $script:Fake = $script:TenantProcess.StandardOutput.ReadLine() | ConvertFrom-Json
    $script:Tenant = $script:Fake.tenants[0].tenantId
}

function Stop-FakeTenant {
    Disconnect-Fdx -ClearTokenCache
    $script:TenantProcess.StandardInput.Close()
    if (-not $script:TenantProcess.WaitForExit(5000)) { $script:TenantProcess.Kill($true) }
}

function Invoke-Control([string] $Method, [string] $Path, $Body) {
    $arguments = @{ Method = $Method; Uri = "$($script:Fake.control)$Path"; NoProxy = $true }
    if ($null -ne $Body) {
        $arguments.Body = ConvertTo-Json $Body -Depth 20 -Compress
        $arguments.ContentType = 'application/json'
    }
    # Invoke-RestMethod writes a JSON array as one object. A variable is enumerated.
    $answer = Invoke-RestMethod @arguments
    $answer
}

function Get-Report { Invoke-Control GET /report }

# How often something was counted. The report has no count for what never happened.
function Get-Count([string] $Name) {
    $found = (Get-Report).counts.PSObject.Properties[$Name]
    $found ? $found.Value : 0
}

# What was sent to a stream or an event hub, in its order.
function Get-Received([string] $Of) { Invoke-Control GET "/received?of=$Of" }

function Add-Fault([hashtable] $Fault) { $null = Invoke-Control POST /faults $Fault }

function Set-World([hashtable] $Change) { $null = Invoke-Control PATCH /world $Change }

# A merge patch replaces whole lists, so a change of one customer sends all of them.
function Set-Customer([hashtable] $Change, [int] $Index = 0) {
    $tenants = @((Invoke-Control GET /world).tenants)
    foreach ($name in $Change.Keys) { $tenants[$Index].$name = $Change[$name] }
    Set-World @{ tenants = $tenants }
}

# Every customer grants every permission that an endpoint of the server needs, and has subscriptions.
function Grant-Everything([int] $Subscriptions = 2) {
    $endpoints = @(Invoke-Control GET /endpoints)
    $roles = { param($Api) @($endpoints | Where-Object api -eq $Api | ForEach-Object roles | Sort-Object -Unique) }
    $tenants = @((Invoke-Control GET /world).tenants)
    foreach ($tenant in $tenants) {
        $tenant.roles, $tenant.xdrRoles, $tenant.graphRoles = (& $roles Defender), (& $roles Xdr), (& $roles Graph)
        $tenant.subscriptions = $Subscriptions
    }
    Set-World @{ tenants = $tenants }
}

# The initial world, an empty cache, and the environment of a function app.
function Reset-Tenant {
    Disconnect-Fdx -ClearTokenCache
    $null = Invoke-Control POST /reset
    $endpoint = $script:Fake.identityEndpoint
    Set-HostVariable @{ IDENTITY_ENDPOINT = $endpoint; IDENTITY_HEADER = $script:Fake.identityHeader }
}

function Get-Endpoint {
    @{
        authority = $script:Fake.authority
        defender  = $script:Fake.defender
        xdr       = $script:Fake.defender
        graph     = $script:Fake.graph
        arm       = $script:Fake.arm
        ingestion = $script:Fake.ingestion
        eventHubs = $script:Fake.eventHubs
        imds      = $script:Fake.imds
        arcTokens = $script:Fake.arcTokenDirectory
    }
}

# The variables that describe a host's identity. Those of the machine that runs the tests must not count.
$script:IdentityVariables = 'IDENTITY_ENDPOINT', 'IDENTITY_HEADER', 'IDENTITY_SERVER_THUMBPRINT', 'IMDS_ENDPOINT',
'MSI_ENDPOINT', 'MSI_SECRET', 'DEFAULT_IDENTITY_CLIENT_ID', 'AZURE_CLIENT_ID', 'AZURE_TENANT_ID',
'AZURE_FEDERATED_TOKEN_FILE', 'AZURE_POD_IDENTITY_AUTHORITY_HOST', 'AZUREPS_HOST_ENVIRONMENT', 'WEBSITE_DISABLE_MSI',
'AZURESUBSCRIPTION_SERVICE_CONNECTION_ID', 'AZURE_AUTHORITY_HOST', 'GITHUB_ACTIONS', 'TF_BUILD',
'ACTIONS_ID_TOKEN_REQUEST_URL', 'ACTIONS_ID_TOKEN_REQUEST_TOKEN', 'SYSTEM_OIDCREQUESTURI', 'SYSTEM_ACCESSTOKEN'

# Sets these variables of a host's identity and removes all others.
function Set-HostVariable([hashtable] $Variables = @{}) {
    foreach ($name in $script:IdentityVariables) { [Environment]::SetEnvironmentVariable($name, $Variables[$name]) }
}

# Makes the app trust one more issuer and subject.
function Add-FederatedCredential([string] $Issuer, [string] $Subject) {
    $credentials = @((Invoke-Control GET /world).app.federatedCredentials)
    $credentials += @{ issuer = $Issuer; subject = $Subject; audience = 'api://AzureADTokenExchange' }
    Set-World @{ app = @{ federatedCredentials = $credentials } }
}

# A token of an issuer that has no listener here, such as a Kubernetes cluster.
function New-ForeignToken([string] $Subject, [int] $Seconds = 3600, [hashtable] $More = @{}) {
    $now = [DateTimeOffset]::UtcNow.ToUnixTimeSeconds()
    $claims = @{
        iss = 'https://oidc.example.net/cluster/'; sub = $Subject; aud = 'api://AzureADTokenExchange'
        nbf = $now - 60; exp = $now + $Seconds
    }
    foreach ($name in $More.Keys) { $claims[$name] = $More[$name] }
    (Invoke-Control POST /mint $claims).token
}

function ConvertTo-Secure([string] $Text) { ConvertTo-SecureString $Text -AsPlainText -Force }

# A self-signed certificate that the app trusts, as files: Raw and Pfx (bytes), Pem, and KeyPem.
function New-AppCertificate([string] $Password = 'fake-password') {
    $made = Invoke-Control POST /certificate @{ password = $Password }
    Set-World @{ app = @{ certificates = @($made.certificate) } }
    [pscustomobject]@{
        Raw    = [Convert]::FromBase64String($made.certificate)
        Pfx    = [Convert]::FromBase64String($made.pfx)
        Pem    = $made.pem
        KeyPem = $made.keyPem
    }
}

# The same as an object with its key.
function New-AppCertificateObject {
    $made = New-AppCertificate
    [Security.Cryptography.X509Certificates.X509Certificate2]::CreateFromPem($made.Pem, $made.KeyPem)
}

# Ends a test as skipped under wine, which stands in for Windows. In Windows itself the test runs.
function Skip-OnWine([string] $Because) {
    if ($env:FEDXDR_ON_WINE) { Set-ItResult -Skipped -Because "wine $Because" }
}

function Connect-Tenant([hashtable] $Change = @{}) {
    $arguments = @{
        TenantId                = $script:Tenant
        ClientId                = $script:Fake.clientId
        ManagedIdentityClientId = $script:Fake.managedIdentity.clientId
        Endpoint                = Get-Endpoint
    }
    foreach ($name in $Change.Keys) {
        if ($null -eq $Change[$name]) { $arguments.Remove($name) } else { $arguments[$name] = $Change[$name] }
    }
    Connect-Fdx @arguments
}

# Runs a script and returns the error that it ended with or wrote, or nothing.
function Get-Failure([scriptblock] $Script) {
    try {
        $null = & $Script -ErrorAction Stop
    }
    catch {
        return $_
    }
}

function Get-ErrorId($ErrorRecord) { "$($ErrorRecord.FullyQualifiedErrorId)".Split(',')[0] }

# Fails if a text shows a secret, the start of one, or the end of one or of one of its parts.
function Assert-NoSecret([string] $Text, [string[]] $Secret = (Invoke-Control GET /secrets)) {
    $Secret.Count | Should -BeGreaterThan 2
    # A narrow console breaks a long value into lines.
    $unwrapped = $Text -replace '\s+'
    foreach ($value in $Secret -replace '\s+') {
        $start = $value.Substring(0, [Math]::Min(40, $value.Length))
        $ends = @($value) + @($value.Split('.') | Where-Object Length -gt 40) |
            ForEach-Object { $_.Substring([Math]::Max(0, $_.Length - 40)) }
        # A boolean, so that a failure does not print what it found.
        foreach ($part in @($start) + $ends) { $unwrapped.Contains($part) | Should -BeFalse }
    }
}

# Starts a new PowerShell with these arguments; what it writes can be read.
function Start-PowerShell([string[]] $Arguments, [hashtable] $Environment = @{}) {
    $start = [Diagnostics.ProcessStartInfo]::new((Join-Path $PSHOME ($IsWindows ? 'pwsh.exe' : 'pwsh')))
    foreach ($argument in @('-NoProfile', '-NonInteractive') + $Arguments) { $start.ArgumentList.Add($argument) }
    foreach ($name in $Environment.Keys) { $start.Environment[$name] = $Environment[$name] }
    $start.RedirectStandardOutput = $true
    [Diagnostics.Process]::Start($start)
}

# How often the tests of killed runs kill one. Set FEDXDR_KILLS for a longer test.
$script:Kills = $env:FEDXDR_KILLS ? [int] $env:FEDXDR_KILLS : 3

# Kills a process after a random part of its work: some requests of a kind, $Before of which were there when it began.
function Stop-Midway([Diagnostics.Process] $Process, [string] $Counted, [long] $Before, [Random] $Random) {
    $until = $Random.Next(1, 6)
    while ((Get-Count $Counted) - $Before -lt $until -and -not $Process.HasExited) {
        Start-Sleep -Milliseconds $Random.Next(1, 15)
    }
    -not $Process.HasExited
    $Process.Kill($true)
    $Process.WaitForExit()
}

# Waits until the server has no open request. It notices a cancelled one when the connection closes.
function Wait-Idle([int] $Seconds = 5) {
    $clock = [Diagnostics.Stopwatch]::StartNew()
    while ((Get-Report).open -gt 0 -and $clock.Elapsed.TotalSeconds -lt $Seconds) { Start-Sleep -Milliseconds 20 }
    (Get-Report).open
}
