# Exports to Azurite, and imports from it.
BeforeDiscovery {
    . $PSScriptRoot/Azurite.ps1
    $lacks = Get-AzuriteLack 'exports to Azurite'
}

Describe 'Export-FdxDataset to Azure Blob Storage' -Skip:([bool] $lacks) {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        . $PSScriptRoot/Azurite.ps1
        Start-FakeTenant
        Start-Azurite blob
        $account = $Storage.blob

        function Get-BlobName {
            $list = Get-StorageText 'data?restype=container&comp=list'
            [regex]::Matches($list, '<Blob><Name>(.*?)</Name>') | ForEach-Object { $_.Groups[1].Value } | Sort-Object
        }

        # The hash of each file of rows, by its name.
        function Get-BlobHash([string] $Prefix, [string] $Of = '*') {
            $hashes = [ordered]@{}
            foreach ($name in Get-BlobName | Where-Object { $_ -like "$Prefix/$Of" -and $_ -notlike '*_fedxdr*' }) {
                $hash = [Security.Cryptography.SHA256]::HashData((Invoke-Storage GET "data/$name").Content)
                $hashes[$name.Substring($Prefix.Length + 1)] = [Convert]::ToHexString($hash)
            }
            $hashes
        }

        function Get-FolderHash([string] $Folder) {
            $hashes = [ordered]@{}
            $files = Get-ChildItem $Folder -Recurse -File | Where-Object FullName -notmatch '_fedxdr'
            foreach ($file in $files | Sort-Object FullName) {
                $hashes[[IO.Path]::GetRelativePath($Folder, $file.FullName)] = (Get-FileHash $file).Hash
            }
            $hashes
        }

        $job = "$TestDrive/job.ps1"
        Set-Content $job @'
param([string] $Endpoints, [string] $TenantId, [string] $ClientId, [string] $Identity, [string] $Command)
$ErrorActionPreference = 'Continue'
Import-Module FedXdr
$endpoint = $Endpoints | ConvertFrom-Json -AsHashtable
$null = Connect-Fdx -TenantId $TenantId -ClientId $ClientId -ManagedIdentityClientId $Identity -Endpoint $endpoint
$messages = [Collections.Generic.List[string]]::new()
$results = . ([scriptblock]::Create($Command)) 2>&1 3>&1 4>&1 | ForEach-Object {
    if ($_ -is [FedXdr.DatasetExport]) { $_ } else { $messages.Add("$_") }
}
@{ results = @($results); messages = $messages } | ConvertTo-Json -Depth 4 -Compress
'@

        function Start-Export([string] $Command) {
            $endpoints = Get-Endpoint
            $endpoints.blob = $account
            $arguments = (ConvertTo-Json $endpoints -Compress), $Tenant, $Fake.clientId, $Fake.managedIdentity.clientId
            Start-StorageClient $job ($arguments + $Command)
        }

        # Runs a command in a new process; returns what it wrote.
        function Invoke-Export([string] $Command) {
            $process = Start-Export $Command
            $output = $process.StandardOutput.ReadToEnd()
            $process.WaitForExit()
            $output | ConvertFrom-Json
        }

        function Get-Lock([string] $Prefix) { "data/$Prefix/_fedxdr/vulnerabilities/tenant=$Tenant/lock" }
    }

    AfterAll {
        Set-HostVariable
        Stop-Azurite
        Stop-FakeTenant
    }

    BeforeEach {
        Reset-Tenant
        $null = Invoke-Storage DELETE 'data?restype=container'
        (Invoke-Storage PUT 'data?restype=container').Status | Should -Be 201
    }

    AfterEach { (Get-Report).violations | Should -BeNullOrEmpty }

    It 'writes what it writes to a folder: <arguments>' -ForEach @(
        @{ arguments = '-RowsPerFile 2000' }
        @{ arguments = '-Format Csv -Compression None' }
        @{ arguments = '-Mode Full' }
    ) {
        Set-World @{ vulnerabilityPageSize = 1000 }
        $same = "$TestDrive/$([guid]::NewGuid())"
        $answer = Invoke-Export "Export-FdxDataset vulnerabilities $account/data/a/b $arguments -Verbose
            Export-FdxDataset vulnerabilities $same $arguments"
        $blob, $folder = $answer.results
        $blob.Result, $folder.Result | Should -Be 'Complete', 'Complete'
        $blob.Rows, $blob.Files, $blob.Bytes | Should -Be $folder.Rows, $folder.Files, $folder.Bytes
        $day = [DateTime]::UtcNow.ToString('yyyy-MM-dd')
        $blob.Path | Should -Be "$account/data/a/b/vulnerabilities/tenant=$Tenant/date=$day"
        $expected = Get-FolderHash $same
        $expected.Count | Should -Be $folder.Files
        $found = Get-BlobHash a/b
        ($found | ConvertTo-Json) | Should -Be ($expected | ConvertTo-Json)
        $own = @(Get-BlobName | Where-Object { $_ -like 'a/b/_fedxdr/*' })
        ($own | Split-Path -Leaf | Sort-Object) | Should -Be "$day.json", 'lock'
        "$($answer.messages)" | Should -Match 'Request: PUT .*\(blocklist\)'
        Assert-NoSecret "$($answer | ConvertTo-Json -Depth 5)"
    }

    It 'reads nothing when the newest snapshot is there' {
        $again = Invoke-Export "Export-FdxDataset vulnerabilities $account/data/x -Mode Full
            Export-FdxDataset vulnerabilities $account/data/x/ -Mode Full"
        $again.results.Result | Should -Be 'Complete', 'Unchanged'
    }

    It 'goes on after it was killed, and makes the files of a run that was not: <mode>' -ForEach @(
        @{ mode = 'Auto'; rows = 500; files = 12; service = 'defender'; counted = 'pages' }
        @{ mode = 'Full'; rows = 500; files = 12; service = 'blob'; counted = 'files' }
        @{ mode = 'Delta'; rows = 3; files = 10; service = 'defender'; counted = 'pages' }
    ) {
        $world = @{ vulnerabilityPageSize = 500; exportPageSize = 3; exportFiles = 12 }
        # Some changes are newer than a list of twelve hours ago.
        if ($mode -eq 'Delta') { $world.snapshot = [DateTime]::UtcNow.AddHours(-12).ToString('yyyy-MM-ddTHH:mm:ssZ') }
        Set-World $world
        function Get-Command([string] $Name, [string] $Mode) {
            "Export-FdxDataset vulnerabilities $account/data/$Name -RowsPerFile $rows -Mode $Mode"
        }
        # A destination that has the whole list already, if the changes are read.
        function Set-Destination([string] $Name) {
            if ($mode -eq 'Delta') { $null = Invoke-Export (Get-Command $Name Full) }
        }
        Set-Destination whole
        $whole = (Invoke-Export (Get-Command whole $mode)).results
        $whole.Result | Should -Be 'Complete'
        $whole.Files | Should -BeGreaterOrEqual $files
        # A run may be killed after its end. The next Auto reads changes then, which have folders of their own.
        $of = @{ Auto = '*vulnerabilities*' }[$mode] ?? '*'
        $expected = Get-BlobHash whole $of | ConvertTo-Json
        Add-Fault @{ service = $service; name = 'slow'; delayMs = 60; times = 100000; pathContains = 'ByMachine' }
        $random = [Random]::new(815)
        $killed = 0
        for ($round = 1; $killed -lt $Kills -and $round -le $Kills; $round++) {
            Set-Destination "killed$round"
            foreach ($kill in 1..3) {
                $before = Get-Count $counted
                $process = Start-Export (Get-Command "killed$round" $mode)
                $killed += Stop-Midway $process $counted $before $random
                # Otherwise the lease of the dead process lasts for a minute.
                $null = Invoke-Storage PUT "$(Get-Lock "killed$round")?comp=lease" @{
                    'x-ms-lease-action' = 'break'; 'x-ms-lease-break-period' = '0'
                }
            }
            # Nothing is visible before it is whole: from then on there is a note that it is to appear, or a manifest.
            $own = @(Get-BlobName) -match "^killed$round/_fedxdr/.*/(20.*|commit).json"
            if ($mode -ne 'Delta' -and -not $own) { (Get-BlobHash "killed$round").Count | Should -Be 0 }
            $result = (Invoke-Export (Get-Command "killed$round" $mode)).results
            $result.Result | Should -BeIn 'Resumed', 'Complete', 'Unchanged'
            Get-BlobHash "killed$round" $of | ConvertTo-Json | Should -Be $expected
            $own = @(Get-BlobName | Where-Object { $_ -like "killed$round/_fedxdr/$of" })
            $own.Count | Should -Be ($mode -eq 'Delta' ? 3 : 2)
        }
        $killed | Should -BeGreaterThan 0
        Write-Host "Azurite, ${mode}: $killed runs were killed"
    }

    It 'refuses a second run while the first one has the lease, and frees it at the end' {
        $whole = (Invoke-Export "Export-FdxDataset vulnerabilities $account/data/x").results
        $whole.Result | Should -Be 'Complete'
        $lease = @{ 'x-ms-lease-action' = 'acquire'; 'x-ms-lease-duration' = '60' }
        (Invoke-Storage PUT "$(Get-Lock x)?comp=lease" $lease).Status | Should -Be 201
        $refused = Invoke-Export "Export-FdxDataset vulnerabilities $account/data/x"
        $refused.results.Result, $refused.results.ErrorId | Should -Be 'Failed', 'Fdx.Dataset.InUse'
        $refused.results.Advice | Should -Match 'after a minute'
        "$($refused.messages)" | Should -Match 'another run has the lease of'
    }

    It 'keeps the files and the state of rows that are sent to an event hub' {
        Set-World @{ eventHubs = @{ rows = 1MB } }
        # The first publications are kept; the run ends then.
        Add-Fault @{ service = 'eventHubs'; name = 'status'; code = 400; skip = 2 }
        $send = "Export-FdxDataset vulnerabilities $($Fake.eventHubs)/rows -StatePath $account/data/x -Mode Full"
        $answer = Invoke-Export "$send; $send"
        $answer.results.Result | Should -Be 'Failed', 'Unchanged' -Because "$($answer.messages)"
        $rows = foreach ($event in @(Get-Received rows)) { $event.Body.TrimEnd("`n") -split "`n" | ConvertFrom-Json }
        ($rows.id | Sort-Object -Unique).Count | Should -Be 6000
        $rows.Count | Should -Be 6000
    }

    It 'says that there is no such container' {
        $answer = Invoke-Export "Export-FdxDataset vulnerabilities $account/missing/x"
        $answer.results.ErrorId | Should -Be 'Fdx.Dataset.ContainerNotFound'
        $answer.results.Advice | Should -Match ([regex]::Escape("$account/missing"))
    }

    It 'writes with the identity of another connection' {
        $answer = Invoke-Export @"
`$reader = Get-FdxConnection
`$token = Get-FdxToken -Connection (Connect-Fdx -Endpoint `$endpoint -PassThru) -Resource https://storage.azure.com
`$writer = Connect-Fdx -AccessToken `$token.Token -Endpoint `$endpoint -PassThru
Export-FdxDataset vulnerabilities $account/data/x -Connection `$reader -DestinationConnection `$writer
`$wrong = Connect-Fdx -AccessToken (Get-FdxToken -Connection `$reader).Token -Endpoint `$endpoint -PassThru
Export-FdxDataset vulnerabilities $account/data/y -Connection `$reader -DestinationConnection `$wrong
"@
        $answer.results.Result | Should -Be 'Complete', 'Failed' -Because "$($answer.messages)"
        $answer.results[1].ErrorId | Should -Be 'Fdx.AccessToken.WrongAudience'
    }

    It 'reads back what it reads from a folder: <arguments>' -ForEach @(
        @{ arguments = '-RowsPerFile 700' }
        @{ arguments = '-Format Csv -Compression None' }
    ) {
        Set-World @{ snapshot = [DateTime]::UtcNow.AddHours(-12).ToString('yyyy-MM-ddTHH:mm:ssZ') }
        $same = "$TestDrive/$([guid]::NewGuid())"
        # The second run reads changes.
        $answer = Invoke-Export @"
foreach (`$destination in '$account/data/a b', '$same') {
    1..2 | ForEach-Object { Export-FdxDataset vulnerabilities `$destination $arguments }
}
foreach (`$dataset in 'vulnerabilities', 'vulnerabilityChanges') {
    `$blob = Import-FdxDataset `$dataset '$account/data/a b/' -Raw
    `$folder = Import-FdxDataset `$dataset '$same' -Raw
    "`$dataset `$(`$blob.Count -gt 10) `$((`$blob -join '|') -ceq (`$folder -join '|'))"
}
`$row = Import-FdxDataset vulnerabilities '$account/data/a b' -TenantId $Tenant -First 1
"`$(`$row.GetType().Name) `$(`$row.TenantId)"
"@
        $answer.results.Result | Should -Be 'Complete', 'Complete', 'Complete', 'Complete'
        $answer.messages | Should -Be @(
            'vulnerabilities True True', 'vulnerabilityChanges True True', "Vulnerability $Tenant")
    }

    It 'reads a file that is larger than one part' {
        $answer = Invoke-Export @"
Export-FdxDataset vulnerabilities $account/data/x -Compression None
`$count = 0
Import-FdxDataset vulnerabilities $account/data/x -Raw | ForEach-Object { `$count++ }
"`$count rows"
"@
        $answer.results.Bytes | Should -BeGreaterThan 4MB
        $answer.results.Files | Should -Be 1
        $answer.messages | Should -Be "$($answer.results.Rows) rows"
    }

    It 'makes the report that it makes from a folder' {
        $same = "$TestDrive/$([guid]::NewGuid())"
        $answer = Invoke-Export @"
Export-FdxDataset vulnerabilities $account/data/x
Export-FdxDataset vulnerabilities $same
`$pages = foreach (`$path in '$account/data/x', '$same') {
    `$page = Export-FdxReport $TestDrive/page.html -DatasetPath `$path | Get-Content -Raw
    `$page.Replace(`$path, 'source') -replace '\d\d:\d\d(:\d\d)?', 'time'
}
"`$(`$pages[0].Length -gt 5000) `$(`$pages[0] -ceq `$pages[1])"
"@
        $answer.messages | Should -Be 'True True'
    }

    It 'reads with the identity of another connection, and says what a container lacks' {
        Grant-Everything
        $answer = Invoke-Export @"
`$own = Get-FdxConnection
`$token = Get-FdxToken -Connection (Connect-Fdx -Endpoint `$endpoint -PassThru) -Resource https://storage.azure.com
`$reader = Connect-Fdx -AccessToken `$token.Token -Endpoint `$endpoint -PassThru
`$wrong = Connect-Fdx -AccessToken (Get-FdxToken -Connection `$own).Token -Endpoint `$endpoint -PassThru
`$null = Connect-Fdx -TenantId `$TenantId -ClientId `$ClientId -ManagedIdentityClientId `$Identity -Endpoint `$endpoint
Export-FdxDataset machines $account/data/x
"`$(@(Import-FdxDataset machines $account/data/x -DatasetConnection `$reader).Count) machines"
foreach (`$what in @{ Dataset = 'machines'; Path = '$account/data/x'; DatasetConnection = `$wrong },
    @{ Dataset = 'alerts'; Path = '$account/data/x' }, @{ Dataset = 'alerts'; Path = '$account/missing' },
    @{ Dataset = 'alerts'; Path = 'https://example.com/data' }) {
    try { Import-FdxDataset @what -ErrorAction Stop } catch { `$_.FullyQualifiedErrorId.Split(',')[0] }
}
"@
        $answer.messages | Should -Be @("$($answer.results.Rows) machines", 'Fdx.AccessToken.WrongAudience',
            'Fdx.Dataset.NotFound', 'Fdx.Dataset.ContainerNotFound', 'Fdx.Dataset.InvalidPath')
    }
}
