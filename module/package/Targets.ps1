# The native library for every platform: which ways lead to it from this machine, and what each way lacks. A way needs
# Rust's standard library for the target (of rustup, or compiled here from a distribution's sources) and a linker.
# Used by build.ps1, which sets $root.

# Zig's linker takes the oldest glibc that the library must run on.
$zig = @{ Name = 'cargo-zigbuild and zig'; Get = 'pip install cargo-zigbuild ziglang' }
$mingw = @{ Name = 'the MinGW-w64 compiler'; Get = 'apt-get install mingw-w64' }
function New-Target([string] $Triple, [hashtable] $Linker, [string] $Glibc, [string] $OnItsOwn) {
    @{ Triple = $Triple; Linker = $Linker; Glibc = $Glibc; OnItsOwn = $OnItsOwn }
}

# Triple: as another system's compilers build it. OnItsOwn: as the platform's own compiler does.
$targets = [ordered]@{
    'win-x64'        = New-Target x86_64-pc-windows-gnu $mingw -OnItsOwn x86_64-pc-windows-msvc
    'win-arm64'      = New-Target -OnItsOwn aarch64-pc-windows-msvc
    'linux-x64'      = New-Target x86_64-unknown-linux-gnu $zig 2.17
    'linux-arm64'    = New-Target aarch64-unknown-linux-gnu $zig 2.17
    'linux-musl-x64' = New-Target x86_64-unknown-linux-musl $zig
    'osx-x64'        = New-Target -OnItsOwn x86_64-apple-darwin
    'osx-arm64'      = New-Target -OnItsOwn aarch64-apple-darwin
}

function Get-LibraryName([string] $Rid) {
    switch -Wildcard ($Rid) {
        'win-*' { @{ Built = 'fedxdr_native.dll'; Shipped = 'fedxdr_native.dll' } }
        'osx-*' { @{ Built = 'libfedxdr_native.dylib'; Shipped = 'fedxdr_native.dylib' } }
        default { @{ Built = 'libfedxdr_native.so'; Shipped = 'fedxdr_native.so' } }
    }
}

# With it, a compiler that uses the C library's allocator takes less time. Debian's package is libjemalloc2.
$jemalloc = '/usr/lib/x86_64-linux-gnu/libjemalloc.so.2'

# The Rust toolchains of this machine: that of PATH, then a distribution's. Each with where its parts are.
function Get-RustToolchain {
    $found = @(Get-Command cargo -CommandType Application -ErrorAction Ignore | Select-Object -First 1)
    if (-not $IsWindows) { $found += @(Get-Command /usr/bin/cargo -CommandType Application -ErrorAction Ignore) }
    foreach ($cargo in $found | ForEach-Object Source | Select-Object -Unique) {
        $rustc = Join-Path (Split-Path $cargo) ($IsWindows ? 'rustc.exe' : 'rustc')
        $sysroot = & $rustc --print sysroot 2>$null
        if ($LASTEXITCODE -eq 0 -and $sysroot) { @{ Cargo = $cargo; Rustc = $rustc; Sysroot = "$sysroot" } }
    }
}

# The folder of zig, as an own program or, from pip, as a module of the Python that is beside python-zig.
function Get-ZigFolder {
    $zigs = Get-Command zig, python-zig -CommandType Application -ErrorAction Ignore
    $zigs | Select-Object -First 1 | ForEach-Object { Split-Path $_.Source }
}

function Test-Linker($Target) {
    if (-not $Target.Linker) { return $true }
    if ($Target.Linker -eq $zig) {
        return [bool](Get-Command cargo-zigbuild -ErrorAction Ignore) -and [bool](Get-ZigFolder)
    }
    [bool](Get-Command "$($Target.Triple -replace '-pc-windows-gnu', '-w64-mingw32')-gcc" -ErrorAction Ignore)
}


# How this machine makes the library of a platform: a plan, or the reason why not and the commands that change that.
function Get-BuildPlan([string] $Rid) {
    $target = $targets[$Rid]
    $system = ($Rid -split '-')[0]
    $here = $IsWindows ? 'win' : $IsMacOS ? 'osx' : 'linux'
    $isOwn = $system -eq $here -and $target.OnItsOwn
    $triple = $isOwn ? $target.OnItsOwn : $target.Triple
    if (-not $triple) {
        $machine = $system -eq 'osx' ? 'a Mac' : 'Windows'
        $join = "./build.sh package -Rid $Rid on $machine, then ./build.sh package -From <folder with its out/FedXdr>"
        return @{ Rid = $Rid; Missing = "it is built on $machine"; Get = $join }
    }
    $missing = @()
    if (-not $isOwn -and -not (Test-Linker $target)) { $missing += $target.Linker }
    $way = $null
    foreach ($toolchain in Get-RustToolchain) {
        $has = { param($path) Test-Path (Join-Path $toolchain.Sysroot 'lib' 'rustlib' $path) }
        if (& $has "$triple/lib") { $way = $toolchain + @{ BuildStd = $false } }
        elseif (& $has 'src/rust/library/std') { $way = $toolchain + @{ BuildStd = $true } }
        if ($way) { break }
    }
    if (-not $way) {
        $get = "rustup target add $triple"
        if ($IsLinux) { $get += ', or apt-get install rustc-web cargo-web rust-web-src' }
        $missing += @{ Name = "Rust's standard library for $triple"; Get = $get }
    }
    if ($missing) {
        # Not $missing.Get: arrays have a method of that name.
        $get = $missing | ForEach-Object { $_.Get }
        return @{ Rid = $Rid; Missing = $missing.Name -join ' and '; Get = $get -join '; ' }
    }
    $way + @{
        Rid     = $Rid
        Missing = ''
        Triple  = $triple
        Zig     = -not $isOwn -and $target.Linker -eq $zig
        Glibc   = $isOwn ? '' : $target.Glibc
    }
}

# The same commit gives the same bytes on every machine: no path of the builder may be in the library.
function Get-RustFlags($Plan) {
    $cargoHome = $env:CARGO_HOME ? $env:CARGO_HOME : (Join-Path $HOME '.cargo')
    $flags = "--remap-path-prefix=$cargoHome=/cargo", "--remap-path-prefix=$root=/fedxdr"
    if ($Plan.BuildStd) {
        $library = Join-Path $Plan.Sysroot 'lib' 'rustlib' 'src' 'rust'
        $flags += "--remap-path-prefix=$library=/rust"
        # A distribution links this folder to where its package put the sources.
        $link = (Get-Item $library).ResolvedTarget
        if ($link) { $flags += "--remap-path-prefix=$link=/rust" }
    }
    # A library for musl uses the process's C library.
    if ($Plan.Triple -like '*-musl') { $flags += '-Ctarget-feature=-crt-static' }
    if ($Plan.Triple -like '*-windows-msvc') { $flags += '-Ctarget-feature=+crt-static' }
    # Crates bring import libraries, in the folder of cargo. With this, the compiler makes them in that of the build.
    if ($Plan.Triple -like '*-windows-gnu') { $flags += '--cfg=windows_raw_dylib' }
    $flags
}

# A linker for a folder of builds. GNU ld sorts a library's imports by the names of the files that it reads, so names of
# files in the folder must not depend on where the folder is.
function New-RelativeLinker([string] $Folder, [string] $Linker) {
    $lines = '#!/bin/sh', 'folder=$(dirname "$0")', 'cd "$folder" || exit', 'for argument; do', '    shift',
        '    set -- "$@" "${argument#"$folder"/}"', 'done', ('exec {0} "$@"' -f $Linker)
    $file = Join-Path $Folder $Linker
    [IO.File]::WriteAllText($file, ($lines -join "`n") + "`n")
    $null = chmod +x $file
    $file
}

# Starts the build of one platform's library. Returns the process and where its output and its library will be.
function Start-LibraryBuild($Plan, [string] $Target, [string] $Commit) {
    # A folder per platform: builds run side by side, and cargo locks a folder.
    $folder = Join-Path $Target 'package' $Plan.Rid
    $null = New-Item $folder -ItemType Directory -Force
    $triple = $Plan.Glibc ? "$($Plan.Triple).$($Plan.Glibc)" : $Plan.Triple
    $arguments = 'rustc', '--profile', 'release', '--locked', '-p', 'fedxdr-native', '--lib', '--crate-type', 'cdylib',
        '--target', $triple, '--target-dir', $folder
    # Without what names the functions of a backtrace: the library has no names.
    if ($Plan.BuildStd) { $arguments += '-Z', 'build-std=std,panic_unwind', '-Z', 'build-std-features=panic-unwind' }
    $start = [Diagnostics.ProcessStartInfo]::new($Plan.Zig ? (Get-Command cargo-zigbuild).Source : $Plan.Cargo)
    $arguments | ForEach-Object { $start.ArgumentList.Add($_) }
    $start.WorkingDirectory = $root
    $start.Environment['CARGO'] = $Plan.Cargo
    $start.Environment['RUSTC'] = $Plan.Rustc
    # A distribution's cargo is beside its own Python, which must not come before that of zig.
    $folders = @($Plan.Zig ? (Get-ZigFolder) : @()) + (Split-Path $Plan.Cargo) + $env:PATH
    $start.Environment['PATH'] = $folders -join [IO.Path]::PathSeparator
    $start.Environment['CARGO_ENCODED_RUSTFLAGS'] = (Get-RustFlags $Plan) -join [char]0x1f
    $start.Environment['FEDXDR_COMMIT'] = $Commit
    if ($Plan.Triple -like '*-windows-gnu' -and -not $IsWindows) {
        $linker = New-RelativeLinker $folder 'x86_64-w64-mingw32-gcc'
        $start.Environment['CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER'] = $linker
    }
    # Building the standard library is not a stable feature of cargo.
    if ($Plan.BuildStd) { $start.Environment['RUSTC_BOOTSTRAP'] = '1' }
    # A distribution's compiler has no allocator of its own.
    if ($Plan.BuildStd -and (Test-Path $jemalloc)) { $start.Environment['LD_PRELOAD'] = $jemalloc }
    $start.RedirectStandardError = $true
    $start.RedirectStandardOutput = $true
    $process = [Diagnostics.Process]::Start($start)
    $built = Join-Path $folder $Plan.Triple 'release' (Get-LibraryName $Plan.Rid).Built
    # Read while it runs: a full pipe would stop it.
    @{
        Plan = $Plan; Process = $process; Built = $built; Watch = [Diagnostics.Stopwatch]::StartNew()
        Output = $process.StandardOutput.ReadToEndAsync(); Errors = $process.StandardError.ReadToEndAsync()
    }
}

# Builds the libraries, so many at a time.
function Build-Library($Plans, [string] $Target, [string] $Commit, [int] $AtOnce) {
    $waiting = [Collections.Generic.Queue[object]]::new(@($Plans | Where-Object { $_ }))
    $running = [Collections.Generic.List[object]]::new()
    try {
        while ($waiting.Count -or $running.Count) {
            while ($waiting.Count -and $running.Count -lt $AtOnce) {
                $plan = $waiting.Dequeue()
                Write-Host "building $($plan.Rid) ($(Format-BuildPlan $plan))"
                $running.Add((Start-LibraryBuild $plan $Target $Commit))
            }
            $ended = @($running | Where-Object { $_.Process.HasExited })
            if (-not $ended) { $null = $running[0].Process.WaitForExit(500) }
            foreach ($build in $ended) {
                $null = $running.Remove($build)
                $build.Process.WaitForExit()
                if ($build.Process.ExitCode -ne 0) {
                    $said = $build.Errors.Result + $build.Output.Result
                    throw "the library of $($build.Plan.Rid) was not built:`n$said"
                }
                Write-Host ('built {0} in {1:n0} s' -f $build.Plan.Rid, $build.Watch.Elapsed.TotalSeconds)
                @{ Rid = $build.Plan.Rid; Path = $build.Built; How = Format-BuildPlan $build.Plan }
            }
        }
    }
    finally {
        $running | Where-Object { -not $_.Process.HasExited } | ForEach-Object { $_.Process.Kill($true) }
    }
}

function Format-BuildPlan($Plan) {
    $linker = $Plan.Zig ? 'zig' : $Plan.Triple -like '*-gnu' ? 'MinGW-w64' : "the platform's"
    "$($Plan.Triple)$($Plan.Glibc ? ", glibc $($Plan.Glibc)" : ''), linker: $linker, std: " +
    ($Plan.BuildStd ? 'compiled' : "the toolchain's")
}

# The libraries in a folder that another machine filled, such as its out/FedXdr/<version>.
function Get-JoinedLibrary([string] $Folder) {
    foreach ($rid in $targets.Keys) {
        $name = (Get-LibraryName $rid).Shipped
        $found = @(Get-ChildItem $Folder -Filter $name -File -Recurse | Where-Object { $_.Directory.Name -eq $rid })
        if ($found.Count -gt 1) { throw "$Folder has $rid/$name more than once: $($found.FullName -join ', ')" }
        if ($found) { @{ Rid = $rid; Path = $found[0].FullName; How = "from $Folder" } }
    }
}
