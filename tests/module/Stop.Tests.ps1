Describe 'Stopping' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant '--rows', '600000'

        # Runs a script in its own runspace, stops it once it is under way, and returns the milliseconds that this took.
        function Measure-Stop([scriptblock] $Script, [scriptblock] $UnderWay) {
            $shell = [powershell]::Create()
            try {
                $parameters = @{ Fake = $Fake; Tenant = $Tenant; Endpoint = Get-Endpoint }
                $null = $shell.AddScript("$Script").AddParameters($parameters)
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
            $ids = @{ ClientId = $Fake.clientId; ManagedIdentityClientId = $Fake.managedIdentity.clientId }
            Connect-Fdx -TenantId $Tenant @ids -Endpoint $Endpoint;'
    }

    AfterAll { Stop-FakeTenant }

    BeforeEach { Reset-Tenant }

    It 'returns the prompt at once <name>, and leaves no request running' -ForEach @(
        @{ name = 'in the middle of rows'; fault = @{ name = 'slow'; chunkDelayMs = 50 }; count = 'pages' }
        @{ name = 'while the service does not answer'; fault = @{ name = 'hang' }; count = 'defender' }
        @{ name = 'while a body is stalled'; fault = @{ name = 'hang-body'; afterRows = 10 }; count = 'pages' }
        @{
            name = 'during a wait that the service asked for'
            fault = @{ name = 'status'; code = 429; retryAfter = 600 }; count = 'defender'
        }
    ) {
        Add-Fault ($fault + @{ service = 'defender'; times = 9 })
        $took = Measure-Stop ([scriptblock]::Create("$connect Get-FdxVulnerability | Out-Null")) {
            (Get-Count $count) -gt 0
        }
        $took | Should -BeLessThan 200
        Wait-Idle | Should -Be 0
    }

    It 'returns the prompt at once while the identity endpoint does not answer' {
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

    It 'does not block others while <count> pipelines are stalled (part of a page every <delay> ms)' -ForEach @(
        @{ count = 1; delay = 2 }
        @{ count = 40; delay = 2 }
        @{ count = 40; delay = 100 }
    ) {
        # Each pipeline holds a page and reads no further. A host gets at most 32 connections.
        $slow = @{ name = 'slow'; chunkDelayMs = $delay; times = 99; pathContains = 'Vulnerabilities' }
        Add-Fault ($slow + @{ service = 'defender' })
        # -Raw fills the channel of a stalled query soonest.
        $stalled = "$connect Get-FdxVulnerability -Raw | ForEach-Object { Start-Sleep -Seconds 120 }"
        $shells = 1..$count | ForEach-Object {
            $shell = [powershell]::Create()
            $parameters = @{ Fake = $Fake; Tenant = $Tenant; Endpoint = Get-Endpoint }
            $null = $shell.AddScript($stalled).AddParameters($parameters)
            $null = $shell.BeginInvoke()
            $shell
        }
        try {
            $clock = [Diagnostics.Stopwatch]::StartNew()
            while ((Get-Count pages) -lt $count -and $clock.Elapsed.TotalSeconds -lt 60) {
                Start-Sleep -Milliseconds 20
            }
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
