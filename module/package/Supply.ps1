# What a package says of its parts: the licences of the crates that are compiled into the library, and a bill of
# materials (CycloneDX 1.5, https://cyclonedx.org/docs/1.5/json/). Both depend only on Cargo.lock and on the list of
# platforms, so they are the same wherever a package is made. Used by build.ps1.

# The crates in the libraries, in order: without what only builds or tests use, and without procedural macros.
function Get-ShippedCrate {
    $triples = $targets.Values | ForEach-Object { $_.Triple, $_.OnItsOwn } | Where-Object { $_ }
    # Metadata has the features of the whole workspace; only the tree has those of the library.
    $of = $triples | ForEach-Object { '--target', $_ }
    $tree = cargo tree --locked -p fedxdr-native -e 'normal,no-proc-macro' @of --prefix none --format '{p}'
    if ($LASTEXITCODE -ne 0) { throw 'cargo tree failed' }
    $shipped = @{}
    foreach ($line in $tree) { if ($line -match '^(\S+) v(\S+)') { $shipped["$($Matches[1])@$($Matches[2])"] = $true } }

    $of = $triples | ForEach-Object { '--filter-platform', $_ }
    $metadata = cargo metadata --format-version 1 --locked @of | Out-String | ConvertFrom-Json
    if ($LASTEXITCODE -ne 0) { throw 'cargo metadata failed' }
    $refs = @{}
    foreach ($package in $metadata.packages) {
        $name = "$($package.name)@$($package.version)"
        if ($shipped.ContainsKey($name)) { $refs[$package.id] = "pkg:cargo/$name" }
    }
    $uses = @{}
    foreach ($node in $metadata.resolve.nodes | Where-Object { $refs.ContainsKey($_.id) }) {
        $normal = $node.deps | Where-Object { $_.dep_kinds.kind -contains $null -and $refs.ContainsKey($_.pkg) }
        $uses[$node.id] = @($normal | ForEach-Object { $refs[$_.pkg] } | Sort-Object -Unique)
    }
    $crates = foreach ($package in $metadata.packages | Where-Object { $refs.ContainsKey($_.id) }) {
        [pscustomobject]@{
            Name    = $package.name
            Version = $package.version
            License = $package.license -replace '/', ' OR '
            Folder  = Split-Path $package.manifest_path
            IsOwn   = -not $package.source
            Ref     = $refs[$package.id]
            Uses    = $uses[$package.id]
        }
    }
    $crates | Sort-Object Name, Version
}

# Texts that differ only in their line breaks are one text.
function Get-LicenseText([string] $Folder) {
    $names = '^(LICEN[CS]E|COPYING|COPYRIGHT|NOTICE|UNLICENSE)([-._].*)?$'
    foreach ($file in Get-ChildItem $Folder -File | Where-Object Name -match $names | Sort-Object Name) {
        $text = (Get-Content $file.FullName -Raw) -replace "`r`n", "`n"
        if ("$text".Trim()) { $text.Trim() }
    }
}

function Write-Notice($Crates, [string] $Path) {
    $texts = [ordered]@{}
    $others = $Crates | Where-Object { -not $_.IsOwn }
    foreach ($crate in $others) {
        foreach ($text in Get-LicenseText $crate.Folder) {
            $key = $text -replace '\s+', ' '
            if (-not $texts.Contains($key)) { $texts[$key] = @{ Text = $text; Crates = @() } }
            $texts[$key].Crates += "$($crate.Name) $($crate.Version)"
        }
    }
    $lines = @(
        'The native library of FedXdr contains the Rust standard library (MIT OR Apache-2.0,'
        'https://github.com/rust-lang/rust) and these crates of https://crates.io:'
        ''
        $others | ForEach-Object { "  $($_.Name) $($_.Version): $($_.License)" }
        foreach ($entry in $texts.Values) {
            ''
            '-' * 80
            ($entry.Crates | Select-Object -Unique) -join ', '
            ''
            $entry.Text
        }
    )
    Set-Content $Path (($lines -join "`n") + "`n") -NoNewline
}

function Write-Sbom($Crates, [string] $Version, [string] $Path) {
    $checksums = @{}
    $pattern = '(?s)name = "([^"]+)"\s+version = "([^"]+)"\s+source = "[^"]+"\s+checksum = "([0-9a-f]{64})"'
    foreach ($match in [regex]::Matches((Get-Content (Join-Path $root Cargo.lock) -Raw), $pattern)) {
        $checksums["pkg:cargo/$($match.Groups[1].Value)@$($match.Groups[2].Value)"] = $match.Groups[3].Value
    }
    $module = "pkg:nuget/FedXdr@$Version"
    $components = foreach ($crate in $Crates) {
        $component = [ordered]@{
            type = 'library'; 'bom-ref' = $crate.Ref; name = $crate.Name; version = $crate.Version
            licenses = @(@{ expression = $crate.License }); purl = $crate.Ref
        }
        $checksum = $checksums[$crate.Ref]
        if ($checksum) { $component.hashes = @([ordered]@{ alg = 'SHA-256'; content = $checksum }) }
        $component
    }
    $library = ($Crates | Where-Object Name -eq 'fedxdr-native').Ref
    $bom = [ordered]@{
        bomFormat    = 'CycloneDX'
        specVersion  = '1.5'
        version      = 1
        metadata     = [ordered]@{
            component = [ordered]@{
                type = 'library'; 'bom-ref' = $module; name = 'FedXdr'; version = $Version
                licenses = @(@{ expression = 'MIT' }); purl = $module
            }
        }
        components   = @($components)
        dependencies = @(
            [ordered]@{ ref = $module; dependsOn = @($library) }
            $Crates | ForEach-Object { [ordered]@{ ref = $_.Ref; dependsOn = $_.Uses } }
        )
    }
    Set-Content $Path ((ConvertTo-Json $bom -Depth 8) + "`n") -NoNewline
}
