# What users install: the .nupkg of the PowerShell Gallery, the folder of a function app, and the .zip of Azure
# Automation. build.ps1 -Task Test -Platforms makes them and says where they are: FEDXDR_NUPKG, FEDXDR_ZIP.
BeforeAll {
    $folder = Split-Path $env:FEDXDR_MODULE
    $facts = Import-PowerShellDataFile $env:FEDXDR_MODULE
    $version = $facts.ModuleVersion
    $pwsh = Join-Path $PSHOME ($IsWindows ? 'pwsh.exe' : 'pwsh')

    function Get-ContentList([string] $Root) {
        Get-ChildItem $Root -File -Recurse | ForEach-Object {
            $name = [IO.Path]::GetRelativePath($Root, $_.FullName).Replace('\', '/')
            "$name $((Get-FileHash $_.FullName).Hash)"
        } | Sort-Object
    }

    # What NuGet adds to a package, and installing removes.
    function Remove-NuGetPart([string] $Root) {
        foreach ($name in 'FedXdr.nuspec', '[Content_Types].xml', '_rels', 'package') {
            $path = Join-Path $Root $name
            Test-Path -LiteralPath $path | Should -BeTrue -Because $name
            Remove-Item -LiteralPath $path -Recurse
        }
    }

    # A fresh PowerShell that finds modules only there, as a function app does.
    function Invoke-WithModulePath([string] $Path, [string] $Script) {
        $before = $env:PSModulePath
        $env:PSModulePath = $Path
        try { & $pwsh -NoProfile -NonInteractive -Command $Script | Out-String -Width 300 }
        finally { $env:PSModulePath = $before }
    }
    $connects = 'Import-Module FedXdr; $m = Get-Module FedXdr; "$($m.Version) $($m.ExportedCmdlets.Count)"' +
    '; $m.PrivateData.Commit; Connect-Fdx -TenantId contoso.onmicrosoft.com -AccessToken' +
    ' (ConvertTo-SecureString fake-token -AsPlainText -Force) -Verbose 4>&1'
}

Describe 'The .nupkg' {
    BeforeAll {
        $content = Join-Path $TestDrive nupkg
        [IO.Compression.ZipFile]::ExtractToDirectory($env:FEDXDR_NUPKG, $content)
        [xml] $nuspec = Get-Content (Join-Path $content FedXdr.nuspec) -Raw
        $metadata = $nuspec.package.metadata
    }

    It 'is small' {
        (Get-Item $env:FEDXDR_NUPKG).Length | Should -BeLessOrEqual 12MB
    }

    It 'has the metadata that Publish-PSResource writes' {
        Split-Path $env:FEDXDR_NUPKG -Leaf | Should -Be "FedXdr.$($metadata.version).nupkg"
        $metadata.id | Should -Be 'FedXdr'
        $metadata.version | Should -Match "^$([regex]::Escape($version))(-\w+)?$"
        $metadata.requireLicenseAcceptance | Should -Be 'false'
        $metadata.authors | Should -Be $facts.Author
        $metadata.projectUrl | Should -Be $facts.PrivateData.PSData.ProjectUri
        $tags = $metadata.tags -split ' '
        $tags[0] | Should -Be 'PSModule'
        $tags[1..($tags.Count - 1)] | Should -Be $facts.PrivateData.PSData.Tags
        # Managed dependencies of a function app refuse a module that has some.
        $metadata.SelectNodes('//*[local-name()="dependency"]').Count | Should -Be 0
    }

    It 'has the module''s files and nothing else' {
        $unpacked = Join-Path $TestDrive unpacked
        Copy-Item $content $unpacked -Recurse
        Remove-NuGetPart $unpacked
        Get-ContentList $unpacked | Should -Be (Get-ContentList $folder)
    }

    It 'installs from a folder that is a repository, and works from there' {
        $modules = Join-Path $TestDrive modules
        $null = New-Item $modules -ItemType Directory
        if (Get-Command Save-PSResource -ErrorAction Ignore) {
            $name = "fedxdr-test-$PID"
            Register-PSResourceRepository $name -Uri (Split-Path $env:FEDXDR_NUPKG) -Trusted
            try { Save-PSResource FedXdr -Repository $name -Path $modules -Prerelease }
            finally { Unregister-PSResourceRepository $name }
        }
        else {
            # What installing leaves of a package.
            $installed = Join-Path $modules FedXdr $version
            $null = New-Item (Split-Path $installed) -ItemType Directory
            Copy-Item $content $installed -Recurse
            Remove-NuGetPart $installed
        }
        $said = Invoke-WithModulePath $modules $connects
        $said | Should -Match "(?m)^$([regex]::Escape($version)) $($facts.CmdletsToExport.Count)\r?$"
        $said | Should -Match 'native library \S+ \((linux|win|osx)-'
    }

    It 'says its commit: in the manifest, in the module and in the native library' {
        $modules = Join-Path $TestDrive Modules-of-app
        $app = Join-Path $modules FedXdr $version
        $null = New-Item (Split-Path $app) -ItemType Directory
        Copy-Item $folder $app -Recurse
        $said = Invoke-WithModulePath $modules $connects
        $commit = $facts.PrivateData.Commit
        if ($commit) {
            $said | Should -Match "(?m)^$commit\r?$"
            $said | Should -Match "FedXdr $version\+$commit, native library $version\+$commit \("
        }
        else {
            # A source archive has no commit.
            $said | Should -Match "FedXdr $version, native library $version \("
        }
    }
}

Describe 'The .zip for Azure Automation' {
    It 'has the module''s folder at its root, within the limits of Automation' {
        (Get-Item $env:FEDXDR_ZIP).Length | Should -BeLessThan 100MB
        $content = Join-Path $TestDrive zip
        [IO.Compression.ZipFile]::ExtractToDirectory($env:FEDXDR_ZIP, $content)
        (Get-ChildItem $content).Name | Should -Be 'FedXdr'
        Get-ContentList (Join-Path $content FedXdr) | Should -Be (Get-ContentList $folder)
        $paths = Get-ChildItem $content -File -Recurse | ForEach-Object { [IO.Path]::GetRelativePath($content, $_) }
        ($paths | Measure-Object Length -Maximum).Maximum | Should -BeLessThan 140
        Invoke-WithModulePath $content $connects | Should -Match 'native library'
    }
}

Describe 'What a package says of its parts' {
    It 'has the licence of every crate, and their texts' {
        $notices = Get-Content (Join-Path $folder THIRD-PARTY-NOTICES.txt) -Raw
        foreach ($crate in 'reqwest', 'ring', 'rustls', 'tokio', 'serde_json', 'p12-keystore') {
            $notices | Should -Match "(?m)^  $crate \d\S*: \S"
        }
        $notices | Should -Match 'Permission is hereby granted, free of charge'
        $notices | Should -Match 'Apache License'
    }

    It 'lists the crates of the library with their hashes, and no crate that only builds or tests it' {
        $bom = Get-Content (Join-Path $folder sbom.cdx.json) -Raw | ConvertFrom-Json
        $names = $bom.components.name
        foreach ($crate in 'fedxdr-core', 'fedxdr-native', 'reqwest', 'ring', 'rustls') {
            $names | Should -Contain $crate
        }
        foreach ($crate in 'fedxdr-tenant', 'rcgen', 'proptest', 'cbindgen', 'syn', 'cc') {
            $names | Should -Not -Contain $crate
        }
        $others = $bom.components | Where-Object name -notlike 'fedxdr-*'
        $others.Count | Should -BeGreaterThan 100
        $others | Where-Object { $_.hashes[0].content -notmatch '^[0-9a-f]{64}$' } | Should -BeNullOrEmpty
        $bom.metadata.component.version | Should -Be $version
    }
}
