# The files of examples/hosts: each runs here as far as it can, with the environment that its host gives.
BeforeDiscovery {
    $hosts = Join-Path $PSScriptRoot ../../examples/hosts
    $folders = (Get-ChildItem $hosts -Directory).Name
    $dockerfiles = 'Dockerfile', 'Dockerfile.alpine'
    $plans = 'flex.bicep', 'windows.bicep'
    $examples = Convert-Path (Join-Path $PSScriptRoot ../../examples)
    $templates = Get-ChildItem $examples -Recurse -Filter *.bicep |
        ForEach-Object { [IO.Path]::GetRelativePath($examples, $_.FullName).Replace('\', '/') }
}

Describe 'The hosts' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant '--rows', '600'
        $root = Join-Path $PSScriptRoot ../..
        $hosts = Join-Path $root examples/hosts
        $version = "$((Get-Module FedXdr).Version)"
        $tenants = "$($Fake.tenants[0].domain), $($Fake.tenants[1].domain)"
        $pages = @{}
        foreach ($file in Get-ChildItem $hosts -Recurse -File) {
            $name = [IO.Path]::GetRelativePath((Convert-Path $hosts), $file.FullName).Replace('\', '/')
            $pages[$name] = (Get-Content $file -Raw).ReplaceLineEndings("`n")
        }

        # The text of a block "<key>: |" in YAML, the last one of the file.
        function Get-Block([string] $Text, [string] $Key) {
            $found = [regex]::Matches($Text, "(?m)^(?<indent> *)(?:- )?${Key}: \|\n(?<code>(?:\k<indent> +.*\n|\n)+)")
            $lines = $found[-1].Groups['code'].Value.TrimEnd() -split "`n"
            $width = [regex]::Match($lines[0], '^ *').Length
            ($lines | ForEach-Object { $_.Length -ge $width ? $_.Substring($width) : '' }) -join "`n"
        }

        # Runs a block as the host does, in its folder for temporary files.
        function Invoke-Block([string] $Code) {
            $PSDefaultParameterValues = @{ 'Connect-Fdx:Endpoint' = Get-Endpoint }
            $env:TENANTS, $env:CLIENT_ID = $tenants, $Fake.clientId
            $env:FEDXDR_TENANTS, $env:FEDXDR_CLIENT_ID = $tenants, $Fake.clientId
            $env:RUNNER_TEMP = $env:AGENT_TEMPDIRECTORY = "$TestDrive"
            $env:GITHUB_STEP_SUMMARY = Join-Path $TestDrive summary.md
            Remove-Item $env:GITHUB_STEP_SUMMARY -ErrorAction Ignore
            . ([scriptblock]::Create($Code)) 2>&1
        }

        # Runs the container's script in a process of its own, as its ENTRYPOINT does.
        function Invoke-Collector([hashtable] $Change = @{}) {
            $output = Join-Path $TestDrive data
            Remove-Item $output -Recurse -ErrorAction Ignore
            $null = New-Item $output -ItemType Directory
            $variables = @{
                FEDXDR_TENANTS = $tenants; FEDXDR_CLIENT_ID = $Fake.clientId; FEDXDR_OUTPUT = $output
                FEDXDR_IDENTITY_CLIENT_ID = $null; FEDXDR_ENDPOINTS = Get-Endpoint | ConvertTo-Json -Compress
            }
            foreach ($name in $Change.Keys) { $variables[$name] = $Change[$name] }
            foreach ($name in $variables.Keys) { [Environment]::SetEnvironmentVariable($name, $variables[$name]) }
            $pwsh = Join-Path $PSHOME ($IsWindows ? 'pwsh.exe' : 'pwsh')
            $said = & $pwsh -NoProfile -NonInteractive -File (Join-Path $hosts container/collect.ps1) 2>&1 | Out-String
            $code = $LASTEXITCODE
            $files = @(Get-ChildItem $output)
            [pscustomobject]@{ Said = $said; Code = $code; Files = $files; Rows = @($files | Import-Csv) }
        }

        # The value of a setting of an app in Bicep, or nothing.
        function Get-Setting([string] $Text, [string] $Name) {
            [regex]::Match($Text, "name: '$Name',?\s+value: (.+?)(?: \})?\n").Groups[1].Value
        }
    }

    AfterAll {
        Set-HostVariable
        foreach ($name in 'TENANTS', 'CLIENT_ID', 'RUNNER_TEMP', 'AGENT_TEMPDIRECTORY', 'GITHUB_STEP_SUMMARY',
            'FEDXDR_TENANTS', 'FEDXDR_CLIENT_ID', 'FEDXDR_OUTPUT', 'FEDXDR_ENDPOINTS', 'FEDXDR_IDENTITY_CLIENT_ID',
            'SERVICE_CONNECTION_ID') {
            [Environment]::SetEnvironmentVariable($name, $null)
        }
        Stop-FakeTenant
    }

    BeforeEach { Reset-Tenant }

    AfterEach { (Get-Report).violations | Should -BeNullOrEmpty }

    It '<_> has a page in the list, and the page links to its files' -ForEach $folders {
        $pages['README.md'] | Should -Match "\]\($_\)"
        $page = $pages["$_/README.md"]
        foreach ($link in [regex]::Matches($page, '\]\(([^)]+)\)')) {
            Join-Path $hosts $_ $link.Groups[1].Value | Should -Exist
        }
        # A file that no page names is found by nobody.
        $own = Get-ChildItem (Join-Path $hosts $_) -File | Where-Object Name -notin 'README.md', 'bicepconfig.json'
        foreach ($file in $own) {
            $pages.Values -join "`n" | Should -Match ([regex]::Escape($file.Name)) -Because $file.Name
        }
    }

    It 'no file has a secret or the version of another release' {
        foreach ($name in $pages.Keys) {
            $pages[$name] | Should -Not -Match 'listKeys|AccountKey|secrets\.|client_secret|password' -Because $name
            $found = [regex]::Matches($pages[$name], '(?:FedXdr -Version |FedXdr/|VERSION=|collector:)(\d+\.\d+\.\d+)')
            foreach ($match in $found) { $match.Groups[1].Value | Should -Be $version -Because $name }
        }
    }

    It 'the workflow of GitHub collects with the token of its job' {
        $text = $pages['github-actions/collect.yml']
        $text | Should -Match '(?m)^      id-token: write'
        Add-FederatedCredential https://token.actions.githubusercontent.com repo:org@1/collector@2:ref:refs/heads/main
        $builds = $Fake.builds
        Set-HostVariable @{
            GITHUB_ACTIONS                 = 'true'
            ACTIONS_ID_TOKEN_REQUEST_URL   = $builds.ACTIONS_ID_TOKEN_REQUEST_URL
            ACTIONS_ID_TOKEN_REQUEST_TOKEN = $builds.ACTIONS_ID_TOKEN_REQUEST_TOKEN
        }
        $code = Get-Block $text run
        Invoke-Block $code | Should -BeNullOrEmpty
        $summary = Get-Content $env:GITHUB_STEP_SUMMARY
        $summary | Should -Be ($Fake.tenants[0..1].domain | ForEach-Object { "* ${_}: 600 rows" })
        @(Import-Csv (Join-Path $TestDrive vulnerabilities.csv)).Count | Should -Be 1200
        # A customer that fails makes the job red, and the rows of the others are there.
        Set-Customer @{ consented = $false } 1
        Disconnect-Fdx -ClearTokenCache
        { Invoke-Block $code } | Should -Throw '1 tenants could not be read'
        @(Import-Csv (Join-Path $TestDrive vulnerabilities.csv)).Count | Should -Be 600
    }

    It 'the pipeline of Azure collects with the token of its service connection' {
        $text = $pages['azure-pipelines/azure-pipelines.yml']
        $text | Should -Match 'SYSTEM_ACCESSTOKEN: \$\(System\.AccessToken\)'
        $issuer = 'https://vstoken.dev.azure.com/0de00000-0000-4000-8000-000000000001'
        Add-FederatedCredential $issuer sc://org/project/collector
        Set-HostVariable @{
            TF_BUILD              = 'True'
            SYSTEM_OIDCREQUESTURI = $Fake.builds.SYSTEM_OIDCREQUESTURI
            SYSTEM_ACCESSTOKEN    = $Fake.builds.SYSTEM_ACCESSTOKEN
        }
        $env:SERVICE_CONNECTION_ID = $Fake.serviceConnectionId
        $code = Get-Block $text pwsh
        Invoke-Block $code | Should -Be ($Fake.tenants[0..1].domain | ForEach-Object { "${_}: 600 rows" })
        Set-Customer @{ consented = $false } 0
        Disconnect-Fdx -ClearTokenCache
        { Invoke-Block $code } | Should -Throw '1 tenants could not be read'
    }

    It 'the manifest of Kubernetes gives the collector what it needs' {
        $text = $pages['kubernetes/collector.yaml']
        # The webhook adds these to a pod with the label and this service account.
        $text | Should -Match 'azure\.workload\.identity/use: "true"'
        $token = Join-Path $TestDrive azure-identity-token
        Set-Content $token (New-ForeignToken system:serviceaccount:security:collector)
        Add-FederatedCredential https://oidc.example.net/cluster/ system:serviceaccount:security:collector
        Set-HostVariable @{
            AZURE_FEDERATED_TOKEN_FILE = $token; AZURE_CLIENT_ID = $Fake.clientId
            AZURE_TENANT_ID = $Fake.homeTenantId
        }
        $result = Invoke-Collector
        $result.Code | Should -Be 0 -Because $result.Said
        $result.Rows.Count | Should -Be 1200
        Get-Count identity | Should -Be 0
        # Every variable that the script demands is in the manifest.
        $script = $pages['container/collect.ps1']
        $demanded = [regex]::Match($script, "missing = (.+?) \|").Groups[1].Value -split ', ' | ForEach-Object Trim("'")
        $demanded.Count | Should -Be 3
        foreach ($name in $demanded) { $text | Should -Match "- name: $name\n" }
    }

    It 'the container collects as its host''s identity, and a customer that fails costs the others nothing' {
        $result = Invoke-Collector @{ FEDXDR_IDENTITY_CLIENT_ID = $Fake.managedIdentity.clientId }
        $result.Code | Should -Be 0 -Because $result.Said
        $result.Said | Should -Match '1,200 rows, 0 tenants failed'
        $result.Files.Name | Should -Match '^vulnerabilities-\d{8}T\d{6}Z\.csv$'
        Set-Customer @{ consented = $false } 1
        $result = Invoke-Collector @{ FEDXDR_IDENTITY_CLIENT_ID = $Fake.managedIdentity.clientId }
        $result.Code | Should -Be 1
        $result.Rows.Count | Should -Be 600
        $result.Said | Should -Match '600 rows, 1 tenants failed'
        $result.Said | Should -Match $Fake.tenants[1].domain
        # Without rows there is no file.
        Set-Customer @{ vulnerabilityRows = 0 } 0
        $result = Invoke-Collector @{ FEDXDR_IDENTITY_CLIENT_ID = $Fake.managedIdentity.clientId }
        $result.Files | Should -BeNullOrEmpty
        $result = Invoke-Collector @{ FEDXDR_TENANTS = ' , '; FEDXDR_CLIENT_ID = $null }
        $result.Code | Should -Be 1
        $result.Said -replace '[\s|]+', ' ' | Should -Match 'FEDXDR_TENANTS is missing.+FEDXDR_CLIENT_ID is missing'
    }

    It '<_> installs the module for all users and starts the collector as an ordinary one' -ForEach $dockerfiles {
        $text = $pages["container/$_"]
        $text | Should -Match '(?m)^FROM mcr\.microsoft\.com/dotnet/sdk:[\d.]+(-alpine)?$'
        $text | Should -Match '-Scope AllUsers'
        $text | Should -Match '(?m)^USER [1-9]\d+$'
        $copied = [regex]::Match($text, '(?m)^COPY (\S+) (\S+)$')
        Join-Path $hosts container $copied.Groups[1].Value | Should -Exist
        $text | Should -Match "(?m)^ENTRYPOINT .*`"$([regex]::Escape($copied.Groups[2].Value))`"\]$"
        # The two differ in the image and in what they say about it.
        $rules = { param($page) $page -split "`n" | Where-Object { $_ -notmatch '^(#|FROM )' } }
        & $rules $text | Should -Be (& $rules $pages['container/Dockerfile'])
    }

    It '<_> gives the function app every setting, the identity, and storage without a key' -ForEach $plans {
        $plan, $shared = $pages["functions/$_"], $pages['functions/shared.bicep']
        $all = $plan + $shared
        $run = Get-Content (Join-Path $root examples/function-app/*/run.ps1) -Raw
        $demanded = [regex]::Match($run, "missing = (.+?) \|").Groups[1].Value -split ', ' | ForEach-Object Trim("'")
        $demanded.Count | Should -Be 3
        foreach ($name in $demanded) { Get-Setting $all $name | Should -Not -BeNullOrEmpty -Because $name }
        Get-Setting $all FEDXDR_IDENTITY_CLIENT_ID | Should -Be 'identity.properties.clientId'
        Get-Setting $all FEDXDR_TENANTS | Should -Be 'tenants'
        Get-Setting $all AzureWebJobsStorage | Should -BeNullOrEmpty
        Get-Setting $all AzureWebJobsStorage__credential | Should -Be "'managedidentity'"
        Get-Setting $all AzureWebJobsStorage__accountName | Should -Be 'storage.name'
        Get-Setting $all AzureWebJobsStorage__clientId | Should -Be 'identity.properties.clientId'
        $shared | Should -Match 'allowSharedKeyAccess: false'
        # Storage Blob Data Owner, Monitoring Metrics Publisher.
        foreach ($role in 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b', '3913510d-42f4-4e42-8a64-420c390055eb') {
            $shared | Should -Match $role
        }
        $plan | Should -Match "type: 'UserAssigned'"
        # The identity of the site is the one that shared.bicep creates.
        $plan | Should -Match "'id-\`$\{name\}'"
        $shared | Should -Match "(?s)userAssignedIdentities@.{1,20}\{\s+name: 'id-\`$\{name\}'"
        # The container of the blob binding.
        $binding = Get-Content (Join-Path $root examples/function-app/*/function.json) -Raw | ConvertFrom-Json
        $container = ($binding.bindings | Where-Object type -eq blob).path.Split('/')[0]
        $shared | Should -Match "name: '$container'"
        if ($_ -eq 'windows.bicep') {
            $plan | Should -Match 'use32BitWorkerProcess: false'
            Get-Setting $plan FUNCTIONS_WORKER_RUNTIME | Should -Be "'powershell'"
            Get-Setting $plan FUNCTIONS_EXTENSION_VERSION | Should -Be "'~4'"
        }
        else {
            $plan | Should -Match "name: 'FC1', tier: 'FlexConsumption'"
            $plan | Should -Match "runtime: \{ name: 'powershell', version: '7\.6' \}"
            $plan | Should -Match "type: 'UserAssignedIdentity'"
            # Flex Consumption refuses it.
            Get-Setting $plan FUNCTIONS_WORKER_RUNTIME | Should -BeNullOrEmpty
        }
        # Every output that is used is there.
        foreach ($use in [regex]::Matches($plan, 'shared\.outputs\.(\w+)')) {
            $shared | Should -Match "(?m)^output $($use.Groups[1].Value) "
        }
    }

    It 'the app in Bicep is the one that the set-up scripts create' {
        $app = $pages['functions/app.bicep']
        $setup = Get-Content (Join-Path $root examples/setup/home-tenant.sh) -Raw
        $wanted = [regex]::Match($setup, 'PERMISSIONS:-(.+?)\}').Groups[1].Value -split ' '
        $given = [regex]::Match($app, 'param permissions array = \[(.+?)\]').Groups[1].Value -split ', '
        $given | ForEach-Object { "Defender/$($_.Trim("'"))" } | Should -Be $wanted
        foreach ($word in 'AzureADMultipleOrgs', 'fc780465-2017-40d4-a0c5-307022471b92', 'api://AzureADTokenExchange',
            'https://localhost', 'Defender collector') {
            $app | Should -Match ([regex]::Escape($word))
            $setup | Should -Match ([regex]::Escape($word))
        }
        $issuer = '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
        $app.Contains("issuer: '$issuer'") | Should -BeTrue
        $app | Should -Match 'subject: identityPrincipalId'
        # The extension of its first line.
        $extension = [regex]::Match($app, '(?m)^extension (\w+)$').Groups[1].Value
        $configuration = $pages['functions/bicepconfig.json'] | ConvertFrom-Json
        $configuration.extensions.$extension | Should -Match '^br:mcr\.microsoft\.com/bicep/extensions/microsoftgraph/'
    }

    It 'the runbook takes what the deployment of Automation gives, in the runtime that it creates' {
        $text = $pages['automation/main.bicep']
        $given = [regex]::Match($text, '(?s)output parameters object = \{(.+?)\n\}').Groups[1].Value
        $names = [regex]::Matches($given, '(?m)^  (\w+):') | ForEach-Object { $_.Groups[1].Value }
        $runbook = Get-Command (Join-Path $root examples/runbook.ps1)
        $mandatory = foreach ($parameter in $runbook.Parameters.Values) {
            $facts = $parameter.Attributes | Where-Object { $_ -is [Parameter] }
            if ($facts.Mandatory) { $parameter.Name }
        }
        $names | Should -Be $mandatory
        # In a cloud job, with the identity of the account.
        $header = $Fake.identityHeader
        Set-HostVariable @{ IDENTITY_ENDPOINT = $Fake.automationIdentityEndpoint; IDENTITY_HEADER = $header }
        $values = @{
            TenantId = $Fake.tenants[0..1].tenantId; ClientId = $Fake.clientId
            ManagedIdentityClientId = $Fake.managedIdentity.clientId
        }
        $values.Keys | Sort-Object | Should -Be ($names | Sort-Object)
        $lines = @(& (Join-Path $root examples/runbook.ps1) @values -Endpoint (Get-Endpoint))
        $lines.Tenant | Should -Be $values.TenantId
        $lines.Error | Should -Be @($null, $null)
        $text | Should -Match "@allowed\(\['7\.4', '7\.6'\]\)"
        $text | Should -Match 'runtimeEnvironment: runtime\.name'
    }

    It 'the Bicep compiler accepts <_>' -ForEach $templates {
        # On PATH, or where the Azure CLI puts it.
        $bicep = Get-Command bicep, "$HOME/.azure/bin/bicep" -ErrorAction Ignore | Select-Object -First 1
        if (-not $bicep) { Set-ItResult -Skipped -Because 'bicep is missing (az bicep install)' }
        $said = & $bicep build (Join-Path $root examples $_) --stdout 2>&1 | Out-String
        $LASTEXITCODE | Should -Be 0 -Because $said
    }
}
