# Every row of hunting queries over a warm connection, of 50,000 rows each. The first query compiles the reader.
param([string] $Addresses, [int] $Rows)
. $PSScriptRoot/common.ps1 $Addresses
Import-Module FedXdr
$connect.Endpoint.graph = $fake.graph
Connect-Fdx @connect
Invoke-FdxHunting 'DeviceProcessEvents | take 1' | Out-Null
$measured = Measure-Job {
    for ($left = $Rows; $left -gt 0; $left -= 50000) { Invoke-FdxHunting 'DeviceProcessEvents' | Out-Null }
}
Complete-Case ($measured + @{ rows = $Rows })
