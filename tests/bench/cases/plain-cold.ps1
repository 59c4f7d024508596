# The whole job with the plain script.
param([string] $Addresses, [int] $Rows)
. $PSScriptRoot/common.ps1 $Addresses
. $PSScriptRoot/plain.ps1
$measured = Measure-Job {
    Get-PlainRow (Get-PlainHeader) | Out-Null
}
Complete-Case ($measured + @{ rows = $Rows })
