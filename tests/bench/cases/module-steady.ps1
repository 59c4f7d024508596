# Every row over a warm connection.
param([string] $Addresses, [int] $Rows)
. $PSScriptRoot/common.ps1 $Addresses
Import-Module FedXdr
Connect-Fdx @connect
Get-FdxVulnerability -First 1 | Out-Null
Complete-Case ((Measure-Job { Get-FdxVulnerability | Out-Null }) + @{ rows = $Rows })
