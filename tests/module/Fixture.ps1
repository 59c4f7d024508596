# What every test file begins with: . $PSScriptRoot/Fixture.ps1 in BeforeAll, Stop-FakeTenant in AfterAll.
$ErrorActionPreference = 'Stop'
Import-Module FedXdr

function Start-FakeTenant([string[]] $Arguments = @()) {
    $start = [Diagnostics.ProcessStartInfo]::new($env:FEDXDR_TENANT)
    foreach ($argument in @('--until-stdin-closes', '--rows', '6000', '--machines', '40') + $Arguments) { $start.ArgumentList.Add($argument) }
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
    if ($null -ne $Body) { $arguments.Body = ConvertTo-Json $Body -Depth 20 -Compress; $arguments.ContentType = 'application/json' }
    Invoke-RestMethod @arguments
}

function Get-Report { Invoke-Control GET /report }

# How often something was counted; what never happened has no count.
function Get-Count([string] $Name) {
    $found = (Get-Report).counts.PSObject.Properties[$Name]
    $found ? $found.Value : 0
}

function Add-Fault([hashtable] $Fault) { $null = Invoke-Control POST /faults $Fault }

function Set-World([hashtable] $Change) { $null = Invoke-Control PATCH /world $Change }

# Lists are replaced whole by a merge patch, so one customer is changed by sending all of them.
function Set-Customer([hashtable] $Change, [int] $Index = 0) {
    $tenants = @((Invoke-Control GET /world).tenants)
    foreach ($name in $Change.Keys) { $tenants[$Index].$name = $Change[$name] }
    Set-World @{ tenants = $tenants }
}

# A world as at the start, nothing cached, and the environment of a function app.
function Reset-Tenant {
    Disconnect-Fdx -ClearTokenCache
    $null = Invoke-Control POST /reset
    $env:IDENTITY_ENDPOINT = $script:Fake.identityEndpoint
    $env:IDENTITY_HEADER = $script:Fake.identityHeader
}

function Get-Endpoint {
    @{ authority = $script:Fake.authority; defender = $script:Fake.defender; graph = $script:Fake.graph; imds = $script:Fake.imds }
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

# Runs a script and gives the error that it ended with or wrote, or nothing.
function Get-Failure([scriptblock] $Script) {
    try {
        $null = & $Script -ErrorAction Stop
    }
    catch {
        return $_
    }
}

function Get-ErrorId($ErrorRecord) { "$($ErrorRecord.FullyQualifiedErrorId)".Split(',')[0] }

# Waits until the server has no request under way; a cancelled one is noticed when its connection closes.
function Wait-Idle([int] $Seconds = 5) {
    $clock = [Diagnostics.Stopwatch]::StartNew()
    while ((Get-Report).open -gt 0 -and $clock.Elapsed.TotalSeconds -lt $Seconds) { Start-Sleep -Milliseconds 20 }
    (Get-Report).open
}
