# A PowerShell that does nothing.
param([string] $Addresses)
. $PSScriptRoot/common.ps1
$process = [Diagnostics.Process]::GetCurrentProcess()
Complete-Case @{
    rows   = 0
    wallMs = ([datetime]::Now - $process.StartTime).TotalMilliseconds
    cpuMs  = $process.TotalProcessorTime.TotalMilliseconds
}
