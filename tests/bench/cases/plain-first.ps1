# Time until the plain script's first row.
param([string] $Addresses, [int] $Rows)
. $PSScriptRoot/common.ps1 $Addresses
. $PSScriptRoot/plain.ps1
Import-Module BenchFloor

$started = [Diagnostics.Stopwatch]::GetTimestamp()
$headers = Get-PlainHeader
$cold = Get-PlainRow $headers | Measure-BenchRow $started
$started = [Diagnostics.Stopwatch]::GetTimestamp()
$warm = Get-PlainRow $headers | Measure-BenchRow $started

$clock = [Diagnostics.Stopwatch]::StartNew()
$some = @(Get-PlainRow $headers | Select-Object -First 3)
$clock.Stop()
if ($some.Count -ne 3) { throw "$($some.Count) rows, not 3" }
Complete-Case @{
    rows        = $warm.Rows
    coldFirstMs = $cold.FirstMs
    warmFirstMs = $warm.FirstMs
    selectMs    = $clock.Elapsed.TotalMilliseconds
}
