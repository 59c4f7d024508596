Describe 'Send-FdxRow' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant
        $rule, $stream = 'dcr-00000000000000000000000000000001', 'Custom-Own'
        $columns = @{
            TimeGenerated = 'datetime'; Name = 'string'; Number = 'long'; Share = 'real'; IsSet = 'boolean'
            More = 'dynamic'
        }

        # A row of a script's own.
        function New-Row([int] $Number, [string] $Name = "row $Number") {
            [pscustomobject]@{
                TimeGenerated = [DateTimeOffset]::FromUnixTimeSeconds(1795521600 + $Number).LocalDateTime
                Name = $Name; Number = $Number; Share = $Number / 4; IsSet = $Number % 2 -eq 0
                More = @{ list = 1, 'é'; none = $null }
            }
        }
    }

    AfterAll {
        Set-HostVariable
        Stop-FakeTenant
    }

    BeforeEach {
        Reset-Tenant
        Set-World @{ rules = @{ $rule = @{ $stream = $columns } }; eventHubs = @{ rows = 1MB; basic = 256KB } }
        Connect-Tenant
        $logs, $hubs = "$($Fake.ingestion)/dataCollectionRules/$rule/streams/$stream", $Fake.eventHubs
    }

    AfterEach { (Get-Report).violations | Should -BeNullOrEmpty }

    It 'sends rows to a stream, with the values and types of their properties' {
        $sent = 1..3 | ForEach-Object { New-Row $_ } | Send-FdxRow $logs
        $sent.Rows, $sent.Requests, $sent.Destination | Should -Be 3, 1, $logs
        $rows = @(Get-Received $stream)
        $rows.Number | Should -Be 1, 2, 3
        $rows[0].TimeGenerated.ToUniversalTime().ToString('o') | Should -BeLike '2026-11-24T12:00:01*'
        $rows[2].Name, $rows[2].Share, $rows[2].IsSet | Should -Be 'row 3', 0.75, $false
        $rows[0].More.list | Should -Be 1, 'é'
        $rows[0].More.none | Should -Be $null
    }

    It 'sends many rows in requests that are as large as the service takes, in their order: <to>' -ForEach @(
        @{ to = 'stream'; most = 5 }
        @{ to = 'rows'; most = 6 }
        @{ to = 'basic'; most = 40 }
    ) {
        $destination = $to -eq 'stream' ? $logs : "$hubs/$to"
        $text = 'x' * 1000
        $sent = 1..3000 | ForEach-Object { New-Row $_ $text } | Send-FdxRow -Destination $destination
        $sent.Rows | Should -Be 3000
        $sent.Requests | Should -BeGreaterOrEqual 3
        $sent.Requests | Should -BeLessOrEqual $most
        $sent.Bytes | Should -BeGreaterThan 3MB
        $rows = if ($to -eq 'stream') { Get-Received $stream } else {
            foreach ($event in @(Get-Received $to)) { $event.Body.TrimEnd("`n") -split "`n" | ConvertFrom-Json }
        }
        ($rows.Number -join ' ') | Should -Be (1..3000 -join ' ')
    }

    It 'sends rows of this module, hashtables, and nothing' {
        Get-FdxMachine -First 5 | Send-FdxRow "$hubs/rows" | ForEach-Object Rows | Should -Be 5
        $event = @(Get-Received rows)[0]
        $machine = ($event.Body -split "`n")[0] | ConvertFrom-Json
        $machine.TenantId | Should -Be $Tenant
        $machine.LastSeen.Kind | Should -Be 'Utc'
        (Send-FdxRow $logs -InputObject @{ TimeGenerated = Get-Date; Name = 'one' }).Rows | Should -Be 1
        @(Get-Received $stream)[0].Name | Should -Be 'one'
        $none = @() | Send-FdxRow $logs
        $none.Rows, $none.Requests | Should -Be 0, 0
    }

    It 'cuts a value that Log Analytics would cut without a word, and says so' {
        $null = New-Row 1 ('é' * 50000) | Send-FdxRow $logs
        @(Get-Received $stream)[0].Name | Should -Match '\[cut by FedXdr: 100000 bytes\]$'
    }

    It 'repeats what was not answered, and waits' {
        Add-Fault @{ service = 'ingestion'; name = 'status'; code = 503; retryAfter = 1 }
        (New-Row 1 | Send-FdxRow $logs).Rows | Should -Be 1
        @(Get-Received $stream).Count | Should -Be 1
    }

    It 'sends with the identity of another connection' {
        $identity = Connect-Tenant @{ TenantId = $null; ClientId = $null; PassThru = $true }
        $token = Get-FdxToken -Connection $identity -Resource https://monitor.azure.com
        $writer = Connect-Fdx -AccessToken $token.Token -Endpoint (Get-Endpoint) -PassThru
        (New-Row 1 | Send-FdxRow $logs -DestinationConnection $writer).Rows | Should -Be 1
        $wrong = Connect-Fdx -AccessToken (Get-FdxToken -Connection $identity).Token -Endpoint (Get-Endpoint) -PassThru
        $failure = Get-Failure { New-Row 1 | Send-FdxRow $logs -DestinationConnection $wrong @args }
        Get-ErrorId $failure | Should -Be 'Fdx.AccessToken.WrongAudience'
    }

    It 'says what is wrong: <id>' -ForEach @(
        @{ id = 'Fdx.Dataset.InvalidDestination'; what = { New-Row 1 }; to = './data' }
        @{ id = 'Fdx.Dataset.InvalidDestination'; what = { New-Row 1 }; to = 'rule' }
        @{ id = 'Fdx.Ingestion.InvalidRow'; what = { New-Row 1; 'text' }; to = 'stream' }
        @{ id = 'Fdx.Ingestion.NotFound'; what = { New-Row 1 }; to = 'other' }
        @{ id = 'Fdx.Ingestion.RoleMissing'; what = { New-Row 1 }; to = 'refused' }
    ) {
        $destination = switch ($to) {
            rule { $logs -replace '/streams.*' }
            stream { $logs }
            other { "$logs`2" }
            refused { $logs }
            default { $to }
        }
        if ($to -eq 'refused') { Set-World @{ withoutSenderRole = @($Fake.managedIdentity.objectId) } }
        $failure = Get-Failure { & $what | Send-FdxRow $destination @args }
        Get-ErrorId $failure | Should -Be $id
        if ($id -eq 'Fdx.Ingestion.InvalidRow') { "$failure" | Should -Match 'row 2 is not an object' }
        @(Get-Received $stream).Count | Should -Be 0
    }
}
