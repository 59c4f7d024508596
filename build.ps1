#!/usr/bin/env pwsh
#Requires -Version 7.4
<#
.SYNOPSIS
Builds, tests and shows FedXdr. The one build script: ./build.sh finds the tools and calls it, and so does CI.
.EXAMPLE
./build.ps1 -Task Build            # out/FedXdr/<version>, as it would be published
.EXAMPLE
./build.ps1 -Task Test -Name Connect*   # all native layers, and of the module's test files those that match
.EXAMPLE
./build.ps1 -Task Demo
#>
param(
    # Build: the module, optimized. Test: every layer, ending in "N passed, N failed". Demo: the quickstart against the fake tenant.
    # Bench: the module against the plain script. Generate: the committed generated files. Clean: everything that was built.
    [ValidateSet('Build', 'Test', 'Demo', 'Bench', 'Generate', 'Clean')]
    [string] $Task = 'Build',
    # Tests what would be published, rather than the same code built in a quarter of the time.
    [switch] $Release,
    # Test: the module's test files to run, by name without .Tests.ps1.
    [string] $Name = '*',
    # Bench and Demo: handed on to the script.
    [Parameter(ValueFromRemainingArguments)] [object[]] $Rest = @()
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$PSNativeCommandUseErrorActionPreference = $false
$env:CARGO_TERM_COLOR = 'never'
# No build server may outlive the build: it would hold the caller's output open.
$env:MSBUILDDISABLENODEREUSE = '1'
$env:DOTNET_CLI_USE_MSBUILD_SERVER = '0'

$root = $PSScriptRoot
$out = Join-Path $root 'out'
# Not the running executable: PowerShell may be hosted by dotnet.
$pwsh = Join-Path $PSHOME ($IsWindows ? 'pwsh.exe' : 'pwsh')
$generator = 'run', '--quiet', '-p', 'fedxdr-native', '--features', 'generate', '--bin', 'gen'
Set-Location $root

# -- tools -----------------------------------------------------------------------------------------------------------

function Invoke-Tool([string] $Command, [string[]] $Arguments) {
    & $Command @Arguments | Out-Host
    if ($LASTEXITCODE -ne 0) { throw "$Command $Arguments ended with $LASTEXITCODE" }
}

# Runs a tool, shows what it says line by line, and gives back both that and its exit code.
function Invoke-Recorded([string] $Command, [string[]] $Arguments) {
    $lines = [Collections.Generic.List[string]]::new()
    & $Command @Arguments 2>&1 | ForEach-Object { $lines.Add("$_"); Write-Host "$_" }
    [pscustomobject]@{ Text = $lines -join "`n"; ExitCode = $LASTEXITCODE }
}

# Runs a script in a fresh PowerShell: it loads the module as a user would, and lets go of its files when it ends.
function Invoke-FreshPowerShell([string[]] $Arguments, [int] $Minutes = 10) {
    $start = [Diagnostics.ProcessStartInfo]::new($pwsh)
    '-NoProfile', '-NonInteractive', '-File' + $Arguments | ForEach-Object { $start.ArgumentList.Add($_) }
    $start.WorkingDirectory = $root
    $start.RedirectStandardInput = $true # nobody is there to answer a question
    $start.Environment['PSModulePath'] = $out + [IO.Path]::PathSeparator + $env:PSModulePath
    $process = [Diagnostics.Process]::Start($start)
    try {
        $process.StandardInput.Close()
        if (-not $process.WaitForExit([timespan]::FromMinutes($Minutes))) { throw "no end after $Minutes minutes: $Arguments" }
        $process.ExitCode
    }
    finally {
        if (-not $process.HasExited) { $process.Kill($true) }
        $process.Dispose()
    }
}

function Test-Fresh([string] $Target, [string[]] $Sources) {
    if (-not (Test-Path $Target)) { return $false }
    $made = (Get-Item $Target).LastWriteTimeUtc
    foreach ($source in $Sources) {
        $files = Get-ChildItem $source -File -Recurse | Where-Object { $_.FullName -notmatch '[\\/](bin|obj)[\\/]' }
        if ($files | Where-Object LastWriteTimeUtc -gt $made) { return $false }
    }
    $true
}

function Copy-Changed([string] $Source, [string] $Target) {
    $null = New-Item (Split-Path $Target) -ItemType Directory -Force
    $from = Get-Item $Source
    $to = Get-Item $Target -ErrorAction Ignore
    if ($to -and $to.Length -eq $from.Length -and $to.LastWriteTimeUtc -eq $from.LastWriteTimeUtc) { return }
    # Beside it and then over it: a process that has the old library mapped keeps it.
    Copy-Item $Source "$Target.new"
    (Get-Item "$Target.new").LastWriteTimeUtc = $from.LastWriteTimeUtc
    Move-Item "$Target.new" $Target -Force
}

# -- building --------------------------------------------------------------------------------------------------------

function Get-Workspace {
    $metadata = cargo metadata --format-version 1 --no-deps | Out-String | ConvertFrom-Json
    if ($LASTEXITCODE -ne 0) { throw 'cargo metadata failed' }
    $version = ($metadata.packages | Where-Object name -eq 'fedxdr-native').version
    $stated = (Import-PowerShellDataFile module/FedXdr.psd1).ModuleVersion
    if ($stated -ne $version) { throw "module/FedXdr.psd1 says version $stated, Cargo.toml says $version" }
    @{ Version = $version; Target = $metadata.target_directory }
}

function Get-Platform {
    $architecture = "$([Runtime.InteropServices.RuntimeInformation]::ProcessArchitecture)".ToLowerInvariant()
    if ($IsWindows) { @{ Rid = "win-$architecture"; Built = 'fedxdr_native.dll'; Shipped = 'fedxdr_native.dll'; Exe = '.exe' } }
    elseif ($IsMacOS) { @{ Rid = "osx-$architecture"; Built = 'libfedxdr_native.dylib'; Shipped = 'fedxdr_native.dylib'; Exe = '' } }
    else { @{ Rid = "linux-$architecture"; Built = 'libfedxdr_native.so'; Shipped = 'fedxdr_native.so'; Exe = '' } }
}

# Builds the module into out/FedXdr/<version> and gives back where things are.
function Build-Module([string] $CargoProfile) {
    $workspace = Get-Workspace
    $platform = Get-Platform
    $folder = $CargoProfile -eq 'dev' ? 'debug' : $CargoProfile
    $built = Join-Path $workspace.Target $folder
    $package = Join-Path $out 'FedXdr' $workspace.Version

    # One after the other: built together, each would get what the other needs of the libraries they share.
    Invoke-Tool cargo 'build', '--profile', $CargoProfile, '-p', 'fedxdr-native'
    Invoke-Tool cargo 'build', '--profile', $CargoProfile, '-p', 'fedxdr-tenant'

    $managed = Join-Path $out 'managed' 'FedXdr.dll'
    if (-not (Test-Fresh $managed module/src, Cargo.toml)) {
        Invoke-Tool dotnet 'build', 'module/src/FedXdr.csproj', '-c', 'Release', '-o', (Split-Path $managed),
            '--nologo', '-v', 'quiet', '-p:UseSharedCompilation=false', "-p:Version=$($workspace.Version)"
        (Get-Item $managed).LastWriteTimeUtc = [datetime]::UtcNow # MSBuild keeps the old file's time where nothing changed
    }

    Get-ChildItem (Join-Path $out 'FedXdr') -Directory -ErrorAction Ignore | Where-Object Name -ne $workspace.Version |
        Remove-Item -Recurse -Force
    Copy-Changed $managed (Join-Path $package 'FedXdr.dll')
    Copy-Changed (Join-Path $built $platform.Built) (Join-Path $package $platform.Rid $platform.Shipped)
    $plain = @(Get-ChildItem module -File | Where-Object Extension -in '.psd1', '.ps1xml') + (Get-Item LICENSE)
    $plain | ForEach-Object { Copy-Changed $_.FullName (Join-Path $package $_.Name) }
    Get-ChildItem $package -File | Where-Object Name -notin (@($plain.Name) + 'FedXdr.dll') | Remove-Item

    $help = Join-Path $package 'en-US' 'FedXdr.dll-Help.xml'
    if (-not (Test-Fresh $help module/docs, $managed, module/FedXdr.psd1)) {
        $code = Invoke-FreshPowerShell 'module/docs/ConvertTo-Help.ps1', '-Module', (Join-Path $package 'FedXdr.psd1'),
            '-Docs', 'module/docs/en-US', '-Destination', (Split-Path $help)
        if ($code -ne 0) { throw 'the help pages do not fit the module' }
    }
    @{ Package = $package; Tenant = Join-Path $built "fedxdr-tenant$($platform.Exe)" }
}

# -- testing ---------------------------------------------------------------------------------------------------------

# Layers go on after a failure; each adds its counts here, and one that neither ran nor skipped anything is a failure.
$counts = @{ Passed = 0; Failed = 0; Notes = [Collections.Generic.List[string]]::new() }

function Add-Layer([string] $Layer, [scriptblock] $Run) {
    Write-Host "`n== $Layer"
    $watch = [Diagnostics.Stopwatch]::StartNew()
    try { $passed, $failed, $skipped = & $Run }
    catch {
        Write-Host "$_`n$($_.ScriptStackTrace)"
        $passed, $failed, $skipped = 0, 1, 0
    }
    if ($passed + $failed + $skipped -eq 0) {
        Write-Host 'no test was run'
        $failed = 1
    }
    $counts.Passed += $passed
    $counts.Failed += $failed
    $counts.Notes.Add(('{0,-34}{1,6} passed{2,6} failed{3,8:n1} s' -f $Layer, $passed, $failed, $watch.Elapsed.TotalSeconds))
}

function Test-Command([string] $Command, [string[]] $Arguments) {
    & $Command @Arguments | Out-Host
    $LASTEXITCODE -eq 0 ? (1, 0) : (0, 1)
}

function Get-LibtestCount($Recorded) {
    $passed = $failed = 0
    foreach ($line in [regex]::Matches($Recorded.Text, '(?m)^test result: \w+\. (\d+) passed; (\d+) failed')) {
        $passed += [int] $line.Groups[1].Value
        $failed += [int] $line.Groups[2].Value
    }
    # What did not compile, or crashed, has no count of its own.
    if ($Recorded.ExitCode -ne 0 -and $failed -eq 0) { $failed = 1 }
    $passed, $failed
}

function Test-Rust([string[]] $Selection) {
    $null = cargo nextest --version 2>&1
    if ($LASTEXITCODE -ne 0) { return Get-LibtestCount (Invoke-Recorded cargo (@('test', '--no-fail-fast') + $Selection)) }

    $recorded = Invoke-Recorded cargo (@('nextest', 'run', '--no-fail-fast') + $Selection)
    # "Summary [ 1.2s] 57 tests run: 55 passed (1 slow), 1 failed, 1 timed out, 3 skipped"; "12/57 tests run" when it broke off.
    $summary = [regex]::Match($recorded.Text, '(?m)^\s*Summary \[.*?\]\s+(?:\d+/)?(\d+) tests? run: (\d+) passed')
    if (-not $summary.Success) { return 0, 1 }
    $passed = [int] $summary.Groups[2].Value
    $failed = [int] $summary.Groups[1].Value - $passed
    if ($recorded.ExitCode -ne 0 -and $failed -eq 0) { $failed = 1 }
    # nextest leaves the examples in doc comments to cargo.
    $examples = Get-LibtestCount (Invoke-Recorded cargo (@('test', '--doc') + $Selection))
    ($passed + $examples[0]), ($failed + $examples[1])
}

function Test-ModuleFile([string] $File, $Module) {
    $results = Join-Path $out 'test-results' "$(Split-Path $File -LeafBase).json"
    $null = New-Item (Split-Path $results) -ItemType Directory -Force
    Remove-Item $results -ErrorAction Ignore
    $env:FEDXDR_MODULE = Join-Path $Module.Package 'FedXdr.psd1'
    $env:FEDXDR_TENANT = $Module.Tenant
    $code = Invoke-FreshPowerShell 'tests/module/Invoke-Tests.ps1', '-Path', $File, '-ResultPath', $results
    if (-not (Test-Path $results)) { throw "$File broke off (exit code $code)" }
    $result = Get-Content $results -Raw | ConvertFrom-Json
    # A block that failed outside any test has no count of its own.
    $failed = $code -ne 0 -and $result.Failed -eq 0 ? 1 : $result.Failed
    # What only another system can run is skipped on purpose.
    $result.Passed, $failed, $result.Skipped
}

function Test-All {
    $features = '--features', 'fedxdr-native/generate'
    Add-Layer 'formatting' { Test-Command cargo 'fmt', '--all', '--check' }
    Add-Layer 'lints' { Test-Command cargo (@('clippy', '--workspace', '--all-targets') + $features + '--', '-D', 'warnings') }
    Add-Layer 'generated files' { Test-Command cargo ($generator + '--', '--check') }
    Add-Layer 'Rust and C' { Test-Rust (@('--workspace') + $features) }

    $script:module = $null
    Add-Layer 'package' { $script:module = Build-Module ($Release ? 'release' : 'dev'); 1, 0 }
    if ($script:module) {
        foreach ($file in Get-ChildItem tests/module -Filter "$Name.Tests.ps1" | Sort-Object Name) {
            Add-Layer "module: $($file.Name -replace '\.Tests\.ps1$')" { Test-ModuleFile $file.FullName $script:module }
        }
    }
    if (-not ($counts.Notes -match '^module: ')) { Add-Layer 'module' { 0, 0 } }

    Write-Host ''
    $counts.Notes | ForEach-Object { Write-Host $_ }
    Write-Host "$($counts.Passed) passed, $($counts.Failed) failed"
    exit ($counts.Failed -eq 0 ? 0 : 1)
}

# -- showing ---------------------------------------------------------------------------------------------------------

# Runs a script while a fake tenant answers; the server ends with it, whatever happens.
function Invoke-WithTenant([string] $Server, [string] $Script, [object[]] $Arguments) {
    $start = [Diagnostics.ProcessStartInfo]::new($Server, '--until-stdin-closes') # also when this process is killed
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    $process = [Diagnostics.Process]::Start($start)
    $addresses = Join-Path $out 'tenant.json'
    try {
        $line = $process.StandardOutput.ReadLine() # one line of JSON, once it listens
        if (-not $line) { throw "$Server did not start" }
        Set-Content $addresses $line
        $env:FEDXDR_DEMO_TENANT = $addresses
        Invoke-FreshPowerShell (@($Script) + $Arguments)
    }
    finally {
        $process.StandardInput.Close()
        if (-not $process.WaitForExit(2000)) { $process.Kill($true) }
        $process.Dispose()
        Remove-Item $addresses -ErrorAction Ignore
    }
}

switch ($Task) {
    Build {
        $module = Build-Module release
        Write-Host "built $($module.Package)"
    }
    Test { Test-All }
    Demo {
        $module = Build-Module release
        exit (Invoke-WithTenant $module.Tenant 'examples/quickstart.ps1' $Rest)
    }
    Bench {
        $module = Build-Module release
        $env:FEDXDR_TENANT = $module.Tenant
        exit (Invoke-FreshPowerShell (@('tests/bench/Bench.ps1') + $Rest) -Minutes 60)
    }
    Generate { Invoke-Tool cargo $generator }
    Clean {
        Remove-Item out -Recurse -Force -ErrorAction Ignore
        Get-ChildItem module/src -Directory | Where-Object Name -in 'bin', 'obj' | Remove-Item -Recurse -Force
        Invoke-Tool cargo 'clean'
    }
}
