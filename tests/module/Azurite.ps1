# Azurite, Microsoft's emulator of Azure Storage, over TLS and with tokens of a managed identity. A test file that needs
# it dot-sources this file after Fixture.ps1. Its certificate is trusted by a variable that only a new process reads,
# so what uses the module runs in a process of its own.

# Why Azurite cannot run here; nothing if it can. Under CI it must run.
function Get-AzuriteLack([string] $What) {
    $installed = "$PSScriptRoot/../../out/azurite/node_modules/azurite"
    $lacks = if (-not $IsLinux) { 'only on Linux a variable makes a process trust a certificate' }
    elseif (-not (Get-Command node -ErrorAction Ignore)) { 'node is missing' }
    elseif (-not (Test-Path $installed)) {
        'Azurite is missing: npm install --prefix out/azurite --no-package-lock azurite@3.35.0'
    }
    if (-not $lacks) { return }
    Write-Host "NOT TESTED: $What, because $lacks"
    if ($IsLinux -and $env:CI) { throw "under CI every layer must run: $lacks" }
    $lacks
}

# Starts these services of Azurite, 'blob' or 'queue'. $Storage has the address of the account for each of them, and
# $StorageCertificate what a process must trust.
function Start-Azurite([string[]] $Services) {
    $script:StorageCertificate = "$TestDrive/azurite.pem"
    $key = [Security.Cryptography.RSA]::Create(2048)
    $request = [Security.Cryptography.X509Certificates.CertificateRequest]::new(
        'CN=fake storage', $key, 'SHA256', [Security.Cryptography.RSASignaturePadding]::Pkcs1)
    $names = [Security.Cryptography.X509Certificates.SubjectAlternativeNameBuilder]::new()
    $names.AddIpAddress('127.0.0.1')
    $request.CertificateExtensions.Add($names.Build())
    $made = $request.CreateSelfSigned([DateTimeOffset]::UtcNow.AddDays(-1), [DateTimeOffset]::UtcNow.AddDays(1))
    Set-Content $StorageCertificate $made.ExportCertificatePem()
    Set-Content "$TestDrive/azurite.key" $key.ExportPkcs8PrivateKeyPem()

    $script:Storage = @{}
    $script:AzuriteProcesses = foreach ($service in $Services) {
        $start = [Diagnostics.ProcessStartInfo]::new((Get-Command node).Source)
        $arguments = "$PSScriptRoot/../../out/azurite/node_modules/azurite/dist/src/$service/main.js",
        "--${service}Port", '0', '--oauth', 'basic', '--cert', $StorageCertificate, '--key', "$TestDrive/azurite.key",
        '--inMemoryPersistence', '--disableTelemetry', '--silent'
        foreach ($argument in $arguments) { $start.ArgumentList.Add($argument) }
        $start.WorkingDirectory = $TestDrive
        $start.RedirectStandardOutput = $true
        $process = [Diagnostics.Process]::Start($start)
        do { $line = $process.StandardOutput.ReadLine() } until ($null -eq $line -or $line -match ' listens on (\S+)')
        $Storage[$service] = "$($Matches[1])/devstoreaccount1"
        $process
    }

    $handler = [Net.Http.HttpClientHandler]::new()
    $handler.UseProxy = $false
    $handler.ServerCertificateCustomValidationCallback =
        [Net.Http.HttpClientHandler]::DangerousAcceptAnyServerCertificateValidator
    $script:StorageClient = [Net.Http.HttpClient]::new($handler)
}

function Stop-Azurite {
    $StorageClient.Dispose()
    foreach ($process in $AzuriteProcesses) { if (-not $process.HasExited) { $process.Kill($true) } }
}

# A token for Azurite, which reads only its claims.
function New-StorageToken {
    $now = [DateTimeOffset]::UtcNow.ToUnixTimeSeconds()
    $claims = @{ iss = 'https://sts.windows.net/fake/'; aud = 'https://storage.azure.com'; iat = $now - 60 }
    $claims.nbf, $claims.exp = $claims.iat, ($now + 3600)
    (Invoke-Control POST /mint $claims).token
}

# A request of the test itself: status, and content as bytes.
function Invoke-Storage([string] $Method, [string] $Path, [hashtable] $Headers = @{}, [string] $Service = 'blob',
    [string] $Body) {
    $request = [Net.Http.HttpRequestMessage]::new($Method, "$($Storage[$Service])/$Path")
    $Headers.Authorization = "Bearer $(New-StorageToken)"
    $Headers.'x-ms-version' = '2025-11-05'
    foreach ($name in $Headers.Keys) { $request.Headers.Add($name, [string] $Headers[$name]) }
    if ($Method -in 'PUT', 'POST') {
        $request.Content = [Net.Http.ByteArrayContent]::new([Text.Encoding]::UTF8.GetBytes($Body))
    }
    $answer = $StorageClient.SendAsync($request).GetAwaiter().GetResult()
    $content = $answer.Content.ReadAsByteArrayAsync().GetAwaiter().GetResult()
    [pscustomobject]@{ Status = [int] $answer.StatusCode; Content = $content }
}

# The text of an answer, which may begin with a byte order mark.
function Get-StorageText([string] $Path, [string] $Service = 'blob') {
    [Text.Encoding]::UTF8.GetString((Invoke-Storage GET $Path -Service $Service).Content).TrimStart([char] 0xFEFF)
}

# Starts a new PowerShell that trusts Azurite.
function Start-StorageClient([string] $Script, [string[]] $Arguments) {
    Start-PowerShell (@('-File', $Script) + $Arguments) @{ SSL_CERT_FILE = $StorageCertificate }
}
