#!/usr/bin/env pwsh
#Requires -Version 7.4
<#
.SYNOPSIS
Builds, tests and demonstrates FedXdr. The only build script: ./build.sh finds the tools and calls it, and so does CI.
.EXAMPLE
./build.ps1 -Task Build            # out/FedXdr/<version>, ready to publish
.EXAMPLE
./build.ps1 -Task Test -Name Connect*   # all native layers, and the module's test files that match
.EXAMPLE
./build.ps1 -Task Demo
.EXAMPLE
./build.ps1 -Task Package -Rid linux-x64, win-x64   # out/FedXdr.<version>.nupkg and the zip for Azure Automation
#>
param(
    # Build: builds the optimized module. Test: runs every layer, ends with "N passed, N failed". Demo: runs the
    # quickstart against the fake tenant. Bench: compares the module with the plain script. Package: builds the module
    # for all platforms, and its packages. Libraries: builds only the native libraries of the package. Generate: writes
    # the committed generated files. Clean: removes all build output.
    [ValidateSet('Build', 'Test', 'Demo', 'Bench', 'Package', 'Libraries', 'Generate', 'Clean')]
    [string] $Task = 'Build',
    # Test: the module's tests use the optimized library.
    [switch] $Release,
    # Test: also makes the package, and tests every platform of it that this machine can run or emulate.
    [switch] $Platforms,
    # Package, Libraries: the platforms to build, such as linux-x64; without it, every one whose tools are here.
    [string[]] $Rid,
    # Package: a folder with libraries that other machines built, in folders named by their platform (such as the
    # module's folder of another machine). They join the package.
    [string] $From,
    # Test: names of the module's test files to run, without .Tests.ps1.
    [string] $Name = '*',
    # Bench and Demo: passed to the script.
    [Parameter(ValueFromRemainingArguments)] [object[]] $Rest = @()
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$PSNativeCommandUseErrorActionPreference = $false
$env:CARGO_TERM_COLOR = 'never'
# No build server may outlive the build: it would keep the caller's output open.
$env:MSBUILDDISABLENODEREUSE = '1'
$env:DOTNET_CLI_USE_MSBUILD_SERVER = '0'

$root = $PSScriptRoot
$out = Join-Path $root 'out'
# The virtual environment that .ci/run makes, with the Python packages of the tests.
$python = Join-Path $out 'python' ($IsWindows ? 'Scripts' : 'bin')
# Not the running executable: that may be dotnet.
$pwsh = Join-Path $PSHOME ($IsWindows ? 'pwsh.exe' : 'pwsh')
# The tests, the module under test and the fake tenant all come from this selection: another one would have other
# features, and compile the crates of others once more.
$everything = '--workspace', '--all-targets'
Set-Location $root

$tools = [ordered]@{ cargo = 'https://rustup.rs'; dotnet = 'https://dotnet.microsoft.com/download' }
foreach ($tool in $tools.Keys | Where-Object { $_ -eq 'cargo' -or $Task -notin 'Generate', 'Clean' }) {
    if (-not (Get-Command $tool -ErrorAction Ignore)) { throw "$tool is needed and not on PATH: $($tools[$tool])" }
}

. ./module/package/Targets.ps1
. ./module/package/Supply.ps1
. ./module/package/Pack.ps1

# -- tools -----------------------------------------------------------------------------------------------------------

function Invoke-Tool([string] $Command, [string[]] $Arguments) {
    & $Command @Arguments | Out-Host
    if ($LASTEXITCODE -ne 0) { throw "$Command $Arguments ended with $LASTEXITCODE" }
}

# Runs a tool, shows its output line by line, and returns the output and the exit code.
function Invoke-Recorded([string] $Command, [string[]] $Arguments) {
    $lines = [Collections.Generic.List[string]]::new()
    & $Command @Arguments 2>&1 | ForEach-Object { $lines.Add("$_"); Write-Host "$_" }
    [pscustomobject]@{ Text = $lines -join "`n"; ExitCode = $LASTEXITCODE }
}

# How a script with its arguments is started in a fresh PowerShell.
function New-ScriptStart([string[]] $Arguments) {
    $start = [Diagnostics.ProcessStartInfo]::new($pwsh)
    '-NoProfile', '-NonInteractive', '-File' + $Arguments | ForEach-Object { $start.ArgumentList.Add($_) }
    $start.WorkingDirectory = $root
    $start
}

# Starts a fresh PowerShell: it loads the module as a user would, and releases its files when it ends.
function Start-FreshPowerShell([Diagnostics.ProcessStartInfo] $Start) {
    $Start.RedirectStandardInput = $true
    $Start.Environment['PSModulePath'] = $out + [IO.Path]::PathSeparator + $env:PSModulePath
    $process = [Diagnostics.Process]::Start($Start)
    $process.StandardInput.Close() # nobody can answer a prompt
    $process
}

# Runs a script in a fresh PowerShell.
function Invoke-FreshPowerShell([string[]] $Arguments, [int] $Minutes = 10) {
    $process = Start-FreshPowerShell (New-ScriptStart $Arguments)
    try {
        if (-not $process.WaitForExit([timespan]::FromMinutes($Minutes))) {
            throw "no end after $Minutes minutes: $Arguments"
        }
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
    # Copied beside the target and then moved over it: a process that has the old library mapped keeps it.
    Copy-Item $Source "$Target.new"
    (Get-Item "$Target.new").LastWriteTimeUtc = $from.LastWriteTimeUtc
    try { Move-Item "$Target.new" $Target -Force }
    catch {
        # Windows does not replace a library that a process has loaded.
        Remove-Item "$Target.new"
        throw "$Target cannot be replaced ($_). Close every PowerShell that has loaded FedXdr."
    }
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
    $musl = $IsLinux -and [Runtime.InteropServices.RuntimeInformation]::RuntimeIdentifier -match 'musl|alpine'
    $system = $IsWindows ? 'win' : $IsMacOS ? 'osx' : $musl ? 'linux-musl' : 'linux'
    @{ Rid = "$system-$architecture"; Exe = $IsWindows ? '.exe' : '' }
}

function Build-Managed([string] $Version, [string] $Commit) {
    # A published assembly states its commit; the others are not compiled anew after each one.
    $managed = Join-Path $out 'managed' ($Commit ? 'published' : 'local') 'FedXdr.dll'
    if ($Commit -or -not (Test-Fresh $managed module/src, Cargo.toml)) {
        $stated = $Commit ? "$Version+$Commit" : $Version
        Invoke-Tool dotnet 'build', 'module/src/FedXdr.csproj', '-c', 'Release', '-o', (Split-Path $managed),
            '--nologo', '-v', 'quiet', '-p:UseSharedCompilation=false', "-p:Version=$Version",
            "-p:InformationalVersion=$stated"
        # MSBuild keeps the old file's time if nothing changed.
        (Get-Item $managed).LastWriteTimeUtc = [datetime]::UtcNow
    }
    $managed
}

# Puts the module together in out/FedXdr/<version>: with these libraries, each the platform's name and a path, and
# nothing else.
function Build-ModuleFolder([string] $Version, $Libraries, [string] $Commit = '') {
    $package = Join-Path $out 'FedXdr' $Version
    $managed = Build-Managed $Version $Commit
    Get-ChildItem (Join-Path $out 'FedXdr') -Directory -ErrorAction Ignore | Where-Object Name -ne $Version |
        Remove-Item -Recurse -Force
    Get-ChildItem $package -Directory -ErrorAction Ignore | Where-Object Name -notin (@($Libraries.Rid) + 'en-US') |
        Remove-Item -Recurse -Force
    Copy-Changed $managed (Join-Path $package 'FedXdr.dll')
    foreach ($library in $Libraries) {
        Copy-Changed $library.Path (Join-Path $package $library.Rid (Get-LibraryName $library.Rid).Shipped)
    }
    $plain = @(Get-ChildItem module -File | Where-Object Extension -eq '.ps1xml') + (Get-Item LICENSE)
    $plain | ForEach-Object { Copy-Changed $_.FullName (Join-Path $package $_.Name) }
    & module/package/Write-Manifest.ps1 -Package $package -Commit $Commit

    $notices, $sbom = 'THIRD-PARTY-NOTICES.txt', 'sbom.cdx.json'
    if (-not (Test-Fresh (Join-Path $package $sbom) Cargo.lock, Cargo.toml, native/abi/Cargo.toml, module/package)) {
        $crates = Get-ShippedCrate
        Write-Notice $crates (Join-Path $package $notices)
        Write-Sbom $crates $Version (Join-Path $package $sbom)
    }
    $kept = @($plain.Name) + 'FedXdr.dll', 'FedXdr.psd1', $notices, $sbom
    Get-ChildItem $package -File | Where-Object Name -notin $kept | Remove-Item

    $help = Join-Path $package 'en-US' 'FedXdr.dll-Help.xml'
    if (-not (Test-Fresh $help module/docs, $managed, module/FedXdr.psd1)) {
        $code = Invoke-FreshPowerShell 'module/docs/ConvertTo-Help.ps1', '-Module', (Join-Path $package 'FedXdr.psd1'),
            '-Docs', 'module/docs/en-US', '-Destination', (Split-Path $help)
        if ($code -ne 0) { throw 'the help pages do not fit the module' }
    }
    $package
}

# Builds the module for this machine and returns where its parts are. The optimized build makes the fake tenant only
# for those who start it.
function Build-Module([string] $CargoProfile, [switch] $WithTenant) {
    $workspace = Get-Workspace
    $platform = Get-Platform
    $folder = $CargoProfile -eq 'dev' ? 'debug' : $CargoProfile
    $built = Join-Path $workspace.Target $folder
    if ($CargoProfile -eq 'dev') { Use-Clippy { Invoke-Tool cargo (@('build') + $everything) } }
    else {
        # By itself, so that it gets no feature that only tests need, and only as cdylib: while a crate is also built as
        # rlib, cargo leaves out link-time optimization without a word.
        Invoke-Tool cargo 'rustc', '--profile', $CargoProfile, '-p', 'fedxdr-native', '--lib', '--crate-type', 'cdylib'
        if ($WithTenant) { Invoke-Tool cargo 'build', '--profile', $CargoProfile, '-p', 'fedxdr-tenant' }
    }
    $library = @{ Rid = $platform.Rid; Path = Join-Path $built (Get-LibraryName $platform.Rid).Built }
    @{
        Package = Build-ModuleFolder $workspace.Version $library
        Tenant  = Join-Path $built "fedxdr-tenant$($platform.Exe)"
    }
}

# The native libraries of these platforms, or of every one that this machine has tools for: those of a folder, and the
# others built here, so many at a time. Also the plans of those that cannot be built.
function Build-NativeLibrary([string[]] $Rids, [string] $From, [string] $Commit, [int] $AtOnce) {
    # It may have cargo-zigbuild and zig.
    if (Test-Path $python) { $env:PATH = $python + [IO.Path]::PathSeparator + $env:PATH }
    # -Rid win-x64,linux-x64 is one text when another shell passes it.
    $asked = @($Rids -split '[,; ]+' | Where-Object { $_ })
    $unknown = $asked | Where-Object { -not $targets.Contains($_) }
    if ($unknown) { throw "unknown platform $($unknown -join ', '); known: $($targets.Keys -join ', ')" }

    $libraries = @(if ($From) { Get-JoinedLibrary (Resolve-Path $From) })
    $wanted = $asked ? $asked : $From ? @() : @($targets.Keys)
    $given = @($libraries | ForEach-Object { $_.Rid })
    $plans = @($wanted | Where-Object { $_ -notin $given } | ForEach-Object { Get-BuildPlan $_ })
    $missing = @($plans | Where-Object { $_.Missing })
    if ($asked -and $missing) { throw ($missing | ForEach-Object { "$($_.Rid): $($_.Missing). $($_.Get)" }) -join "`n" }
    $libraries += @(Build-Library ($plans | Where-Object { -not $_.Missing }) (Get-Workspace).Target $Commit $AtOnce)
    if (-not $libraries) { throw 'no platform can be built here, and none was given' }
    @{ Libraries = $libraries; Missing = $missing }
}

# Builds the module for these platforms, and its packages. Says what is inside, and what is missing and why.
function Build-Package([string[]] $Rids, [string] $From) {
    $workspace = Get-Workspace
    $source = Get-SourceCommit
    # The longest step of each, link-time optimization, uses one core.
    $atOnce = [Math]::Clamp([Environment]::ProcessorCount, 1, 4)
    $built = Build-NativeLibrary $Rids $From $source.Commit $atOnce
    $package = Build-ModuleFolder $workspace.Version $built.Libraries $source.Commit
    $nupkg = New-Nupkg $package $out
    $zip = Join-Path $out "FedXdr.$($workspace.Version).automation.zip"
    New-AutomationZip $package $zip $source.Time
    Write-Host "`n$package"
    foreach ($library in $built.Libraries | Sort-Object { @($targets.Keys).IndexOf($_.Rid) }) {
        Write-Host ('  {0,-15}{1,6:n2} MB  {2}' -f $library.Rid, ((Get-Item $library.Path).Length / 1e6), $library.How)
    }
    foreach ($plan in $built.Missing) {
        Write-Host "  $($plan.Rid): NOT INSIDE: $($plan.Missing). To add it: $($plan.Get)"
    }
    $nupkg, $zip | ForEach-Object { Write-Host ('{0}  {1:n2} MB' -f $_, ((Get-Item $_).Length / 1e6)) }
    @{ Package = $package; Nupkg = $nupkg; Zip = $zip }
}

# -- testing ---------------------------------------------------------------------------------------------------------

# Each layer adds its counts here. A failure does not stop the next layer. A layer that runs and skips nothing fails.
$counts = @{
    Passed = 0; Failed = 0; Notes = [Collections.Generic.List[string]]::new()
    Failures = [Collections.Generic.List[string]]::new()
    Watch = [Diagnostics.Stopwatch]::StartNew()
}

function Add-Layer([string] $Layer, [scriptblock] $Run, $Watch = [Diagnostics.Stopwatch]::StartNew()) {
    Write-Host ('{0}== {1} (after {2:n0} s)' -f "`n", $Layer, $counts.Watch.Elapsed.TotalSeconds)
    $named = $counts.Failures.Count
    try { $passed, $failed, $skipped = & $Run }
    catch {
        Write-Host "$_`n$($_.ScriptStackTrace)"
        $counts.Failures.Add("${Layer}: $_")
        $passed, $failed, $skipped = 0, 1, 0
    }
    if ($passed + $failed + $skipped -eq 0) {
        Write-Host 'no test was run'
        $failed = 1
    }
    if ($failed -and $counts.Failures.Count -eq $named) { $counts.Failures.Add("${Layer}: see its output above") }
    $counts.Passed += $passed
    $counts.Failed += $failed
    $seconds = $Watch.Elapsed.TotalSeconds
    $counts.Notes.Add(('{0,-34}{1,6} passed{2,6} failed{3,8:n1} s' -f $Layer, $passed, $failed, $seconds))
}

function Test-Command([string] $Command, [string[]] $Arguments) {
    & $Command @Arguments | Out-Host
    $LASTEXITCODE -eq 0 ? (1, 0) : (0, 1)
}

# The end of the output repeats the names of the tests that failed: a log is long, and sometimes only its end is kept.
function Add-FailedName([string] $Text) {
    $said = '(?m)^\s*(?:test (.+) \.\.\. FAILED|(?:FAIL|ERROR): (.+)|FAIL \[.*?\] (.+)|\[-\] (.+?)(?: [\d.]+m?s.*)?)$'
    foreach ($match in [regex]::Matches($Text, $said)) {
        $counts.Failures.Add(($match.Groups[1..4] | Where-Object Success).Value)
    }
}

function Get-LibtestCount($Recorded) {
    Add-FailedName $Recorded.Text
    $passed = $failed = 0
    foreach ($line in [regex]::Matches($Recorded.Text, '(?m)^test result: \w+\. (\d+) passed; (\d+) failed')) {
        $passed += [int] $line.Groups[1].Value
        $failed += [int] $line.Groups[2].Value
    }
    # A build failure or a crash has no count of its own.
    if ($Recorded.ExitCode -ne 0 -and $failed -eq 0) { $failed = 1 }
    $passed, $failed
}

# Runs cargo with Clippy as the compiler of this workspace, as 'cargo clippy' does: it lints and compiles the sources in
# one pass, and compiles the crates of others only once. The library that users get is never built in this way.
function Use-Clippy([scriptblock] $Run) {
    if (-not $lintsHold) { return & $Run }
    # How 'cargo clippy' passes '-D warnings' on.
    $env:RUSTC_WORKSPACE_WRAPPER, $env:CLIPPY_ARGS = 'clippy-driver', '-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__'
    try { & $Run }
    finally { $env:RUSTC_WORKSPACE_WRAPPER = $env:CLIPPY_ARGS = $null }
}

# After a finding, everything is compiled without Clippy, so that the tests still run.
$lintsHold = $true

function Test-Lints {
    $passed, $failed = Use-Clippy { Test-Command cargo (@('build') + $everything) }
    $script:lintsHold = -not $failed
    $passed, $failed
}

function Test-Rust([string[]] $Selection) {
    $null = cargo nextest --version 2>&1
    if ($LASTEXITCODE -ne 0) {
        return Get-LibtestCount (Invoke-Recorded cargo (@('test', '--no-fail-fast') + $Selection))
    }

    $recorded = Invoke-Recorded cargo (@('nextest', 'run', '--no-fail-fast') + $Selection)
    Add-FailedName $recorded.Text
    # "Summary [ 1.2s] 57 tests run: 55 passed (1 slow), 1 failed, 1 timed out, 3 skipped"; "12/57 tests run" if it
    # stopped early.
    $summary = [regex]::Match($recorded.Text, '(?m)^\s*Summary \[.*?\]\s+(?:\d+/)?(\d+) tests? run: (\d+) passed')
    if (-not $summary.Success) { return 0, 1 }
    $passed = [int] $summary.Groups[2].Value
    $failed = [int] $summary.Groups[1].Value - $passed
    if ($recorded.ExitCode -ne 0 -and $failed -eq 0) { $failed = 1 }
    # nextest does not run the examples in doc comments.
    $examples = Get-LibtestCount (Invoke-Recorded cargo (@('test', '--doc') + $Selection))
    ($passed + $examples[0]), ($failed + $examples[1])
}

# Tests that end with "N passed, N failed" and may add ", N skipped".
function Get-SummaryCount($Recorded) {
    Add-FailedName $Recorded.Text
    $summary = [regex]::Match($Recorded.Text, '(?m)^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$')
    # A crash has no count of its own.
    if (-not $summary.Success) { return 0, 1, 0 }
    $passed, $failed, $skipped = $summary.Groups[1..3].Value | ForEach-Object { [int] $_ }
    if ($Recorded.ExitCode -ne 0 -and $failed -eq 0) { $failed = 1 }
    $passed, $failed, $skipped
}

function Test-Python([string] $What, [string[]] $Arguments) {
    if (-not (Test-Path $python)) {
        $missing = "NOT TESTED: $What, because out/python is missing."
        Write-Host "$missing Create it with"
        Write-Host '  python3 -m venv out/python'
        $lists = Get-ChildItem tests/*/requirements.txt | ForEach-Object { "-r tests/$($_.Directory.Name)/$($_.Name)" }
        Write-Host "  out/python/bin/pip install $lists"
        if ($env:CI) { throw 'under CI every layer must run' }
        $counts.Notes.Add($missing)
        return 0, 0, 1
    }
    Get-SummaryCount (Invoke-Recorded (Join-Path $python "python$((Get-Platform).Exe)") $Arguments)
}

# Starts a fresh PowerShell that runs a file of Pester tests.
function Start-ModuleFile([string] $File, $Module) {
    $name = Split-Path $File -LeafBase
    $results = Join-Path $out 'test-results' "$name.json"
    $null = New-Item (Split-Path $results) -ItemType Directory -Force
    Remove-Item $results -ErrorAction Ignore
    $start = New-ScriptStart 'tests/module/Invoke-Tests.ps1', '-Path', $File, '-ResultPath', $results
    $start.Environment['FEDXDR_MODULE'] = Join-Path $Module.Package 'FedXdr.psd1'
    $start.Environment['FEDXDR_TENANT'] = $Module.Tenant
    $start.RedirectStandardOutput = $start.RedirectStandardError = $true
    $process = Start-FreshPowerShell $start
    @{
        Name = $name -replace '\.Tests$'; Results = $results; Process = $process
        Said = $process.StandardOutput.ReadToEndAsync(), $process.StandardError.ReadToEndAsync()
        Watch = [Diagnostics.Stopwatch]::StartNew()
    }
}

function Get-ModuleFileCount($Tests) {
    $isLate = -not $Tests.Process.HasExited
    if ($isLate) { $Tests.Process.Kill($true) }
    $Tests.Process.WaitForExit()
    $Tests.Said | ForEach-Object { Write-Host $_.GetAwaiter().GetResult().TrimEnd() }
    if ($isLate) { throw "no end after $($Tests.Watch.Elapsed.TotalMinutes.ToString('n0')) minutes" }
    if (-not (Test-Path $Tests.Results)) { throw "it stopped early (exit code $($Tests.Process.ExitCode))" }
    $result = Get-Content $Tests.Results -Raw | ConvertFrom-Json
    # A block that failed outside any test has no count of its own.
    $failed = $Tests.Process.ExitCode -ne 0 -and $result.Failed -eq 0 ? 1 : $result.Failed
    $result.FailedTests | ForEach-Object { $counts.Failures.Add("$($Tests.Name): $_") }
    # Tests for other systems are skipped on purpose.
    $result.Passed, $failed, $result.Skipped
}

# Runs files of Pester tests, each as a layer. Two at a time: most wait for something more often than they use a core.
function Test-ModuleFile([string] $Kind, [string[]] $Files, $Module) {
    $waiting = [Collections.Generic.Queue[string]]::new($Files)
    $running = @()
    try {
        while ($waiting.Count -or $running) {
            while ($waiting.Count -and $running.Count -lt 2) {
                $running += Start-ModuleFile $waiting.Dequeue() $Module
            }
            Start-Sleep -Milliseconds 50
            $isEnded = { $_.Process.HasExited -or $_.Watch.Elapsed.TotalMinutes -gt 10 }
            foreach ($ended in $running | Where-Object $isEnded) {
                Add-Layer "${Kind}: $($ended.Name)" { Get-ModuleFileCount $ended } $ended.Watch
                $running = @($running | Where-Object { $_ -ne $ended })
            }
        }
    }
    finally { $running | Where-Object { -not $_.Process.HasExited } | ForEach-Object { $_.Process.Kill($true) } }
}

# The libraries of a package, without PowerShell: what each exports and needs, and the contract of the C ABI where this
# machine runs or emulates the platform.
function Test-Libraries([string] $Package) {
    $env:FEDXDR_PACKAGE = $Package
    Use-Clippy {
        Get-LibtestCount (Invoke-Recorded cargo 'test', '--workspace', '--test', 'shipped', '--', '--ignored')
    }
}

# The platforms that Linux can build. The first one has the longest tests.
$testedPlatforms = 'win-x64', 'linux-musl-x64', 'linux-arm64', 'linux-x64'

# Begins to build the libraries of the package, in a process of the lowest priority: it takes what the other layers
# leave, little of each but much of them all. What needs a library builds it again, and cargo lets that wait until this
# process has built it.
function Start-PackageLibraries {
    $start = New-ScriptStart 'build.ps1', '-Task', 'Libraries', '-Rid', ($testedPlatforms -join ',')
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    $process = [Diagnostics.Process]::Start($start)
    # Its output is of no use: an error appears again where the library is needed.
    $process.BeginOutputReadLine()
    $process.BeginErrorReadLine()
    $process.PriorityClass = 'Idle'
    $process
}

# Makes the package of every platform that Linux can build, and tests it as far as Linux runs or emulates it.
function Test-Platforms([string] $Tenant) {
    $script:windows = $script:shipped = $null
    Add-Layer 'package: Windows' { $script:windows = (Build-Package 'win-x64').Package; 1, 0 }
    if ($script:windows) {
        Add-Layer 'package: Windows (wine)' {
            Get-SummaryCount (Invoke-Recorded bash 'tests/module/windows-under-wine.sh', $script:windows)
        }
    }
    Add-Layer 'package: all platforms' { $script:shipped = Build-Package $testedPlatforms; 1, 0 }
    if (-not $script:shipped) { return }
    $package = $script:shipped.Package
    Add-Layer 'package: libraries' { Test-Libraries $package }
    Add-Layer 'package: bill of materials' {
        Test-Python 'the bill of materials' 'tests/package/check_sbom.py', (Join-Path $package 'sbom.cdx.json')
    }
    $env:FEDXDR_NUPKG, $env:FEDXDR_ZIP = $script:shipped.Nupkg, $script:shipped.Zip
    $module = @{ Package = $package; Tenant = $Tenant }
    Test-ModuleFile 'package' (Join-Path $root tests/package/Install.Tests.ps1) $module
}

# The module for this machine, and what its tests make.
function Test-Module {
    $script:module = $null
    $page = Join-Path $out 'report.html' # the module's tests write it
    Add-Layer 'package' { $script:module = Build-Module ($Release ? 'release' : 'dev') -WithTenant; 1, 0 }
    if ($script:module) {
        Add-Layer 'real clients' {
            $env:FEDXDR_TENANT = $script:module.Tenant
            Test-Python 'the fake tenant with MSAL and azure-identity' 'tests/clients/test_clients.py'
        }
        Remove-Item $page -ErrorAction Ignore
        $files = Get-ChildItem tests/module -Filter "$Name.Tests.ps1" | Sort-Object Name
        if ($files) { Test-ModuleFile 'module' $files.FullName $script:module }
    }
    if (Test-Path $page) {
        Add-Layer 'report' { Test-Python 'the report in Chromium' 'tests/report/test_report.py', $page }
    }
    if (-not ($counts.Notes -match '^module: ')) { Add-Layer 'module' { 0, 0 } }
}

# What needs no PowerShell module.
function Test-Sources {
    Add-Layer 'formatting' { Test-Command cargo 'fmt', '--all', '--check' }
    Add-Layer 'lints and compilation' { Test-Lints }
    $generator = Join-Path (Get-Workspace).Target 'debug' "gen$((Get-Platform).Exe)"
    Add-Layer 'generated files' {
        # As cargo would run it; 'cargo run' would compile its dependencies again for another set of features.
        $env:CARGO_MANIFEST_DIR, $env:CARGO_PKG_NAME = (Join-Path $root 'native' 'gen'), 'fedxdr-gen'
        try { Test-Command $generator '--check' }
        finally { $env:CARGO_MANIFEST_DIR, $env:CARGO_PKG_NAME = $null, $null }
    }
    Add-Layer 'workflows' { Test-Python "GitHub's workflows" 'tests/workflows/test_workflows.py' }
    Add-Layer 'Rust and C' { Use-Clippy { Test-Rust '--workspace' } }
}

function Test-All {
    $libraries = if ($Platforms) { Start-PackageLibraries }
    try {
        Test-Sources
        Test-Module
        if ($Platforms -and $script:module) { Test-Platforms $script:module.Tenant }
    }
    finally { if ($libraries -and -not $libraries.HasExited) { $libraries.Kill($true) } }

    Write-Host ''
    $counts.Notes | ForEach-Object { Write-Host $_ }
    $counts.Failures | ForEach-Object { Write-Host "FAILED: $_" }
    Write-Host "$($counts.Passed) passed, $($counts.Failed) failed"
    exit ($counts.Failed -eq 0 ? 0 : 1)
}

# -- showing ---------------------------------------------------------------------------------------------------------

# Runs a script while a fake tenant answers. The server ends with the script, whatever happens.
function Invoke-WithTenant([string] $Server, [string] $Script, [object[]] $Arguments) {
    $start = [Diagnostics.ProcessStartInfo]::new($Server, '--until-stdin-closes') # ends even if this process is killed
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
        $module = Build-Module release -WithTenant
        exit (Invoke-WithTenant $module.Tenant 'examples/quickstart.ps1' $Rest)
    }
    Bench {
        $module = Build-Module release -WithTenant
        $env:FEDXDR_TENANT = $module.Tenant
        exit (Invoke-FreshPowerShell (@('tests/bench/Bench.ps1') + $Rest) -Minutes 60)
    }
    Package { $null = Build-Package $Rid $From }
    # In their order: the first one is wanted first.
    Libraries { $null = Build-NativeLibrary $Rid '' (Get-SourceCommit).Commit 1 }
    Generate { Invoke-Tool cargo 'run', '--quiet', '-p', 'fedxdr-gen', '--bin', 'gen' }
    Clean {
        Remove-Item out -Recurse -Force -ErrorAction Ignore
        Get-ChildItem module/src -Directory | Where-Object Name -in 'bin', 'obj' | Remove-Item -Recurse -Force
        Invoke-Tool cargo 'clean'
    }
}
