# One large answer with -Raw: CPU per byte of a document that is no list, or of a list of the same rows.
param([string] $Addresses, [string] $Path)
. $PSScriptRoot/common.ps1 $Addresses
Import-Module FedXdr
Import-Module BenchFloor
Connect-Fdx @connect
# The second time counts: the code is compiled, the connection open.
Invoke-FdxRequest -Path $Path -Raw | Out-Null
$measured = Measure-Job { Invoke-FdxRequest -Path $Path -Raw | Out-Null }
$characters = 0L
Invoke-FdxRequest -Path $Path -Raw | ForEach-Object { $characters += $_.Length }
Complete-Case ($measured + @{
        rows = 0; megabytes = $characters / 1e6; cpuNsPerByte = $measured.cpuMs * 1e6 / $characters
    })
