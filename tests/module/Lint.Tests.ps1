# PSScriptAnalyzer over every script and over the package. The gallery refuses a package with errors of it.
BeforeDiscovery {
    $analyzer = Get-Module PSScriptAnalyzer -ListAvailable
    if (-not $analyzer) {
        Write-Host '################################################################################'
        Write-Host '#  NOT LINTED: PSScriptAnalyzer is missing. To install it:                     #'
        Write-Host '#  Install-PSResource PSScriptAnalyzer                                         #'
        Write-Host '################################################################################'
    }
}

Describe 'PSScriptAnalyzer' {
    BeforeAll {
        $root = Convert-Path (Join-Path $PSScriptRoot ../..)
        # GitHub's runners can install it, so there a missing one is a failure.
        function Skip-WithoutAnalyzer {
            if (-not (Get-Module PSScriptAnalyzer -ListAvailable) -and -not $env:GITHUB_ACTIONS) {
                Set-ItResult -Skipped -Because 'PSScriptAnalyzer is missing'
            }
        }
        # A finding as one line, so that a failure shows where it is.
        function Get-Finding([hashtable] $Arguments) {
            Invoke-ScriptAnalyzer @Arguments | ForEach-Object {
                "$([IO.Path]::GetRelativePath($root, $_.ScriptPath)):$($_.Line): $($_.RuleName): $($_.Message)"
            }
        }
    }

    It 'finds nothing in the scripts' {
        Skip-WithoutAnalyzer
        $settings = Import-PowerShellDataFile (Join-Path $root PSScriptAnalyzerSettings.psd1)
        foreach ($path in 'build.ps1', 'module', 'examples') {
            Get-Finding @{ Path = Join-Path $root $path; Recurse = $true; Settings = $settings } |
                Should -BeNullOrEmpty
        }
        # Tests hand values to stand-ins for cmdlets in other modules, and their secrets are those of the fake tenant.
        $settings.ExcludeRules += 'PSAvoidGlobalVars', 'PSAvoidOverwritingBuiltInCmdlets',
        'PSAvoidUsingPlainTextForPassword', 'PSAvoidUsingConvertToSecureStringWithPlainText'
        Get-Finding @{ Path = Join-Path $root tests; Recurse = $true; Settings = $settings } | Should -BeNullOrEmpty
    }

    It 'finds nothing in the package, by any rule' {
        Skip-WithoutAnalyzer
        Get-Finding @{ Path = Split-Path $env:FEDXDR_MODULE; Recurse = $true } | Should -BeNullOrEmpty
    }

    It 'reads settings that exclude rules and no severity' {
        $settings = Import-PowerShellDataFile (Join-Path $root PSScriptAnalyzerSettings.psd1)
        $settings.Severity | Should -Be 'Error', 'Warning'
        $settings.ExcludeRules | Where-Object { $_ -notmatch '^PS\w+$' } | Should -BeNullOrEmpty
    }
}
