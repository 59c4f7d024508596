# How a case runs: its own fake tenant, its own PowerShell. Bench.ps1 sets $tenant, $pwsh, $work and $modules.

# Builds the comparison module where Import-Module finds it, and returns that folder.
function Build-Floor {
    $package = Join-Path $work 'modules' 'BenchFloor'
    $env:MSBUILDDISABLENODEREUSE = '1'
    $project = Join-Path $PSScriptRoot 'floor' 'FedXdr.BenchFloor.csproj'
    $said = dotnet build $project -c Release -o $package --nologo -v quiet `
        -p:UseSharedCompilation=false "-p:BaseIntermediateOutputPath=$(Join-Path $work 'obj')/"
    if ($LASTEXITCODE -ne 0) { throw "the comparison module does not build:`n$($said -join "`n")" }
    Set-Content (Join-Path $package 'BenchFloor.psd1') @'
@{
    RootModule        = 'BenchFloor.dll'
    ModuleVersion     = '1.0.0'
    GUID              = '0d3b2e53-6d4c-4b63-9f10-0a53ad6a5d11'
    CmdletsToExport   = @('Get-BenchNothing', 'Measure-BenchRow', 'Write-BenchRow')
    FunctionsToExport = @()
    AliasesToExport   = @()
    VariablesToExport = @()
}
'@
    Split-Path $package
}

# Copies a build of the module into a folder of its own, and returns that. PowerShell searches the module path for
# commands: a folder with much else takes memory and time that are not the module's.
function Copy-Build([string] $From, [string] $Name) {
    $folder = Join-Path $work $Name
    $null = New-Item $folder -ItemType Directory -Force
    Copy-Item (Join-Path $From 'FedXdr') $folder -Recurse
    $folder
}

# Time that all cores were busy since the machine started, in ms; 0 if unknown.
function Get-BusyMs {
    if (-not (Test-Path /proc/stat)) { return 0 }
    $fields = [IO.File]::ReadAllLines('/proc/stat')[0] -split '\s+'
    # user nice system idle iowait irq softirq steal, in hundredths of a second
    10 * ($fields[1, 2, 3, 6, 7, 8] | ForEach-Object { [long] $_ } | Measure-Object -Sum).Sum
}

function Start-Tool([string] $Command, [string[]] $Arguments, [hashtable] $Environment = @{}) {
    $start = [Diagnostics.ProcessStartInfo]::new($Command)
    $Arguments | ForEach-Object { $start.ArgumentList.Add($_) }
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    # The measured traffic stays on this machine.
    foreach ($name in 'HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy') {
        $null = $start.Environment.Remove($name)
    }
    foreach ($name in $Environment.Keys) { $start.Environment[$name] = $Environment[$name] }
    [Diagnostics.Process]::Start($start)
}

# Writes what the cases need of the fake tenant: a line per name, with its values after it. It is no JSON: the objects
# that ConvertFrom-Json makes of 400 tenants are up to 20 MB of the memory of a case.
function Write-CaseAddress([string] $Path, [object] $About) {
    $lines = @(
        foreach ($name in 'authority', 'defender', 'graph', 'identityEndpoint', 'identityHeader', 'clientId') {
            "$name $($About.$name)"
        }
        "managedIdentityClientId $($About.managedIdentity.clientId)"
        "tenantIds $($About.tenants.tenantId)"
        "domains $($About.tenants.domain)"
    )
    [IO.File]::WriteAllLines($Path, $lines)
}

# Starts the case's fake tenant. Writes its addresses into a file for the case.
function Start-CaseServer([hashtable] $Case, [string] $Addresses) {
    $server = Start-Tool $tenant (@('--until-stdin-closes') + $Case.Server)
    $line = $server.StandardOutput.ReadLine()
    if (-not $line) { throw "$tenant did not start" }
    $about = $line | ConvertFrom-Json
    Write-CaseAddress $Addresses $about
    # The client trusts the server's certificate by this variable, as OpenSSL defines it.
    Set-Content "$Addresses.pem" $about.tlsCertificate
    foreach ($request in $Case.Control) {
        $body = ConvertTo-Json $request.Body -Depth 10 -Compress
        $null = Invoke-RestMethod "$($about.control)$($request.Path)" -Method $request.Method -Body $body `
            -ContentType 'application/json' -NoProxy
    }
    @{ Process = $server; Control = $about.control }
}

# Runs the case's script in a fresh PowerShell and returns what it measured.
function Invoke-CaseScript([hashtable] $Case, [string] $Addresses) {
    $environment = @{ PSModulePath = $modules, $Case.ModulePath -join [IO.Path]::PathSeparator }
    if ($Case.Server -contains '--tls') { $environment.SSL_CERT_FILE = "$Addresses.pem" }
    $file = Join-Path $PSScriptRoot 'cases' "$($Case.Script).ps1"
    $arguments = @('-NoProfile', '-NonInteractive', '-File', $file, '-Addresses', $Addresses) + $Case.Arguments
    $child = Start-Tool $pwsh $arguments $environment
    try {
        $child.StandardInput.Close()
        $said = $child.StandardOutput.ReadToEndAsync()
        if (-not $child.WaitForExit(600000)) { throw "$($Case.Name) did not end within 10 minutes" }
        if ($child.ExitCode -ne 0) { throw "$($Case.Name) ended with $($child.ExitCode): $($said.Result)" }
    }
    finally {
        if (-not $child.HasExited) { $child.Kill($true) }
    }
    $result = @("$($said.Result)".Trim() -split "`n")[-1] | ConvertFrom-Json -AsHashtable
    if ($result.module -and -not $result.module.StartsWith($Case.ModulePath, [StringComparison]::Ordinal)) {
        throw "$($Case.Name) used the module in $($result.module)"
    }
    $result
}

# Throws if the case lost a row or did what no client may do.
function Assert-CaseResult([hashtable] $Case, [hashtable] $Result, $Report) {
    if ($Report.violations) {
        throw "$($Case.Name): the server reports $($Report.violations | ConvertTo-Json -Compress)"
    }
    $Result.pages = $Report.counts.PSObject.Properties['pages'] ? $Report.counts.pages : 0
    if ($Case.Rows -and $Result.rows -ne $Case.Rows) {
        throw "$($Case.Name): $($Result.rows) rows, not $($Case.Rows)"
    }
    if ($Case.Pages -and $Result.pages -lt $Case.Pages) {
        throw "$($Case.Name): $($Result.pages) pages, not $($Case.Pages)"
    }
}

# Runs one case once.
function Invoke-Case([hashtable] $Case) {
    $addresses = Join-Path $work 'tenant.txt'
    $server = Start-CaseServer $Case $addresses
    try {
        $busy = Get-BusyMs
        $clock = [Diagnostics.Stopwatch]::StartNew()
        $result = Invoke-CaseScript $Case $addresses
        $elapsed = $clock.Elapsed.TotalMilliseconds
        $busy = (Get-BusyMs) - $busy
        $server.Process.Refresh()
        $result.serverCpuMs = $server.Process.TotalProcessorTime.TotalMilliseconds
        # The share of all cores that other processes used: how far the numbers can be trusted.
        $othersMs = $busy - $result.processCpuMs - $result.serverCpuMs
        $result.others = $busy ? [math]::Max(0.0, $othersMs / $elapsed / [Environment]::ProcessorCount) : 0
        Assert-CaseResult $Case $result (Invoke-RestMethod "$($server.Control)/report" -NoProxy)
        if ($result.rows -and $result.ContainsKey('wallMs')) {
            $result.rowsPerSecond = $result.rows / $result.wallMs * 1000
            $result.cpuUsPerRow = $result.cpuMs * 1000 / $result.rows
            $result.serverCpuUsPerRow = $result.serverCpuMs * 1000 / $result.rows
        }
        $result
    }
    finally {
        $server.Process.StandardInput.Close()
        if (-not $server.Process.WaitForExit(5000)) { $server.Process.Kill($true) }
        $server.Process.Dispose()
    }
}
