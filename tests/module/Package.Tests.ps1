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
        $native = @($files | Where-Object { $_ -like '*/fedxdr_native.*' })
        $native.Count | Should -Be 1
        $native[0] | Should -Match '^(linux|win|osx)-(x64|arm64)/fedxdr_native\.(so|dll|dylib)$'
        $rest = $files | Where-Object { $_ -notlike '*/fedxdr_native.*' -and $_ -notlike 'en-US/*' }
        $expected = 'FedXdr.dll', 'FedXdr.Format.ps1xml', 'FedXdr.psd1', 'FedXdr.Types.ps1xml', 'LICENSE'
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

    It 'runs every example of <_> against the fake tenant' -ForEach $commands {
        Start-FakeTenant
        try {
            Reset-Tenant
            $examples = @((Get-Help $_ -Full).examples.example.code | ForEach-Object { $_ -join "`n" })
            foreach ($code in $examples) {
                Connect-Tenant
                Push-Location $TestDrive
                $PSDefaultParameterValues = @{ 'Connect-Fdx:Endpoint' = Get-Endpoint }
                try { $null = . ([scriptblock]::Create($code)) } finally { Pop-Location }
            }
        }
        finally {
            Stop-FakeTenant
        }
    }
}
