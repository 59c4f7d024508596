Describe 'Hunting' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant
        $other = $Fake.tenants[1].tenantId

        function Set-Hunting([hashtable] $Change) { Set-World @{ hunting = $Change } }
    }

    AfterAll { Stop-FakeTenant }

    BeforeEach {
        Reset-Tenant
        Connect-Tenant
    }

    AfterEach { (Get-Report).violations | Should -BeNullOrEmpty }

    It 'gives typed rows of every tenant' {
        $rows = @(Invoke-FdxHunting 'DeviceProcessEvents' -TenantId $Tenant, $other)
        $rows.Count | Should -Be 1000
        @($rows.TenantId | Sort-Object -Unique) | Should -Be (@($Tenant, $other) | Sort-Object)
        # A dynamic without a value is an empty object, which is how the service writes it.
        $objects = $rows | Where-Object { "$($_.AdditionalFields)" -match 'Inner' }
        $row = $objects | Select-Object -First 1
        $row | Should -BeOfType FedXdr.Row
        $row.Timestamp | Should -BeOfType datetime
        $row.ProcessId | Should -BeOfType long
        $row.IsInitiatingProcessRemoteSession | Should -BeOfType bool
        $row.AdditionalFields.Inner.Path | Should -Be 'C:\x'
        $row.AdditionalFields.PSObject.Properties.Name | Should -Not -Match 'odata'
        $list = $rows | Where-Object { $_.AdditionalFields -is [array] } | Select-Object -First 1
        $list.AdditionalFields[1].y | Should -Be 1
        @($rows | Where-Object { $null -eq $_.ProcessCreationTime }).Count | Should -BeGreaterThan 100
        @($row.PSObject.Properties.Name) | Should -Be @(
            'TenantId', 'TenantName', 'Timestamp', 'DeviceId', 'DeviceName', 'ActionType', 'FileName', 'ProcessId'
            'IsInitiatingProcessRemoteSession', 'ProcessCreationTime', 'LogonId', 'AdditionalFields'
        )
    }

    It 'writes every type of parameter so that it means the value' {
        $id = [guid]::NewGuid()
        $now = [datetime]::UtcNow
        $parameters = [ordered]@{
            aText = 'é'; aFlag = $true; small = 5; large = 5000000000; aReal = 1.5
            infinite = [double]::NegativeInfinity; exact = 1.50d; at = $now; local = $now.ToLocalTime()
            duration = [timespan]::FromTicks(937845678901); id = $id; list = @('a', "b'", 3, $true); none = @()
            letter = [char] "'"; level = [DayOfWeek]::Monday
        }
        $print = 'print ' + (($parameters.Keys | ForEach-Object { "p_$_ = $_" }) -join ', ')
        $row = Invoke-FdxHunting $print -Parameter $parameters
        $row.p_aText | Should -BeExactly 'é'
        $row.p_aFlag | Should -BeTrue
        $row.p_small | Should -Be 5
        $row.p_large | Should -Be 5000000000
        $row.p_aReal | Should -Be 1.5
        $row.p_infinite | Should -Be ([double]::NegativeInfinity)
        $row.p_exact | Should -Be 1.5
        $row.p_at.ToUniversalTime().Ticks | Should -Be $now.Ticks
        $row.p_local.ToUniversalTime().Ticks | Should -Be $now.Ticks
        $row.p_duration | Should -Be '1.02:03:04.5678901'
        $row.p_id | Should -Be "$id"
        $row.p_list | Should -Be 'a', "b'", 3, $true
        @($row.p_none).Count | Should -Be 0
        $row.p_letter | Should -Be "'"
        $row.p_level | Should -Be 'Monday'
    }

    It 'keeps a hostile text one text: <_>' -ForEach @(
        "x' or true //", "x'; DeviceProcessEvents //", "x' | take 1 //", 'ends with \', "\'", '\\"', "') | take 1 //"
        "a$([char] 0x2028)| take 1", "a$([char] 0)b", "line`r`nline`ttab", '```| take 1```', "@'c:\'", "C:\Users\a\b"
        '日本語 😀', '{0} {name}', '"', ''
    ) {
        (Invoke-FdxHunting 'print Value = p' -Parameter @{ p = $_ }).Value | Should -BeExactly $_
        @(Invoke-FdxHunting 'DeviceProcessEvents | where FileName == p' -Parameter @{ p = $_ }).Count | Should -Be 0
        (Invoke-FdxHunting 'print Value = p' -Parameter @{ p = @($_, 'x') }).Value[0] | Should -BeExactly $_
    }

    It 'refuses <what> as a parameter' -ForEach @(
        @{ what = 'a hashtable'; given = @{ p = @{ a = 1 } } }
        @{ what = 'null'; given = @{ p = $null } }
        @{ what = 'a script block'; given = @{ p = { 1 } } }
        @{ what = 'half a surrogate pair'; given = @{ p = "a$([char] 0xD800)" } }
        @{ what = 'a keyword'; given = @{ where = 1 } }
        @{ what = 'a name with a blank'; given = @{ 'a b' = 1 } }
        @{ what = 'a statement as a name'; given = @{ 'a = 1; let b' = 1 } }
        @{ what = 'an array with a decimal'; given = @{ p = @(1.5d) } }
    ) {
        $failure = Get-Failure { Invoke-FdxHunting 'print 1' -Parameter $given }
        Get-ErrorId $failure | Should -Be 'Fdx.Hunting.InvalidParameter'
        Get-Count hunting | Should -Be 0
    }

    It 'reads the query from a file' {
        $path = Join-Path $TestDrive 'query.kql'
        Set-Content $path "// finds one`nDeviceProcessEvents`n| where ProcessId == wanted"
        (Invoke-FdxHunting -Path $path -Parameter @{ wanted = 7 }).ProcessId | Should -Be 7
        Get-ErrorId (Get-Failure { Invoke-FdxHunting -Path "$path.no" }) | Should -Be 'Fdx.Hunting.FileUnreadable'
        Get-ErrorId (Get-Failure { Invoke-FdxHunting -Path Env:PATH }) | Should -Be 'Fdx.Hunting.FileUnreadable'
    }

    It 'reads a window of time' {
        $all = @(Invoke-FdxHunting 'DeviceProcessEvents | project Timestamp')
        $day = @(Invoke-FdxHunting 'DeviceProcessEvents | project Timestamp' -Timespan ([timespan]::FromDays(1)))
        @(Invoke-FdxHunting 'DeviceProcessEvents | project Timestamp' -Timespan P1D).Count | Should -Be $day.Count
        $day.Count | Should -BeLessThan ($all.Count / 10)
        $day.Count | Should -BeGreaterThan 5
        $from, $to = ($all.Timestamp | Sort-Object)[100, 199]
        $window = ($from, $to | ForEach-Object { $_.ToUniversalTime().ToString('o') }) -join '/'
        $rows = @(Invoke-FdxHunting 'DeviceProcessEvents' -Timespan $window)
        $rows.Count | Should -Be 100
        Get-ErrorId (Get-Failure { Invoke-FdxHunting 'print 1' -Timespan yesterday }) |
            Should -Be 'Fdx.Hunting.InvalidTimespan'
    }

    It 'shows the service''s message and place if the query is wrong' {
        $failure = Get-Failure { Invoke-FdxHunting "DeviceProcessEvents`n| wher x" }
        Get-ErrorId $failure | Should -Be 'Fdx.Hunting.InvalidQuery'
        "$failure" | Should -Match 'syntax errors.*line:position=2:3'
        $failure = Get-Failure { Invoke-FdxHunting 'DeviceProcessEvents | project Nothing' }
        Get-ErrorId $failure | Should -Be 'Fdx.Hunting.InvalidQuery'
        "$failure" | Should -Match "named 'Nothing'"
        $failure = Get-Failure { Invoke-FdxHunting 'EmailEvents | take 1' }
        Get-ErrorId $failure | Should -Be 'Fdx.Hunting.UnknownTable'
        $failure.ErrorDetails.RecommendedAction | Should -Match 'licence'
        Get-Count graph | Should -Be 3
    }

    It 'warns if the answer has the most rows that the service sends' {
        Set-Customer @{ huntingRows = 100500 }
        $query = 'DeviceProcessEvents | project ProcessId'
        $rows = @(Invoke-FdxHunting $query -WarningVariable warned -WarningAction SilentlyContinue)
        $rows.Count | Should -Be 100000
        "$warned" | Should -Match "$Tenant.*100000 rows.*-SplitBy Time"
    }

    It 'splits a query that has more rows than an answer, and no row comes twice' {
        Set-Customer @{ huntingRows = 130000 }
        $found = [Collections.Generic.HashSet[long]]::new()
        $count = 0
        Invoke-FdxHunting 'DeviceProcessEvents | project ProcessId' -SplitBy Time -WarningVariable warned |
            ForEach-Object {
                $count++
                $null = $found.Add($_.ProcessId)
            }
        $warned | Should -BeNullOrEmpty
        $found.Count | Should -Be $count
        # The oldest rows leave the window of 30 days while the test runs.
        $count | Should -BeGreaterThan 129900
        Get-Count hunting | Should -Be 3
    }

    It 'splits a query whose result has too many bytes (the end of a window is open: <openEnd>)' -ForEach @(
        @{ openEnd = $false }
        @{ openEnd = $true }
    ) {
        Set-Customer @{ huntingRows = 3000 }
        Set-Hunting @{ byteLimit = 100000; openEnd = $openEnd }
        $failure = Get-Failure { Invoke-FdxHunting 'DeviceProcessEvents' }
        Get-ErrorId $failure | Should -Be 'Fdx.Hunting.ResultTooLarge'
        $rows = @(Invoke-FdxHunting 'DeviceProcessEvents' -SplitBy Time)
        @($rows.ProcessId | Sort-Object -Unique).Count | Should -Be $rows.Count
        $rows.Count | Should -BeGreaterThan 2990
        Get-Count hunting | Should -BeGreaterThan 10
    }

    It 'splits a table without time by its key' {
        Set-Customer @{ huntingRows = 3000; machines = 100 }
        Set-Hunting @{ byteLimit = 100000 }
        $rows = @(Invoke-FdxHunting 'DeviceTvmSoftwareInventory | project DeviceName, SoftwareName' -SplitBy Time)
        $rows.Count | Should -Be 3000
        @($rows | ForEach-Object { "$($_.DeviceName) $($_.SoftwareName)" } | Sort-Object -Unique).Count |
            Should -Be 3000
    }

    It 'does not split what does not add up' {
        $failure = Get-Failure { Invoke-FdxHunting 'DeviceProcessEvents | summarize count()' -SplitBy Time }
        Get-ErrorId $failure | Should -Be 'Fdx.Hunting.CannotSplit'
        "$failure" | Should -Match "'summarize'"
        Get-Count hunting | Should -Be 0
    }

    It 'says when the tenant''s processor time is used up, and does not ask again' {
        Set-Hunting @{ cpuExhausted = $true }
        $failure = Get-Failure { Invoke-FdxHunting 'DeviceProcessEvents' }
        Get-ErrorId $failure | Should -Be 'Fdx.Hunting.CpuQuota'
        "$failure" | Should -Match 'run queries again in 00:07:00'
        Get-Count graph | Should -Be 1
    }

    It 'runs a query with the older engine <engine>, which needs <role>' -ForEach @(
        @{ engine = 'Defender'; role = 'AdvancedQuery.Read.All'; roles = 'roles' }
        @{ engine = 'Xdr'; role = 'AdvancedHunting.Read.All'; roles = 'xdrRoles' }
    ) {
        $arguments = @{ Query = 'DeviceProcessEvents | where ProcessId < 3'; Engine = $engine }
        $failure = Get-Failure { Invoke-FdxHunting @arguments -WarningAction SilentlyContinue }
        Get-ErrorId $failure | Should -Be 'Fdx.Api.RoleMissing'
        "$failure" | Should -Match ([regex]::Escape($role))
        Set-Customer @{ $roles = @($role) }
        Disconnect-Fdx -ClearTokenCache
        Connect-Tenant
        $rows = @(Invoke-FdxHunting @arguments -WarningVariable warned -WarningAction SilentlyContinue)
        "$warned" | Should -Match '1 February 2027'
        $rows.ProcessId | Sort-Object | Should -Be 0, 1, 2
        $rows[0].Timestamp | Should -BeOfType datetime
        $rows[0].IsInitiatingProcessRemoteSession | Should -BeOfType bool
        Set-Customer @{ huntingRows = 5 }
        $rows = @(Invoke-FdxHunting 'DeviceProcessEvents' -Engine $engine -WarningAction Ignore)
        $rows.Count | Should -Be 5
        # These engines write JSON as text.
        $rows | Where-Object { $_.AdditionalFields -is [string] } | Should -BeNullOrEmpty
    }

    It 'names the permission that is missing' {
        Set-Customer @{ graphRoles = @('SecurityAlert.Read.All') }
        $failure = Get-Failure { Invoke-FdxHunting 'print 1' }
        Get-ErrorId $failure | Should -Be 'Fdx.Api.RoleMissing'
        "$failure" | Should -Match 'ThreatHunting\.Read\.All'
    }

    It 'reads either form of the schema, and ends with -First' {
        Set-Hunting @{ schemaInPascal = $true }
        $rows = @(Invoke-FdxHunting 'DeviceProcessEvents' -First 3)
        $rows.Count | Should -Be 3
        $rows[0].Timestamp | Should -BeOfType datetime
        @(Invoke-FdxHunting 'DeviceProcessEvents | where ProcessId < 0').Count | Should -Be 0
    }

    It 'gives rows that survive a file, and raw ones' {
        $csv = Join-Path $TestDrive rows.csv
        Invoke-FdxHunting 'DeviceProcessEvents | where ProcessId < 20' | Export-Csv $csv
        $rows = @(Import-Csv $csv)
        $rows.Count | Should -Be 20
        $rows[0].Timestamp | Should -Match '^\d{4}-\d\d-\d\dT.*Z$'
        $json = Invoke-FdxHunting 'DeviceProcessEvents | where ProcessId < 20' | ConvertTo-Json -Depth 5 |
            ConvertFrom-Json
        $json.Count | Should -Be 20
        $json[0].DeviceName | Should -Match 'corp\.net'
        $raw = @(Invoke-FdxHunting 'DeviceProcessEvents | where ProcessId < 2' -Raw)
        $raw[0] | Should -Match '"ProcessId@odata.type":"#Int64","ProcessId":0'
    }
}
