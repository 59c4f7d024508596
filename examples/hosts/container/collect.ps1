#Requires -Version 7.4
<#
.SYNOPSIS
Reads the vulnerabilities of every tenant in FEDXDR_TENANTS into one CSV file in FEDXDR_OUTPUT.
.DESCRIPTION
FEDXDR_CLIENT_ID is the app. The identity is found by itself: a Kubernetes token file, the identity endpoint of
Container Apps, an Azure VM. FEDXDR_IDENTITY_CLIENT_ID names a user-assigned one.
A tenant that fails is an error in the log and makes the exit code 1. The rows of the others are written.
#>
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
Import-Module FedXdr

$missing = 'FEDXDR_TENANTS', 'FEDXDR_CLIENT_ID', 'FEDXDR_OUTPUT' |
    Where-Object { -not "$([Environment]::GetEnvironmentVariable($_))".Trim(' ,') }
if ($missing) { throw ($missing | ForEach-Object { "The variable $_ is missing." }) -join ' ' }
$connect = @{ TenantId = $env:FEDXDR_TENANTS; ClientId = $env:FEDXDR_CLIENT_ID }
if ($env:FEDXDR_IDENTITY_CLIENT_ID) { $connect.ManagedIdentityClientId = $env:FEDXDR_IDENTITY_CLIENT_ID }
# FEDXDR_ENDPOINTS: JSON, only for private links and tests.
if ($env:FEDXDR_ENDPOINTS) { $connect.Endpoint = $env:FEDXDR_ENDPOINTS | ConvertFrom-Json -AsHashtable }
$connection = Connect-Fdx @connect -PassThru

$file = Join-Path $env:FEDXDR_OUTPUT "vulnerabilities-$(Get-Date -AsUTC -Format yyyyMMddTHHmmssZ).csv"
$rows = 0
Get-FdxVulnerability -Connection $connection -ErrorAction Continue -ErrorVariable failures |
    ForEach-Object { $rows++; $_ } |
    Export-Csv $file
# Export-Csv creates the file before the first row.
if (-not $rows) { Remove-Item $file -ErrorAction Ignore }
Write-Host ('{0:n0} rows, {1} tenants failed' -f $rows, @($failures | ForEach-Object TargetObject).Count)
exit ($failures ? 1 : 0)
