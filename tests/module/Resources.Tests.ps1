# What every data cmdlet must do, for every resource of the catalog: about_FedXdr_Resources lists them.
BeforeDiscovery {
    $page = Get-Content (Join-Path $PSScriptRoot ../../module/docs/en-US/about_FedXdr_Resources.md) -Raw
    $resources = foreach ($section in $page -split '(?m)^### ' -match '^Get-Fdx') {
        $call = ($section -split '\r?\n')[0]
        $words = @($call -split ' ') + $null + $null
        $facts = @{}
        [regex]::Matches($section, '(?m)^- (\w+): (.+?)\r?$') | ForEach-Object {
            $facts[$_.Groups[1].Value] = $_.Groups[2].Value
        }
        @{
            Call = $call
            Cmdlet = $words[0]
            Parameter = "$($words[1])".TrimStart('-')
            Value = $words[2]
            Permission = $facts.permission
            Filter = $facts.filter
        }
    }
    $granted = @($resources | Where-Object Permission -notmatch 'Azure role')
}

Describe 'Every resource' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant
        $ids = @{
            AlertId = 'da637472900382838860_1364969609'; CveId = 'CVE-2026-10000'; Domain = 'files.example.com'
            FileHash = '4388963aaa83afe2042a46a3c017ad50bdcdafb0'; IpAddress = '192.0.2.1'
            RecommendationId = 'va-_-contoso-_-reader'; SoftwareId = 'contoso-_-reader'; TagPrefix = 'vi'
            RemediationTaskId = 'b0000000-0000-4000-8000-000000000000'; UserName = 'user1'
            ScanDefinitionId = '30000000-0000-4000-8000-000000000000'; SessionId = '01decc497f4b4ec49a5fc4e12597f8c8'
        }
        $itemIds = @{
            'Get-FdxFile' = $ids.FileHash; 'Get-FdxThreatVulnerability' = $ids.CveId; 'Get-FdxThreatHost' = $ids.Domain
        }

        # The arguments that select a resource, with an id that exists.
        function Get-Selector($Cmdlet, $Parameter, $Value) {
            if (-not $Parameter) { return @{} }
            $given = switch ($Parameter) {
                { $Value } { $Value }
                Since { [datetime]::UtcNow.AddDays(-3) }
                MachineId { (Invoke-FdxRequest '/api/machines?$top=1').id }
                Id { $itemIds[$Cmdlet] }
                default { $ids[$_] }
            }
            @{ $Parameter = $given }
        }
    }

    AfterAll { Stop-FakeTenant }

    BeforeEach {
        Reset-Tenant
        Grant-Everything
        Connect-Tenant
    }

    AfterEach { (Get-Report).violations | Should -BeNullOrEmpty }

    It '<Call>: has typed rows of its tenant, a table in 80 columns, -First and -Raw' -ForEach $resources {
        $selector = Get-Selector $Cmdlet $Parameter $Value
        $rows = @(& $Cmdlet @selector)
        $rows.Count | Should -BeGreaterThan 0
        $types = @((Get-Command $Cmdlet).OutputType.Name)
        $rows[0].GetType().FullName | Should -BeIn $types
        $rows.TenantId | Sort-Object -Unique | Should -Be $Tenant
        # Whatever the service documents has a property.
        # One sample of an alert has a member that nobody documents.
        $unknown = @($rows | Where-Object { $null -ne $_.AdditionalProperties })
        if ($Call -ne 'Get-FdxAlert') { $unknown.Count | Should -Be 0 }
        $table = $rows | Select-Object -First 3 | Format-Table | Out-String -Width 80
        @($table -split '\r?\n' | Where-Object Length -gt 80) | Should -BeNullOrEmpty
        $table | Should -Match '(?m)^Tenant +\w'
        $table | Should -Match '(?m)^c0000000 '

        @(& $Cmdlet @selector -First 1).Count | Should -Be 1
        $raw = @(& $Cmdlet @selector -Raw)
        $raw.Count | Should -Be $rows.Count
        $raw[0] | Should -BeOfType string
        { $raw[0] | ConvertFrom-Json } | Should -Not -Throw
    }

    It '<Call>: names the permission that is missing' -ForEach $granted {
        $selector = Get-Selector $Cmdlet $Parameter $Value
        # Something else was granted, so that a token comes.
        Set-Customer @{ roles = @('Other.Read.All'); xdrRoles = @('Other.Read.All'); graphRoles = @('Other.Read.All') }
        Disconnect-Fdx -ClearTokenCache
        Connect-Tenant
        $failure = Get-Failure { & $Cmdlet @selector }
        Get-ErrorId $failure | Should -Be 'Fdx.Api.RoleMissing'
        foreach ($name in $Permission -split ' or ') {
            "$($failure.Exception.Message)" | Should -Match ([regex]::Escape($name))
        }
    }

    It '<Call>: takes a filter on each of its fields' -ForEach @($resources | Where-Object Filter -ne none) {
        $selector = Get-Selector $Cmdlet $Parameter $Value
        $chosen = $Value ? "$Cmdlet -$Parameter $Value" : $Cmdlet
        $line = "$chosen -Filter '"
        $fields = @((TabExpansion2 $line $line.Length).CompletionMatches.ListItemText)
        $fields.Count | Should -BeGreaterThan 0
        # A comparison with null is valid for every type.
        $tried = 0
        foreach ($field in $fields) {
            try { $null = & $Cmdlet @selector -Filter "$field ne null" -First 1 -ErrorAction Stop; $tried++ }
            catch {
                # The fields of the cmdlet's other resources, and lists, which only any() tests.
                Get-ErrorId $_ | Should -BeIn 'Fdx.Settings.InvalidFilter', 'Fdx.Api.InvalidFilter'
            }
        }
        $tried | Should -BeGreaterThan 0
    }
}

Describe 'Rows in the pipeline' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant
    }

    AfterAll { Stop-FakeTenant }

    BeforeEach {
        Reset-Tenant
        Grant-Everything
        Connect-Tenant
    }

    AfterEach { (Get-Report).violations | Should -BeNullOrEmpty }

    It 'lead from <From> to <To>' -ForEach @(
        @{ From = 'Machine'; To = 'Software'; Property = 'MachineId' }
        @{ From = 'Machine'; To = 'Recommendation'; Property = 'MachineId' }
        @{ From = 'Machine'; To = 'MissingKb'; Property = 'MachineId' }
        @{ From = 'Machine'; To = 'User'; Property = 'MachineId' }
        @{ From = 'Machine'; To = 'Vulnerability'; Property = 'MachineId' }
        @{ From = 'Cve'; To = 'Machine'; Property = 'CveId' }
        @{ From = 'Software'; To = 'Machine'; Property = 'SoftwareId' }
        @{ From = 'Software'; To = 'Cve'; Property = 'SoftwareId' }
        @{ From = 'Software'; To = 'SoftwareVersion'; Property = 'SoftwareId' }
        @{ From = 'Software'; To = 'MissingKb'; Property = 'SoftwareId' }
        @{ From = 'Recommendation'; To = 'Machine'; Property = 'RecommendationId' }
        @{ From = 'Recommendation'; To = 'Cve'; Property = 'RecommendationId' }
        @{ From = 'Recommendation'; To = 'Software'; Property = 'RecommendationId' }
        @{ From = 'RemediationTask'; To = 'Machine'; Property = 'RemediationTaskId' }
        @{ From = 'Subscription'; To = 'CloudAlert'; Property = 'SubscriptionId' }
    ) {
        $parent = & "Get-FdxQ".Replace('Q', $From) -First 1
        $rows = @($parent | & "Get-Fdx$To")
        $rows.Count | Should -BeGreaterThan 0
        $id = $parent.PSObject.Properties[$Property] ? $parent.$Property : $parent.Id
        $rows.$Property | Sort-Object -Unique | Should -Be $id
        $rows.TenantId | Sort-Object -Unique | Should -Be $Tenant
    }

    It 'find themselves again: <_>' -ForEach 'Alert', 'Cve', 'Incident', 'Investigation', 'Machine', 'MachineAction',
    'Recommendation', 'RemediationTask', 'ScanAgent', 'SecureScore', 'Software', 'ThreatArticle' {
        $row = & "Get-Fdx$_" -First 2 | Select-Object -Last 1
        $again = $row | & "Get-Fdx$_"
        $again.Id | Should -Be $row.Id
    }

    It 'of one kind are no ids of another kind' {
        $quiet = @{ ErrorVariable = 'failed'; ErrorAction = 'SilentlyContinue' }
        Get-FdxIndicator -First 1 | Get-FdxCve @quiet | Should -BeNullOrEmpty
        @($failed | ForEach-Object { Get-ErrorId $_ }) | Should -Be 'Fdx.Settings.InvalidItemId'
        Get-FdxCve -First 1 | Get-FdxUser @quiet | Should -BeNullOrEmpty
        @($failed | ForEach-Object { Get-ErrorId $_ }) | Should -Be 'Fdx.Settings.InvalidItemId'
    }

    It 'and ids as text mean the same; a text that can be a tenant is one' {
        ('CVE-2026-10001' | Get-FdxCve).Id | Should -Be 'CVE-2026-10001'
        ('contoso-_-browser' | Get-FdxSoftware).Name | Should -Be 'browser'
        @($Fake.tenants[1].tenantId | Get-FdxMachineAction).TenantId | Sort-Object -Unique |
            Should -Be $Fake.tenants[1].tenantId
        Get-ErrorId (Get-Failure { $Fake.tenants[1].domain | Get-FdxDomain }) | Should -Be 'Fdx.Settings.InvalidItemId'
    }

    It 'come out of CSV and of jobs with their ids' {
        $csv = Get-FdxCve -First 1 | ConvertTo-Csv | ConvertFrom-Csv
        ($csv | Get-FdxCve).Id | Should -Be $csv.Id
        $copy = [Management.Automation.PSSerializer]::Deserialize(
            [Management.Automation.PSSerializer]::Serialize((Get-FdxSoftware -First 1)))
        @($copy | Get-FdxMachine).SoftwareId | Sort-Object -Unique | Should -Be $copy.Id
    }
}

Describe 'Parameters of single resources' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant
    }

    AfterAll { Stop-FakeTenant }

    BeforeEach {
        Reset-Tenant
        Grant-Everything
        Connect-Tenant
    }

    AfterEach { (Get-Report).violations | Should -BeNullOrEmpty }

    It 'changes of vulnerabilities come once, although the service repeats some' {
        # The service refuses a time that is more than 14 days ago.
        $since = [datetime]::UtcNow.AddDays(-13)
        $rows = @(Get-FdxVulnerability -Since $since)
        $keys = $rows | ForEach-Object { "$($_.Id) $($_.RbacGroupId) $($_.EventTimestamp) $($_.Status)" }
        @($keys | Sort-Object -Unique).Count | Should -Be $rows.Count
        $from = $since.ToString('yyyy-MM-ddTHH:mm:ssZ')
        $sent = Invoke-FdxRequest "/api/machines/SoftwareVulnerabilityChangesByMachine?sinceTime=$from"
        $rows.Count | Should -BeLessThan @($sent).Count
        $rows[0] | Should -BeOfType FedXdr.VulnerabilityChange
        @(Get-FdxVulnerability -Since $since -Filter "status eq 'Fixed'").Status | Sort-Object -Unique |
            Should -Be 'Fixed'
        $query = @((Get-Report).requests | Where-Object path -match Changes)[-1].query
        [uri]::UnescapeDataString($query) | Should -Match 'sinceTime=20\d\d-\d\d-\d\dT.*Z'
        $failure = Get-Failure { Get-FdxVulnerability -Since ([datetime]::UtcNow.AddDays(-15)) }
        Get-ErrorId $failure | Should -Be 'Fdx.Settings.SinceTooOld'
    }

    It '-Since becomes a condition, together with -Filter' {
        $since = [datetime]::new(2026, 11, 1, 0, 0, 0, [DateTimeKind]::Utc)
        $null = Get-FdxAlert -Since $since -Filter "severity eq 'low'"
        $sent = @((Get-Report).requests | Where-Object path -match alerts_v2)[-1].query
        [uri]::UnescapeDataString($sent) |
            Should -Match "\(severity eq 'low'\) and lastUpdateDateTime ge 2026-11-01T00:00:00\.0000000Z"
        $last = (Get-FdxMachine | Sort-Object LastSeen)[-1].LastSeen
        @(Get-FdxMachine -Since $last).LastSeen | Sort-Object -Unique | Should -Be $last
    }

    It 'incidents have their alerts on request, and come in pages of 50' {
        Set-Customer @{ listRows = 120 }
        $incidents = @(Get-FdxIncident)
        @($incidents.Id | Sort-Object -Unique).Count | Should -Be 120
        $incidents[0].Alerts | Should -BeNullOrEmpty
        $incidents[0].Severity | Should -BeIn 'medium', 'high'
        (Get-FdxIncident -First 1 -ExpandAlerts).Alerts[0].title | Should -Not -BeNullOrEmpty
        @((Get-Report).requests | Where-Object { $_.path -match 'incidents' }).status | Should -Not -Contain 400
        @(Get-FdxIncident -Engine Xdr).Count | Should -Be 120
        (Get-FdxIncident -Engine Xdr -First 1).Alerts[0].devices[0].osPlatform | Should -Be 'Windows11'
        Get-Failure { Get-FdxIncident -Engine Xdr -ExpandAlerts } | Should -Match 'ExpandAlerts'
    }

    It 'lists of any size are complete: <_>' -ForEach 'Cve', 'Software', 'AntivirusHealth', 'Indicator' {
        Set-Customer @{ listRows = 20500; machines = 20500 }
        $rows = @(& "Get-Fdx$_")
        $rows.Count | Should -Be 20500
        @($rows.Id | Sort-Object -Unique).Count | Should -Be 20500
    }

    It 'an assessment is read page by page' {
        $all = @(Get-FdxAssessment -Type SoftwareInventory)
        $all.Count | Should -Be 80
        @($all.DeviceId | Sort-Object -Unique).Count | Should -Be 40
        @(Get-FdxAssessment -Filter "softwareName eq 'reader'").Count | Should -Be 40
        { Get-FdxAssessment -Type Nonsense } | Should -Throw
    }

    It 'machines are found by address and time, and by the beginning of a tag' {
        $machine = Get-FdxMachine -First 1
        (Get-FdxMachine -IpAddress $machine.LastIpAddress).Id | Should -Contain $machine.Id
        $null = Get-FdxMachine -IpAddress $machine.LastIpAddress -At (Get-Date).AddHours(-1)
        @(Get-FdxMachine -TagPrefix vi).Count | Should -Be @(Get-FdxMachine -Tag vip).Count
        Get-Failure { Get-FdxMachine -IpAddress 192.0.2.1 -At (Get-Date).AddDays(-40) } | Should -Not -BeNullOrEmpty
        Get-Failure { Get-FdxMachine -At (Get-Date) } | Should -Match "'At'"
    }

    It 'the rows of Defender for Cloud come from every subscription, page by page' {
        Set-World @{ armPageSize = 3 }
        $alerts = @(Get-FdxCloudAlert)
        $alerts.Count | Should -Be 14
        @($alerts.SubscriptionId | Sort-Object -Unique).Count | Should -Be 2
        $one = (Get-FdxSubscription)[1].SubscriptionId
        @(Get-FdxCloudAlert -SubscriptionId $one).SubscriptionId | Sort-Object -Unique | Should -Be $one
        $quiet = @{ ErrorVariable = 'failed'; ErrorAction = 'SilentlyContinue' }
        $null = Get-FdxCloudAlert -SubscriptionId '5ab00000-0000-4000-8000-0000000000ff' @quiet
        @($failed | ForEach-Object { Get-ErrorId $_ }) | Should -Be 'Fdx.Api.NotFound'
        Grant-Everything -Subscriptions 0
        Get-FdxCloudAlert | Should -BeNullOrEmpty
    }

    It 'Invoke-FdxRequest gives each page of a Resource Graph table as one object' {
        Set-Customer @{ resources = 250 }
        $request = @{
            Resource = 'Arm'; Method = 'POST'
            Path = '/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01'
            Body = @{
                query = 'resources | order by id asc | project id, name'
                options = @{ resultFormat = 'table'; '$top' = 100 }
            }
        }
        $tables = @(Invoke-FdxRequest @request)
        @($tables | ForEach-Object count) | Should -Be 100, 100, 50
        $tables.totalRecords | Should -Be 250, 250, 250
        $tables[0].data.columns.name | Should -Be id, name
        @($tables.data.rows | ForEach-Object { $_[0] } | Sort-Object -Unique).Count | Should -Be 250
        $request.Body.options.resultFormat = 'objectArray'
        @(Invoke-FdxRequest @request).Count | Should -Be 250
    }

    It 'Search-FdxResourceGraph reads every page, and says when an answer cannot be paged' {
        Set-Customer @{ resources = 2300 }
        $rows = @(Search-FdxResourceGraph 'resources | order by id asc | project id, name, type')
        $rows.Count | Should -Be 2300
        @($rows.id | Sort-Object -Unique).Count | Should -Be 2300
        @(Search-FdxResourceGraph 'resources | project id' -First 7).Count | Should -Be 7
        Get-ErrorId (Get-Failure { Search-FdxResourceGraph 'resources | project name' }) |
            Should -Be 'Fdx.Protocol.ResultTruncated'
        Get-Failure { Search-FdxResourceGraph 'nonsense' } | Should -Match 'syntax error'
        Search-FdxResourceGraph 'resources' -First 1 -Raw | Should -BeOfType string
    }
}
