Describe 'Stopping' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant '--rows', '600000'

        # Runs a script in a runspace of its own, stops it once it is under way, and gives the milliseconds that the stop took.
        function Measure-Stop([scriptblock] $Script, [scriptblock] $UnderWay) {
            $shell = [powershell]::Create()
            try {
                $null = $shell.AddScript("$Script").AddParameters(@{ Fake = $Fake; Tenant = $Tenant; Endpoint = Get-Endpoint })
                $run = $shell.BeginInvoke()
                $clock = [Diagnostics.Stopwatch]::StartNew()
                while (-not (& $UnderWay) -and $clock.Elapsed.TotalSeconds -lt 20) { Start-Sleep -Milliseconds 10 }
                & $UnderWay | Should -BeTrue
                $run.IsCompleted | Should -BeFalse
                $clock.Restart()
                $shell.Stop()
                $clock.ElapsedMilliseconds
            }
            finally {
                $shell.Dispose()
            }
        }

        $connect = 'param($Fake, $Tenant, $Endpoint) Import-Module FedXdr
            Connect-Fdx -TenantId $Tenant -ClientId $Fake.clientId -ManagedIdentityClientId $Fake.managedIdentity.clientId -Endpoint $Endpoint;'
    }

    AfterAll { Stop-FakeTenant }

    BeforeEach { Reset-Tenant }

    It 'gives the prompt back at once <name>, and leaves no request running' -ForEach @(
        @{ name = 'in the middle of rows'; fault = @{ name = 'slow'; chunkDelayMs = 50 }; count = 'pages' }
        @{ name = 'while the service does not answer'; fault = @{ name = 'hang' }; count = 'defender' }
        @{ name = 'while a body stands still'; fault = @{ name = 'hang-body'; afterRows = 10 }; count = 'pages' }
        @{ name = 'inside a wait that the service asked for'; fault = @{ name = 'status'; code = 429; retryAfter = 600 }; count = 'defender' }
    ) {
        Add-Fault ($fault + @{ service = 'defender'; times = 9 })
        $took = Measure-Stop ([scriptblock]::Create("$connect Get-FdxVulnerability | Out-Null")) {
            (Get-Count $count) -gt 0
        }
        $took | Should -BeLessThan 200
        Wait-Idle | Should -Be 0
    }

    It 'gives the prompt back at once while the identity endpoint does not answer' {
        Add-Fault @{ service = 'identity'; name = 'hang' }
        $took = Measure-Stop ([scriptblock]::Create("$connect Get-FdxToken")) { (Get-Report).open -gt 0 }
        $took | Should -BeLessThan 200
        Wait-Idle | Should -Be 0
    }

    It 'ends with Select-Object -First, and leaves no request running' {
        Connect-Tenant
        $null = Get-FdxMachine -First 1
        $clock = [Diagnostics.Stopwatch]::StartNew()
        @(Get-FdxVulnerability | Select-Object -First 3).Count | Should -Be 3
        $clock.ElapsedMilliseconds | Should -BeLessThan 400
        Wait-Idle | Should -Be 0
    }

    It 'ends when the pipeline throws, and the next command works' {
        Connect-Tenant
        { Get-FdxVulnerability | ForEach-Object { throw 'enough' } } | Should -Throw 'enough'
        Wait-Idle | Should -Be 0
        @(Get-FdxVulnerability -First 3).Count | Should -Be 3
    }

    It 'does not keep others out while <count> pipelines to the same host are stalled (parts of a page every <delay> ms)' -ForEach @{ count = 1; delay = 2 },
        @{ count = 24; delay = 2 }, @{ count = 24; delay = 100 } {
        # Each holds a page of which nobody reads on; there are 16 places for connections to a host.
        Add-Fault @{ service = 'defender'; name = 'slow'; chunkDelayMs = $delay; times = 99; pathContains = 'Vulnerabilities' }
        $shells = 1..$count | ForEach-Object {
            $shell = [powershell]::Create()
            $null = $shell.AddScript("$connect Get-FdxVulnerability | ForEach-Object { Start-Sleep -Seconds 60 }").AddParameters(@{ Fake = $Fake; Tenant = $Tenant; Endpoint = Get-Endpoint })
            $null = $shell.BeginInvoke()
            $shell
        }
        try {
            $clock = [Diagnostics.Stopwatch]::StartNew()
            while ((Get-Count pages) -lt $count -and $clock.Elapsed.TotalSeconds -lt 20) { Start-Sleep -Milliseconds 20 }
            Get-Count pages | Should -Be $count
            Connect-Tenant
            $clock.Restart()
            @(Get-FdxMachine -First 1).Count | Should -Be 1
            $clock.ElapsedMilliseconds | Should -BeLessThan 5000
        }
        finally {
            foreach ($shell in $shells) { $shell.Stop(); $shell.Dispose() }
        }
        Wait-Idle | Should -Be 0
    }
}
