# Every case begins with this. A case runs in a PowerShell of its own and ends by writing one line of JSON.
param([string] $Addresses)
Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

if ($Addresses) {
    $fake = @{}
    foreach ($line in [IO.File]::ReadAllLines($Addresses)) {
        $name, $values = $line.Split(' ')
        $fake[$name] = $values
    }
    $fake.tenantIds = @($fake.tenantIds)
    $fake.domains = @($fake.domains)
    $env:IDENTITY_ENDPOINT = $fake.identityEndpoint
    $env:IDENTITY_HEADER = $fake.identityHeader
    $connect = @{
        TenantId                = $fake.tenantIds[0]
        ClientId                = $fake.clientId
        ManagedIdentityClientId = $fake.managedIdentityClientId
        Endpoint                = @{ authority = $fake.authority; defender = $fake.defender }
    }
}

# Highest resident memory of this process so far, in MB.
function Get-PeakMB {
    if (Test-Path /proc/self/status) {
        $status = [IO.File]::ReadAllText('/proc/self/status')
        return [math]::Round([long] [regex]::Match($status, 'VmHWM:\s+(\d+) kB').Groups[1].Value / 1024, 1)
    }
    [math]::Round([Diagnostics.Process]::GetCurrentProcess().PeakWorkingSet64 / 1MB, 1)
}

# Wall clock and CPU (all threads) of this process for a job, and the peak memory up to its end.
function Measure-Job([scriptblock] $Job) {
    $process = [Diagnostics.Process]::GetCurrentProcess()
    $cpu = $process.TotalProcessorTime
    $clock = [Diagnostics.Stopwatch]::StartNew()
    . $Job
    $clock.Stop()
    $process.Refresh()
    @{
        wallMs = $clock.Elapsed.TotalMilliseconds
        cpuMs  = ($process.TotalProcessorTime - $cpu).TotalMilliseconds
        peakMB = Get-PeakMB
    }
}

function Complete-Case([hashtable] $Result) {
    $Result['peakMB'] ??= Get-PeakMB
    $Result.module = "$((Get-Module FedXdr)?.ModuleBase)"
    $Result.processCpuMs = [Diagnostics.Process]::GetCurrentProcess().TotalProcessorTime.TotalMilliseconds
    [Console]::Out.WriteLine((ConvertTo-Json $Result -Compress))
}
