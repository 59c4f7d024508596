# The rules of PSScriptAnalyzer for every script of this repository. tests/module/Lint.Tests.ps1 applies them.
@{
    Severity     = @('Error', 'Warning')
    ExcludeRules = @(
        # Build scripts and examples talk to a person, who may also redirect their output.
        'PSAvoidUsingWriteHost'
        # Helpers in scripts and tests: no user calls them, so nobody needs -WhatIf. Cmdlets are in C#.
        'PSUseShouldProcessForStateChangingFunctions'
        'PSUseSingularNouns'
        # A variable of BeforeAll is used in It, and a parameter in an inner script block: the rules see neither.
        'PSUseDeclaredVarsMoreThanAssignments'
        'PSReviewUnusedParameter'
        # Tests hand values to stand-ins in other modules, and make secrets out of the fake tenant's text.
        'PSAvoidGlobalVars'
        'PSAvoidUsingConvertToSecureStringWithPlainText'
        # The files are UTF-8 without a byte order mark, as PowerShell 7 reads them.
        'PSUseBOMForUnicodeEncodedFile'
    )
}
