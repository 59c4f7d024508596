Describe 'The examples' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant
        $examples = Join-Path $PSScriptRoot ../../examples
    }

    AfterAll { Stop-FakeTenant }

    BeforeEach { Reset-Tenant }

    AfterEach { (Get-Report).violations | Should -BeNullOrEmpty }

    It 'quickstart.ps1 shows the connection, the token, machines and the number of vulnerabilities' {
        $addresses = Join-Path $TestDrive fake.json
        $Fake | ConvertTo-Json -Depth 6 | Set-Content $addresses
        $env:FEDXDR_DEMO_TENANT = $addresses
        $pwsh = Join-Path $PSHOME ($IsWindows ? 'pwsh.exe' : 'pwsh')
        $said = & $pwsh -NoProfile -NonInteractive -File (Join-Path $examples quickstart.ps1) | Out-String
        $LASTEXITCODE | Should -Be 0
        foreach ($expected in $Tenant, $Fake.clientId, $Fake.managedIdentity.clientId,
            'https://api.securitycenter.microsoft.com', 'Vulnerability.Read.All', 'host-000000', 'Critical',
            '6,000 rows of 40 machines') {
            $said | Should -Match ([regex]::Escape($expected))
        }
        # Without a terminal there are 80 columns: a machine is one line, and nothing is cut.
        $said | Should -Match '(?m)^host-000000\.corp\.net +Windows11 +Active +Medium +High\s*$'
        Assert-NoSecret $said
    }

    It 'the function writes the rows of every tenant to its blob' {
        $env:FEDXDR_TENANTS = "$($Fake.tenants[0].tenantId), $($Fake.tenants[1].tenantId)"
        $env:FEDXDR_CLIENT_ID = $Fake.clientId
        $env:FEDXDR_IDENTITY_CLIENT_ID = $Fake.managedIdentity.clientId
        $env:FEDXDR_ENDPOINTS = Get-Endpoint | ConvertTo-Json -Compress
        $bound = @{}
        function Push-OutputBinding($Name, $Value) { $bound[$Name] = $Value }
        $function = Join-Path $examples function-app/defenderCollectorGetDiscoveredVulnerabilities/run.ps1
        $said = & $function 6>&1
        $rows = @([Text.Encoding]::UTF8.GetString($bound.Vulnerabilities).TrimStart([char] 0xFEFF) | ConvertFrom-Csv)
        $rows.Count | Should -Be 12000
        @($rows.TenantId | Sort-Object -Unique).Count | Should -Be 2
        "$said" | Should -Match '12,000 rows from 2 tenants'
    }

    It 'the function reports which tenant failed and why, stores the rows of the others, and fails' {
        Set-Customer @{ consented = $false } 1
        $bound = @{}
        function Push-OutputBinding($Name, $Value) { $bound[$Name] = $Value }
        $function = Join-Path $examples function-app/defenderCollectorGetDiscoveredVulnerabilities/run.ps1
        $warnings = @()
        { & $function -WarningVariable warnings 3>&1 6>&1 | ForEach-Object { $warnings += "$_" } } |
            Should -Throw '1 of 2 tenants could not be read'
        $bound.Vulnerabilities.Length | Should -BeGreaterThan 1MB
    }

    It 'the function reports the reason if there are no rows, and stores nothing' {
        $env:FEDXDR_TENANTS = $Fake.tenants[0].tenantId
        Set-Customer @{ consented = $false }
        $bound = @{}
        function Push-OutputBinding($Name, $Value) { $bound[$Name] = $Value }
        $function = Join-Path $examples function-app/defenderCollectorGetDiscoveredVulnerabilities/run.ps1
        $said = [Collections.Generic.List[string]]::new()
        { & $function 3>&1 6>&1 | ForEach-Object { $said.Add("$_") } } |
            Should -Throw '1 of 1 tenants could not be read'
        "$said" | Should -Match 'adminconsent'
        $bound.Count | Should -Be 0
        Set-Customer @{ consented = $true; vulnerabilityRows = 0 }
        $said = & $function 6>&1
        "$said" | Should -Match '0 rows from 1 tenants'
        $bound.Count | Should -Be 0
        $env:FEDXDR_TENANTS = ' , '
        { & $function } | Should -Throw '*FEDXDR_TENANTS is missing*'
    }

    It 'the runbook writes one line per customer and puts the rows into files' {
        Set-Customer @{ vulnerabilityRows = 0 } 1
        Set-Customer @{ roles = @() } 2
        $files = $Fake.tenants.tenantId | ForEach-Object { Join-Path $TestDrive "critical-$_.csv" }
        $files | ForEach-Object { Set-Content $_ 'of yesterday' }
        $arguments = @{
            TenantId = $Fake.tenants.tenantId; ClientId = $Fake.clientId
            ManagedIdentityClientId = $Fake.managedIdentity.clientId
            Path = $TestDrive; Endpoint = Get-Endpoint; WarningAction = 'SilentlyContinue'
        }
        $lines = @(& (Join-Path $examples runbook.ps1) @arguments)
        $lines.Count | Should -Be 3
        $lines[0].Critical | Should -BeGreaterThan 100
        @(Import-Csv $lines[0].File).Count | Should -Be $lines[0].Critical
        $lines[0].Error | Should -BeNullOrEmpty
        $lines[1].Critical | Should -Be 0
        $lines[1].Error | Should -BeNullOrEmpty
        $lines[2].Error | Should -Be 'Fdx.Api.RoleMissing'
        $lines[2].Fix | Should -Match 'consent again'
        # Without rows there is no file, neither an empty one nor an old one.
        $lines.File | Where-Object { $_ } | Should -Be $files[0]
        $files | Where-Object { Test-Path $_ } | Should -Be $files[0]
    }

    It 'the first session of the README works as pasted' {
        $readme = Get-Content (Join-Path $PSScriptRoot ../../README.md) -Raw
        $code = [regex]::Match($readme, '(?s)## First session.*?```powershell\n(.*?)```').Groups[1].Value
        # Only two paths differ here: the server's program and the module under test.
        $code = $code.Replace('"$PWD/target/release/fedxdr-tenant"', '$env:FEDXDR_TENANT')
        $code = $code.Replace('./out/FedXdr', 'FedXdr')
        $said = @(. ([scriptblock]::Create($code)))
        @($said | Where-Object { $_ -is [FedXdr.Machine] }).Count | Should -Be 5
        @($said | Where-Object { $_ -is [FedXdr.Vulnerability] }).Count | Should -Be 10
        @($said | Where-Object { $_ -is [FedXdr.MachineVulnerability] }).Count | Should -Be 450
        @($said | Where-Object { $_ -is [string] }).Count | Should -Be 1
    }

    It 'the set-up script <_> parses and has the values that Entra compares' -ForEach 'home-tenant', 'customer-tenant' {
        $script = Join-Path $examples "setup/$_.ps1"
        $errors = $null
        $syntax = [Management.Automation.Language.Parser]::ParseFile($script, [ref] $null, [ref] $errors)
        $errors | Should -BeNullOrEmpty
        # It changes a directory, so it must support -WhatIf.
        $syntax.ParamBlock.Attributes.NamedArguments.ArgumentName | Should -Contain SupportsShouldProcess
        $shell = Join-Path $examples "setup/$_.sh"
        if (Get-Command bash -ErrorAction Ignore) {
            & bash -n $shell
            $LASTEXITCODE | Should -Be 0
        }
        foreach ($file in $script, $shell) {
            Get-Content $file -Raw | Should -Match 'fc780465-2017-40d4-a0c5-307022471b92'
        }
        if ($_ -eq 'home-tenant') {
            foreach ($file in $script, $shell) {
                foreach ($word in '/v2\.0', 'api://AzureADTokenExchangeUSGov', 'api://AzureADTokenExchangeChina',
                    'AzureADMultipleOrgs') {
                    Get-Content $file -Raw | Should -Match $word
                }
            }
        }
    }

    It 'the function app has what Functions requires' {
        $app = Join-Path $examples function-app
        $settings = Get-Content (Join-Path $app host.json) -Raw | ConvertFrom-Json
        $settings.version | Should -Be '2.0'
        # Without the bundle only HTTP and timer bindings work.
        $settings.extensionBundle.id | Should -Be 'Microsoft.Azure.Functions.ExtensionBundle'
        $function = Join-Path $app defenderCollectorGetDiscoveredVulnerabilities/function.json
        (Get-Content $function -Raw | ConvertFrom-Json).bindings.type | Should -Contain 'timerTrigger'
    }
}
