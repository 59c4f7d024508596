Describe 'Many tenants' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant '--tenants', '3'
        $ids = $Fake.tenants.tenantId
        $csv = Join-Path $TestDrive customers.csv
        Set-Content $csv "Customer ID,Company name`n$($ids[0]),Contoso Ltd`n$($ids[1]),St. Mary's Hospital"
        $customers = Import-Csv $csv
        $names = 'Contoso Ltd', 'St. Mary''s Hospital'
    }

    AfterAll { Stop-FakeTenant }

    BeforeEach {
        Reset-Tenant
        Grant-Everything
        Connect-Tenant
    }

    AfterEach { (Get-Report).violations | Should -BeNullOrEmpty }

    Context 'from objects' {
        It 'as <form>: the name is on every row' -ForEach @(
            @{ form = 'an argument'; read = { Get-FdxMachine -TenantId $customers } }
            @{ form = 'the pipeline'; read = { $customers | Get-FdxMachine } }
            @{
                form = 'a connection'
                read = {
                    Connect-Tenant @{ TenantId = $customers }
                    Get-FdxMachine
                }
            }
        ) {
            $rows = @(& $read)
            $rows.Count | Should -Be 80
            $rows.TenantName | Sort-Object -Unique | Should -Be $names
            $rows | Where-Object TenantName -eq $names[0] | ForEach-Object TenantId | Sort-Object -Unique |
                Should -Be $ids[0]
            $rows | Where-Object TenantName -eq $names[1] | Select-Object -First 1 | Out-String -Width 80 |
                Should -Match "St\. Mary"
        }

        It 'in every cmdlet that reads tenants' {
            $commands = {
                Invoke-FdxHunting 'DeviceProcessEvents | take 1' -TenantId $customers
            }, {
                Search-FdxResourceGraph 'resourcecontainers | project id' -TenantId $customers
            }, {
                Invoke-FdxRequest /api/machines -TenantId $customers
            }, {
                Get-FdxToken -TenantId $customers
            }, {
                Test-FdxConnection -TenantId $customers | Where-Object TenantId
            }
            foreach ($command in $commands) {
                (& $command).TenantName | Sort-Object -Unique | Should -Be $names -Because "$command"
            }
            (New-FdxConsentUrl -TenantId $customers).TenantId | Should -Be $ids[0..1]
        }

        It 'of the form <_>' -ForEach @(
            'tenantId,displayName', 'TenantId,TenantName', 'CustomerId,Name', 'customerId,customerName',
            'Microsoft ID,Company name', 'Id,Name', 'Tenant,DisplayName', 'tenant_id,name'
        ) {
            $row = "$_`n$($ids[1]),Fabrikam" | ConvertFrom-Csv
            ($row | Get-FdxMachine -First 1).TenantName | Should -Be Fabrikam
            $hashtable = @{}
            foreach ($property in $row.PSObject.Properties) { $hashtable[$property.Name] = $property.Value }
            (Get-FdxMachine -TenantId $hashtable -First 1).TenantName | Should -Be Fabrikam
        }

        It 'of Microsoft Graph and Partner Center are tenants, not alerts' {
            $objects = @(
                @{ id = $ids[1]; tenantId = $ids[1]; displayName = 'Fabrikam' }
                @{ id = "$([guid]::NewGuid())-x"; displayName = 'x'; customer = @{
                        tenantId = $ids[1]; displayName = 'Fabrikam'
                    }
                }
                @{ id = $ids[1]; companyProfile = @{ tenantId = $ids[1]; companyName = 'Fabrikam' } }
            )
            foreach ($object in $objects | ConvertTo-Json -Depth 3 | ConvertFrom-Json) {
                $rows = @($object | Get-FdxAlert)
                $rows.Count | Should -BeGreaterThan 0
                $rows.TenantName | Sort-Object -Unique | Should -Be Fabrikam
            }
        }

        It 'without a tenant are an error that names the members they have' {
            $failure = Get-Failure { Get-FdxMachine -TenantId ([pscustomobject]@{ Colour = 'red'; Size = 3 }) }
            "$failure" | Should -Match 'TenantId or CustomerId.*Colour, Size'
            foreach ($command in 'Get-FdxMachine', 'Get-FdxSubscription') {
                $failure = Get-Failure { [pscustomobject]@{ Colour = 'red' } | & $command -ErrorAction Stop }
                "$failure" | Should -Match 'members Colour has neither a tenant nor an id' -Because $command
            }
            $empty = "TenantId,Name`n,Contoso" | ConvertFrom-Csv
            "$(Get-Failure { Get-FdxMachine -TenantId $empty })" | Should -Match 'with a value.*TenantId, Name'
        }

        It 'with the id of a machine are about the machine' {
            $machine = Get-FdxMachine -TenantId $customers[1] -First 1
            $row = $machine | Get-FdxVulnerability -First 1
            $row.MachineId | Should -Be $machine.Id
            $row.TenantId, $row.TenantName | Should -Be $ids[1], $names[1]
            $machine.Id | Get-FdxMachine -TenantId $ids[1] | ForEach-Object Id | Should -Be $machine.Id
            $other = [pscustomobject]@{ TenantId = $ids[1]; Id = $machine.Id; Name = 'a machine' }
            $row = $other | Get-FdxMachine
            $row.Id, $row.TenantName | Should -Be $machine.Id, $null
            ($machine | Get-FdxSubscription).TenantName | Sort-Object -Unique | Should -Be $names[1]
            $copy = $machine | ConvertTo-Csv | ConvertFrom-Csv
            ($copy | Get-FdxMachine).TenantName | Should -Be $names[1]
        }
    }

    It 'are named in errors and messages' {
        Set-Customer @{ roles = @() } 1
        $read = @{ TenantId = $customers; ErrorVariable = 'failed'; ErrorAction = 'SilentlyContinue' }
        $messages = Get-FdxMachine @read -Verbose 4>&1 | Where-Object { $_ -is [Management.Automation.VerboseRecord] }
        $failed.Exception.TenantName | Should -Be $names[1]
        $failed.TargetObject | Should -Be $ids[1]
        "$($failed[0])" | Should -Match "St\. Mary's Hospital"
        "$messages" | Should -Match "tenant Contoso Ltd \($($ids[0])\)"
    }

    Context 'have a summary' {
        It 'that says what became of each' {
            Set-Customer @{ roles = @() } 1
            $tenants = @($customers) + [pscustomobject]@{ TenantId = $Fake.tenants[2].domain; Name = '' }
            $rows = @(Get-FdxMachine -TenantId $tenants -TenantSummary report -ErrorAction SilentlyContinue)
            $report.Count | Should -Be 3
            $report.TenantId | Should -Be $ids
            $report.TenantName | Should -Be $names[0], $names[1], $Fake.tenants[2].domain
            $report.Resource | Sort-Object -Unique | Should -Be machines
            $report.Result | Should -Be Succeeded, Failed, Succeeded
            ($report | Measure-Object Rows -Sum).Sum | Should -Be $rows.Count
            $report.Pages | Should -Be 1, 0, 1
            $report[1].ErrorId | Should -Be Fdx.Api.RoleMissing
            $report[1].Message | Should -Match 'Machine.Read.All'
            $report[1].Advice | Should -Match 'application permission'
            $report[0].Requests | Should -Be 1
            $report | Out-String -Width 80 | Should -Match 'St\. Mary.*Failed'
            ($report | ConvertTo-Json | ConvertFrom-Json).Rows | Should -Be 40, 0, 40
            $report[0].WaitedSeconds | Should -Be 0
        }

        It 'also if the pipeline ends early: tenants that were not read are named' {
            Add-Fault @{ service = 'defender'; name = 'hang'; tenant = $ids[1]; times = 9 }
            $read = @{ TenantId = $ids; ThrottleLimit = 1; TenantSummary = 'report' }
            $null = Get-FdxMachine @read | Select-Object -First 1
            # Whether the first tenant has come to its end by then is a matter of luck.
            $report[0].Result | Should -BeIn Succeeded, Partial
            $report[1].Result | Should -BeIn Partial, Skipped
            $report[2].Result | Should -Be Skipped
            $report[2].Message | Should -Match 'before this tenant was read'
            $report = $null
            $null = Get-FdxMachine @read -First 1
            $report.TenantId | Should -Be $ids
            $report[2].Result | Should -Be Skipped
            $null = $ids[0, 2] | Get-FdxMachine -First 1 -TenantSummary report
            $report.Result | Should -Be Partial, Skipped
            try { $null = Get-FdxMachine @read -TenantId $ids[0], 'nobody.example', $ids[2] -ErrorAction Stop }
            catch { $null = $_ }
            $report.Result[0..1] | Should -Be Succeeded, Failed
        }

        It 'over all queries of a command, and added to a variable' {
            Get-FdxMachine -First 3 -TenantSummary report |
                Get-FdxVulnerability -TenantSummary +report | Out-Null
            $report.Resource | Sort-Object | Should -Be machines, machineVulnerabilities
            $inner = $report | Where-Object Resource -eq machineVulnerabilities
            $inner.Rows, $inner.Requests, $inner.Result | Should -Be 450, 3, 'Succeeded'
            $null = $ids | Get-FdxMachine -First 1000 -TenantSummary '+report'
            $report.Count | Should -Be 5
        }

        It 'in the scope of the caller only' {
            function Read-Machine {
                $null = Get-FdxMachine -TenantSummary inner
                $inner.Result
            }
            Read-Machine | Should -Be Succeeded
            Get-Variable inner -ErrorAction Ignore | Should -BeNullOrEmpty
        }
    }

    Context 'are listed' {
        It 'by the tenant of a partner, on any number of pages, and read from there' {
            $customers = @(Get-FdxTenant)
            $customers.CustomerId | Should -Be $ids[1..2]
            $customers.CustomerName | Should -Be fabrikam, adatum
            $customers.TenantId | Sort-Object -Unique | Should -Be $ids[0]
            $rows = @(Get-FdxMachine -TenantId $customers)
            $rows.TenantName | Sort-Object -Unique | Should -Be adatum, fabrikam
            @($customers | Get-FdxAlert).TenantId | Sort-Object -Unique | Should -Be $ids[1..2]
            # The page's own size is the service's, so a link comes with many customers only.
            $tenants = @((Invoke-Control GET /world).tenants)
            $more = foreach ($number in 1..250) {
                $copy = $tenants[1] | ConvertTo-Json -Depth 9 | ConvertFrom-Json
                $copy.tenantId = 'd0000000-0000-4000-8000-{0:d12}' -f $number
                $copy.domain = "d$number.onmicrosoft.com"
                $copy
            }
            Set-World @{ tenants = @($tenants) + @($more) }
            @(Get-FdxTenant).CustomerId | Sort-Object -Unique | Should -HaveCount 252
            @(Get-FdxTenant -First 120) | Should -HaveCount 120
        }

        It 'and a list of them survives CSV' {
            $file = Join-Path $TestDrive exported.csv
            Get-FdxTenant | Export-Csv $file
            $rows = @(Get-FdxMachine -TenantId (Import-Csv $file))
            $rows.TenantId | Sort-Object -Unique | Should -Be $ids[1..2]
            $rows.TenantName | Sort-Object -Unique | Should -Be adatum, fabrikam
            $copy = Get-FdxTenant -Path $file
            $copy.CustomerId | Should -Be $ids[1..2]
            $copy.CustomerName | Should -Be fabrikam, adatum
        }

        It 'by Azure Lighthouse: each tenant once, without the own one' {
            Set-Customer @{ subscriptions = 2; delegatedSubscriptions = 5 }
            $customers = @(Get-FdxTenant -Source Lighthouse)
            $customers.CustomerId | Should -Be $ids[1..2]
            $customers.CustomerName | Should -Be $null, $null
            @(Get-FdxTenant -Source Lighthouse -First 1).CustomerId | Should -Be $ids[1]
            ($customers | Get-FdxMachine).TenantId | Sort-Object -Unique | Should -Be $ids[1..2]
            Set-Customer @{ delegatedSubscriptions = 0 }
            Get-FdxTenant -Source Lighthouse | Should -BeNullOrEmpty
        }

        It 'by a file: <name>' -ForEach @(
            @{ name = 'semicolon.csv'; text = "Customer name;Customer ID`nContoso, Ltd;{0}`n;{1}" }
            @{ name = 'tab.txt'; text = "TenantId`tDisplayName`n{0}`tContoso, Ltd`n{1}`t" }
            @{ name = 'quoted.csv'; text = '"Microsoft ID","Company name"' + "`n" + '"{0}","Contoso, Ltd"' + "`n{1}," }
            @{
                name = 'graph.json'
                text = '{{"value": [{{"tenantId": "{0}", "displayName": "Contoso, Ltd"}}, {{"tenantId": "{1}"}}]}}'
            }
            @{ name = 'list.json'; text = '[{{"customerId": "{0}", "name": "Contoso, Ltd"}}, {{"customerId": "{1}"}}]' }
        ) {
            # A file needs no connection.
            Disconnect-Fdx
            $file = Join-Path $TestDrive $name
            Set-Content -LiteralPath $file ($text -f $ids[0], $ids[1])
            $customers = @(Get-FdxTenant -Path $file)
            $customers.CustomerId | Should -Be $ids[0..1]
            $customers.CustomerName | Should -Be 'Contoso, Ltd', $null
            @(Get-FdxTenant -Path $file -First 1) | Should -HaveCount 1
        }

        It 'by a file with mistakes: each is an error' {
            $file = Join-Path $TestDrive mistakes.csv
            Set-Content $file "TenantId,Name`n,Nobody`n$($ids[0]),Contoso`n$($ids[0]),Again"
            $customers = @(Get-FdxTenant -Path $file -ErrorVariable failed -ErrorAction SilentlyContinue)
            $customers.CustomerName | Should -Be Contoso
            $failed.Count | Should -Be 1
            Get-ErrorId $failed[0] | Should -Be Fdx.Settings.CustomerFile
            "$($failed[0])" | Should -Match 'Row 1 .*TenantId, Name'
            Get-ErrorId (Get-Failure { Get-FdxTenant -Path (Join-Path $TestDrive none.csv) }) |
                Should -Be Fdx.Settings.CustomerFile
            Set-Content (Join-Path $TestDrive bad.json) '{'
            Get-ErrorId (Get-Failure { Get-FdxTenant -Path (Join-Path $TestDrive bad.json) }) |
                Should -Be Fdx.Settings.CustomerFile
        }
    }
}

Describe '500 tenants, of which 10 fail' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant '--tenants', '500', '--machines', '2', '--rows', '8'
        $customers = foreach ($tenant in $Fake.tenants) {
            [pscustomobject]@{ CustomerId = $tenant.tenantId; CustomerName = "Name of $($tenant.domain)" }
        }
    }

    AfterAll { Stop-FakeTenant }

    It 'give every row once, and every failure by name' {
        Reset-Tenant
        $tenants = @((Invoke-Control GET /world).tenants)
        $failing = 0..9 | ForEach-Object { $_ * 50 + 7 }
        foreach ($index in $failing) { $tenants[$index].consented = $false }
        Set-World @{ tenants = $tenants }
        Connect-Tenant @{ TenantId = $customers }
        $quiet = @{ ErrorAction = 'SilentlyContinue'; ErrorVariable = '+failed'; TenantSummary = '+report' }
        $failed, $report = @(), @()
        $machines = @(Get-FdxMachine @quiet)
        $rows = @(Get-FdxVulnerability @quiet)

        $machines.Count | Should -Be (490 * 2)
        @($machines | Group-Object TenantId, Id | Where-Object Count -ne 1) | Should -BeNullOrEmpty
        $rows.Count | Should -Be (490 * 8)
        @($rows | Group-Object TenantId, Id | Where-Object Count -ne 1) | Should -BeNullOrEmpty
        $expected = $customers[$failing].CustomerName | Sort-Object
        foreach ($group in $failed | Group-Object { $_.InvocationInfo.MyCommand.Name }) {
            $group.Group.Exception.TenantName | Sort-Object | Should -Be $expected -Because $group.Name
        }
        $failed.Count | Should -Be 20

        $report.Count | Should -Be 1000
        foreach ($resource in $report | Group-Object Resource) {
            $resource.Group.TenantId | Should -Be $customers.CustomerId
            $resource.Group.TenantName | Should -Be $customers.CustomerName
            $bad = $resource.Group | Where-Object Result -ne Succeeded
            $bad.TenantName | Sort-Object | Should -Be $expected
            $bad.Result | Sort-Object -Unique | Should -Be Failed
            $bad.ErrorId | Sort-Object -Unique | Should -Be Fdx.Auth.AppNotConsented
        }
        ($report | Measure-Object Rows -Sum).Sum | Should -Be ($machines.Count + $rows.Count)
        (Get-Report).violations | Should -BeNullOrEmpty
    }
}
