# What was handed in as a SecureString must not become a string: those cannot be wiped. Only Linux lets a process read its own memory as a file.
Describe 'A secret that is handed in' {
    BeforeDiscovery { $sources = 'Credential', 'CertificatePassword', 'ClientAssertion', 'AccessToken' }

    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant

        # How often the characters stand in this process's memory as a string has them. They are looked for in a form that is no copy itself, hexadecimal
        # digits: text made of the bytes would turn what the library holds as bytes into what is looked for.
        function Get-CopyCount([char[]] $Characters) {
            $pattern = -join $(foreach ($character in $Characters) { '{0:X2}00' -f [int] $character })
            $width = $pattern.Length / 2
            # Where it is read to must not be read itself: what is found early in a read would be found again later in it.
            $buffer = [GC]::AllocateArray[byte](4MB, $true)
            $own = [Runtime.InteropServices.Marshal]::UnsafeAddrOfPinnedArrayElement($buffer, 0).ToInt64()
            $ownEnd = $own + $buffer.Length
            $memory = [IO.FileStream]::new('/proc/self/mem', 'Open', 'Read', 'ReadWrite', 1)
            $count = 0
            try {
                # The list changes while it is used, and a region that grows meanwhile is in it again.
                $done = 0L
                foreach ($line in [IO.File]::ReadAllLines('/proc/self/maps')) {
                    if ($line -notmatch '^([0-9a-f]+)-([0-9a-f]+) rw') { continue }
                    $at, $end = [Math]::Max($done, [Convert]::ToInt64($Matches[1], 16)), [Convert]::ToInt64($Matches[2], 16)
                    $done = [Math]::Max($done, $end)
                    while ($at -lt $end) {
                        if ($at -ge $own -and $at -lt $ownEnd) { $at = $ownEnd; continue }
                        $until = $at -lt $own ? [Math]::Min($end, $own) : $end
                        $memory.Position = $at
                        try { $read = $memory.Read($buffer, 0, [Math]::Min($buffer.Length, $until - $at)) } catch { break }
                        if ($read -le 0) { break }
                        $text = [Convert]::ToHexString($buffer, 0, $read)
                        for ($found = $text.IndexOf($pattern, [StringComparison]::Ordinal); $found -ge 0; $found = $text.IndexOf($pattern, $found + 1, [StringComparison]::Ordinal)) {
                            if ($found % 2 -eq 0) { $count++ }
                        }
                        [Array]::Clear($buffer)
                        # A match may lie across two reads.
                        $at += $read -eq $buffer.Length ? $read - $width : $read
                    }
                }
            }
            finally { $memory.Dispose() }
            $count
        }

        # Random, and never a string here either.
        function New-Secret {
            # Pinned: moved, it would leave a copy behind.
            $script:Characters = [GC]::AllocateArray[char](24, $true)
            for ($i = 0; $i -lt 24; $i++) { $script:Characters[$i] = [char] [Security.Cryptography.RandomNumberGenerator]::GetInt32(97, 123) }
            $secret = [securestring]::new()
            foreach ($character in $script:Characters) { $secret.AppendChar($character) }
            $secret.MakeReadOnly()
            $secret
        }
    }

    AfterAll {
        Set-Place
        Stop-FakeTenant
    }

    BeforeEach { Reset-Tenant }

    It 'never becomes a string: -<_>' -ForEach $sources -Skip:(-not $IsLinux) {
        $secret = New-Secret
        $connect = @{ TenantId = $Tenant; Endpoint = Get-Endpoint; MaximumRetryCount = 0 }
        switch ($_) {
            Credential { $connect.Credential = [pscredential]::new($Fake.clientId, $secret) }
            CertificatePassword {
                $connect.ClientId = $Fake.clientId
                $connect.CertificatePath = Join-Path $TestDrive app.pfx
                [IO.File]::WriteAllBytes($connect.CertificatePath, (New-AppCertificate).Export('Pkcs12', $secret))
                $connect.CertificatePassword = $secret
            }
            ClientAssertion { $connect.ClientId = $Fake.clientId; $connect.ClientAssertion = $secret }
            AccessToken { $connect.AccessToken = $secret }
        }
        # The way there once before, so that what is made once for all does not count.
        $null = Get-Failure { Connect-Fdx @connect; Get-FdxToken -ErrorAction Stop }
        [GC]::Collect()
        $before = Get-CopyCount $Characters
        $before | Should -BeGreaterThan 0
        1..5 | ForEach-Object { $null = Get-Failure { Connect-Fdx @connect; Get-FdxToken -Force -ErrorAction Stop } }
        $after = Get-CopyCount $Characters
        $after | Should -BeLessOrEqual $before
        # The search does find strings: more of them than there could be copies that went meanwhile.
        $strings = foreach ($i in 1..20) { [string]::new($Characters) }
        Get-CopyCount $Characters | Should -BeGreaterThan ($after + 10)
        $strings.Count | Should -Be 20
    }
}
