# Calls of Get-FdxToken with a cached token, and of a cmdlet that does nothing, one after the other.
param([string] $Addresses, [int] $Calls)
. $PSScriptRoot/common.ps1 $Addresses
Import-Module FedXdr
Import-Module BenchFloor
Connect-Fdx @connect

$clock = [Diagnostics.Stopwatch]::StartNew()
Get-FdxToken | Out-Null
$exchange = $clock.Elapsed.TotalMilliseconds

function Measure-Calls([scriptblock] $Loop) {
    $ticks = [long[]]::new($Calls)
    $measured = Measure-Job $Loop
    [array]::Sort($ticks)
    $microseconds = 1e6 / [Diagnostics.Stopwatch]::Frequency
    @{
        median = $ticks[$Calls / 2] * $microseconds
        p99    = $ticks[[int] [math]::Floor($Calls * 0.99)] * $microseconds
        cpu    = $measured.cpuMs * 1000 / $Calls
    }
}

$empty = Measure-Calls {
    for ($i = 0; $i -lt $Calls; $i++) {
        $started = [Diagnostics.Stopwatch]::GetTimestamp()
        $null = Get-BenchNothing
        $ticks[$i] = [Diagnostics.Stopwatch]::GetTimestamp() - $started
    }
}
$token = Measure-Calls {
    for ($i = 0; $i -lt $Calls; $i++) {
        $started = [Diagnostics.Stopwatch]::GetTimestamp()
        $null = Get-FdxToken
        $ticks[$i] = [Diagnostics.Stopwatch]::GetTimestamp() - $started
    }
}
Complete-Case @{
    rows       = 0
    calls      = $Calls
    exchangeMs = $exchange
    tokenUs    = $token.median
    tokenP99Us = $token.p99
    tokenCpuUs = $token.cpu
    emptyUs    = $empty.median
    emptyP99Us = $empty.p99
}
