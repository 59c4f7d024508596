# Every row of a resource, as its cmdlet gives them, over a warm connection: CPU per row and per KB.
param([string] $Addresses, [string] $Command, [int] $Rows)
. $PSScriptRoot/common.ps1 $Addresses
Import-Module FedXdr
$connect.Endpoint.graph = $fake.graph
Connect-Fdx @connect
$characters = 0L
Invoke-Expression "$Command -First 1000 -Raw" | ForEach-Object { $characters += $_.Length }
$kb = $characters / 1e6
# The first rows compile the reader.
Invoke-Expression "$Command -First 1000" | Out-Null
$measured = Measure-Job { Invoke-Expression "$Command | Out-Null" }
Complete-Case ($measured + @{
        rows = $Rows; kbPerRow = $kb; cpuUsPerKB = $measured.cpuMs * 1e3 / ($Rows * $kb)
    })
