Describe 'Rows in a pipeline' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant
        $iso = '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z$'

        # Runs a script as on a machine with another culture.
        function Use-Culture([string] $Name, [scriptblock] $Script) {
            $before = [cultureinfo]::CurrentCulture
            [cultureinfo]::CurrentCulture = [cultureinfo]::GetCultureInfo($Name)
            try { & $Script }
            finally { [cultureinfo]::CurrentCulture = $before }
        }

        # Runs a script as in another time zone. Windows takes its zone from the system only.
        function Use-TimeZone([string] $Name, [scriptblock] $Script) {
            $env:TZ = $Name
            [TimeZoneInfo]::ClearCachedData()
            try { & $Script }
            finally {
                $env:TZ = $null
                [TimeZoneInfo]::ClearCachedData()
            }
        }
    }

    AfterAll { Stop-FakeTenant }

    BeforeEach {
        Reset-Tenant
        Connect-Tenant
    }

    AfterEach { (Get-Report).violations | Should -BeNullOrEmpty }

    It 'come out of CSV with lists joined, times in UTC and numbers with a point, in the culture <_>' -ForEach @(
        'en-US', 'de-DE', 'sv-SE', 'th-TH', 'ar-SA'
    ) {
        Use-Culture $_ {
            $machine = Get-FdxMachine -First 1
            $copy = $machine | Select-Object ComputerDnsName, LastSeen, MachineTags, IpAddresses, OsBuild
            foreach ($row in $machine, $copy | ForEach-Object { $_ | ConvertTo-Csv | ConvertFrom-Csv }) {
                $row.LastSeen | Should -Match $iso
                $row.MachineTags | Should -Be 'vip; Prüfung'
                $row.OsBuild | Should -Match '^\d+$'
                ($row.IpAddresses | ConvertFrom-Json).ipAddress | Should -Be $machine.IpAddresses[0].ipAddress
            }
            $file = Join-Path $TestDrive 'rows.csv'
            Get-FdxVulnerability -First 150 | Export-Csv $file
            $text = Get-Content $file -Raw
            $text | Should -Not -Match 'System\.|FedXdr\.'
            $rows = Import-Csv $file
            @($rows.FirstSeenTimestamp | Where-Object { $_ -notmatch $iso }) | Should -BeNullOrEmpty
            @($rows.CvssScore | Where-Object { $_ -and $_ -notmatch '^\d+(\.\d+)?$' }) | Should -BeNullOrEmpty
            $rows.VulnerabilitySeverityLevel | Should -Contain 'Critical'
            $row = Get-FdxMachine -First 1 | Get-FdxVulnerability -First 1 | ConvertTo-Csv | ConvertFrom-Csv
            $row.CvssV3 | Should -Match '^\d+(\.\d+)?$'
            $row.PublishedOn | Should -Match $iso
            $row.Tags | Should -Not -Match 'System'
        }
    }

    It 'of the other cmdlets come out of CSV in the same way' {
        Connect-Tenant @{ TenantId = $Fake.tenants[0..1].tenantId }
        Use-Culture de-DE {
            foreach ($token in (Get-FdxToken)[0], (Get-FdxConnection).Tokens[0]) {
                $row = $token | ConvertTo-Csv | ConvertFrom-Csv
                $row.ExpiresOn | Should -Match $iso
                $row.Roles | Should -Match '^[\w.]+(; [\w.]+)+$'
            }
            $connection = Get-FdxConnection | ConvertTo-Csv | ConvertFrom-Csv
            $connection.TenantId | Should -Be ($Fake.tenants[0..1].tenantId -join '; ')
            "$($connection.PSObject.Properties.Value)" | Should -Not -Match 'System\.|FedXdr\.'
            foreach ($row in (Test-FdxConnection), (Resolve-FdxError -Code 700213), (New-FdxConsentUrl)) {
                "$($row | ConvertTo-Csv)" | Should -Not -Match 'System\.|FedXdr\.[A-Z]\w+"'
            }
        }
        (Get-FdxToken)[0].ExpiresOn | Should -BeOfType DateTimeOffset
        @((Get-FdxConnection).TenantId).Count | Should -Be 2
    }

    It 'have tables that are readable in 80 columns' {
        Connect-Tenant @{ TenantId = $Fake.tenants[0..1].tenantId }
        Set-World @{ eventHubs = @{ rows = 1MB } }
        $objects = @(Get-FdxMachine -First 3), @(Get-FdxVulnerability -First 3), @(Get-FdxAlert -First 3),
        @(Get-FdxMachine -First 1 | Get-FdxVulnerability -First 3), @(Test-FdxConnection), @(Get-FdxToken),
        @((Get-FdxConnection).Tokens), @(Get-FdxMachine -TenantSummary report | Out-Null; $report),
        @(Export-FdxDataset machines (Join-Path $TestDrive datasets)),
        @(@{ name = 'fake' } | Send-FdxRow "$($Fake.eventHubs)/rows")
        $views = [xml] (Get-Content (Join-Path (Split-Path $env:FEDXDR_MODULE) FedXdr.Format.ps1xml) -Raw)
        # Resources.Tests.ps1 renders the rows of every data cmdlet.
        $data = Get-Command Get-Fdx* -Module FedXdr | Where-Object { $_.Parameters.ContainsKey('Raw') }
        $others = $views.SelectNodes('//View[TableControl]/Name') | ForEach-Object InnerText |
            Where-Object { $_ -notin $data.OutputType.Name }
        $objects.ForEach({ $_[0].GetType().FullName }) | Where-Object { $_ -notin $data.OutputType.Name } |
            Sort-Object | Should -Be @($others | Sort-Object)
        foreach ($rows in $objects) {
            $name = $rows[0].GetType().FullName
            $headings = $views.SelectNodes("//View[Name='$name']/TableControl//TableColumnHeader/Label") |
                ForEach-Object { $_.InnerText }
            $lines = @($rows | Out-String -Width 80) -split '\r?\n' | Where-Object { $_ }
            # Every column is as wide as its heading, so the headings are whole, in one line.
            $lines[0] -split ' +' | Where-Object { $_ } | Should -Be $headings -Because $name
            $lines[1] | Should -Match '^[- ]+$'
            # A column that is cut still shows enough to tell its rows apart.
            $widths = @([regex]::Matches($lines[0], '\S+ *').Length)
            @($widths | Where-Object { $_ -lt 4 }) | Should -BeNullOrEmpty -Because $name
            @($lines | Where-Object { $_.Length -gt 80 }) | Should -BeNullOrEmpty -Because $name
        }
    }

    It 'show the same values in a list and in a table, in any culture' {
        Use-Culture th-TH {
            $machine = Get-FdxMachine -First 1
            $seen = $machine.LastSeen.ToUniversalTime().ToString('o', [cultureinfo]::InvariantCulture)
            $machine | Format-List | Out-String | Should -Match ([regex]::Escape($seen))
            $table = $machine | Select-Object LastSeen, MachineTags | Out-String -Width 120
            $table | Should -Match ([regex]::Escape($seen))
            $machine | Out-String -Width 120 | Should -Match $seen.Substring(0, 10)
        }
        Use-Culture de-DE {
            $row = Get-FdxVulnerability -First 1
            $score = $row.CvssScore.ToString([cultureinfo]::InvariantCulture)
            $row | Out-String -Width 120 | Should -Match "\s$([regex]::Escape($score))\s"
            $row | Format-List | Out-String | Should -Match "CvssScore +: $([regex]::Escape($score))\s"
        }
    }

    It 'stay typed: lists are arrays, times are dates, numbers are numbers' {
        $machine = Get-FdxMachine -First 1
        $machine.MachineTags -is [string[]] | Should -BeTrue
        $machine.MachineTags -contains 'vip' | Should -BeTrue
        $machine.MachineTags.Count | Should -Be 2
        $machine.MachineTags -join '+' | Should -Be 'vip+Prüfung'
        @($machine.MachineTags | ForEach-Object { $_ }).Count | Should -Be 2
        @(Get-FdxMachine | Where-Object MachineTags -contains 'vip').Count | Should -BeGreaterThan 0
        $machine.LastSeen | Should -BeOfType datetime
        ((Get-Date) - $machine.LastSeen) | Should -BeOfType timespan
        (New-TimeSpan -Start $machine.LastSeen -End (Get-Date)).Ticks | Should -Not -Be 0
        $machine.OsBuild + 1 | Should -BeGreaterThan $machine.OsBuild
        $rows = @(Get-FdxVulnerability -First 500)
        ($rows | Measure-Object CvssScore -Maximum).Maximum | Should -Be 9.8
        @($rows | Where-Object CvssScore -gt 9.5).Count | Should -BeGreaterThan 0
        $rows[0].CvssScore * 2 | Should -Be ($rows[0].CvssScore + $rows[0].CvssScore)
    }

    It 'can be changed by a script, and survive JSON and a job' {
        $machine = Get-FdxMachine -First 1
        $now = Get-Date
        $machine.LastSeen = $now
        $machine.MachineTags = 'a', 'b'
        $machine.OsBuild = 7
        $machine.RiskScore = 'Low'
        $machine.LastSeen | Should -Be $now
        $json = $machine | ConvertTo-Json -Depth 5 -EnumsAsStrings | ConvertFrom-Json
        $json.MachineTags | Should -Be 'a', 'b'
        $json.OsBuild | Should -Be 7
        $json.RiskScore | Should -Be 'Low'
        $json.LastSeen.ToUniversalTime() | Should -Be $now.ToUniversalTime()
        $text = [Management.Automation.PSSerializer]::Serialize($machine)
        $copy = [Management.Automation.PSSerializer]::Deserialize($text)
        $copy.LastSeen | Should -Be $now
        $copy.MachineTags | Should -Be 'a', 'b'
        $copy.RiskScore | Should -BeOfType string
        $copy.RiskScore | Should -Be 'Low'
    }

    It 'sort and compare by severity' {
        $rows = @(Get-FdxVulnerability -First 500)
        $sorted = @($rows | Where-Object CveId | Sort-Object VulnerabilitySeverityLevel -Descending)
        "$($sorted.VulnerabilitySeverityLevel | Select-Object -Unique)" | Should -Be 'Critical High Medium Low'
        $high = @($rows | Where-Object VulnerabilitySeverityLevel -in High, Critical).Count
        $high | Should -BeGreaterThan 0
        @($rows | Where-Object VulnerabilitySeverityLevel -ge High).Count | Should -Be $high
        $machines = @(Get-FdxMachine | Sort-Object RiskScore)
        "$($machines.RiskScore | Select-Object -Unique)" | Should -BeIn 'Low Medium High', 'None Low Medium High',
            'Informational Low Medium High', 'None Informational Low Medium High'
        "$(Get-FdxMachine | Sort-Object DeviceValue | ForEach-Object DeviceValue | Select-Object -Unique)" |
            Should -Be 'Low Normal High'
        $alerts = @(Get-FdxAlert | Sort-Object Severity)
        "$($alerts.Severity | Select-Object -Unique)" | Should -Be 'informational low high'
    }

    It 'keep a severity that this version does not know, as text' {
        $machine = Get-FdxMachine -First 1
        $machine.RiskScore = 'Catastrophic'
        $machine.RiskScore | Should -Be 'Catastrophic'
        @(@(Get-FdxMachine) + $machine | Sort-Object RiskScore).Count | Should -Be 41
    }

    It 'say what they are' {
        $machine = Get-FdxMachine -First 1
        $row = Get-FdxVulnerability -First 1
        "$machine" | Should -Match "^$([regex]::Escape($machine.ComputerDnsName)), "
        "$row" | Should -Match "$([regex]::Escape($row.DeviceName)), .*$($row.CveId), "
        "$($machine | Get-FdxVulnerability -First 1)" | Should -Match ([regex]::Escape($machine.ComputerDnsName))
        "$(Invoke-FdxRequest /api/machines -First 1)" | Should -Match 'lastSeen=\d{4}-'
        "$(Get-FdxAlert -First 1)" | Should -Not -Match '^FedXdr'
        "$(Get-FdxToken)" | Should -Match "^token for https://api.securitycenter.microsoft.com in $Tenant, valid until"
        "$(Resolve-FdxError -Code 700213)" | Should -Match '^Fdx.Auth.SubjectMismatch: '
    }

    It 'compare with Get-Date in the time zone <_>' -ForEach 'UTC', 'America/Los_Angeles', 'Pacific/Kiritimati' {
        if ($IsWindows) { Set-ItResult -Skipped -Because 'Windows has one time zone for all processes (no TZ)' }
        # Seen six hours before and after the limit.
        $limit = [datetime]::UtcNow.AddDays(-7)
        $list = foreach ($hours in -6, 6) {
            $time = $limit.AddHours($hours).ToString('o')
            @{ id = "$hours"; lastSeen = $time; nested = @{ lastSeen = $time } }
        }
        Set-World @{ extraResponses = @{ 'GET /api/seen' = @{ status = 200; body = @{ value = @($list) } } } }
        $expected = @(Get-FdxMachine | Where-Object { $_.LastSeen.ToUniversalTime() -lt $limit }).Count
        $expected | Should -BeGreaterThan 0
        Use-TimeZone $_ {
            @(Get-FdxMachine | Where-Object LastSeen -lt (Get-Date).AddDays(-7)).Count | Should -Be $expected
            @(Get-FdxMachine | Where-Object { (Get-Date).AddDays(-7) -gt $_.LastSeen }).Count | Should -Be $expected
            $rows = Invoke-FdxRequest /api/seen
            @($rows | Where-Object lastSeen -lt (Get-Date).AddDays(-7)).id | Should -Be '-6'
            @($rows | Where-Object { $_.nested.lastSeen -lt (Get-Date).AddDays(-7) }).id | Should -Be '-6'
            ($rows[0] | ConvertTo-Csv | ConvertFrom-Csv).lastSeen | Should -Be $list[0].lastSeen
        }
    }

    It 'have dates where Invoke-RestMethod has them, and text where it has text' {
        $answer = @{
            Stats = @{ ExecutionTime = 0.015 }
            Results = @(
                @{
                    Timestamp = '2020-08-30T06:38:35.7664356Z'; Zone = '2020-08-30T08:38:35+02:00'
                    Whole = '2020-08-30T06:38:35'; Date = '2020-08-30'
                    Text = '2020-08-30T99:38:35Z'; Version = '10.0.1'
                }
            )
        }
        Set-World @{ extraResponses = @{ 'POST /api/advancedqueries/run' = @{ status = 200; body = $answer } } }
        $arguments = @{ Path = '/api/advancedqueries/run'; Method = 'POST'; Body = @{ Query = 'x' }; Confirm = $false }
        $row = (Invoke-FdxRequest @arguments).Results[0]
        $row.Timestamp | Should -BeOfType datetime
        $row.Timestamp.ToUniversalTime().ToString('o') | Should -Be '2020-08-30T06:38:35.7664356Z'
        $row.Zone.ToUniversalTime().ToString('s') | Should -Be '2020-08-30T06:38:35'
        $row.Whole.ToUniversalTime().ToString('s') | Should -Be '2020-08-30T06:38:35'
        $row.Timestamp -gt [datetime]'2026-11-24' | Should -BeFalse
        foreach ($name in 'Date', 'Text', 'Version') { $row.$name | Should -BeOfType string }
        Use-Culture de-DE {
            $line = Invoke-FdxRequest @arguments | Select-Object -ExpandProperty Stats | ConvertTo-Csv
            $line[1] | Should -Be '"0.015"'
            ($row | ConvertTo-Csv | ConvertFrom-Csv).Timestamp | Should -Be '2020-08-30T06:38:35.7664356Z'
        }
        Invoke-FdxRequest @arguments -Raw | Should -Match '"2020-08-30T06:38:35.7664356Z"'
    }

    It 'are paired with their machine by -PipelineVariable, and carry its name' {
        $pairs = @(Get-FdxMachine -First 5 -PipelineVariable machine | Get-FdxVulnerability |
                ForEach-Object { [pscustomobject]@{ Machine = $machine; Row = $_ } })
        $pairs.Count | Should -Be 750
        @($pairs | Where-Object { $_.Machine.Id -ne $_.Row.MachineId }) | Should -BeNullOrEmpty
        @($pairs | Where-Object { $_.Machine.ComputerDnsName -ne $_.Row.MachineName }) | Should -BeNullOrEmpty
        $row = Get-FdxVulnerability -First 1
        ($row | Get-FdxVulnerability -First 1).MachineName | Should -Be $row.DeviceName
        (Get-FdxVulnerability -MachineId $row.DeviceId -First 1).MachineName | Should -BeNullOrEmpty
        $row | Get-FdxVulnerability -First 1 | Out-String -Width 80 | Should -Match ([regex]::Escape($row.DeviceName))
    }
}
