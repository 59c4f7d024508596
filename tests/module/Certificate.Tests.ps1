# Keys that stay where they are: .NET signs with them when the native library asks.
Describe 'A certificate whose key stays in its store' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant '--page-size', '1000'
        $loader = [Security.Cryptography.X509Certificates.X509CertificateLoader]

        function New-OtherCertificate($Key) {
            $request = switch ($Key) {
                { $_ -is [Security.Cryptography.RSA] } {
                    [Security.Cryptography.X509Certificates.CertificateRequest]::new(
                        'CN=fake', $Key, 'SHA256', [Security.Cryptography.RSASignaturePadding]::Pkcs1)
                }
                default { [Security.Cryptography.X509Certificates.CertificateRequest]::new('CN=fake', $Key, 'SHA256') }
            }
            $request.CreateSelfSigned([DateTimeOffset]::UtcNow.AddDays(-1), [DateTimeOffset]::UtcNow.AddDays(30))
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

    Context 'with a key that .NET can use' {
        BeforeEach {
            Skip-OnWine 'gives .NET no key of a certificate'
            $certificate = New-AppCertificateObject
        }

        It 'reads, and says which certificate it is' {
            Connect-Fdx @app -Certificate $certificate
            @(Get-FdxVulnerability -First 10).Count | Should -Be 10
            (Get-FdxConnection).Identity | Should -Match $certificate.Thumbprint
            @(Test-FdxConnection | Where-Object Result -in Failed, Warning) | Should -BeNullOrEmpty
        }

        It 'keeps the key when the object is disposed' {
            Connect-Fdx @app -Certificate $certificate
            $certificate.Dispose()
            (Get-FdxToken).AppId | Should -Be $Fake.clientId
        }

        It 'uses the token of an earlier connection with the same certificate' {
            Connect-Fdx @app -Certificate $certificate
            $null = Get-FdxToken
            $exchanges = Get-Count exchanges
            Connect-Fdx @app -Certificate $certificate
            $null = Get-FdxToken
            Get-Count exchanges | Should -Be $exchanges
        }

        It 'signs for each of several tenants' {
            $app.TenantId = $Fake.tenants.tenantId
            Connect-Fdx @app -Certificate $certificate
            @(Get-FdxVulnerability | ForEach-Object TenantId | Sort-Object -Unique).Count | Should -Be 3
        }

        It 'signs in the inner command of a pipeline whose outer command is stalled' {
            Set-Customer @{ tokenLifetime = 2 }
            $outer = Connect-Fdx @app -Certificate $certificate -PassThru
            $inner = Connect-Fdx @app -Certificate $certificate -PassThru
            $counts = Get-FdxMachine -First 2 -Connection $outer | ForEach-Object {
                $null = Get-FdxToken -Force -Connection $inner
                @(Get-FdxVulnerability -First 5 -Connection $inner).Count
            }
            $counts | Should -Be 5, 5
        }

        It 'signs in other runspaces' {
            $connection = Connect-Fdx @app -Certificate $certificate -PassThru
            $ids = 1..4 | ForEach-Object -Parallel {
                Import-Module FedXdr
                (Get-FdxToken -Force -Connection $using:connection).AppId
            }
            $ids | Should -Be (@($Fake.clientId) * 4)
        }

        It 'says what Entra says of a certificate that it does not know' {
            Connect-Fdx @app -Certificate $certificate
            Set-World @{ app = @{ certificates = @() } }
            Get-ErrorId (Get-Failure { Get-FdxToken }) | Should -Be 'Fdx.Auth.CertificateNotRegistered'
        }

        It 'refuses <what> when connecting' -ForEach @(
            @{ what = 'a short key'; key = { [Security.Cryptography.RSA]::Create(1024) } }
            @{ what = 'an elliptic key'; key = { [Security.Cryptography.ECDsa]::Create() } }
        ) {
            $other = New-OtherCertificate (& $key)
            $failure = Get-Failure { Connect-Fdx @app -Certificate $other }
            Get-ErrorId $failure | Should -Be 'Fdx.Certificate.KeyNotSupported'
            $failure.ErrorDetails.RecommendedAction | Should -Match 'RSA'
        }
    }

    It 'refuses a certificate without its key when connecting' {
        $public = $loader::LoadCertificate((New-AppCertificate).Raw)
        Get-ErrorId (Get-Failure { Connect-Fdx @app -Certificate $public }) | Should -Be 'Fdx.Certificate.KeyMissing'
    }

    It 'reads with a key of an HSM, which nothing can export, and says so when the HSM refuses' {
        if (-not $IsLinux) { Set-ItResult -Skipped -Because '.NET reaches the HSM of this test through OpenSSL' }
        if (-not (Get-Command softhsm2-util -ErrorAction Ignore)) {
            Set-ItResult -Skipped -Because 'the packages softhsm2 and libengine-pkcs11-openssl are missing'
        }
        # The HSM reads its settings from the environment that its process began with.
        $tokens = New-Item (Join-Path $TestDrive tokens) -ItemType Directory
        $settings = Join-Path $TestDrive softhsm2.conf
        Set-Content $settings "directories.tokendir = $($tokens.FullName)"
        $made = New-AppCertificate
        $pem = Join-Path $TestDrive public.pem
        $key = Join-Path $TestDrive key.pem
        Set-Content $pem $made.Pem
        Set-Content $key $made.KeyPem
        $script = Join-Path $TestDrive hsm.ps1
        Set-Content $script @'
param($Key, $Pem, $ClientId, $Tenant, $Authority, $Defender)
$ErrorActionPreference = 'Stop'
$null = softhsm2-util --init-token --free --label fake --pin 1234 --so-pin 1234
$null = softhsm2-util --import $Key --token fake --label app --id 01 --pin 1234
Remove-Item $Key
$handle = [Security.Cryptography.SafeEvpPKeyHandle]::OpenPrivateKeyFromEngine(
    'pkcs11', 'pkcs11:token=fake;object=app?pin-value=1234')
$rsa = [Security.Cryptography.RSAOpenSsl]::new($handle)
$public = [Security.Cryptography.X509Certificates.X509CertificateLoader]::LoadCertificateFromFile($Pem)
$certificate = [Security.Cryptography.X509Certificates.RSACertificateExtensions]::CopyWithPrivateKey($public, $rsa)
try { $null = $certificate.Export('Pkcs12', 'x'); 'exported' } catch { 'not exported' }
Import-Module FedXdr
$endpoint = @{ authority = $Authority; defender = $Defender }
Connect-Fdx -TenantId $Tenant -ClientId $ClientId -Certificate $certificate -Endpoint $endpoint
(Get-FdxToken).AppId
@(Get-FdxVulnerability -First 10).Count
# The key is removed while the connection is open.
$null = softhsm2-util --delete-token --token fake
try { $null = Get-FdxToken -Force; 'signed' } catch { "$($_.FullyQualifiedErrorId)".Split(',')[0] }
'@
        $values = $key, $pem, $Fake.clientId, $Tenant, $Fake.authority, $Fake.defender
        $process = Start-PowerShell ('-File', $script + $values) @{ SOFTHSM2_CONF = $settings }
        $said = $process.StandardOutput.ReadToEnd() -split '\r?\n'
        $process.WaitForExit()
        $said[0..2] | Should -Be 'not exported', $Fake.clientId, '10'
        $said[3] | Should -Be 'Fdx.Certificate.KeyRefused'
    }
}
