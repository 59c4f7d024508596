#Requires -Version 7.4
<#
.SYNOPSIS
Runs one Pester file and writes its counts to a JSON file:
{ "Passed": 1, "Failed": 1, "Skipped": 0, "FailedTests": ["Describing ... name: message"] }.
.DESCRIPTION
build.ps1 starts it in a fresh PowerShell for each file, with these variables:
  PSModulePath    begins with the folder of the packaged module, so that `Import-Module FedXdr` loads the package;
  FEDXDR_MODULE   the manifest of the packaged module;
  FEDXDR_TENANT   the fake tenant's program.
The exit code is 1 if anything failed, in a test or outside of one, and if Pester 5 is missing.
#>
param(
    [Parameter(Mandatory)] [string] $Path,
    [Parameter(Mandatory)] [string] $ResultPath
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

$pester = Get-Module Pester -ListAvailable | Where-Object Version -ge '5.0' | Sort-Object Version |
    Select-Object -Last 1
if (-not $pester) {
    Write-Host '################################################################################'
    Write-Host '#  MISSING: Pester 5. No test of the module runs. To install it:               #'
    Write-Host '#  Install-Module Pester -MinimumVersion 5.7 -Scope CurrentUser                #'
    Write-Host '################################################################################'
    exit 1
}
Import-Module $pester.Path

$configuration = New-PesterConfiguration
$configuration.Run.Path = @($Path)
$configuration.Run.PassThru = $true
$configuration.Run.Exit = $false
$configuration.Output.Verbosity = 'Detailed'
$configuration.Output.RenderMode = 'Plaintext'

$result = Invoke-Pester -Configuration $configuration
$counts = [ordered]@{
    Passed = $result.PassedCount
    Failed = $result.FailedCount
    Skipped = $result.SkippedCount
    FailedTests = @($result.Failed | ForEach-Object {
            $message = "$($_.ErrorRecord | Select-Object -First 1)" -split '\r?\n' | Select-Object -First 1
            "$($_.ExpandedPath): $message"
        })
}
$counts | ConvertTo-Json -Compress | Set-Content $ResultPath
# A failed BeforeAll or an unreadable file shows only in Result, not in the counts of tests.
exit ($result.FailedCount -eq 0 -and $result.Result -eq 'Passed' ? 0 : 1)
