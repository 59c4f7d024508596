# Exports to Log Analytics and to Event Hubs. The streams that the server knows are those of the template in
# examples/log-analytics, so the template and what is sent must fit.
Describe 'Export-FdxDataset to a service that keeps no files' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant
        $template = Get-Content $PSScriptRoot/../../examples/log-analytics/template.json -Raw | ConvertFrom-Json
        $tables = $template.variables.tables.PSObject.Properties
        $streams = @{}
        foreach ($table in $tables) {
            $columns = @{}
            foreach ($column in $table.Value.columns) { $columns[$column.name] = $column.type }
            $streams["Custom-$($table.Value.name)"] = $columns
        }
        $rule = 'dcr-00000000000000000000000000000001'

        function Get-Rows([string] $Hub) {
            foreach ($event in @(Get-Received $Hub)) { $event.Body.TrimEnd("`n") -split "`n" | ConvertFrom-Json }
        }
    }

    AfterAll {
        Set-HostVariable
        Stop-FakeTenant
    }

    BeforeEach {
        Reset-Tenant
        Set-World @{ rules = @{ $rule = $streams }; eventHubs = @{ rows = 1MB; basic = 256KB } }
        Connect-Tenant
        $state = "$TestDrive/$([guid]::NewGuid())"
        $logs = "$($Fake.ingestion)/dataCollectionRules/$rule"
        $hubs = $Fake.eventHubs
    }

    AfterEach { (Get-Report).violations | Should -BeNullOrEmpty }

    It 'sends each dataset to its own stream, with columns that the template declares' {
        Grant-Everything
        $names = (TabExpansion2 'Export-FdxDataset ' 18).CompletionMatches.CompletionText -ne 'hunting'
        $results = Export-FdxDataset $names $logs -StatePath $state
        $results.Result | Should -Be @('Complete' * $names.Count -split '(?<=e)(?=C)')
        foreach ($result in $results) {
            $table = "Custom-Fdx$($result.Dataset.Substring(0, 1).ToUpperInvariant())$($result.Dataset.Substring(1))"
            @(Get-Received $table).Count | Should -Be $result.Rows -Because $table
            $result.Path | Should -Be $logs
        }
        Assert-NoSecret "$($results | ConvertTo-Json)"
    }

    It 'gives a row the values of the list, its time, a key, and other names where Log Analytics has its own' {
        # Only the link to a second page names the snapshot.
        Set-World @{ vulnerabilityPageSize = 1000 }
        $result = Export-FdxDataset vulnerabilities "$logs/streams/Custom-FdxVulnerabilities" -StatePath $state
        $result.Result, $result.Rows | Should -Be 'Complete', 6000
        $rows = Get-Received Custom-FdxVulnerabilities
        $rows.Count | Should -Be 6000
        ($rows.RowKey | Sort-Object -Unique).Count | Should -Be 6000
        $rows[0].TimeGenerated | Should -Be $result.SnapshotTime.ToUniversalTime()
        $expected = Import-FdxDataset vulnerabilities $state | Select-Object -First 1
        $rows[0].SourceTenantId, $rows[0].SourceId, $rows[0].CveId, $rows[0].CvssScore |
            Should -Be $Tenant, $expected.Id, $expected.CveId, ([double] $expected.CvssScore)
        # Requests are as large as the service takes.
        Get-Count ingestions | Should -BeLessOrEqual 12
    }

    It 'sends the rows of a query to the stream of its name' {
        $query = 'DeviceProcessEvents'
        $expected = @(Invoke-FdxHunting $query)
        $columns = @{ TimeGenerated = 'datetime'; SourceTenantId = 'string'; RowKey = 'string' }
        foreach ($property in $expected[0].PSObject.Properties | Where-Object Name -NotLike 'Tenant*') {
            $columns[$property.Name] = switch ($property.TypeNameOfValue) {
                'System.DateTime' { 'datetime' }
                'System.Int64' { 'long' }
                'System.Boolean' { 'boolean' }
                'System.String' { 'string' }
                default { 'dynamic' }
            }
        }
        Set-World @{ rules = @{ $rule = @{ 'Custom-FdxProcesses' = $columns } } }
        $result = Export-FdxDataset hunting $logs -Query $query -Name processes -StatePath $state
        $result.Result, $result.Rows | Should -Be 'Complete', $expected.Count
        $rows = @(Get-Received Custom-FdxProcesses)
        $rows.Count | Should -Be $expected.Count
        $rows[17].SourceTenantId, $rows[17].FileName | Should -Be $Tenant, $expected[17].FileName
        $rows[17].TimeGenerated | Should -Not -BeNullOrEmpty
    }

    It 'sends nothing twice: not a list that is unchanged, and only the changes since' {
        $first = Export-FdxDataset vulnerabilities $logs -StatePath $state
        $sent = @(Get-Received Custom-FdxVulnerabilities).Count
        $second, $third = 1..2 | ForEach-Object { Export-FdxDataset vulnerabilities $logs -StatePath $state }
        $first.Mode, $second.Mode | Should -Be 'Full', 'Delta'
        $third.Result | Should -Be 'Unchanged'
        @(Get-Received Custom-FdxVulnerabilities).Count | Should -Be $sent
        @(Get-Received Custom-FdxVulnerabilityChanges).Count | Should -Be $second.Rows
    }

    It 'sends nothing if there are no rows' {
        $tenants = @((Invoke-Control GET /world).tenants)
        foreach ($one in $tenants) { $one.vulnerabilityRows = 0 }
        Set-World @{ tenants = $tenants }
        $result = Export-FdxDataset vulnerabilities $logs -StatePath $state
        $result.Result, $result.Rows | Should -Be 'Complete', 0
        Get-Count ingestion | Should -Be 0
    }

    It 'goes on where a run that failed ended, and repeats at most one request: <fault>' -ForEach @(
        @{ fault = 'killed'; doubled = $true }
        @{ fault = 'refused'; doubled = $false }
    ) {
        $arguments = @{ Dataset = 'vulnerabilities'; Destination = $logs; StatePath = $state; Mode = 'Full' }
        if ($fault -eq 'refused') {
            Add-Fault @{ service = 'ingestion'; name = 'status'; code = 400; skip = 2 }
            $failed = Export-FdxDataset @arguments -ErrorAction SilentlyContinue
            $failed.ErrorId | Should -Be 'Fdx.Ingestion.Refused'
        }
        else {
            Add-Fault @{ service = 'ingestion'; name = 'slow'; delayMs = 100; times = 1000 }
            $script = "Import-Module FedXdr
                `$endpoint = '$(ConvertTo-Json (Get-Endpoint) -Compress)' | ConvertFrom-Json -AsHashtable
                Connect-Fdx -TenantId $Tenant -ClientId $($Fake.clientId) -Endpoint `$endpoint ``
                    -ManagedIdentityClientId $($Fake.managedIdentity.clientId)
                Export-FdxDataset vulnerabilities '$logs' -StatePath '$state' -Mode Full"
            $process = Start-PowerShell '-Command', $script
            $null = Stop-Midway $process ingestions 0 ([Random]::new(16))
        }
        $before = @(Get-Received Custom-FdxVulnerabilities)
        $before.Count | Should -BeGreaterThan 0
        $before.Count | Should -BeLessThan 6000
        $warned = $null
        $result = Export-FdxDataset @arguments -WarningVariable warned -WarningAction SilentlyContinue
        $result.Result | Should -BeIn 'Unchanged', 'Complete'
        [bool] ($warned -match 'sent again') | Should -Be $doubled
        $rows = @(Get-Received Custom-FdxVulnerabilities)
        ($rows.RowKey | Sort-Object -Unique).Count | Should -Be 6000
        $rows.Count | Should -BeLessOrEqual (6000 + 2000)
        if (-not $doubled) { $rows.Count | Should -Be 6000 }
    }

    It 'gives rows whose answer was lost the same keys again' {
        Add-Fault @{ service = 'ingestion'; name = 'lost-answer'; skip = 1 }
        $result = Export-FdxDataset vulnerabilities $logs -StatePath $state
        $result.Result | Should -Be 'Complete'
        $rows = @(Get-Received Custom-FdxVulnerabilities)
        $rows.Count | Should -BeGreaterThan 6000
        ($rows.RowKey | Sort-Object -Unique).Count | Should -Be 6000
    }

    It 'waits as long as the service says' {
        Add-Fault @{ service = 'ingestion'; name = 'status'; code = 429; retryAfter = 2 }
        $result = Export-FdxDataset vulnerabilities $logs -StatePath $state
        $result.Result | Should -Be 'Complete'
        $result.Duration.TotalSeconds | Should -BeGreaterThan 2
        @(Get-Received Custom-FdxVulnerabilities).Count | Should -Be 6000
    }

    It 'says what is missing: <what>' -ForEach @(
        @{
            what = 'the role'; id = 'Fdx.Ingestion.RoleMissing'; advice = 'Monitoring Metrics Publisher'
            change = { Set-World @{ withoutSenderRole = @($Fake.managedIdentity.objectId) } }
        }
        @{
            what = 'the rule'; id = 'Fdx.Ingestion.NotFound'; advice = 'immutable id'
            change = { Set-World @{ rules = @{ $rule = $null } } }
        }
        @{
            what = 'the stream'; id = 'Fdx.Ingestion.NotFound'; advice = 'stream'
            change = { Set-World @{ rules = @{ $rule = @{ 'Custom-FdxVulnerabilities' = $null } } } }
        }
        @{
            what = 'a token that is accepted'; id = 'Fdx.Ingestion.TokenRefused'; advice = 'tenant'
            change = { Add-Fault @{ service = 'ingestion'; name = 'status'; code = 401; times = 2 } }
        }
    ) {
        . $change
        $result = Export-FdxDataset vulnerabilities $logs -StatePath $state -ErrorAction SilentlyContinue
        $result.Result, $result.ErrorId | Should -Be 'Failed', $id
        $result.Advice | Should -Match $advice
    }

    It 'is clear about -StatePath and streams: <id>' -ForEach @(
        @{ id = 'Fdx.Dataset.InvalidStatePath'; arguments = { @{ Destination = $logs } } }
        @{ id = 'Fdx.Dataset.InvalidStatePath'; arguments = { @{ Destination = $logs; StatePath = $logs } } }
        @{ id = 'Fdx.Dataset.InvalidStatePath'; arguments = { @{ Destination = $state; StatePath = $state } } }
        @{
            id = 'Fdx.Dataset.OneStream'
            arguments = {
                @{ Destination = "$logs/streams/Custom-X"; StatePath = $state; Dataset = 'machines', 'alerts' }
            }
        }
        @{
            id = 'Fdx.Dataset.UnknownFormat'
            arguments = { @{ Destination = $logs; StatePath = $state; Format = 'Parquet' } }
        }
    ) {
        $given = & $arguments
        if (-not $given.ContainsKey('Dataset')) { $given.Dataset = 'vulnerabilities' }
        Get-ErrorId (Get-Failure { Export-FdxDataset @given @args }) | Should -Be $id
    }

    It 'does not send what waits for another destination' {
        Add-Fault @{ service = 'ingestion'; name = 'status'; code = 400 }
        $null = Export-FdxDataset vulnerabilities $logs -StatePath $state -Mode Full -ErrorAction SilentlyContinue
        $other = Export-FdxDataset vulnerabilities "$hubs/rows" -StatePath $state -ErrorAction SilentlyContinue
        $other.ErrorId | Should -Be 'Fdx.Dataset.StateOfAnother'
        (Export-FdxDataset vulnerabilities $logs -StatePath $state -Mode Full).Result | Should -Be 'Unchanged'
        # Another destination has not got the list.
        (Export-FdxDataset vulnerabilities "$hubs/rows" -StatePath $state -Mode Full).Result | Should -Be 'Complete'
        @(Get-Rows rows).Count | Should -Be 6000
    }

    It 'sends rows to an event hub as JSON lines, also where a publication has 256 KB: <hub>' -ForEach @(
        @{ hub = 'rows'; least = 4 }
        @{ hub = 'basic'; least = 16 }
    ) {
        $result = Export-FdxDataset vulnerabilities "$hubs/$hub" -StatePath $state -Mode Full
        $result.Result, $result.Path | Should -Be 'Complete', "$hubs/$hub"
        $events = @(Get-Received $hub)
        $events.Count | Should -BeGreaterOrEqual $least
        $events[0].UserProperties.dataset, $events[0].UserProperties.tenantId | Should -Be 'vulnerabilities', $Tenant
        $rows = @(Get-Rows $hub)
        $rows.Count | Should -Be 6000
        $expected = @(Import-FdxDataset vulnerabilities $state)
        ($rows.id -join ' ') | Should -Be ($expected.Id -join ' ')
    }

    It 'says what is missing for an event hub: <what>' -ForEach @(
        @{
            what = 'the role'; id = 'Fdx.Ingestion.RoleMissing'; advice = 'Azure Event Hubs Data Sender'
            change = { Set-World @{ withoutSenderRole = @($Fake.managedIdentity.objectId) } }
        }
        @{
            what = 'the hub'; id = 'Fdx.Ingestion.NotFound'; advice = 'event hub'
            change = { Set-World @{ eventHubs = @{ rows = $null } } }
        }
    ) {
        . $change
        $result = Export-FdxDataset vulnerabilities "$hubs/rows" -StatePath $state -ErrorAction SilentlyContinue
        $result.Result, $result.ErrorId | Should -Be 'Failed', $id
        $result.Advice | Should -Match $advice
    }
}
