# Every row of a hunting query over a warm connection. The first query compiles the reader.
param([string] $Addresses, [int] $Rows)
. $PSScriptRoot/common.ps1 $Addresses
Import-Module FedXdr
$connect.Endpoint.graph = $fake.graph
Connect-Fdx @connect
Invoke-FdxHunting 'DeviceProcessEvents | take 1' | Out-Null
Complete-Case ((Measure-Job { Invoke-FdxHunting 'DeviceProcessEvents' | Out-Null }) + @{ rows = $Rows })
