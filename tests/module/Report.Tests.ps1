Describe 'Export-FdxReport' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant '--tenants', '3'
        $ids = $Fake.tenants.tenantId
        $customers = @(
            [pscustomobject]@{ TenantId = $ids[0]; Name = 'Contoso & Sons' }
            [pscustomobject]@{ TenantId = $ids[1]; Name = 'Fabrikam' }
        )

        # The numbers of a line of one of the page's tables.
        function Get-Number([string] $Page, [string] $Section, [string] $Name) {
            $text = ($Page -split "<section id=`"$Section`"")[1] -split '</section>' | Select-Object -First 1
            $line = $text -split '<tr>' | Where-Object { $_ -match ">$([regex]::Escape($Name))</th>" }
            $cells = [regex]::Matches($line, '<td class="number">([\d,]+)</td>')
            $cells | ForEach-Object { $_.Groups[1].Value -replace ',' }
        }
    }

    AfterAll { Stop-FakeTenant }

    BeforeEach {
        Reset-Tenant
        $path = Join-Path $TestDrive "$([guid]::NewGuid()).html"
    }

    AfterEach { (Get-Report).violations | Should -BeNullOrEmpty }

    It 'writes the numbers of the rows that Get-FdxVulnerability returns' {
        Connect-Tenant
        $rows = @(Get-FdxVulnerability -TenantId $customers | Where-Object CveId)
        $file = Export-FdxReport $path -TenantId $customers -Title 'Every <customer>'
        $file | Should -BeOfType System.IO.FileInfo
        $file.FullName | Should -Be $path
        $page = Get-Content $path -Raw
        $page | Should -Match '<h1>Every &lt;customer&gt;</h1>'

        $severities = 'Critical', 'High', 'Medium', 'Low'
        foreach ($customer in $customers) {
            $own = @($rows | Where-Object TenantId -eq $customer.TenantId)
            $counts = @($own.Count)
            $counts += foreach ($name in $severities) {
                @($own | Where-Object VulnerabilitySeverityLevel -eq $name).Count
            }
            $counts += @($own | Where-Object { $_.ExploitabilityLevel -notin $null, 'NoExploit' }).Count
            $counts += @($own.DeviceId | Sort-Object -Unique).Count
            Get-Number $page customers ([Net.WebUtility]::HtmlEncode($customer.Name)) | Should -Be $counts
        }
        $first = $rows | Group-Object CveId | Where-Object { $page -match ">$($_.Name)</th>" } | Select-Object -First 1
        (Get-Number $page cves $first.Name)[-2, -1] |
            Should -Be @($first.Group | ForEach-Object { "$($_.TenantId) $($_.DeviceId)" } | Sort-Object -Unique).Count,
                @($first.Group.TenantId | Sort-Object -Unique).Count
    }

    It 'puts all tenants of the pipeline on one page' {
        Connect-Tenant
        $file = $customers | Export-FdxReport $path
        @($file).Count | Should -Be 1
        $page = Get-Content $path -Raw
        Get-Number $page customers Fabrikam | Should -Not -BeNullOrEmpty
        Get-Number $page customers 'Contoso &amp; Sons' | Should -Not -BeNullOrEmpty
    }

    It 'names a customer that cannot be read, with what to do' {
        Set-Customer @{ consented = $false } 1
        Connect-Tenant
        $file = Export-FdxReport $path -TenantId $customers -ErrorAction SilentlyContinue -ErrorVariable failed
        $file | Should -Not -BeNullOrEmpty
        @($failed).Count | Should -Be 1
        $page = Get-Content $path -Raw
        $section = ($page -split '<section id="failures"')[1]
        $section | Should -Match '<th scope="row">Fabrikam</th>'
        $section | Should -Match ([regex]::Escape((Get-ErrorId $failed[0])))
        Get-Number $page customers 'Contoso &amp; Sons' | Should -Not -BeNullOrEmpty
    }

    It 'reads a folder without a connection, and shows every day there is' {
        Connect-Tenant
        $data = Join-Path $TestDrive ([guid]::NewGuid())
        $results = Export-FdxDataset vulnerabilities $data -TenantId $customers
        $live = Export-FdxReport $path -TenantId $customers
        $expected = Get-Number (Get-Content $live -Raw) customers Fabrikam

        # The same rows, as if they had been exported a day earlier.
        $today = [IO.Path]::GetFileName($results[0].Path) -replace 'date='
        $yesterday = ([datetime] $today).AddDays(-1).ToString('yyyy-MM-dd')
        foreach ($result in $results) {
            $folder = $result.Path -replace $today, $yesterday
            Copy-Item $result.Path $folder -Recurse
            $own = "$data/_fedxdr/vulnerabilities/tenant=$($result.TenantId)"
            (Get-Content "$own/$today.json" -Raw) -replace $today, $yesterday | Set-Content "$own/$yesterday.json"
        }
        Disconnect-Fdx
        Reset-Tenant
        $page = Export-FdxReport $path -DatasetPath $data | Get-Content -Raw
        Get-Number $page customers $ids[1] | Should -Be $expected
        Get-Number $page days $yesterday | Should -Be (Get-Number $page days $today)
        $page | Should -Match '<p>0 vulnerabilities of the snapshots before the newest ones are gone'
        Get-Count pages | Should -Be 0
        # The page that is tried in a browser.
        $out = New-Item (Join-Path $PSScriptRoot ../../out) -ItemType Directory -Force
        Copy-Item $path (Join-Path $out report.html)

        $one = Export-FdxReport $path -DatasetPath $data -TenantId $customers[1] | Get-Content -Raw
        Get-Number $one customers Fabrikam | Should -Be $expected
        $one | Should -Not -Match $ids[0]
    }

    It 'names a tenant of a folder whose files are damaged' {
        Connect-Tenant
        $data = Join-Path $TestDrive ([guid]::NewGuid())
        $results = Export-FdxDataset vulnerabilities $data -TenantId $customers
        Get-ChildItem $results[0].Path | Select-Object -First 1 | Remove-Item
        $quiet = @{ ErrorAction = 'SilentlyContinue'; ErrorVariable = 'failed' }
        $file = Export-FdxReport $path -DatasetPath $data -TenantId $customers @quiet
        Get-ErrorId $failed[0] | Should -Be 'Fdx.Dataset.FileMissing'
        $file | Get-Content -Raw | Should -Match 'id="failures"'
    }

    It 'says that a folder has no dataset' {
        $empty = New-Item (Join-Path $TestDrive ([guid]::NewGuid())) -ItemType Directory
        $failure = Get-Failure { Export-FdxReport $path -DatasetPath $empty.FullName }
        Get-ErrorId $failure | Should -Be 'Fdx.Dataset.NotFound'
        Test-Path $path | Should -BeFalse
    }

    It 'says what is wrong with the path: <invalid>' -ForEach @(
        @{ invalid = 'https://example.com/report.html'; id = 'Fdx.Report.InvalidPath' }
        @{ invalid = 'Env:/report.html'; id = 'Fdx.Report.InvalidPath' }
    ) {
        Connect-Tenant
        Get-ErrorId (Get-Failure { Export-FdxReport $invalid }) | Should -Be $id
    }
}
