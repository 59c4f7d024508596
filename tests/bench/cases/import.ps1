# Import-Module: the first of its process, which also readies the engine for it, or after that of another binary module.
param([string] $Addresses, [string] $Module, [string] $After)
. $PSScriptRoot/common.ps1
if ($After) { Import-Module $After }
$measured = Measure-Job { Import-Module $Module }
Complete-Case ($measured + @{ rows = 0; version = "$((Get-Module $Module).Version)"; base = (Get-Module $Module).ModuleBase })
