# How long a small query takes by itself, and while the same process reads one large document after the other.
param([string] $Addresses)
. $PSScriptRoot/common.ps1 $Addresses
Import-Module FedXdr
$connection = Connect-Fdx @connect -PassThru

function Measure-Page([int] $Count) {
    $times = for ($i = 0; $i -lt $Count; $i++) {
        $clock = [Diagnostics.Stopwatch]::StartNew()
        Get-FdxVulnerability -First 1000 | Out-Null
        $clock.Elapsed.TotalMilliseconds
    }
    @($times | Sort-Object)
}

$null = Measure-Page 20 # until the code is compiled
$undisturbed = Measure-Page 40

# The other query has a runspace of its own, as in ForEach-Object -Parallel.
$state = [hashtable]::Synchronized(@{ Documents = 0; Stop = $false })
$other = [powershell]::Create().AddScript({
        param($Connection, $State)
        Import-Module FedXdr
        while (-not $State.Stop) {
            Invoke-FdxRequest -Connection $Connection -Path /api/document -Raw | Out-Null
            $State.Documents++
        }
    }).AddArgument($connection).AddArgument($state)
$running = $other.BeginInvoke()
try {
    while ($state.Documents -eq 0 -and -not $running.IsCompleted) { Start-Sleep -Milliseconds 20 }
    $beside = Measure-Page 40
    $documents = $state.Documents
}
finally {
    $state.Stop = $true
    $null = $other.EndInvoke($running)
}
if ($other.HadErrors) { throw $other.Streams.Error[0] }
Complete-Case @{
    rows          = 0
    documents     = $documents
    undisturbedMs = $undisturbed[20]
    besideMs      = $beside[20]
    longestMs     = $beside[-1]
    # of 40, the second longest: one pause of the machine is not the module's
    addedMs       = $beside[-2] - $undisturbed[20]
}
