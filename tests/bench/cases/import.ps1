# Import-Module: the first one of its process, which also prepares the engine, or one after another binary module's.
param([string] $Addresses, [string] $Module, [string] $After)
. $PSScriptRoot/common.ps1
if ($After) { Import-Module $After }
$measured = Measure-Job { Import-Module $Module }
$loaded = Get-Module $Module
Complete-Case ($measured + @{ rows = 0; version = "$($loaded.Version)"; base = $loaded.ModuleBase })
