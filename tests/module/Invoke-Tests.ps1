#Requires -Version 7.4
<#
.SYNOPSIS
Runs one Pester file and writes its counts to a JSON file: { "Passed": 1, "Failed": 0, "Skipped": 0 }.
.DESCRIPTION
build.ps1 starts it in a fresh PowerShell for each file, with
  PSModulePath    beginning with the folder of the packaged module, so that `Import-Module FedXdr` is what would be published;
  FEDXDR_MODULE   the manifest of the packaged module;
  FEDXDR_TENANT   the fake tenant's program.
Ends with 1 if anything failed, also outside of a test, and where there is no Pester 5.
#>
param(
    [Parameter(Mandatory)] [string] $Path,
    [Parameter(Mandatory)] [string] $ResultPath
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

$pester = Get-Module Pester -ListAvailable | Where-Object { $_.Version -ge '5.0' } | Sort-Object Version | Select-Object -Last 1
if (-not $pester) {
    Write-Host '################################################################################'
    Write-Host '#  MISSING: Pester 5. No test of the module is run. To install it:             #'
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
@{ Passed = $result.PassedCount; Failed = $result.FailedCount; Skipped = $result.SkippedCount } | ConvertTo-Json -Compress |
    Set-Content $ResultPath
# A BeforeAll that failed, or a file that cannot be read, counts here and not among the tests.
exit ($result.FailedCount -eq 0 -and $result.Result -eq 'Passed' ? 0 : 1)
