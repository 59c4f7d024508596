BeforeDiscovery {
    $root = Join-Path $PSScriptRoot ../..
    # Every code block of every README that a user pastes from, in the order of the page.
    $hosts = (Get-ChildItem (Join-Path $root examples/hosts) -Directory).Name
    $pages = @('README.md', 'examples/function-app/README.md', 'examples/setup/README.md') +
        @($hosts | ForEach-Object { "examples/hosts/$_/README.md" })
    $blocks = foreach ($page in $pages) {
        $number = 0
        $text = Get-Content (Join-Path $root $page) -Raw
        foreach ($match in [regex]::Matches($text, '(?ms)^```(\w+)\r?\n(.*?)^```')) {
            $number++
            @{ page = $page; number = $number; language = $match.Groups[1].Value; code = $match.Groups[2].Value }
        }
    }
    $scripts = @($blocks | Where-Object { $_.language -eq 'powershell' })
    $shells = @($blocks | Where-Object { $_.language -eq 'bash' -and $_.code -notmatch '^\./build\.sh' })
    if ($IsWindows) { Write-Host "NOT FOR WINDOWS: $($shells.Count + 1) tests of Bash blocks; those of PowerShell run" }
    $others = @($blocks | Where-Object { $_ -notin $scripts -and $_ -notin $shells })
}

Describe 'The READMEs' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant
        $root = Join-Path $PSScriptRoot ../..
        $stubs = Join-Path $PSScriptRoot cloud-stubs

        # A copy of the repository's folder after a build, with what the pages refer to.
        $copy = Join-Path $TestDrive repository
        $null = New-Item (Join-Path $copy target/release), (Join-Path $copy out/FedXdr) -ItemType Directory -Force
        Copy-Item $env:FEDXDR_TENANT (Join-Path $copy target/release "fedxdr-tenant$($IsWindows ? '.exe' : '')")
        Copy-Item (Split-Path $env:FEDXDR_MODULE) (Join-Path $copy out/FedXdr) -Recurse
        Copy-Item (Join-Path $root examples) $copy -Recurse

        # Stand-ins for the modules that the set-up scripts require.
        foreach ($name in 'Microsoft.Graph.Authentication', 'Microsoft.Graph.Applications', 'Az.Accounts',
            'Az.ManagedServiceIdentity') {
            $folder = New-Item (Join-Path $TestDrive "modules/$name") -ItemType Directory -Force
            Copy-Item (Join-Path $stubs Graph.psm1) (Join-Path $folder "$name.psm1")
        }
        $modulePath = $env:PSModulePath
        $env:PSModulePath = (Join-Path $TestDrive modules) + [IO.Path]::PathSeparator + $modulePath
        $path = $env:PATH
        $env:PATH = $stubs + [IO.Path]::PathSeparator + $path

        $identity = '44444444-0000-4000-8000-000000000001'
        $issuer = 'https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111/v2.0'
        $global:GraphCalls = [Collections.Generic.List[object]]::new()

        $audience = 'api://AzureADTokenExchange'
        function New-Credential([string] $Name, [string] $Subject = $identity, [string] $For = $audience) {
            $values = @{ Id = "id-$Name"; Name = $Name; Issuer = $issuer; Subject = $Subject; Audiences = @($For) }
            [pscustomobject] $values
        }

        # Runs PowerShell code in a fresh session in a folder, as somebody who pastes it.
        function Invoke-Pwsh([string] $Code, [string] $Folder) {
            $file = Join-Path $TestDrive pasted.ps1
            # A server that survives a failure would keep the output open.
            $end = 'finally { if (-not $server.HasExited) { $server.Kill() } }'
            Set-Content $file "`$ErrorActionPreference = 'Stop'`ntry {`n$Code`n} $end"
            Push-Location $Folder
            try {
                $pwsh = Join-Path $PSHOME ($IsWindows ? 'pwsh.exe' : 'pwsh')
                & $pwsh -NoProfile -NonInteractive -File $file 2>&1 | Out-String -Width 200
            }
            finally { Pop-Location }
        }

        function Skip-WithoutBash {
            if (-not (Get-Command bash -ErrorAction Ignore)) { Set-ItResult -Skipped -Because 'Bash is missing' }
        }

        # Runs Bash code in a folder, as somebody who pastes it.
        function Invoke-Bash([string] $Code, [string] $Folder) {
            $file = Join-Path $TestDrive pasted.sh
            [IO.File]::WriteAllText($file, "set -euo pipefail`n$Code")
            Push-Location $Folder
            try { (& bash $file 2>&1) -join "`n" }
            finally { Pop-Location }
        }
    }

    AfterAll {
        $env:PSModulePath = $modulePath
        $env:PATH = $path
        Remove-Variable GraphCalls, GraphCredentials -Scope Global -ErrorAction Ignore
        Set-HostVariable
        Stop-FakeTenant
    }

    BeforeEach {
        Reset-Tenant
        $global:GraphCalls.Clear()
        $global:GraphCredentials = @(New-Credential collector)
        $env:AZ_LOG = Join-Path $TestDrive az.log
        Remove-Item $env:AZ_LOG -ErrorAction Ignore
    }

    AfterEach {
        $env:AZ_CREDENTIAL = $null
        $env:AZ_LOG = $null
    }

    It '<page>: PowerShell block <number> works as pasted' -ForEach $scripts {
        # What the page has said before.
        $customer = $tenantId = $Fake.tenants[0].tenantId
        $customers = $Fake.tenants[0..1].tenantId
        $app = $clientId = $Fake.clientId
        $identity = $identityId = $Fake.managedIdentity.clientId
        $recipe = @{ ClientId = $app; ManagedIdentityClientId = $identityId }
        $env:FEDXDR_TENANTS = $customers -join ', '
        $env:FEDXDR_CLIENT_ID, $env:FEDXDR_IDENTITY_CLIENT_ID = $app, $identityId
        Connect-Tenant
        $connection = Get-FdxConnection
        $token = Get-FdxToken -AsPlainText
        # The pages are about Microsoft's own addresses.
        $PSDefaultParameterValues = @{ 'Connect-Fdx:Endpoint' = Get-Endpoint }
        function Invoke-RestMethod([Parameter(Position = 0)] [uri] $Uri, [hashtable] $Headers) {
            $address = "$Uri".Replace('https://api.securitycenter.microsoft.com', $Fake.defender)
            Microsoft.PowerShell.Utility\Invoke-RestMethod -Uri $address -Headers $Headers -NoProxy
        }

        $folder = $page -match 'setup|hosts' ? (Join-Path $copy (Split-Path $page)) : $copy
        if ($code -match 'fedxdr-tenant') {
            # A session of its own: this one has the module already.
            $said = Invoke-Pwsh $code $folder
            $LASTEXITCODE | Should -Be 0 -Because $said
            $said -match ($page -eq 'README.md' ? '(?s)host-000002.*CVE-' : 'Critical') | Should -BeTrue
            $said -match 'Exception|Error' | Should -BeFalse
            return
        }
        # What no machine of the tests has.
        $called = [ordered]@{}
        function Install-PSResource([string] $Name) { $called.Install = $Name }
        function Save-PSResource([string] $Name, [string] $Path, [switch] $TrustRepository) {
            Copy-Item (Join-Path $copy out/FedXdr) (New-Item $Path -ItemType Directory) -Recurse
        }
        function func { $called.Func = "$args" }
        function Register-AzAutomationScheduledRunbook([string] $ResourceGroupName, [string] $AutomationAccountName,
            [string] $RunbookName, [string] $ScheduleName, [hashtable] $Parameters) { $called.Runbook = $Parameters }
        Set-Content (Join-Path $folder customers.csv) "TenantId,Name`n$($customers[0]),Contoso`n$($customers[1]),"
        Push-Location $folder
        try { $said = @(. ([scriptblock]::Create($code))) }
        finally { Pop-Location }
        switch -Regex ($code) {
            'Install-PSResource' { $called.Install | Should -Be 'FedXdr' }
            'Save-PSResource' {
                # The app's folder, with the module where the worker looks for it.
                Join-Path $folder collector/Modules/FedXdr/*/FedXdr.psd1 | Should -Exist
                Join-Path $folder collector/host.json | Should -Exist
                $called.Func | Should -Be 'azure functionapp publish func-collector --powershell'
            }
            'ScheduledRunbook' {
                $known = (Get-Command (Join-Path $copy examples/runbook.ps1)).Parameters.Keys
                $called.Runbook.Keys | Where-Object { $_ -notin $known } | Should -BeNullOrEmpty
            }
            'Bearer' { @($machines.value).Count | Should -Be 40 }
            'critical\.csv' {
                @(Import-Csv (Join-Path $copy critical.csv)).VulnerabilitySeverityLevel | Sort-Object -Unique |
                    Should -Be 'Critical'
            }
            'Get-FdxToken' { $token | Should -Match '^ey' }
            'home-tenant' { $said[-1].Subject | Should -Be '44444444-0000-4000-8000-000000000001' }
            'Action Check' { @($said | Where-Object Granted).Count | Should -Be 2 }
        }
    }

    # On Windows the PowerShell block beside each does the same.
    if (-not $IsWindows) {
        It '<page>: Bash block <number> works as pasted' -ForEach $shells {
            Skip-WithoutBash
            $folder = Join-Path $copy (Split-Path $page)
            # What the page has said before.
            $before = 'HOME_TENANT=x SUBSCRIPTION=x GROUP=g APP=a ACCOUNT=s TENANTS=a',
            'CLIENT_ID=a9900000-0000-4000-8000-000000000001',
            'IDENTITY_CLIENT_ID=x IDENTITY_OBJECT_ID=x IDENTITY_RESOURCE_ID=x',
            # What no machine of the tests has.
            'docker() { test "$1" = run || test -f Dockerfile; }; kubectl() { test "$1" != apply || test -f "$3"; }'
            $said = Invoke-Bash (($before -join "`n") + "`n$code") $folder
            $LASTEXITCODE | Should -Be 0 -Because $said
            # JSON for the Azure CLI is JSON after the shell has read it.
            $calls = (Get-Content $env:AZ_LOG -Raw -ErrorAction Ignore) ?? ''
            foreach ($match in [regex]::Matches($calls, '--parameters (\{[^}]+\})')) {
                ($match.Groups[1].Value | ConvertFrom-Json).issuer | Should -Match '^(https://|$)'
            }
        }
    }

    It '<page>: <language> block <number> is what it says' -ForEach $others {
        switch ($language) {
            'json' { { $code | ConvertFrom-Json } | Should -Not -Throw }
            'bash' {
                # The build itself: the tests run in it, so only the names of its tasks are checked.
                $tasks = (Get-Command (Join-Path $root build.ps1)).Parameters.Task.Attributes |
                    Where-Object { $_ -is [ValidateSet] } | ForEach-Object ValidValues
                foreach ($match in [regex]::Matches($code, '(?m)^\./build\.sh (\w+)')) {
                    $match.Groups[1].Value | Should -BeIn $tasks
                }
            }
            default { $language | Should -Be 'text' }
        }
    }

    It 'the first screen shows what the lines above it print' {
        $page = (Get-Content (Join-Path $root README.md) -Raw).ReplaceLineEndings("`n")
        $found = [regex]::Match($page, '(?ms)^```powershell\n(Import-Module.*?)^```\n\n```text\n(.*?)^```')
        $page.Substring(0, $found.Index) | Should -Match 'Install-PSResource FedXdr'
        $page.Substring(0, $found.Index) | Should -Not -Match '(?m)^## '
        @($found.Groups[1].Value.Trim() -split '\n').Count | Should -Be 3
        $customer, $app = $Fake.tenants[0].domain, $Fake.clientId
        $identity = $Fake.managedIdentity.clientId
        $PSDefaultParameterValues = @{ 'Connect-Fdx:Endpoint' = Get-Endpoint }
        $printed = . ([scriptblock]::Create($found.Groups[1].Value)) | Out-String -Width 100
        ($printed -replace '\e\[[\d;]*m' -split '\r?\n').TrimEnd() | Where-Object { $_ } |
            Should -Be ($found.Groups[2].Value.Trim() -split '\n')
    }

    It 'the function''s README begins with the lines that replace the token part of a function' {
        $page = Get-Content (Join-Path $root examples/function-app/README.md) -Raw
        $first = [regex]::Match($page, '(?ms)^```powershell\r?\n(.*?)^```')
        @($first.Groups[1].Value.Trim() -split '\r?\n').Count | Should -Be 3
        $page.Substring(0, $first.Index) | Should -Not -Match '(?m)^## '
        $topic = Get-Content (Join-Path $root module/docs/en-US/about_FedXdr_Functions.md) -Raw
        $topic.Replace("`r", '') | Should -Match ([regex]::Escape($first.Groups[1].Value.Replace("`r", '')))
    }

    if (-not $IsWindows) {
        It 'home-tenant.sh finds a federated credential by issuer and subject' {
            Skip-WithoutBash
            $folder = Join-Path $copy examples/setup
            $setup = 'RESOURCE_GROUP=rg-collector ./home-tenant.sh'
            $env:AZ_CREDENTIAL = "my-own-name $issuer $identity api://AzureADTokenExchange"
            Invoke-Bash $setup $folder | Should -Match 'Federated credential my-own-name: exists'
            Get-Content $env:AZ_LOG -Raw | Should -Not -Match 'federated-credential (create|update)'
            $env:AZ_CREDENTIAL = "my-own-name $issuer $identity api://other"
            Invoke-Bash $setup $folder | Should -Match 'audience corrected'
            Get-Content $env:AZ_LOG -Raw | Should -Match 'update .*--federated-credential-id my-own-name'
            # A credential of another identity is not overwritten.
            $env:AZ_CREDENTIAL = "collector-identity $issuer another-subject api://AzureADTokenExchange"
            Invoke-Bash $setup $folder | Should -Match 'is of another subject, another-subject'
            $LASTEXITCODE | Should -Be 1
            $env:AZ_CREDENTIAL = ' '
            Invoke-Bash $setup $folder | Should -Match 'Federated credential collector-identity: created'
            Invoke-Bash "$setup check || echo code `$?" $folder |
                Should -Match 'no federated credential with(.|\n)*code 1'
        }
    }

    It 'home-tenant.ps1 finds a federated credential by issuer and subject' {
        $script = Join-Path $copy examples/setup/home-tenant.ps1
        $arguments = @{
            TenantId = '11111111-1111-1111-1111-111111111111'; IdentityName = 'id-defender-collector'
            ResourceGroupName = 'rg-collector'; WarningAction = 'Ignore'
        }
        $global:GraphCredentials = @(New-Credential my-own-name; New-Credential collector-identity another)
        (& $script @arguments).Subject | Should -Be $identity
        $global:GraphCalls.Name | Should -Not -Match 'Federated'
        $global:GraphCredentials = @(New-Credential my-own-name $identity api://other)
        $null = & $script @arguments
        $change = $global:GraphCalls | Where-Object Name -match 'Update-.*Federated'
        $change.Values.id | Should -Be 'id-my-own-name'
        $change.Values.audiences | Should -Be 'api://AzureADTokenExchange'
        # A credential of another identity is not overwritten.
        $global:GraphCredentials = @(New-Credential collector-identity another)
        { & $script @arguments } | Should -Throw '*is of another subject, another*'
        $global:GraphCredentials = @()
        $null = & $script @arguments
        $new = $global:GraphCalls | Where-Object Name -match 'New-.*Federated'
        $new.Values.name | Should -Be 'collector-identity'
    }
}
