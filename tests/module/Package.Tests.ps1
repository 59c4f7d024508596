Describe 'The package' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        $folder = Split-Path $env:FEDXDR_MODULE
        $module = Get-Module FedXdr
        $source = Join-Path $PSScriptRoot ../../module/src
    }

    It 'contains what is published and nothing else' {
        $files = Get-ChildItem $folder -File -Recurse |
            ForEach-Object { [IO.Path]::GetRelativePath($folder, $_.FullName).Replace('\', '/') }
        @($files | Where-Object { $_ -like '*.dll' -and $_ -notlike '*/*' }) | Should -Be 'FedXdr.dll'
        # One per platform, where the engine and the loader look for it.
        $known = 'linux-x64/fedxdr_native.so', 'linux-arm64/fedxdr_native.so', 'linux-musl-x64/fedxdr_native.so',
        'linux-musl-arm64/fedxdr_native.so', 'win-x64/fedxdr_native.dll', 'win-arm64/fedxdr_native.dll',
        'osx-x64/fedxdr_native.dylib', 'osx-arm64/fedxdr_native.dylib'
        $native = @($files | Where-Object { $_ -like '*/fedxdr_native.*' })
        $native.Count | Should -BeGreaterThan 0
        $native | Where-Object { $_ -notin $known } | Should -BeNullOrEmpty
        $rest = $files | Where-Object { $_ -notlike '*/fedxdr_native.*' -and $_ -notlike 'en-US/*' }
        $expected = 'FedXdr.dll', 'FedXdr.Format.ps1xml', 'FedXdr.psd1', 'FedXdr.Types.ps1xml', 'LICENSE',
        'THIRD-PARTY-NOTICES.txt', 'sbom.cdx.json'
        $rest | Sort-Object | Should -Be ($expected | Sort-Object)
        $files | Should -Contain 'en-US/FedXdr.dll-Help.xml'
        $files | Should -Contain 'en-US/about_FedXdr.help.txt'
    }

    It 'exports what its manifest says' {
        $manifest = Import-PowerShellDataFile $env:FEDXDR_MODULE
        $manifest.CmdletsToExport | Should -Not -Contain '*'
        $manifest.FunctionsToExport | Should -BeNullOrEmpty
        @($module.ExportedCommands.Keys | Sort-Object) | Should -Be @($manifest.CmdletsToExport | Sort-Object)
        "$($module.Version)" | Should -Be $manifest.ModuleVersion
    }

    It 'has a manifest that the gallery accepts' {
        $tested = Test-ModuleManifest $env:FEDXDR_MODULE -ErrorAction Stop -WarningAction Stop
        foreach ($required in 'Author', 'Description', 'Copyright') {
            $tested.$required | Should -Not -BeNullOrEmpty -Because $required
        }
        foreach ($address in $tested.ProjectUri, $tested.LicenseUri, $tested.IconUri) {
            $address.Scheme | Should -Be 'https'
        }
        # The addresses of files are those of files that are here.
        $files = $tested.LicenseUri, $tested.IconUri | ForEach-Object { "$_" -replace '^.*?/main/' }
        $files | Should -Be 'LICENSE', 'module/icon.png'
        $files | ForEach-Object { Join-Path $PSScriptRoot ../.. $_ | Should -Exist }
        # Of the systems, only those whose libraries are inside.
        $systems = [ordered]@{ win = 'Windows'; linux = 'Linux'; osx = 'MacOS' }
        $inside = @((Get-ChildItem $folder -Directory).Name -replace '-.*')
        $expected = @($systems.Keys | Where-Object { $_ -in $inside } | ForEach-Object { $systems[$_] })
        @($tested.Tags | Where-Object { $_ -in $systems.Values }) | Should -Be $expected
        $tested.Tags | Should -Contain 'PSEdition_Core'
        $tested.Tags | Where-Object { $_ -match '\s' } | Should -BeNullOrEmpty
    }

    It 'has the release notes of the changelog' {
        $changes = (Get-Content (Join-Path $PSScriptRoot ../../CHANGELOG.md) -Raw).ReplaceLineEndings("`n")
        $facts = (Import-PowerShellDataFile $env:FEDXDR_MODULE).PrivateData.PSData
        $notes = $facts.ReleaseNotes.ReplaceLineEndings("`n")
        $version = $module.Version, $facts.Prerelease -ne '' -join '-'
        # The section begins and ends with its notes.
        $changes.Contains("## $version`n`n$notes`n") | Should -BeTrue
        $changes.Substring($changes.IndexOf($notes) + $notes.Length) | Should -Match '\A\n(\n## |\z)'
        # More is refused by the gallery.
        $notes.Length | Should -BeLessThan 35000
    }

    It 'gets the tags of the libraries inside, and the notes of its version, from one script' {
        $script = Join-Path $PSScriptRoot ../../module/package/Write-Manifest.ps1
        $copy = Join-Path $TestDrive manifest
        # linux-x64 is empty.
        $folders = 'win-arm64', 'osx-x64', 'linux-x64' | ForEach-Object { Join-Path $copy $_ }
        $null = New-Item $folders -ItemType Directory
        $null = New-Item (Join-Path $folders[0] fedxdr_native.dll), (Join-Path $folders[1] fedxdr_native.dylib)
        $source = Join-Path $TestDrive source.psd1
        $own = Get-Content (Join-Path $PSScriptRoot ../../module/FedXdr.psd1) -Raw
        Set-Content $source $own.Replace("Prerelease   = ''", "Prerelease   = 'preview1'")
        $changes = Join-Path $TestDrive changes.md
        $version = "$($module.Version)"
        $lines = "## $version", '* not yet', "## $version-preview1", "* it's new", '## 0.0.1', '* old'
        Set-Content $changes ($lines | ForEach-Object { $_, '' })
        & $script -Package $copy -Source $source -Changelog $changes
        $facts = (Import-PowerShellDataFile (Join-Path $copy FedXdr.psd1)).PrivateData.PSData
        @($facts.Tags | Select-Object -First 3) | Should -Be 'PSEdition_Core', 'Windows', 'MacOS'
        $facts.Tags | Should -Not -Contain 'Linux'
        $facts.ReleaseNotes | Should -Be "* it's new"
        $facts.Prerelease | Should -Be 'preview1'
        Set-Content $changes '# Changes'
        $write = { & $script -Package $copy -Source $source -Changelog $changes }
        $write | Should -Throw "*no section '## $version-preview1'*"
        Remove-Item $folders -Recurse
        $write | Should -Throw '*no native library*'
    }

    It 'is joined from libraries that other machines built' {
        . (Join-Path $PSScriptRoot ../../module/package/Targets.ps1)
        $machines = Join-Path $TestDrive machines
        foreach ($name in 'linux-x64/fedxdr_native.so', 'win-x64/fedxdr_native.dll') {
            $built = Join-Path $machines "library-$(Split-Path $name)" 0.1.0 $name
            $null = New-Item (Split-Path $built) -ItemType Directory
            Set-Content $built 'a library'
        }
        $joined = @(Get-JoinedLibrary $machines)
        $joined.Rid | Sort-Object | Should -Be 'linux-x64', 'win-x64'
        $joined.Path | ForEach-Object { $_ | Should -Exist }
        # Then no plan is left, and nothing is built here.
        Build-Library $null $TestDrive '' | Should -BeNullOrEmpty
        Copy-Item (Join-Path $machines library-win-x64) (Join-Path $machines again) -Recurse
        { Get-JoinedLibrary $machines } | Should -Throw '*win-x64/fedxdr_native.dll more than once*'
    }

    It 'names the tools that a platform lacks, and the command that brings them' {
        . (Join-Path $PSScriptRoot ../../module/package/Targets.ps1)
        $path = $env:PATH
        try {
            $env:PATH = "$TestDrive"
            $plan = Get-BuildPlan linux-arm64
        }
        finally { $env:PATH = $path }
        $plan.Missing | Should -Match 'cargo-zigbuild and zig'
        $plan.Get | Should -Match 'pip install cargo-zigbuild ziglang'
    }

    It 'names the files of a Windows library to the linker by where they are in the folder of its build' {
        if ($IsWindows) {
            Set-ItResult -Skipped -Because 'only other systems build it with this linker'
            return
        }
        . (Join-Path $PSScriptRoot ../../module/package/Targets.ps1)
        $tools = Join-Path $TestDrive tools
        $folder = Join-Path $TestDrive 'a build'
        $null = New-Item $tools, $folder -ItemType Directory
        Set-Content (Join-Path $tools fake-ld) '#!/bin/sh', 'pwd', 'for name; do echo "$name"; done'
        $null = chmod +x (Join-Path $tools fake-ld)
        $linker = New-RelativeLinker $folder fake-ld
        $path = $env:PATH
        try {
            $env:PATH = "${tools}:$path"
            $said = & $linker -o "$folder/deps/x y.dll" "$folder/deps/imports.lib" /usr/lib/libkernel32.a
        }
        finally { $env:PATH = $path }
        $said | Should -Be $folder, '-o', 'deps/x y.dll', 'deps/imports.lib', '/usr/lib/libkernel32.a'
    }

    It 'uses approved verbs and its own prefix' {
        $approved = 'Common', 'Communications', 'Data', 'Diagnostic', 'Lifecycle', 'Security', 'Other' |
            ForEach-Object { "Management.Automation.Verbs$_" -as [type] } | ForEach-Object { $_.GetFields().Name }
        foreach ($command in $module.ExportedCommands.Values) {
            $approved | Should -Contain $command.Verb
            $command.Noun | Should -Match '^Fdx'
            $command.OutputType | Should -Not -BeNullOrEmpty -Because $command.Name
        }
    }

    It 'needs no managed assembly of others' {
        $references = [Reflection.Assembly]::LoadFile((Join-Path $folder FedXdr.dll)).GetReferencedAssemblies().Name
        $references -notmatch '^(System|netstandard|mscorlib|Microsoft\.Win32)' | Should -BeNullOrEmpty
    }

    It 'reads no JSON in C#' {
        $readers = 'JsonDocument\.Parse|JsonSerializer\.Deserialize|Utf8JsonReader|JsonNode|Newtonsoft'
        Get-ChildItem $source -Filter *.cs -Recurse | Select-String $readers | Should -BeNullOrEmpty
    }

    It 'names the paths that it tried when the native library is missing' {
        $copy = Join-Path $TestDrive FedXdr
        Copy-Item $folder $copy -Recurse
        Get-ChildItem $copy -Directory | Where-Object Name -match '-' | Where-Object Name -ne 'en-US' |
            Remove-Item -Recurse -Force
        $script = "Import-Module '$copy/FedXdr.psd1'" +
        '; try { Connect-Fdx -ErrorAction Stop } catch { $_.FullyQualifiedErrorId; $_.Exception.Message }'
        $pwsh = Join-Path $PSHOME ($IsWindows ? 'pwsh.exe' : 'pwsh')
        $said = & $pwsh -NoProfile -NonInteractive -Command $script | Out-String
        $said | Should -Match 'Fdx\.Module\.NativeLibraryNotFound'
        $said | Should -Match 'fedxdr_native'
        $said | Should -Match ([regex]::Escape((Split-Path $copy -Leaf)))
    }

    It 'imports without loading the native library' {
        $pwsh = Join-Path $PSHOME ($IsWindows ? 'pwsh.exe' : 'pwsh')
        $script = 'Import-Module FedXdr; @(@(Get-Process -Id $PID).Modules.FileName -match "fedxdr_native").Count'
        "$(& $pwsh -NoProfile -NonInteractive -Command $script)" | Should -Be '0'
    }
}

Describe 'Help' {
    BeforeDiscovery {
        $commands = (Import-PowerShellDataFile $env:FEDXDR_MODULE).CmdletsToExport
    }

    BeforeAll { . $PSScriptRoot/Fixture.ps1 }

    It 'exists for <_>: synopsis, every parameter, two examples' -ForEach $commands {
        $help = Get-Help $_ -Full
        $help.Synopsis | Should -Not -BeNullOrEmpty
        $help.Synopsis | Should -Not -Match '^\s*Connect-Fdx \['
        @($help.examples.example).Count | Should -BeGreaterOrEqual 2
        $common = [Management.Automation.PSCmdlet]::CommonParameters +
        [Management.Automation.PSCmdlet]::OptionalCommonParameters
        $parameters = (Get-Command $_).Parameters.Keys | Where-Object { $_ -notin $common }
        $documented = @($help.parameters.parameter | ForEach-Object name)
        foreach ($parameter in $parameters) { $documented | Should -Contain $parameter }
        foreach ($parameter in $help.parameters.parameter) {
            ($parameter.description | Out-String).Trim() | Should -Not -BeNullOrEmpty -Because $parameter.name
        }
    }

    It 'has a page of <_> that Get-Help -Online opens' -ForEach $commands {
        $project = (Import-PowerShellDataFile $env:FEDXDR_MODULE).PrivateData.PSData.ProjectUri
        # The address that -Online opens in a browser.
        $address = (Get-Command $_).HelpUri
        $address | Should -BeLike "$project/blob/main/*"
        Join-Path $PSScriptRoot ../.. $address.Substring("$project/blob/main/".Length) | Should -Exist
    }

    It 'runs every example of <_> against the fake tenant' -ForEach $commands {
        Start-FakeTenant
        try {
            Reset-Tenant
            Grant-Everything
            # What examples that send rows take for the address of a service.
            $rule, $stream = 'dcr-00000000000000000000000000000001', 'Custom-Exposure'
            $columns = @{ TimeGenerated = 'datetime'; Name = 'string'; Count = 'int' }
            Set-World @{ rules = @{ $rule = @{ $stream = $columns } }; eventHubs = @{ rows = 1MB } }
            $env:LOGS_STREAM = "$($Fake.ingestion)/dataCollectionRules/$rule/streams/$stream"
            $env:EVENT_HUB = "$($Fake.eventHubs)/rows"
            $examples = @((Get-Help $_ -Full).examples.example.code | ForEach-Object { $_ -join "`n" })
            foreach ($code in $examples) {
                Connect-Tenant
                Push-Location $TestDrive
                $PSDefaultParameterValues = @{ 'Connect-Fdx:Endpoint' = Get-Endpoint }
                try { $null = . ([scriptblock]::Create($code)) } finally { Pop-Location }
            }
        }
        finally {
            $env:LOGS_STREAM, $env:EVENT_HUB = $null, $null
            Stop-FakeTenant
        }
    }
}
