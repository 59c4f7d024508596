# The whole job with the plain script, and every row kept in a variable.
param([string] $Addresses, [int] $Rows)
. $PSScriptRoot/common.ps1 $Addresses
. $PSScriptRoot/plain.ps1
$before = [GC]::GetTotalMemory($true)
$measured = Measure-Job {
    $script:all = Get-PlainRow (Get-PlainHeader)
}
$kept = [GC]::GetTotalMemory($true) - $before
Complete-Case ($measured + @{ rows = $all.Count; bytesPerRow = $kept / $all.Count })
