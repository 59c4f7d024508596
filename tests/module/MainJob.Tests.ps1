Describe 'From a managed identity to rows' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant
    }

    AfterAll { Stop-FakeTenant }

    BeforeEach {
        Reset-Tenant
        Connect-Tenant
    }

    AfterEach { (Get-Report).violations | Should -BeNullOrEmpty }

    It 'streams every row of the customer exactly once, over many pages' {
        Set-World @{ vulnerabilityPageSize = 700 }
        $rows = @(Get-FdxVulnerability)
        $rows.Count | Should -Be 6000
        @($rows.Id | Sort-Object -Unique).Count | Should -Be 6000
        @($rows.TenantId | Sort-Object -Unique) | Should -Be $Tenant
        (Get-Report).counts.pages | Should -Be 9
        (Get-Report).counts.exchanges | Should -Be 1
        (Get-Report).counts.identity | Should -Be 1
    }

    It 'returns typed values' {
        $row = Get-FdxVulnerability -First 1
        $row | Should -BeOfType FedXdr.Vulnerability
        $row.FirstSeenTimestamp | Should -BeOfType datetime
        $row.FirstSeenTimestamp.ToUniversalTime().ToString('u') | Should -Match '^2026-\d\d-\d\d 11:07:15Z$'
        $row.CvssScore | Should -BeOfType double
        $row.SecurityUpdateAvailable | Should -BeOfType bool
        $row.RbacGroupId | Should -BeOfType long
        $row.DiskPaths.GetType().Name | Should -Be 'String[]'
        $row.AdditionalProperties | Should -BeNullOrEmpty
    }

    It 'leaves little garbage between two collections, however large the cache of the processor is' {
        Set-Customer @{ vulnerabilityRows = 80000 }
        Connect-Tenant
        $bytes, $collections = [GC]::GetAllocatedBytesForCurrentThread(), [GC]::CollectionCount(0)
        $null = Get-FdxVulnerability | Measure-Object
        $bytes = [GC]::GetAllocatedBytesForCurrentThread() - $bytes
        $bytes | Should -BeGreaterThan 48MB
        [GC]::CollectionCount(0) - $collections | Should -BeGreaterOrEqual ([Math]::Floor($bytes / 24MB))
    }

    It 'reads escapes and letters beyond ASCII, and null where there is no CVE' {
        $rows = @(Get-FdxVulnerability -First 150)
        $rows.DiskPaths -match 'Müller & Söhne' | Should -Not -BeNullOrEmpty
        @($rows | Where-Object { $null -eq $_.CveId -and $null -eq $_.CvssScore }).Count | Should -Be 3
        $rows.RbacGroupName | Should -Contain 'Workstations'
    }

    It 'returns as many rows as were asked for: <_>' -ForEach 1, 3, 1023, 1024, 1025, 5999, 6000, 7000 {
        @(Get-FdxVulnerability -First $_).Count | Should -Be ([Math]::Min($_, 6000))
    }

    It 'filters rows that the service cannot filter, and sends it no filter' {
        $all = @(Get-FdxVulnerability)
        $expected = @($all | Where-Object VulnerabilitySeverityLevel -eq 'Critical')
        $expected.Count | Should -BeGreaterThan 0
        $found = @(Get-FdxVulnerability -Filter "vulnerabilitySeverityLevel eq 'Critical'")
        $found.Id | Should -Be $expected.Id
        $raw = @(Get-FdxVulnerability -Filter "vulnerabilitySeverityLevel eq 'critical'" -Raw)
        ($raw | ConvertFrom-Json).id | Should -Be $expected.Id
        $expected = @($all | Where-Object { $_.CvssScore -lt 5 -and $_.DiskPaths } | Select-Object -First 3)
        $expected.Count | Should -Be 3
        $filter = "cvssScore lt 5 and diskPaths/any(path: path ne '')"
        (Get-FdxVulnerability -Filter $filter -First 3).Id | Should -Be $expected.Id
        (Get-Report).requests.query | Should -Not -Match 'filter'
    }

    It 'returns the JSON unchanged with -Raw' {
        $raw = @(Get-FdxVulnerability -First 5 -Raw)
        $raw[0] | Should -BeOfType string
        $typed = @(Get-FdxVulnerability -First 5)
        for ($i = 0; $i -lt 5; $i++) { ($raw[$i] | ConvertFrom-Json).id | Should -Be $typed[$i].Id }
        $raw[0] | Should -Match '"firstSeenTimestamp":"2026-\d\d-\d\d 11:07:15"'
    }

    It 'reads machines, one by its id, and by a filter' {
        $machines = @(Get-FdxMachine)
        $machines.Count | Should -Be 40
        $machines[3] | Should -BeOfType FedXdr.Machine
        $machines[3].LastSeen | Should -BeOfType datetime
        $machines[3].IpAddresses[0].macAddress | Should -Be '00005E0053FF'
        (Get-FdxMachine -Id $machines[3].Id).ComputerDnsName | Should -Be $machines[3].ComputerDnsName
        (Get-FdxMachine -Name $machines[4].ComputerDnsName).Id | Should -Be $machines[4].Id
        @(Get-FdxMachine -Filter "osPlatform eq 'Ubuntu'").OsPlatform | Sort-Object -Unique | Should -Be 'Ubuntu'
    }

    It 'follows the pages of machines' {
        Set-World @{ machinePageSize = 7 }
        @((Get-FdxMachine).Id | Sort-Object -Unique).Count | Should -Be 40
        # A page begins with the last row of the one before, which shows that no row went in between.
        (Get-Report).counts.pages | Should -Be 7
    }

    It 'treats a 404 on the list of machines as an empty list' {
        Set-Customer @{ machines = 0 }
        Get-FdxMachine | Should -BeNullOrEmpty
    }

    It 'reads the vulnerabilities of the machines that come down the pipeline' {
        $rows = @(Get-FdxMachine -First 3 | Get-FdxVulnerability)
        $rows.Count | Should -Be 450
        $rows[0] | Should -BeOfType FedXdr.MachineVulnerability
        @($rows.MachineId | Sort-Object -Unique).Count | Should -Be 3
        $rows[0].FirstDetected | Should -BeNullOrEmpty
        $rows[0].Description | Should -Match '"Quoted" and\nbroken'
    }

    It 'continues with the other machines when one does not exist' {
        $ids = (Get-FdxMachine -First 2).Id
        $asked = $ids[0], ('f' * 40), $ids[1]
        $rows = @(Get-FdxVulnerability -MachineId $asked -ErrorVariable failed -ErrorAction SilentlyContinue)
        $rows.Count | Should -Be 300
        @($failed).Count | Should -Be 1
        Get-ErrorId $failed[0] | Should -Be 'Fdx.Api.NotFound'
        $failed[0].TargetObject | Should -Be ('f' * 40)
    }

    It 'reads many tenants at once and tells them apart' {
        $rows = @(Get-FdxVulnerability -TenantId $Fake.tenants.tenantId)
        $rows.Count | Should -Be 18000
        $rows | Group-Object TenantId | ForEach-Object Count | Should -Be 6000, 6000, 6000
        (Get-Report).counts.exchanges | Should -Be 3
        (Get-Report).counts.identity | Should -Be 1
    }

    It 'works on 32 tenants at a time, or on as many as -ThrottleLimit says' {
        $customers = foreach ($number in 1..40) {
            $customer = $Fake.tenants[0].PSObject.Copy()
            $customer.tenantId = 'c0000000-0000-4000-8000-{0:d12}' -f $number
            $customer.domain = "customer$number.onmicrosoft.com"
            $customer.slowMs = 1000
            $customer
        }
        Set-World @{ tenants = @($customers) }
        @(Get-FdxToken -TenantId $customers.tenantId).Count | Should -Be 40
        (Get-Report).peakOpen | Should -Be 32

        Reset-Tenant
        Set-World @{ tenants = @($customers) }
        Connect-Tenant
        @(Get-FdxToken -TenantId $customers[0..3].tenantId -ThrottleLimit 2).Count | Should -Be 4
        (Get-Report).peakOpen | Should -Be 2
    }

    It 'writes one error for a tenant that fails, and the rows of the others' {
        Set-Customer @{ consented = $false } 1
        $tenants = $Fake.tenants.tenantId
        $rows = @(Get-FdxVulnerability -TenantId $tenants -ErrorVariable failed -ErrorAction SilentlyContinue)
        $rows.Count | Should -Be 12000
        @($failed).Count | Should -Be 1
        $failed[0].TargetObject | Should -Be $Fake.tenants[1].tenantId
        Get-ErrorId $failed[0] | Should -Be 'Fdx.Auth.AppNotConsented'
    }

    It 'reads any path, as rows and raw, and keeps unknown members' {
        $list = @(@{ id = 1; nested = @{ a = @(1, 'x') } }, @{ id = 2; more = $true })
        Set-World @{ extraResponses = @{
                'GET /api/exposureScore' = @{ status = 200; body = @{ time = '2026-11-24T00:00:00Z'; score = 33.5 } }
                'GET /api/things'        = @{ status = 200; body = @{ value = $list } }
                'POST /api/act'          = @{ status = 201; body = @{ status = 'Pending' } }
            }
        }
        (Invoke-FdxRequest -Path /api/exposureScore).score | Should -Be 33.5
        $things = @(Invoke-FdxRequest -Path /api/things)
        $things.Count | Should -Be 2
        $things[0].nested.a[1] | Should -Be 'x'
        $things[1].more | Should -BeTrue
        $things[0].more | Should -BeNullOrEmpty
        Invoke-FdxRequest -Path /api/exposureScore -Raw | Should -Match '33\.5'
        $answer = Invoke-FdxRequest -Method POST -Path /api/act -Body @{ Comment = 'x' } -Confirm:$false
        $answer.status | Should -Be 'Pending'
        ($things | ConvertTo-Json -Depth 5 | ConvertFrom-Json)[1].id | Should -Be 2
    }

    It 'uses the environment of the running PowerShell' {
        $env:IDENTITY_ENDPOINT = $null
        $env:IDENTITY_HEADER = $null
        (Get-FdxToken).FromCache | Should -BeFalse
        Get-Count imds | Should -BeGreaterThan 0
        Disconnect-Fdx -ClearTokenCache
        $env:IDENTITY_ENDPOINT = $Fake.identityEndpoint
        $env:IDENTITY_HEADER = $Fake.identityHeader
        Connect-Tenant
        $null = Get-FdxToken
        (Get-Report).counts.identity | Should -Be 1
    }

    It 'takes the identity by any of its ids' {
        foreach ($id in @{ ManagedIdentityClientId = $null; ManagedIdentityObjectId = $Fake.managedIdentity.objectId },
            @{ ManagedIdentityClientId = $null; ManagedIdentityResourceId = $Fake.managedIdentity.resourceId }) {
            Disconnect-Fdx -ClearTokenCache
            Connect-Tenant $id
            (Get-FdxToken).AppId | Should -Be $Fake.clientId
        }
    }

    It 'reads the expiry of the identity''s token as <_>' -ForEach unix, number, iso, us, us24, hybrid {
        Set-World @{ expiresOnFormat = $_; expiresInAsText = $true }
        (Get-FdxToken).Roles | Should -Contain 'Vulnerability.Read.All'
    }

    It 'returns a token that other cmdlets accept, and the string only if asked' {
        $token = Get-FdxToken
        $token.Token | Should -BeOfType securestring
        $token.Audience | Should -Be 'https://api.securitycenter.microsoft.com'
        $token.TenantId | Should -Be $Tenant
        $token.ExpiresOn | Should -BeGreaterThan ([DateTimeOffset]::UtcNow.AddMinutes(55))
        $plain = Get-FdxToken -AsPlainText
        [Net.NetworkCredential]::new('', $token.Token).Password | Should -BeExactly $plain
        (Get-FdxToken).FromCache | Should -BeTrue
        (Get-FdxToken -Force).FromCache | Should -BeFalse
        (Get-FdxToken -Resource Graph).Audience | Should -Be 'https://graph.microsoft.com'
        (Get-FdxToken -Resource https://vault.azure.net).Audience | Should -Be 'https://vault.azure.net'
    }

    It 'shows the connection and the state of its tokens, and forgets it' {
        $null = Get-FdxToken
        $connection = Get-FdxConnection
        $connection.TenantId | Should -Be $Tenant
        @($connection.Tokens).Count | Should -Be 1
        Disconnect-Fdx
        Get-ErrorId (Get-Failure { Get-FdxVulnerability }) | Should -Be 'Fdx.Settings.NotConnected'
    }

    It 'uses the identity directly without an app' {
        Connect-Fdx -ManagedIdentityClientId $Fake.managedIdentity.clientId -Endpoint (Get-Endpoint)
        $token = Get-FdxToken
        $token.AppId | Should -Be $Fake.managedIdentity.clientId
        $token.TenantId | Should -Be $Fake.homeTenantId
        @(Get-FdxMachine)[0].TenantId | Should -Be $Fake.homeTenantId
        Get-Count exchanges | Should -Be 0
    }

    It 'shows each step with -Verbose' {
        Add-Fault @{ service = 'defender'; name = 'status'; code = 503; skip = 1 }
        Set-World @{ vulnerabilityPageSize = 3000 }
        $messages = Get-FdxVulnerability -Verbose 4>&1 | Where-Object { $_ -is [Management.Automation.VerboseRecord] }
        $said = $messages -join "`n"
        foreach ($expected in 'Identity: requesting a token from App Service',
            "subject $($Fake.managedIdentity.objectId)",
            "Exchange: requesting a token for https://api.securitycenter.microsoft.com/.default in tenant $Tenant",
            'Request: GET /api/machines/SoftwareVulnerabilitiesByMachine, page 1', 'page 2',
            'HTTP 503; trying again in') {
            $said | Should -Match ([regex]::Escape($expected))
        }
    }

    It 'shows progress when it takes longer, and what it waits for' {
        $body = @{ error = @{ code = '429'; message = 'quota' } }
        Add-Fault @{ service = 'defender'; name = 'status'; code = 429; retryAfter = 2; body = $body }
        $shell = [powershell]::Create()
        $null = $shell.AddScript({
                param($Fake, $Tenant, $Endpoint)
                Import-Module FedXdr
                $ids = @{ ClientId = $Fake.clientId; ManagedIdentityClientId = $Fake.managedIdentity.clientId }
                Connect-Fdx -TenantId $Tenant @ids -Endpoint $Endpoint
                Get-FdxVulnerability | Out-Null
            }).AddParameters(@{ Fake = $Fake; Tenant = $Tenant; Endpoint = Get-Endpoint })
        $null = $shell.Invoke()
        $records = @($shell.Streams.Progress | Where-Object Activity -match 'Get-FdxVulnerability')
        $records.Count | Should -BeGreaterThan 2
        # At most five per second.
        $records.Count | Should -BeLessThan 20
        "$($records.StatusDescription)" | Should -Match 'waiting \d+ s'
        $records[-1].RecordType | Should -Be 'Completed'
        $shell.Dispose()
    }

    It 'keeps members that the class does not have and values of another type' {
        Add-Fault @{ service = 'defender'; name = 'bad-row'; row = 1 }
        $row = @(Get-FdxVulnerability -First 3)[1]
        $row.Id | Should -Be '17'
        $row.CvssScore | Should -BeNullOrEmpty
        $row.FirstSeenTimestamp | Should -BeNullOrEmpty
        $extra = $row.AdditionalProperties | ConvertTo-Json -Depth 6 | ConvertFrom-Json
        $extra.cvssScore.value | Should -Be 'high'
        $extra.firstSeenTimestamp | Should -Be 12345
        $extra.cveId | Should -Be 'CVE-2026-0001'
        $extra.newMember.a[0] | Should -Be 1
    }
}
