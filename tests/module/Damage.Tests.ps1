Describe 'Rows are never lost in silence' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant '--tenants', '2'

        # A list of rows of which one is damaged.
        function Set-Answer([string] $Path, [string] $Body, [int] $Status = 200, $Headers = @{}) {
            Set-World @{ extraResponses = @{ "GET $Path" = @{ status = $Status; body = $Body; headers = $Headers } } }
        }

        function Set-List([string] $Bad) {
            $rows = foreach ($i in 0..19) { $i -eq 10 ? $Bad : "{""id"":""r$i"",""n"":$i}" }
            Set-Answer '/api/list' ('{"value":[' + ($rows -join ',') + ']}')
        }
    }

    AfterAll { Stop-FakeTenant }

    BeforeEach {
        Reset-Tenant
        Connect-Tenant
    }

    It 'if a text has half a surrogate pair' {
        Set-List '{"id":"r10","path":"C:\\\ud83d.exe"}'
        $rows = @(Invoke-FdxRequest /api/list)
        $rows.Count | Should -Be 20
        $rows[10].path | Should -Be "C:\$([char] 0xfffd).exe"
    }

    It 'if a row cannot be read: <name>' -ForEach @(
        @{ name = 'a number that is too large'; bad = '{"id":"r10","n":1e999}'; id = 'UnreadableRow'; requests = 1 }
        @{ name = 'NaN'; bad = '{"id":"r10","n":NaN}'; id = 'UnreadableRow'; requests = 2 }
        @{ name = 'nesting'; bad = "{""id"":$('[' * 150)$(']' * 150)}"; id = 'NestedTooDeeply'; requests = 1 }
    ) {
        Set-List $bad
        $rows = @(Invoke-FdxRequest /api/list -ErrorAction SilentlyContinue -ErrorVariable failed)
        $rows.id | Should -Be (@(0..9) + @(11..19) | ForEach-Object { "r$_" })
        @($failed | ForEach-Object { Get-ErrorId $_ }) | Should -Be "Fdx.Protocol.$id"
        "$($failed[0])" | Should -Match 'row 11 of page 1 of /api/list'
        @((Get-Report).requests | Where-Object path -eq '/api/list').Count | Should -Be $requests
    }

    It 'if a later page is no list: <name>' -ForEach @(
        @{ name = 'empty'; status = 200; body = ''; id = 'Fdx.Protocol.Truncated' }
        @{ name = '204'; status = 204; body = ''; id = 'Fdx.Protocol.Truncated' }
        @{ name = 'an error'; status = 200; body = '{"error":{"code":"x"}}'; id = 'Fdx.Protocol.UnexpectedShape' }
    ) {
        Set-World @{
            extraResponses = @{
                'GET /api/list' = @{
                    status = 200
                    body   = "{""value"":[{""id"":""a""}],""@odata.nextLink"":""$($Fake.defender)/api/page2""}"
                }
                'GET /api/page2' = @{ status = $status; body = $body }
            }
        }
        $rows = @(Invoke-FdxRequest /api/list -ErrorAction SilentlyContinue -ErrorVariable failed)
        $rows.id | Should -Be 'a'
        @($failed | ForEach-Object { Get-ErrorId $_ }) | Should -Be $id
        "$($failed[0])" | Should -Match ($body ? 'has no list but an error' : 'page 2 of /api/page2 is empty')
    }

    It 'if the service says that its answer is incomplete' {
        Set-Answer '/api/list' '{"value":[{"id":"a"}]}' 206
        $rows = @(Invoke-FdxRequest /api/list -WarningVariable warned -WarningAction SilentlyContinue)
        $rows.id | Should -Be 'a'
        "$warned" | Should -Match 'incomplete'
    }
}
