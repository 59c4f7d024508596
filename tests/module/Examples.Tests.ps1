Describe 'The examples' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant
        $examples = Join-Path $PSScriptRoot ../../examples
        $function = Join-Path $examples function-app/defenderCollectorGetDiscoveredVulnerabilities/run.ps1
        $bound = @{}
        function Push-OutputBinding($Name, $Value) { $bound[$Name] = $Value }

        # The app settings, and a run as the Functions worker makes it: all streams into the log.
        function Set-Function([string] $Tenants) {
            $env:FEDXDR_TENANTS = $Tenants
            $env:FEDXDR_CLIENT_ID = $Fake.clientId
            $env:FEDXDR_IDENTITY_CLIENT_ID = $Fake.managedIdentity.clientId
            $env:FEDXDR_ENDPOINTS = Get-Endpoint | ConvertTo-Json -Compress
            $bound.Clear()
        }

        function Invoke-Function { & $function *>&1 }
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
        Set-Function "$($Fake.tenants[0].tenantId), $($Fake.tenants[1].tenantId)"
        $said = Invoke-Function
        $text = [Text.Encoding]::UTF8.GetString($bound.Vulnerabilities)
        $rows = @($text | ConvertFrom-Csv)
        $rows.Count | Should -Be 12000
        @($rows.TenantId | Sort-Object -Unique).Count | Should -Be 2
        $rows[0].LastSeenTimestamp | Should -Match '^\d{4}-\d\d-\d\dT.*Z$'
        "$said" | Should -Match '12,000 rows from 2 tenants'
        @($said | Where-Object { $_ -is [Management.Automation.ErrorRecord] }) | Should -BeNullOrEmpty
    }

    It 'the function logs which tenant failed and why, and stores the rows of the others' {
        Set-Customer @{ consented = $false } 1
        Set-Function "$($Fake.tenants[0].tenantId), $($Fake.tenants[1].tenantId)"
        # It must not throw: a throw would cost the other tenants their rows.
        $said = Invoke-Function
        @([Text.Encoding]::UTF8.GetString($bound.Vulnerabilities) | ConvertFrom-Csv).Count | Should -Be 6000
        $failures = @($said | Where-Object { $_ -is [Management.Automation.ErrorRecord] })
        $failures.Count | Should -Be 1
        $failures[0].Exception.TenantId | Should -Be $Fake.tenants[1].tenantId
        "$said" | Should -Match '6,000 rows from 1 tenants'
    }

    It 'the function fails only if no tenant could be read, and stores nothing then' {
        Set-Customer @{ consented = $false } 0
        Set-Customer @{ consented = $false } 1
        Set-Function "$($Fake.tenants[0].tenantId), $($Fake.tenants[1].tenantId)"
        { Invoke-Function } | Should -Throw '2 of 2 tenants could not be read'
        $bound.Count | Should -Be 0
        # A tenant without vulnerabilities was read, and gives no empty blob.
        Set-Customer @{ consented = $true; vulnerabilityRows = 0 } 1
        $said = Invoke-Function
        "$said" | Should -Match '0 rows from 1 tenants'
        $bound.Count | Should -Be 0
    }

    It 'the function does not wait for one tenant''s quota until the platform ends the run' {
        Set-Function "$($Fake.tenants[0].tenantId), $($Fake.tenants[1].tenantId)"
        $body = @{ error = @{ code = '429'; message = 'quota' } }
        Add-Fault @{ service = 'defender'; name = 'status'; code = 429; retryAfter = 3000; body = $body }
        $clock = [Diagnostics.Stopwatch]::StartNew()
        $said = Invoke-Function
        $clock.Elapsed.TotalMinutes | Should -BeLessThan 5
        @([Text.Encoding]::UTF8.GetString($bound.Vulnerabilities) | ConvertFrom-Csv).Count | Should -Be 6000
        @($said | Where-Object { $_ -is [Management.Automation.ErrorRecord] }).Count | Should -Be 1
    }

    It 'the function names each setting that is missing' {
        foreach ($name in 'FEDXDR_TENANTS', 'FEDXDR_CLIENT_ID', 'FEDXDR_IDENTITY_CLIENT_ID') {
            foreach ($value in $null, ' , ') {
                Set-Function $Fake.tenants[0].tenantId
                [Environment]::SetEnvironmentVariable($name, $value)
                { Invoke-Function } | Should -Throw "*$name is missing*"
            }
        }
        Set-Function $null
        $env:FEDXDR_CLIENT_ID = $null
        { Invoke-Function } | Should -Throw '*FEDXDR_TENANTS is missing*FEDXDR_CLIENT_ID is missing*'
        Get-Count identity | Should -Be 0
    }

    It 'the function does not use the connection of the run before it, and leaves no file and no progress' {
        Set-Function $Fake.tenants[0].tenantId
        $null = Invoke-Function
        Set-Function 'common'
        { Invoke-Function } | Should -Throw
        $bound.Count | Should -Be 0
        Get-ErrorId (Get-Failure { Get-FdxMachine }) | Should -Be 'Fdx.Settings.NotConnected'
        $text = Get-Content $function -Raw
        $text | Should -Not -Match 'Export-Csv|GetTempPath|Set-Content|Out-File'
        $text | Should -Match "ProgressPreference = 'SilentlyContinue'"
    }

    It 'the function of about_FedXdr_Functions stores rows, and fails only if no tenant could be read' {
        $topic = Get-Content (Join-Path $PSScriptRoot ../../module/docs/en-US/about_FedXdr_Functions.md) -Raw
        $code = [regex]::Match($topic, '(?ms)^## run\.ps1\s+```powershell\r?\n(.*?)^```').Groups[1].Value
        $run = [scriptblock]::Create($code)
        $PSDefaultParameterValues = @{ 'Connect-Fdx:Endpoint' = Get-Endpoint }
        Set-Function "$($Fake.tenants[0].tenantId), $($Fake.tenants[1].tenantId)"
        Set-Customer @{ consented = $false } 1
        $said = & $run *>&1
        @([Text.Encoding]::UTF8.GetString($bound.Vulnerabilities) | ConvertFrom-Csv).Count | Should -Be 6000
        @($said | Where-Object { $_ -is [Management.Automation.ErrorRecord] }).Count | Should -Be 1
        Set-Customer @{ consented = $false } 0
        Disconnect-Fdx -ClearTokenCache
        $bound.Clear()
        { & $run *>&1 } | Should -Throw 'no tenant could be read'
        $bound.Count | Should -Be 0
    }

    It 'every example passes its connection on' {
        $pages = Get-ChildItem $examples -Recurse -File -Include *.ps1 | Where-Object Directory -notmatch 'setup'
        foreach ($page in $pages) {
            $text = Get-Content $page -Raw
            if ($text -notmatch 'Connect-Fdx') { continue }
            foreach ($line in $text -split '\r?\n' | Where-Object { $_ -match '^\s*(\$\w+ = )?Get-Fdx' }) {
                $line | Should -Match '-Connection|@read|@limit' -Because "$($page.Name): $line"
            }
        }
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
        # Without a folder no customers' data stays on the machine.
        $arguments.Remove('Path')
        $mask = Join-Path ([IO.Path]::GetTempPath()) 'critical-*'
        $before = @(Get-ChildItem $mask).Count
        @(& (Join-Path $examples runbook.ps1) @arguments)[0].Critical | Should -Be $lines[0].Critical
        @(Get-ChildItem $mask).Count | Should -Be $before
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
        $bindings = Join-Path $app defenderCollectorGetDiscoveredVulnerabilities/function.json
        (Get-Content $bindings -Raw | ConvertFrom-Json).bindings.type | Should -Contain 'timerTrigger'
        # The module is in the package; ids and settings are not.
        $ignored = Get-Content (Join-Path $app .funcignore)
        $ignored | Should -Contain 'local.settings.json'
        $ignored | Should -Not -Match 'Modules|bin'
    }
}
