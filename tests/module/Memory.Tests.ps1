# A SecureString that was passed in must not become a string, because strings cannot be wiped. Only on Linux can a
# process read its own memory as a file.
Describe 'A secret that is passed in' {
    BeforeDiscovery { $sources = 'Credential', 'CertificatePassword', 'ClientAssertion', 'AccessToken' }

    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant

        # How often the characters are in this process's memory in the encoding of a string. The search uses hexadecimal
        # digits, so that the pattern is no copy itself, and bytes that the library holds do not become one.
        function Get-CopyCount([char[]] $Characters) {
            $pattern = -join $(foreach ($character in $Characters) { '{0:X2}00' -f [int] $character })
            $width = $pattern.Length / 2
            # The buffer must not be searched itself: a match in one read would be found again in a later one.
            $buffer = [GC]::AllocateArray[byte](4MB, $true)
            $own = [Runtime.InteropServices.Marshal]::UnsafeAddrOfPinnedArrayElement($buffer, 0).ToInt64()
            $ownEnd = $own + $buffer.Length
            $memory = [IO.FileStream]::new('/proc/self/mem', 'Open', 'Read', 'ReadWrite', 1)
            $count = 0
            try {
                # The list changes while it is read, and a region that grows appears in it again.
                $done = 0L
                foreach ($line in [IO.File]::ReadAllLines('/proc/self/maps')) {
                    if ($line -notmatch '^([0-9a-f]+)-([0-9a-f]+) rw') { continue }
                    $at = [Math]::Max($done, [Convert]::ToInt64($Matches[1], 16))
                    $end = [Convert]::ToInt64($Matches[2], 16)
                    $done = [Math]::Max($done, $end)
                    while ($at -lt $end) {
                        if ($at -ge $own -and $at -lt $ownEnd) { $at = $ownEnd; continue }
                        $until = $at -lt $own ? [Math]::Min($end, $own) : $end
                        $memory.Position = $at
                        $size = [Math]::Min($buffer.Length, $until - $at)
                        try { $read = $memory.Read($buffer, 0, $size) } catch { break }
                        if ($read -le 0) { break }
                        $text = [Convert]::ToHexString($buffer, 0, $read)
                        $found = $text.IndexOf($pattern, [StringComparison]::Ordinal)
                        while ($found -ge 0) {
                            if ($found % 2 -eq 0) { $count++ }
                            $found = $text.IndexOf($pattern, $found + 1, [StringComparison]::Ordinal)
                        }
                        [Array]::Clear($buffer)
                        # A match may span two reads.
                        $at += $read -eq $buffer.Length ? $read - $width : $read
                    }
                }
            }
            finally { $memory.Dispose() }
            $count
        }

        # Random, and never a string in this test either.
        function New-Secret {
            # Pinned, because moving it would leave a copy behind.
            $script:Characters = [GC]::AllocateArray[char](24, $true)
            for ($i = 0; $i -lt 24; $i++) {
                $script:Characters[$i] = [char] [Security.Cryptography.RandomNumberGenerator]::GetInt32(97, 123)
            }
            $secret = [securestring]::new()
            foreach ($character in $script:Characters) { $secret.AppendChar($character) }
            $secret.MakeReadOnly()
            $secret
        }
    }

    AfterAll {
        Set-HostVariable
        Stop-FakeTenant
    }

    BeforeEach { Reset-Tenant }

    It 'never becomes a string: -<_>' -ForEach $sources {
        if (-not $IsLinux) { Set-ItResult -Skipped -Because 'only Linux shows a process its memory (/proc)' }
        $secret = New-Secret
        $connect = @{ TenantId = $Tenant; Endpoint = Get-Endpoint; MaximumRetryCount = 0 }
        switch ($_) {
            Credential { $connect.Credential = [pscredential]::new($Fake.clientId, $secret) }
            CertificatePassword {
                $connect.ClientId = $Fake.clientId
                $connect.CertificatePath = Join-Path $TestDrive app.pfx
                [IO.File]::WriteAllBytes($connect.CertificatePath, (New-AppCertificate $secret).Pfx)
                $connect.CertificatePassword = $secret
            }
            ClientAssertion { $connect.ClientId = $Fake.clientId; $connect.ClientAssertion = $secret }
            AccessToken { $connect.AccessToken = $secret }
        }
        # One run before the count, so that objects that are created only once do not matter.
        $null = Get-Failure { Connect-Fdx @connect; Get-FdxToken -ErrorAction Stop }
        [GC]::Collect()
        $before = Get-CopyCount $Characters
        $before | Should -BeGreaterThan 0
        1..5 | ForEach-Object { $null = Get-Failure { Connect-Fdx @connect; Get-FdxToken -Force -ErrorAction Stop } }
        $after = Get-CopyCount $Characters
        $after | Should -BeLessOrEqual $before
        # Proves that the search finds strings: more than the number of copies that could have disappeared since.
        $strings = foreach ($i in 1..20) { [string]::new($Characters) }
        Get-CopyCount $Characters | Should -BeGreaterThan ($after + 10)
        $strings.Count | Should -Be 20
    }
}
