# The engine's own cost per row: a cmdlet that writes ready-made objects.
param([string] $Addresses, [int] $Rows)
. $PSScriptRoot/common.ps1
Import-Module BenchFloor
Write-BenchRow 400000 | Out-Null # until the JIT has compiled the engine's code for good
Complete-Case ((Measure-Job { Write-BenchRow $Rows | Out-Null }) + @{ rows = $Rows })
