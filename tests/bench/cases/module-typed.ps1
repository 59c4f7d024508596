# Rows of a resource, as its cmdlet gives them, over a warm connection: CPU per row and per KB.
param([string] $Addresses, [string] $Command, [int] $Rows, [int] $PageRows)
. $PSScriptRoot/common.ps1 $Addresses
Import-Module FedXdr
Import-Module BenchFloor
$connect.Endpoint.graph = $fake.graph
Connect-Fdx @connect
$run = [scriptblock]::Create("$Command -Raw")
$characters = 0L
& $run | ForEach-Object { $characters += $_.Length }
$kb = $characters / 1e3 / $PageRows
$run = [scriptblock]::Create("$Command | Measure-Object")
# The first time compiles the reader.
if ((& $run).Count -ne $PageRows) { throw "$Command did not give $PageRows rows" }
$run = [scriptblock]::Create("$Command | Out-Null")
$measured = Measure-Job { for ($read = 0; $read -lt $Rows; $read += $PageRows) { & $run } }
Complete-Case ($measured + @{
        rows = $Rows; kbPerRow = $kb; cpuUsPerKB = $measured.cpuMs * 1e3 / ($Rows * $kb)
    })
