# The whole job in a new process: connect, token, every row.
param([string] $Addresses, [int] $Rows)
. $PSScriptRoot/common.ps1 $Addresses
Import-Module FedXdr
$measured = Measure-Job {
    Connect-Fdx @connect
    Get-FdxVulnerability | Out-Null
}
Complete-Case ($measured + @{ rows = $Rows })
