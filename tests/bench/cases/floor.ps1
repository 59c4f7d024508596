# The engine's own cost a row: a cmdlet that writes ready-made objects.
param([string] $Addresses, [int] $Rows)
. $PSScriptRoot/common.ps1
Import-Module BenchFloor
Write-BenchRow 400000 | Out-Null # until the engine's code is compiled as it stays
Complete-Case ((Measure-Job { Write-BenchRow $Rows | Out-Null }) + @{ rows = $Rows })
