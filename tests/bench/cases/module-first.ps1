# Time until the first row, and time for three rows.
param([string] $Addresses, [int] $Rows)
. $PSScriptRoot/common.ps1 $Addresses
Import-Module FedXdr
Import-Module BenchFloor

$started = [Diagnostics.Stopwatch]::GetTimestamp()
Connect-Fdx @connect
$cold = Get-FdxVulnerability | Measure-BenchRow $started
$started = [Diagnostics.Stopwatch]::GetTimestamp()
$warm = Get-FdxVulnerability | Measure-BenchRow $started

$three = 1..5 | ForEach-Object {
    $clock = [Diagnostics.Stopwatch]::StartNew()
    $some = @(Get-FdxVulnerability | Select-Object -First 3)
    $clock.Stop()
    if ($some.Count -ne 3) { throw "$($some.Count) rows, not 3" }
    $clock.Elapsed.TotalMilliseconds
}
Complete-Case @{
    rows         = $warm.Rows
    coldFirstMs  = $cold.FirstMs
    warmFirstMs  = $warm.FirstMs
    selectMs     = $three[0] # the first one; selectAllMs has all
    selectAllMs  = $three
}
