# The rules of PSScriptAnalyzer for every script of this repository. tests/module/Lint.Tests.ps1 applies them.
@{
    Severity     = @('Error', 'Warning')
    ExcludeRules = @(
        # Build scripts and examples talk to a person, who may also redirect their output.
        'PSAvoidUsingWriteHost'
        # Helpers in scripts and tests: no user calls them, so nobody needs -WhatIf. Cmdlets are in C#.
        'PSUseShouldProcessForStateChangingFunctions'
        'PSUseSingularNouns'
        # A parameter in an inner script block, or a variable of a block that calls the next one: the rules see neither.
        'PSReviewUnusedParameter'
        'PSUseDeclaredVarsMoreThanAssignments'
        # The files are UTF-8 without a byte order mark, as PowerShell 7 reads them.
        'PSUseBOMForUnicodeEncodedFile'
    )
}
