#Requires -Version 7.4
<#
.SYNOPSIS
Writes the manifest of a package: the one of the source, with what only the package and the changelog know.
.DESCRIPTION
The tags get one per system whose library is in the package, because the gallery offers a module to the systems of its
tags. The release notes are the part of the changelog about this version. build.ps1 calls this after the libraries are
in the package.
.EXAMPLE
./module/package/Write-Manifest.ps1 -Package out/FedXdr/0.1.0
#>
param(
    # Folder of the package, with its libraries in <rid>/.
    [Parameter(Mandatory)] [string] $Package,
    # Manifest of the source.
    [string] $Source = (Join-Path $PSScriptRoot ../FedXdr.psd1),
    # One section per version, "## 1.2.3" or "## 1.2.3-preview1".
    [string] $Changelog = (Join-Path $PSScriptRoot ../../CHANGELOG.md),
    # The commit that it is built from, if the build states one.
    [string] $Commit
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

function Get-ReleaseNotes([string] $Version) {
    $text = (Get-Content $Changelog -Raw).ReplaceLineEndings("`n")
    $section = [regex]::Match($text, "(?ms)^## $([regex]::Escape($Version))$\n(.*?)(?=^## |\z)")
    if (-not $section.Success) { throw "$Changelog has no section '## $Version'" }
    $notes = $section.Groups[1].Value.Trim()
    if (-not $notes) { throw "the section '## $Version' of $Changelog is empty" }
    if ($notes -match "(?m)^'@") { throw "a line of $Changelog begins with '@, which ends the release notes" }
    $notes
}

# Replaces one piece of the manifest's text, which must be there exactly once.
function Set-Text([string] $Text, [string] $Old, [string] $New) {
    if ($Text.Split($Old).Count -ne 2) { throw "$Source must have exactly one: $Old" }
    $Text.Replace($Old, $New)
}

$systems = [ordered]@{ win = 'Windows'; linux = 'Linux'; osx = 'MacOS' }
$libraries = @(Get-ChildItem $Package -Directory | Where-Object { Test-Path (Join-Path $_ 'fedxdr_native*') })
$inside = @($libraries | ForEach-Object { $_.Name -replace '-.*' })
$tags = @($systems.Keys | Where-Object { $_ -in $inside } | ForEach-Object { "'$($systems[$_])'" })
if (-not $tags) { throw "there is no native library in $Package" }

$facts = Import-PowerShellDataFile $Source
$version = $facts.ModuleVersion, $facts.PrivateData.PSData.Prerelease -ne '' -join '-'
# Comments of the source are about the source.
$text = (Get-Content $Source -Raw).ReplaceLineEndings("`n") -replace '(?m)^\s*#.*\n'
$text = Set-Text $text "'PSEdition_Core', " "'PSEdition_Core', $($tags -join ', '), "
if ($Commit) { $text = Set-Text $text '        PSData = @{' "        Commit = '$Commit'`n        PSData = @{" }
$text = Set-Text $text "ReleaseNotes = ''" "ReleaseNotes = @'`n$(Get-ReleaseNotes $version)`n'@"
[IO.File]::WriteAllText((Join-Path (Convert-Path $Package) FedXdr.psd1), $text)
