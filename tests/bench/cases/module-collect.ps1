# The whole job, with every row kept in a variable.
param([string] $Addresses, [int] $Rows)
. $PSScriptRoot/common.ps1 $Addresses
Import-Module FedXdr
$before = [GC]::GetTotalMemory($true)
$measured = Measure-Job {
    Connect-Fdx @connect
    $script:all = Get-FdxVulnerability
}
$peak = Get-PeakMB # before the garbage collection that counts the kept rows
$kept = [GC]::GetTotalMemory($true) - $before
Complete-Case ($measured + @{ rows = $all.Count; jobPeakMB = $peak; bytesPerRow = $kept / $all.Count })
