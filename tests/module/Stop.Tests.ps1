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
            (Get-Report).counts.PSObject.Properties.Name -contains $count
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

    It 'does not keep others out while a pipeline is stalled' {
        Connect-Tenant
        # Each outer row waits for inner requests to the same host, more than there are connections to it.
        $found = Get-FdxVulnerability -First 3000 | Select-Object -First 40 | ForEach-Object { Get-FdxMachine -First 1 }
        @($found).Count | Should -Be 40
    }
}
