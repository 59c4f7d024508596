# The whole job, with every row kept in a variable.
param([string] $Addresses, [int] $Rows)
. $PSScriptRoot/common.ps1 $Addresses
Import-Module FedXdr
$before = [GC]::GetTotalMemory($true)
$measured = Measure-Job {
    Connect-Fdx @connect
    $script:all = Get-FdxVulnerability
}
$kept = [GC]::GetTotalMemory($true) - $before
Complete-Case ($measured + @{ rows = $all.Count; bytesPerRow = $kept / $all.Count })
