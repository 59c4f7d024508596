#!/usr/bin/env pwsh
#Requires -Version 7.4
<#
.SYNOPSIS
Measures FedXdr against a plain PowerShell script that does the same job, and against its targets.
.DESCRIPTION
Every case runs in a fresh PowerShell against a fresh fake tenant on this machine. Both sides get the same server with
the same settings. `./build.sh bench` builds everything and calls this script. To run it by hand, put the module on the
module path and set FEDXDR_TENANT to the fake tenant's program.
.EXAMPLE
./build.sh bench -Quick
.EXAMPLE
./build.sh bench -Baseline ../before/out -Case "module*,token"
#>
param(
    # Rows of the long runs. The cold run, and the run that memory growth is compared with, use a tenth.
    [ValidateRange(50000, 100000000)] [int] $Rows = 2000000,
    # How often each case runs; the order alternates between rounds.
    [ValidateRange(1, 100)] [int] $Runs = 3,
    # One run with fewer rows: shows that it works, and rough numbers.
    [switch] $Quick,
    # Names of the cases to run, with wildcards. Cases.ps1 has them.
    [string[]] $Case = '*',
    # Folder with another build of the module (the `out` of another checkout), measured in the same run.
    [string] $Baseline,
    [string] $Output = 'out/bench.json'
)
Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

if ($Quick) {
    if (-not $PSBoundParameters.ContainsKey('Rows')) { $Rows = 400000 }
    if (-not $PSBoundParameters.ContainsKey('Runs')) { $Runs = 1 }
}
$size = @{
    Rows         = $Rows
    FewRows      = [int] ($Rows / 10)
    JobRows      = $Quick ? 20000 : 100000
    Calls        = $Quick ? 2000 : 10000
    HuntingRows  = $Quick ? 50000 : 500000
    Alerts       = $Quick ? 20000 : 120000
    Machines     = $Quick ? 50000 : 500000
    # Of an export that shows that memory does not grow.
    LongRows     = $Quick ? 400000 : 10000000
    FileRows     = $Quick ? 50000 : 1000000
    TenantRows   = $Quick ? 80000 : 1600000
    Tenants      = $Quick ? 20 : 400
    Customers    = $Quick ? 50 : 500
    SmallTenants = $Quick ? 40 : 200
    SmallRows    = 50
    DelayMs      = 150
    # 970 bytes each: 64 MB
    DocumentRows = $Quick ? 8000 : 66000
    # Smaller than the targets name.
    IsReduced    = [bool] $Quick -or $Rows -lt 2000000
}

# The plain loop in the genuine PowerShell. Constants: this script does not measure them.
$genuine = [ordered]@{
    powershell = '7.6.5'; rows = 100000; cpuUsPerRow = 125, 146; rowsPerSecond = 9400; peakMB = 1580, 1785
    source     = 'The case "plain job" in the genuine PowerShell 7.6.5, another machine with 2 cores, 100,000 rows ' +
    'of 970 bytes in pages of 50,000. 7.4.19: 131–146 µs per row, 1,728–1,773 MB.'
}

$tenant = $env:FEDXDR_TENANT
if (-not $tenant) { throw 'FEDXDR_TENANT does not name the fake tenant. Run ./build.sh bench, which sets it.' }
$pwsh = Join-Path $PSHOME ($IsWindows ? 'pwsh.exe' : 'pwsh')
$work = Join-Path ([IO.Path]::GetTempPath()) "fedxdr-bench-$PID"
$null = New-Item $work -ItemType Directory

. $PSScriptRoot/Runner.ps1
. $PSScriptRoot/Cases.ps1
. $PSScriptRoot/Report.ps1

function Get-ModuleFacts {
    $module = Get-Module FedXdr -ListAvailable | Sort-Object Version -Descending | Select-Object -First 1
    if (-not $module) { throw 'FedXdr is not on the module path. Run ./build.sh bench, which puts it there.' }
    $native = Get-ChildItem $module.ModuleBase -Recurse -File |
        Where-Object Name -match '^(lib)?fedxdr_native\.' | Sort-Object Length -Descending | Select-Object -First 1
    if (-not $native) { throw "no native library in $($module.ModuleBase)" }
    # FedXdr/<version> in a folder of the module path
    $module, $native, (Split-Path (Split-Path $module.ModuleBase))
}

try {
    $modules = Build-Floor
    $module, $native, $built = Get-ModuleFacts
    $modulePath = Copy-Build $built 'module'
    if ($Baseline) { $baselinePath = Copy-Build (Resolve-Path $Baseline).ProviderPath 'baseline' }
    $cases = [ordered]@{}
    foreach ($one in Get-AllCase) {
        # With -File, PowerShell passes a list as one string.
        if (-not ($Case -split ',' | Where-Object { $one.Name -like $_ })) { continue }
        $cases[$one.Name] = $one
        if ($Baseline -and $one.HasBaseline) {
            $other = New-BaselineCase $one $baselinePath
            $cases[$other.Name] = $other
        }
    }
    for ($run = 1; $run -le $Runs; $run++) {
        $order = @($cases.Values)
        if ($run % 2 -eq 0) { [array]::Reverse($order) }
        foreach ($one in $order) {
            Write-Host "run $run of ${Runs}: $($one.Name)" -ForegroundColor DarkGray
            $one.Runs.Add((Invoke-Case $one))
        }
    }
}
finally {
    Remove-Item $work -Recurse -Force -ErrorAction Ignore
}

$model = ''
if (Test-Path /proc/cpuinfo) {
    $model = [regex]::Match([IO.File]::ReadAllText('/proc/cpuinfo'), 'model name\s*:\s*(.+)').Groups[1].Value
}
$load = (Test-Path /proc/loadavg) ? ([IO.File]::ReadAllText('/proc/loadavg').Split(' ')[0..2] -join ' ') : ''
$facts = [ordered]@{
    date       = [datetime]::UtcNow.ToString('u')
    cores      = [Environment]::ProcessorCount
    processor  = $model
    os         = [Runtime.InteropServices.RuntimeInformation]::OSDescription
    powershell = "$($PSVersionTable.PSVersion)"
    dotnet     = [Runtime.InteropServices.RuntimeInformation]::FrameworkDescription
    module     = "$($module.Version)"
    runs       = $Runs
    quick      = [bool] $Quick
    load       = $load
    size       = $size
}

Write-Host ''
Write-Host "FedXdr $($module.Version), PowerShell $($facts.powershell), $($facts.cores) cores ($model)"
Write-Host "$($facts.os), $($facts.date)"
Write-Host "Server, client and other processes share the cores (load now: $load)."
Write-Host 'Rows of about 970 bytes and 24 columns over plain HTTP, pages of 50,000, no gzip unless stated.'
Write-Host "Every case ran $Runs time(s) in a fresh PowerShell: median (lowest–highest)."
Write-Comparison
Add-AllTarget
Write-TargetTable -WithBaseline:([bool] $Baseline)
Write-RecordTable

$missed = @($targets | Where-Object { -not $_.met })
Write-Host ''
if ($missed) {
    $names = @($missed | ForEach-Object { "$($_.name) $($_.wanted)" }) -join '; '
    Write-Host -ForegroundColor Red "!! $($missed.Count) of $($targets.Count) targets NOT MET: $names"
}
else {
    $but = $size.IsReduced ? ', but with fewer rows than they name' : ''
    Write-Host -ForegroundColor Green "all $($targets.Count) targets met$but"
}

$null = New-Item (Split-Path ([IO.Path]::GetFullPath($Output, $PWD.ProviderPath))) -ItemType Directory -Force
$raw = [ordered]@{}
foreach ($one in $cases.Values) {
    $raw[$one.Name] = [ordered]@{ script = $one.Script; rows = $one.Rows; server = $one.Server; runs = $one.Runs }
}
$all = [ordered]@{ machine = $facts; targets = $targets; ratios = $ratios; reference = $genuine; cases = $raw }
Set-Content $Output (ConvertTo-Json $all -Depth 10)
Write-Host "written to $Output"
exit 0
