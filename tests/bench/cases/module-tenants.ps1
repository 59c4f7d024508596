# Every row of every tenant that the server has, by one cmdlet.
param([string] $Addresses, [long] $Rows, [int] $ThrottleLimit)
. $PSScriptRoot/common.ps1 $Addresses
Import-Module FedXdr
Import-Module BenchFloor
$connect.TenantId = $fake.tenantIds
$limit = $ThrottleLimit ? @{ ThrottleLimit = $ThrottleLimit } : @{}
$script:counted = $null
$measured = Measure-Job {
    Connect-Fdx @connect
    $script:counted = Get-FdxVulnerability @limit | Measure-BenchRow ([Diagnostics.Stopwatch]::GetTimestamp())
}
Complete-Case ($measured + @{ rows = $counted.Rows; tenants = $connect.TenantId.Count })
