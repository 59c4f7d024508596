# The function app of examples/collector. With Azurite, it runs as it does in Azure; else its queue is a list.
BeforeDiscovery {
    . $PSScriptRoot/Azurite.ps1
    $lacks = Get-AzuriteLack 'the collector with a storage queue'
}

Describe 'The collector' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        . $PSScriptRoot/Azurite.ps1
        Start-FakeTenant '--tenants', '3', '--rows', '600'
        $app = Join-Path $PSScriptRoot ../../examples/collector
        $rules = (Get-Content $app/host.json -Raw | ConvertFrom-Json).extensions.queues
        $queue = [Collections.Generic.Queue[object]]::new()
        $poison = [Collections.Generic.List[string]]::new()

        function Push-OutputBinding($Name, $Value) {
            foreach ($text in $Value) { $queue.Enqueue(@{ Text = "$text"; Count = 0 }) }
        }

        # The app settings.
        function Set-App([string] $Destination, [hashtable] $Change = @{}) {
            $queue.Clear()
            $poison.Clear()
            $settings = @{
                FEDXDR_TENANTS = $Fake.tenants.tenantId -join ', '; FEDXDR_DATASETS = 'vulnerabilities, machines'
                FEDXDR_DESTINATION = $Destination; FEDXDR_CLIENT_ID = $Fake.clientId; FEDXDR_MINUTES = $null
                FEDXDR_IDENTITY_CLIENT_ID = $Fake.managedIdentity.clientId; FEDXDR_PARTNER_TENANT = $null
                FEDXDR_ENDPOINTS = Get-Endpoint | ConvertTo-Json -Compress
            }
            foreach ($name in $Change.Keys) { $settings[$name] = $Change[$name] }
            foreach ($name in $settings.Keys) { [Environment]::SetEnvironmentVariable($name, $settings[$name]) }
        }

        # What the report over all customers shows, of whom the second one could not be read.
        $every = @{ TenantId = $Fake.tenants.tenantId; ErrorAction = 'SilentlyContinue' }
        function Assert-CollectorReport([string] $Page) {
            $failed = $Fake.tenants[1].tenantId
            ($Page -split '<section id="failures"')[1] -split '</section>' | Select-Object -First 1 |
                Should -Match $failed
            foreach ($tenant in $Fake.tenants.tenantId | Where-Object { $_ -ne $failed }) {
                ($Page -split '<section id="customers"')[1] | Should -Match $tenant
            }
        }

        # Works the queue off as the host does: a message whose function throws comes again, until it is poison.
        function Invoke-Queue([int] $Messages = 1000) {
            while ($queue.Count -and $Messages-- -gt 0) {
                $message = $queue.Dequeue()
                $message.Count++
                try { & $app/exportDataset/run.ps1 -Job $message.Text *>&1 }
                catch {
                    $_
                    if ($message.Count -ge $rules.maxDequeueCount) { $poison.Add($message.Text) }
                    else { $queue.Enqueue($message) }
                }
            }
        }
    }

    AfterAll {
        Set-App '' @{ FEDXDR_TENANTS = $null; FEDXDR_DATASETS = $null; FEDXDR_CLIENT_ID = $null }
        'FEDXDR_DESTINATION', 'FEDXDR_IDENTITY_CLIENT_ID', 'FEDXDR_ENDPOINTS' |
            ForEach-Object { [Environment]::SetEnvironmentVariable($_, $null) }
        Stop-FakeTenant
    }

    BeforeEach {
        Reset-Tenant
        $data = Join-Path $TestDrive ([guid]::NewGuid())
    }

    AfterEach { (Get-Report).violations | Should -BeNullOrEmpty }

    It 'collects what it can of three customers, and the report says who could not be read' {
        Set-Customer @{ consented = $false } 1
        Set-App $data
        $said = & $app/planJobs/run.ps1 *>&1
        "$said" | Should -Be '6 exports of 3 customers'
        $queue.Count | Should -Be 6
        $said = Invoke-Queue
        $failed = $Fake.tenants[1].tenantId
        $poison.Count | Should -Be 2
        foreach ($message in $poison) { ($message | ConvertFrom-Json).TenantId | Should -Be $failed }
        "$said" | Should -Match 'Fdx\.Auth\.\w+'
        $read = $Fake.tenants.tenantId | Where-Object { $_ -ne $failed }
        foreach ($tenant in $read) {
            @(Import-FdxDataset vulnerabilities $data -TenantId $tenant).Count | Should -Be 600
            @(Import-FdxDataset machines $data -TenantId $tenant).Count | Should -Be 40
        }

        $path = Join-Path $TestDrive report.html
        Assert-CollectorReport (Export-FdxReport $path -DatasetPath $data @every | Get-Content -Raw)
    }

    It 'takes no harm from a message that comes twice' {
        Set-App $data @{ FEDXDR_TENANTS = $Fake.tenants[0].tenantId; FEDXDR_DATASETS = 'machines, vulnerabilities' }
        foreach ($time in 1, 2) { & $app/planJobs/run.ps1 *>&1 | Out-Null }
        $queue.Count | Should -Be 4
        Invoke-Queue | Out-Null
        $poison.Count | Should -Be 0
        foreach ($dataset in 'machines', 'vulnerabilities') {
            $ids = (Import-FdxDataset $dataset $data).Id
            $ids.Count | Should -BeGreaterThan 30
            @($ids | Sort-Object -Unique).Count | Should -Be $ids.Count
        }
    }

    It 'puts a message into the queue for what does not get done in time, and gives up in the end' {
        Set-App $data @{
            FEDXDR_TENANTS = $Fake.tenants[0].tenantId; FEDXDR_DATASETS = 'vulnerabilities'; FEDXDR_MINUTES = '0'
        }
        & $app/planJobs/run.ps1 *>&1 | Out-Null
        "$(Invoke-Queue -Messages 1)" | Should -Match 'Unfinished'
        ($queue.Peek().Text | ConvertFrom-Json).Round | Should -Be 2
        $env:FEDXDR_MINUTES = $null
        "$(Invoke-Queue)" | Should -Match '(Complete|Resumed), 600 rows'

        Set-App $data @{ FEDXDR_MINUTES = '0' }
        $message = @{ TenantId = $Fake.tenants[0].tenantId; Name = 'Contoso'; Dataset = 'machines'; Round = 20 }
        Push-OutputBinding Jobs ($message | ConvertTo-Json -Compress)
        Invoke-Queue | Out-Null
        $poison.Count | Should -Be 1
    }

    It 'takes the customers of delegated administration if no tenants are set' {
        Grant-Everything
        Set-App $data @{ FEDXDR_TENANTS = $null; FEDXDR_PARTNER_TENANT = $Fake.tenants[0].tenantId }
        Connect-Tenant
        $customers = @(Get-FdxTenant)
        & $app/planJobs/run.ps1 *>&1 | Out-Null
        $queue.Count | Should -Be ($customers.Count * 2)
        ($queue.Peek().Text | ConvertFrom-Json).Name | Should -Be $customers[0].CustomerName
    }

    It 'says which setting is missing: <name>' -ForEach @(
        @{ name = 'FEDXDR_DATASETS'; script = 'planJobs'; arguments = @{} }
        @{ name = 'FEDXDR_DESTINATION'; script = 'exportDataset'; arguments = @{ Job = '{}' } }
    ) {
        Set-App $data @{ $name = $null }
        { & $app/$script/run.ps1 @arguments } | Should -Throw "*$name*"
    }

    Context 'with a storage queue and Azure Blob Storage' -Skip:([bool] $lacks) {
        BeforeAll {
            Start-Azurite blob, queue
            $container = "$($Storage.blob)/defender"
        }

        AfterAll { Stop-Azurite }

        It 'collects what it can of three customers, and the report says who could not be read' {
            (Invoke-Storage PUT 'defender?restype=container').Status | Should -Be 201
            'exports', 'exports-poison' |
                ForEach-Object { (Invoke-Storage PUT $_ -Service queue).Status | Should -Be 201 }
            Set-Customer @{ consented = $false } 1
            $failed = $Fake.tenants[1].tenantId
            $endpoints = (Get-Endpoint) + @{ blob = $Storage.blob }
            Set-App $container @{ FEDXDR_ENDPOINTS = $endpoints | ConvertTo-Json -Compress }
            $process = Start-StorageClient "$PSScriptRoot/FunctionHost.ps1" $app, $Storage.queue, (New-StorageToken)
            $said = $process.StandardOutput.ReadToEnd()
            $process.WaitForExit()
            $process.ExitCode | Should -Be 0 -Because $said
            $said | Should -Match '6 exports of 3 customers'

            # No message is left, and those of the customer that cannot be read are in the poison queue.
            Get-StorageText 'exports/messages?peekonly=true' queue | Should -Not -Match '<MessageText>'
            $poison = Get-StorageText 'exports-poison/messages?peekonly=true&numofmessages=32' queue
            $jobs = [regex]::Matches($poison, '<MessageText>(.*?)</MessageText>') | ForEach-Object {
                [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($_.Groups[1].Value)) | ConvertFrom-Json
            }
            $jobs.Dataset | Sort-Object | Should -Be 'machines', 'vulnerabilities'
            $jobs.TenantId | Should -Be $failed, $failed

            $list = Get-StorageText 'defender?restype=container&comp=list'
            foreach ($tenant in $Fake.tenants.tenantId) {
                $files = [regex]::Matches($list, "<Name>(vulnerabilities|machines)/tenant=$tenant/[^<]*</Name>").Count
                $files | Should -Be ($tenant -eq $failed ? 0 : 2)
            }

            # The report reads the container.
            $out = New-Item (Join-Path $PSScriptRoot ../../out) -ItemType Directory -Force
            $path = Join-Path $out collector-report.html
            Remove-Item $path -ErrorAction Ignore
            $script = "$TestDrive/report.ps1"
            Set-Content $script @'
param([string] $Endpoints, [string] $Container, [string] $Path, [string] $Tenants)
$connection = Connect-Fdx -Endpoint ($Endpoints | ConvertFrom-Json -AsHashtable) -PassThru
$what = @{ Path = $Path; DatasetPath = $Container; DatasetConnection = $connection; TenantId = $Tenants -split ',' }
Export-FdxReport @what -ErrorAction SilentlyContinue
'@
            $arguments = ($endpoints | ConvertTo-Json -Compress), $container, $path, ($every.TenantId -join ',')
            $process = Start-StorageClient $script $arguments
            $said = $process.StandardOutput.ReadToEnd()
            $process.WaitForExit()
            $process.ExitCode | Should -Be 0 -Because $said
            Assert-CollectorReport (Get-Content $path -Raw)
        }
    }
}
