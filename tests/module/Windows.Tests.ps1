# What differs between Windows and the other systems. What does not need Windows runs everywhere.
Describe 'Windows and the others' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant

        function Start-Fresh([string] $Text, [hashtable] $Variables = @{}) {
            $file = Join-Path $TestDrive "fresh-$(New-Guid).ps1"
            Set-Content $file $Text
            Start-PowerShell '-File', $file $Variables
        }

        # Runs a script in a fresh PowerShell and returns what it writes.
        function Invoke-Fresh([string] $Text, [hashtable] $Variables = @{}) {
            $process = Start-Fresh $Text $Variables
            $process.StandardOutput.ReadToEnd().Trim()
            $process.WaitForExit()
        }
    }

    AfterAll {
        Set-HostVariable
        Stop-FakeTenant
    }

    BeforeEach {
        Reset-Tenant
        Set-HostVariable
        $app = @{ TenantId = $Tenant; ClientId = $Fake.clientId; Endpoint = Get-Endpoint; MaximumRetryCount = 1 }
    }

    AfterEach { (Get-Report).violations | Should -BeNullOrEmpty }

    Context 'A path <what>' -ForEach @(
        @{ what = 'with spaces, quotes and letters of other scripts'; name = "Kunde 'A' & Söhne 東京" }
        @{ what = 'of more than 260 characters'; name = 'x', 'y', 'z' | ForEach-Object { $_ * 100 } }
    ) {
        BeforeEach {
            $folder = $TestDrive
            $name | ForEach-Object { $folder = Join-Path $folder $_ }
            $null = New-Item $folder -ItemType Directory -Force
        }

        It 'is that of a certificate' {
            $made = New-AppCertificate
            $pem = Join-Path $folder app.pem
            $pfx = Join-Path $folder app.pfx
            [IO.File]::WriteAllText($pem, $made.Pem + $made.KeyPem)
            [IO.File]::WriteAllBytes($pfx, $made.Pfx)
            Connect-Fdx @app -CertificatePath $pem
            (Get-FdxToken -Force).AppId | Should -Be $Fake.clientId
            Connect-Fdx @app -CertificatePath $pfx -CertificatePassword (ConvertTo-Secure 'fake-password')
            (Get-FdxToken -Force).AppId | Should -Be $Fake.clientId
        }

        It 'is that of a token file, as a parameter and in the environment' {
            Add-FederatedCredential https://oidc.example.net/cluster/ pod
            $file = Join-Path $folder token
            [IO.File]::WriteAllText($file, (New-ForeignToken pod))
            Connect-Fdx @app -FederatedTokenFile $file
            (Get-FdxToken -Force).AppId | Should -Be $Fake.clientId
            Set-HostVariable @{ AZURE_FEDERATED_TOKEN_FILE = $file; AZURE_CLIENT_ID = $Fake.clientId }
            Connect-Fdx @app
            (Get-FdxToken -Force).AppId | Should -Be $Fake.clientId
        }

        It 'is that of the module, whose files can be replaced when no process uses them' {
            $package = Split-Path $env:FEDXDR_MODULE
            $copy = Join-Path $folder FedXdr
            $null = [IO.Directory]::CreateDirectory($copy)
            foreach ($file in [IO.Directory]::GetFiles($package, '*', 'AllDirectories')) {
                $target = Join-Path $copy ([IO.Path]::GetRelativePath($package, $file))
                $null = [IO.Directory]::CreateDirectory((Split-Path $target))
                [IO.File]::Copy($file, $target, $true)
            }
            $manifest = (Join-Path $copy FedXdr.psd1).Replace("'", "''")
            $script = "Import-Module '$manifest'; (Resolve-FdxError AADSTS700213).Id"
            Invoke-Fresh $script | Should -Be 'Fdx.Auth.SubjectMismatch'
            $libraries = @([IO.Directory]::GetFiles($copy, 'fedxdr_native*', 'AllDirectories'))
            foreach ($library in $libraries) {
                $bytes = [IO.File]::ReadAllBytes($library)
                [IO.File]::WriteAllBytes($library, $bytes)
            }
            Invoke-Fresh $script | Should -Be 'Fdx.Auth.SubjectMismatch'
            # Only the library, by its variable.
            $here = $IsWindows ? 'win-x64' : $IsMacOS ? 'osx-*' : 'linux-*'
            $library = @($libraries | Where-Object { (Split-Path (Split-Path $_) -Leaf) -like $here })[0]
            $script = 'Import-Module FedXdr; (Resolve-FdxError AADSTS700213).Id'
            Invoke-Fresh $script @{ FEDXDR_LIBRARY = $library } | Should -Be 'Fdx.Auth.SubjectMismatch'
        }
    }

    It 'a certificate is read from <form>' -ForEach @(
        @{ form = 'a UNC path'; prefix = '\\localhost\'; drive = '$' }
        @{ form = 'a path with the prefix of long paths'; prefix = '\\?\'; drive = ':' }
    ) {
        if (-not $IsWindows) { Set-ItResult -Skipped -Because 'only Windows has such paths' }
        if ($form -match 'UNC') { Skip-OnWine 'shares no folders' }
        $made = New-AppCertificate
        $pem = Join-Path $TestDrive app.pem
        [IO.File]::WriteAllText($pem, $made.Pem + $made.KeyPem)
        $path = "$prefix$($pem[0])$drive$($pem.Substring(2))"
        Connect-Fdx @app -CertificatePath $path
        (Get-FdxToken -Force).AppId | Should -Be $Fake.clientId
    }

    Context 'A text file' {
        It 'with a token may have <form>' -ForEach @(
            @{ form = 'the line ends of Windows'; before = ''; after = "`r`n" }
            @{ form = 'a byte order mark'; before = "`u{feff}"; after = "`r`n`r`n" }
        ) {
            Add-FederatedCredential https://oidc.example.net/cluster/ pod
            $file = Join-Path $TestDrive token
            [IO.File]::WriteAllText($file, "$before$(New-ForeignToken pod)$after")
            Connect-Fdx @app -FederatedTokenFile $file
            (Get-FdxToken -Force).AppId | Should -Be $Fake.clientId
        }

        It 'with a certificate may have <form>' -ForEach @(
            @{ form = 'the line ends of Windows'; before = '' }
            @{ form = 'a byte order mark'; before = "`u{feff}" }
        ) {
            $made = New-AppCertificate
            $pem = Join-Path $TestDrive app.pem
            [IO.File]::WriteAllText($pem, $before + ($made.Pem + $made.KeyPem).ReplaceLineEndings("`r`n"))
            Connect-Fdx @app -CertificatePath $pem
            (Get-FdxToken -Force).AppId | Should -Be $Fake.clientId
        }

        It 'in UTF-16 is no certificate, and the error says so' {
            $made = New-AppCertificate
            $pem = Join-Path $TestDrive app.pem
            [IO.File]::WriteAllText($pem, $made.Pem + $made.KeyPem, [Text.Encoding]::Unicode)
            $failure = Get-Failure { Connect-Fdx @app -CertificatePath $pem }
            Get-ErrorId $failure | Should -Be 'Fdx.Certificate.Invalid'
            "$failure" | Should -Match 'UTF-16'
        }
    }

    It 'variables may end with the line end of a file that they came from' {
        Set-HostVariable @{
            IDENTITY_ENDPOINT = "$($Fake.identityEndpoint)`r"; IDENTITY_HEADER = "$($Fake.identityHeader)`r`n"
        }
        Connect-Fdx @app -ManagedIdentityClientId "$($Fake.managedIdentity.clientId)`r"
        (Get-FdxToken -Force).AppId | Should -Be $Fake.clientId
    }

    It 'the build names a library that cannot be replaced, and how to free it' {
        if (-not $IsWindows) { Set-ItResult -Skipped -Because 'other systems replace a file that is in use' }
        $build = Join-Path $PSScriptRoot ../../build.ps1
        $syntax = [Management.Automation.Language.Parser]::ParseFile($build, [ref] $null, [ref] $null)
        $functions = $syntax.FindAll({ $args[0] -is [Management.Automation.Language.FunctionDefinitionAst] }, $true)
        . ([scriptblock]::Create(($functions | Where-Object Name -eq Copy-Changed).Extent.Text))
        $source, $target = 'new.dll', 'old.dll' | ForEach-Object { Join-Path $TestDrive $_ }
        Set-Content $source 'new and longer'
        Set-Content $target 'old'
        $used = [IO.File]::Open($target, 'Open', 'Read', 'Read')
        try { { Copy-Changed $source $target } | Should -Throw '*old.dll cannot be replaced*Close every PowerShell*' }
        finally { $used.Dispose() }
        "$target.new" | Should -Not -Exist
        Copy-Changed $source $target
        Get-Content $target | Should -Be 'new and longer'
    }

    It 'build.ps1 runs without Bash, and names the tool that is missing' {
        $build = (Convert-Path (Join-Path $PSScriptRoot ../../build.ps1)).Replace("'", "''")
        $said = Invoke-Fresh "`$env:PATH = ''; try { & '$build' -Task Build } catch { `"`$_`" }"
        $said | Should -Be 'cargo is needed and not on PATH: https://rustup.rs'
    }

    Context 'Azure Arc' {
        It 'has its keys below ProgramData' {
            if (-not $IsWindows) { Set-ItResult -Skipped -Because 'only Windows has ProgramData' }
            Set-HostVariable @{ IDENTITY_ENDPOINT = $Fake.arcIdentityEndpoint; IMDS_ENDPOINT = $Fake.arcImdsEndpoint }
            $data, $env:ProgramData = $env:ProgramData, (Join-Path $TestDrive 'Program Data')
            try {
                $app.Endpoint.Remove('arcTokens')
                Connect-Fdx @app -Identity
                $failure = Get-Failure { Get-FdxToken }
            }
            finally { $env:ProgramData = $data }
            # The fake agent's keys are elsewhere, so it must not be believed.
            Get-ErrorId $failure | Should -Be 'Fdx.Arc.InvalidChallenge'
            $keys = Join-Path $TestDrive 'Program Data\AzureConnectedMachineAgent\Tokens'
            "$failure" | Should -Match ([regex]::Escape($keys))
        }

        It 'is found by its program, without variables' {
            if (-not $IsWindows) { Set-ItResult -Skipped -Because 'elsewhere the agent has a fixed path' }
            $programs, $env:ProgramFiles = $env:ProgramFiles, (Join-Path $TestDrive 'Program Files')
            try {
                $null = New-Item (Join-Path $env:ProgramFiles AzureConnectedMachineAgent/himds.exe) -Force
                Connect-Fdx @app -Identity
                $said = Get-FdxToken -Verbose -ErrorAction SilentlyContinue 4>&1 2>$null
            }
            catch { $said = "$_" }
            finally { $env:ProgramFiles = $programs }
            "$said" | Should -Match 'Azure Arc'
        }
    }

    Context 'The proxy of the system' {
        BeforeAll {
            $name = 'DefaultConnectionSettings'

            # The user's proxy settings as Windows keeps them: version, counter, flags (1 direct, 2 proxy), then server,
            # exceptions and the address of a script, each after its length.
            function Get-ProxySettings([string] $Server, [string] $Except) {
                $stream = [IO.MemoryStream]::new()
                $writer = [IO.BinaryWriter]::new($stream)
                foreach ($number in 0x46, 1, 3) { $writer.Write([int] $number) }
                foreach ($text in $Server, $Except, '') {
                    $writer.Write([int] $text.Length)
                    $writer.Write([Text.Encoding]::ASCII.GetBytes($text))
                }
                $writer.Write([byte[]]::new(32))
                , $stream.ToArray()
            }

            # Requests a token in a fresh PowerShell whose user has a proxy. Returns what the proxy is asked first, or
            # nothing, and what the script says.
            function Get-Proxied([string] $Authority, [hashtable] $Variables = @{}) {
                $proxy = [Net.Sockets.TcpListener]::new([Net.IPAddress]::Loopback, 0)
                $proxy.Start()
                $path = 'Software\Microsoft\Windows\CurrentVersion\Internet Settings\Connections'
                $key = [Microsoft.Win32.Registry]::CurrentUser.CreateSubKey($path)
                $before = $key.GetValue($name)
                $address = "127.0.0.1:$($proxy.LocalEndpoint.Port)"
                $key.SetValue($name, (Get-ProxySettings $address '*.near.invalid;<local>'))
                try {
                    $process = Start-Fresh @"
Import-Module FedXdr
`$secret = [pscredential]::new('$($Fake.clientId)', (ConvertTo-SecureString fake -AsPlainText -Force))
Connect-Fdx -TenantId $Tenant -Credential `$secret -Endpoint @{ authority = '$Authority' } -MaximumRetryCount 0
try { `$null = Get-FdxToken -ErrorAction Stop }
catch { "`$(`$_.FullyQualifiedErrorId) `$(`$_.ErrorDetails.RecommendedAction)" }
"@ $Variables
                    $line = ''
                    while (-not $proxy.Pending() -and -not $process.HasExited) { Start-Sleep -Milliseconds 50 }
                    if ($proxy.Pending()) {
                        $client = $proxy.AcceptTcpClient()
                        $reader = [IO.StreamReader]::new($client.GetStream())
                        $line = $reader.ReadLine()
                        while ($reader.ReadLine()) { }
                        $refusal = [Text.Encoding]::ASCII.GetBytes("HTTP/1.1 403 Forbidden`r`n`r`n")
                        $client.GetStream().Write($refusal, 0, $refusal.Length)
                        $client.Dispose()
                    }
                    $line
                    $process.StandardOutput.ReadToEnd()
                    $process.WaitForExit()
                }
                finally {
                    if ($before) { $key.SetValue($name, $before) } else { $key.DeleteValue($name) }
                    $key.Dispose()
                    $proxy.Stop()
                }
            }
        }

        BeforeEach {
            if (-not $IsWindows) { Set-ItResult -Skipped -Because 'the system has its proxy in the environment' }
            # On a user's machine it would be changed for all programs while the test runs.
            if (-not $env:CI -and -not $env:FEDXDR_ON_WINE) {
                Set-ItResult -Skipped -Because 'it changes the user''s proxy'
            }
        }

        It 'is used, as Invoke-RestMethod uses it, and its refusal is named' {
            $line, $said = Get-Proxied https://login.far.invalid
            $line | Should -Be 'CONNECT login.far.invalid:443 HTTP/1.1'
            $said | Should -Match 'The proxy refused to connect to this host'
        }

        It 'has exceptions' {
            $line, $said = Get-Proxied https://login.near.invalid
            $line | Should -BeNullOrEmpty
            $said | Should -Match 'Fdx.Auth.Unreachable'
        }

        It 'comes after the proxy of the environment' {
            $line, $said = Get-Proxied https://login.far.invalid @{ HTTPS_PROXY = 'http://127.0.0.1:9' }
            $line | Should -BeNullOrEmpty
            $said | Should -Match 'Fdx.Auth.Unreachable'
        }

        It 'is not used with NO_PROXY=*' {
            $line, $said = Get-Proxied https://login.far.invalid @{ NO_PROXY = '*' }
            $line | Should -BeNullOrEmpty
            $said | Should -Match 'Fdx.Auth.Unreachable'
        }
    }
}
