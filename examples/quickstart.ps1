#Requires -Version 7.4
<#
.SYNOPSIS
Reads the machines and vulnerabilities of a customer's tenant with the managed identity of this machine, and no secret.
.DESCRIPTION
Runs on any host with a managed identity: a Function App, an Automation account, an Azure VM. The app registration, its
federated credential and the customer's consent are set up once: see examples/function-app/README.md.

Without parameters it uses FEDXDR_DEMO_TENANT, which `./build.sh demo` sets: a file with the addresses of a stand-in for
the identity endpoint, Entra and Defender on this machine. Nothing then leaves the machine, and all data is invented.
.EXAMPLE
./quickstart.ps1 -TenantId contoso.onmicrosoft.com -ClientId $app -ManagedIdentityClientId $identity
#>
param(
    # Tenant to read from: id or domain.
    [string] $TenantId,
    # Application (client) id of the multi-tenant app.
    [string] $ClientId,
    # Client id of the user-assigned managed identity that the app trusts.
    [string] $ManagedIdentityClientId,
    # Maximum number of rows to read; without it, all.
    [int] $First
)
$ErrorActionPreference = 'Stop'
Import-Module FedXdr

$connect = @{ TenantId = $TenantId; ClientId = $ClientId; ManagedIdentityClientId = $ManagedIdentityClientId }
if (-not $TenantId -and $env:FEDXDR_DEMO_TENANT) {
    $demo = Get-Content $env:FEDXDR_DEMO_TENANT -Raw | ConvertFrom-Json
    $env:IDENTITY_ENDPOINT = $demo.identityEndpoint
    $env:IDENTITY_HEADER = $demo.identityHeader
    $connect = @{
        TenantId                = $demo.tenants[0].tenantId
        ClientId                = $demo.clientId
        ManagedIdentityClientId = $demo.managedIdentity.clientId
        Endpoint                = @{ authority = $demo.authority; defender = $demo.defender }
    }
    Write-Host -ForegroundColor Yellow 'Demo: the identity endpoint, Entra and Defender are stand-ins on this machine.'
    Write-Host -ForegroundColor Yellow 'The data is invented.'
}

function Write-Title([string] $Text) { Write-Host "`n== $Text" -ForegroundColor Cyan }

Write-Title 'Who we are'
$connection = Connect-Fdx @connect -PassThru
# Format-List breaks a line after 80 characters, also within an id: the identity's gets a line of its own.
$identity = @{ Name = 'Identity'; Expression = { $_.Identity -replace ' (?=\()', "`n" } }
$connection | Format-List TenantId, ClientId, $identity, Environment | Out-Host

Write-Title 'The token (its value is not shown)'
$token = Get-FdxToken -Connection $connection
$minutes = ($token.ExpiresOn - [DateTimeOffset]::UtcNow).TotalMinutes
[pscustomobject]@{
    Tenant   = $token.TenantId
    Audience = $token.Audience
    App      = $token.AppId
    Roles    = $token.Roles -join "`n"
    Expires  = '{0:u} (in {1:n0} minutes)' -f $token.ExpiresOn, $minutes
} | Format-List | Out-Host

Write-Title 'The first machines'
# These columns fit into 80 characters. -AutoSize gives the name the width that it needs.
Get-FdxMachine -Connection $connection -First 5 |
    Format-Table ComputerDnsName, OsPlatform, HealthStatus, RiskScore, ExposureLevel -AutoSize | Out-Host

Write-Title 'Vulnerabilities'
$limit = @{ Connection = $connection }
if ($First) { $limit.First = $First }
$severity = [ordered]@{ Critical = 0; High = 0; Medium = 0; Low = 0; 'No CVE' = 0 }
$rows = 0
$machines = [Collections.Generic.HashSet[string]]::new()
$clock = [Diagnostics.Stopwatch]::StartNew()
Get-FdxVulnerability @limit | ForEach-Object {
    $severity["$($_.VulnerabilitySeverityLevel ?? 'No CVE')"]++
    $null = $machines.Add($_.DeviceId)
    $rows++
}
$clock.Stop()
$severity.GetEnumerator() | ForEach-Object { [pscustomobject]@{ Severity = $_.Key; Rows = $_.Value } } |
    Format-Table | Out-Host
Write-Host ('{0:n0} rows of {1:n0} machines in {2:n2} s: {3:n0} rows per second through ForEach-Object.' -f
    $rows, $machines.Count, $clock.Elapsed.TotalSeconds, ($rows / $clock.Elapsed.TotalSeconds))
