# Feeds the batch reader batches that break the format. It uses reflection: no cmdlet makes the native library send one.
Describe 'The batch reader' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        $assembly = [FedXdr.Connection].Assembly
        $members = [Reflection.BindingFlags] 'Instance, Public, NonPublic'
        $rowReader = $assembly.GetType('FedXdr.Reading.RowReader')
        $reader = $assembly.GetType('FedXdr.Reading.BatchReader')
        $constructor = $reader.GetConstructors($members)[0]
        $columnsOf = $rowReader.GetProperty('Columns', $members)

        # All row readers of the module, by name.
        $readers = [ordered]@{}
        foreach ($type in $assembly.GetTypes() | Where-Object { $_.IsSubclassOf($rowReader) } | Sort-Object Name) {
            foreach ($create in $type.GetConstructors($members)) {
                $parameter = $create.GetParameters()
                if (-not $parameter) { $readers[$type.Name] = $create.Invoke(@()) }
                elseif ($parameter.ParameterType -eq [string]) { $readers[$type.Name] = $create.Invoke(@('text')) }
                else {
                    foreach ($flag in $false, $true) { $readers["$($type.Name) $flag"] = $create.Invoke(@($flag)) }
                }
            }
        }

        # -- encoding, as native/abi/README.md describes it

        function Write-Text([string] $Text) {
            $bytes = [Text.Encoding]::UTF8.GetBytes($Text)
            $script:Lengths.Add([int] $script:Memory.Position)
            $script:Out.Write([uint] $bytes.Length)
            $script:Out.Write($bytes)
        }

        function Write-Count([uint] $Count) {
            $script:Lengths.Add([int] $script:Memory.Position)
            $script:Out.Write($Count)
        }

        # What $Write writes, after its number of bytes.
        function Write-Counted([scriptblock] $Write) {
            $start = [int] $script:Memory.Position
            Write-Count 0
            & $Write
            $end = $script:Memory.Position
            $script:Memory.Position = $start
            $script:Out.Write([uint] ($end - $start - 4))
            $script:Memory.Position = $end
        }

        function Write-Value([int] $Depth) {
            $tag = $script:Random.Next($Depth -lt 3 ? 9 : 6)
            $script:Out.Write([byte] $tag)
            switch ($tag) {
                3 { $script:Out.Write([long] -7) }
                4 { $script:Out.Write(0.5) }
                5 { Write-Text 'value' }
                6 {
                    Write-Counted {
                        Write-Count 2
                        1..2 | ForEach-Object { Write-Value ($Depth + 1) }
                    }
                }
                7 {
                    Write-Counted {
                        Write-Count 2
                        foreach ($name in 'a', 'A') {
                            Write-Text $name
                            Write-Value ($Depth + 1)
                        }
                    }
                }
                8 { $script:Out.Write([ulong]::MaxValue) }
            }
        }

        function Write-Cell($Column, [int] $Entries, $Given) {
            if ($Given -is [byte[]]) { return $script:Out.Write($Given) }
            if ($Column.Name -eq 'url') { $Given ??= 'https://login.example' }
            $isNull = $null -eq $Given -and $script:Random.Next(5) -eq 0
            switch ([int] $Column.Kind) {
                1 {
                    if ($isNull) { Write-Count ([uint]::MaxValue) }
                    else { Write-Text ($Given ?? ('', 'text', 'Prüfung')[$script:Random.Next(3)]) }
                }
                2 { Write-Count $script:Random.Next($Entries + 1) }
                3 { $script:Out.Write($isNull ? [long]::MinValue : [long] 42) }
                4 { $script:Out.Write($isNull ? [double]::NaN : 1.5) }
                5 { $script:Out.Write([byte] $script:Random.Next(3)) }
                6 { $script:Out.Write($isNull ? [long]::MinValue : [long] 638000000000000000) }
                7 {
                    if ($isNull) { return Write-Count ([uint]::MaxValue) }
                    Write-Count 2
                    1..2 | ForEach-Object { Write-Count $script:Random.Next($Entries + 1) }
                }
                8 { Write-Value 0 }
            }
        }

        # $Known is the number of entries that each dictionary has from earlier batches; this batch adds two. $Given
        # replaces the random values of a column: with a text, or with encoded bytes.
        function New-Batch([object[]] $Columns, [int] $Rows, [bool] $HasSchema, [int] $Known, [hashtable] $Given) {
            $script:Memory = [IO.MemoryStream]::new()
            $script:Out = [IO.BinaryWriter]::new($script:Memory)
            $script:Lengths = [Collections.Generic.List[int]] (8, 12, 16)
            $script:Out.Write([uint] 0x42584446)
            $script:Out.Write([uint16] 3)
            $script:Out.Write([uint16] $HasSchema)
            $script:Out.Write([uint] 0)
            $script:Out.Write([uint] $Rows)
            $script:Out.Write([uint16] $Columns.Count)
            $script:Out.Write([uint16] 0)
            if ($HasSchema) {
                Write-Text 'c0000000-0000-4000-8000-000000000001'
                if ($script:Random.Next(2)) { Write-Text 'contoso.example' } else { Write-Count ([uint]::MaxValue) }
                foreach ($column in $Columns) {
                    $script:Out.Write([byte] $column.Kind)
                    Write-Text $column.Name
                }
            }
            foreach ($column in $Columns) {
                Write-Counted {
                    if ([int] $column.Kind -in 2, 7) {
                        $script:Out.Write([byte] 0)
                        Write-Count 2
                        'first', 'second' | ForEach-Object { Write-Text $_ }
                    }
                    $value = $Given ? $Given[$column.Name] : $null
                    for ($row = 0; $row -lt $Rows; $row++) { Write-Cell $column ($Known + 2) $value }
                }
            }
            @{ Bytes = $script:Memory.ToArray(); Lengths = $script:Lengths }
        }

        # -- reading: the batch ends at a page without access, so that a read past its end is a crash

        $page = [Environment]::SystemPageSize
        $room = 512KB
        $allocated = [Runtime.InteropServices.Marshal]::AllocHGlobal($room + 2 * $page)
        $guard = $allocated.ToInt64() + $room + $page
        $guard -= $guard % $page

        function Set-GuardPage([bool] $Guarded) {
            $library = [Runtime.InteropServices.NativeLibrary]
            $handle = $IsWindows ? $library::Load('kernel32') : $library::GetMainProgramHandle()
            $function = $library::GetExport($handle, ($IsWindows ? 'VirtualProtect' : 'mprotect'))
            $types = [Type[]] ([IntPtr], [IntPtr], [int], [IntPtr])
            $method = [Reflection.Emit.DynamicMethod]::new('Protect', [int], $types)
            $code = $method.GetILGenerator()
            $operations = [Reflection.Emit.OpCodes]
            foreach ($index in 0..3) { $code.Emit($operations::Ldarg, [int16] $index) }
            $code.Emit($operations::Ldc_I8, $function.ToInt64())
            $code.Emit($operations::Conv_I)
            $code.EmitCalli($operations::Calli, [Runtime.InteropServices.CallingConvention]::Winapi, [int], $types)
            $code.Emit($operations::Ret)
            $access = $IsWindows ? ($Guarded ? 1 : 4) : ($Guarded ? 0 : 3)
            # The last argument is where VirtualProtect writes the old access; mprotect ignores it.
            $result = $method.Invoke($null, @([IntPtr] $guard, [IntPtr] $page, $access, [IntPtr] ($guard - 16)))
            $result | Should -Be ($IsWindows ? 1 : 0)
        }

        # A function that reads a batch with all its rows, and returns the exception or null. It is compiled because
        # PowerShell takes a millisecond to catch an exception.
        function New-Read {
            $operations = [Reflection.Emit.OpCodes]
            $method = [Reflection.Emit.DynamicMethod]::new(
                'Read', [Exception], [Type[]] ([object], [IntPtr], [UIntPtr]), $reader.Module, $true)
            $code = $method.GetILGenerator()
            $failure = $code.DeclareLocal([Exception])
            $left = $code.DeclareLocal([uint])
            $next = $code.DefineLabel()
            $end = $code.DefineLabel()
            $null = $code.BeginExceptionBlock()
            $code.Emit($operations::Ldarg_0)
            $code.Emit($operations::Ldarg_1)
            $code.Emit($operations::Ldarg_2)
            $code.Emit($operations::Call, $reader.GetMethod('Begin', $members))
            $code.Emit($operations::Stloc, $left)
            $code.MarkLabel($next)
            $code.Emit($operations::Ldloc, $left)
            $code.Emit($operations::Brfalse, $end)
            $code.Emit($operations::Ldarg_0)
            $code.Emit($operations::Call, $reader.GetMethod('ReadRow', $members))
            $code.Emit($operations::Pop)
            $code.Emit($operations::Ldloc, $left)
            $code.Emit($operations::Ldc_I4_1)
            $code.Emit($operations::Sub)
            $code.Emit($operations::Stloc, $left)
            $code.Emit($operations::Br, $next)
            $code.MarkLabel($end)
            $code.BeginCatchBlock([Exception])
            $code.Emit($operations::Stloc, $failure)
            $code.EndExceptionBlock()
            $code.Emit($operations::Ldloc, $failure)
            $code.Emit($operations::Ret)
            $method.CreateDelegate([Func[object, IntPtr, UIntPtr, Exception]])
        }

        $read = New-Read

        # Reads one or two batches with a new reader. Returns the name of the exception, or nothing.
        function Read-Batch($RowReader, [byte[]] $First, [byte[]] $Second) {
            $instance = $constructor.Invoke(@($RowReader))
            foreach ($bytes in $First, $Second) {
                if (-not $bytes) { continue }
                $start = [IntPtr] ($guard - $bytes.Length)
                [Runtime.InteropServices.Marshal]::Copy($bytes, 0, $start, $bytes.Length)
                $failure = $read.Invoke($instance, $start, [UIntPtr]::new([uint] $bytes.Length))
                if ($failure) { return $failure.GetType().Name }
            }
        }

        $extremes = [uint[]] (0, 1, 255, 65535, 0x7fffffff, 0x80000000L, 0xfffffffeL, 0xffffffffL)

        # Returns a copy without the bytes from $From up to, but not including, $To.
        function Remove-Part([byte[]] $Bytes, [int] $From, [int] $To) {
            $result = [byte[]]::new($Bytes.Length - ($To - $From))
            [Array]::Copy($Bytes, $result, $From)
            [Array]::Copy($Bytes, $To, $result, $From, $Bytes.Length - $To)
            , $result
        }

        # Returns a copy with one to three changes: a bit, a byte, a length or another number, a missing end or part.
        function Edit-Batch($Batch) {
            $bytes = [byte[]] $Batch.Bytes.Clone()
            for ($edits = 1 + $script:Random.Next(3); $edits -gt 0 -and $bytes.Length -gt 8; $edits--) {
                $at = $script:Random.Next($bytes.Length - 4)
                switch ($script:Random.Next(6)) {
                    0 { $bytes[$at] = $bytes[$at] -bxor (1 -shl $script:Random.Next(8)) }
                    1 { $bytes[$at] = $script:Random.Next(256) }
                    4 { $bytes = Remove-Part $bytes $at $bytes.Length }
                    5 { $bytes = Remove-Part $bytes $at ($at + 1 + $script:Random.Next(4)) }
                    default {
                        if ($_ -eq 2) { $at = $Batch.Lengths[$script:Random.Next($Batch.Lengths.Count)] }
                        $number = $extremes[$script:Random.Next($extremes.Count)]
                        if ($script:Random.Next(3) -eq 0) { $number = [uint] $script:Random.Next($bytes.Length) }
                        if ($at + 4 -le $bytes.Length) { [BitConverter]::GetBytes($number).CopyTo($bytes, $at) }
                    }
                }
            }
            , $bytes
        }

        # Two batches for each reader; the second one continues the dictionaries of the first.
        $everyKind = 1..8 | ForEach-Object { @{ Name = "column$_"; Kind = $_ } }
        $cases = foreach ($name in $readers.Keys) {
            $needed = $columnsOf.GetValue($readers[$name])
            $choices = @{ Columns = $needed }
            if ($null -eq $needed) { $choices = @{ Columns = $everyKind }, @{ Columns = @() } }
            foreach ($choice in $choices) {
                $script:Random = [Random]::new(1)
                @{
                    Name   = $name
                    Reader = $readers[$name]
                    First  = New-Batch $choice.Columns 3 $true 0
                    Second = New-Batch $choice.Columns 2 $false 2
                }
            }
        }
        Set-GuardPage $true
    }

    AfterAll {
        Set-GuardPage $false
        [Runtime.InteropServices.Marshal]::FreeHGlobal($allocated)
    }

    It 'reads valid batches, with every row reader' {
        $cases.Count | Should -BeGreaterThan 10
        $failed = foreach ($case in $cases) {
            $failure = Read-Batch $case.Reader $case.First.Bytes $case.Second.Bytes
            if ($failure) { "$($case.Name): $failure" }
        }
        $failed | Should -BeNullOrEmpty
    }

    It 'reads a damaged batch or throws BatchFormatException, within bounded memory' {
        # For a longer run set FEDXDR_MUTATIONS.
        $count = [int] ($env:FEDXDR_MUTATIONS ?? 8000)
        $accepted = $refused = $most = 0
        $unexpected = for ($seed = 0; $seed -lt $count; $seed++) {
            $script:Random = [Random]::new($seed)
            $case = $cases[$seed % $cases.Count]
            $first, $second = $case.First.Bytes, $null
            if ($script:Random.Next(2)) { $first = Edit-Batch $case.First } else { $second = Edit-Batch $case.Second }
            $before = [GC]::GetAllocatedBytesForCurrentThread()
            $failure = Read-Batch $case.Reader $first $second
            $most = [math]::Max($most, [GC]::GetAllocatedBytesForCurrentThread() - $before)
            if (-not $failure) { $accepted++ }
            elseif ($failure -eq 'BatchFormatException') { $refused++ }
            else { "$($case.Name), seed ${seed}: $failure" }
        }
        $unexpected | Should -BeNullOrEmpty
        $accepted | Should -BeGreaterThan ($count / 20)
        $refused | Should -BeGreaterThan ($count / 2)
        $most | Should -BeLessThan 4MB
    }

    It 'rejects a batch that claims 4,294,967,295 rows without columns' {
        $batch = New-Batch @() 0 $true 0
        [BitConverter]::GetBytes([uint]::MaxValue).CopyTo($batch.Bytes, 12)
        Read-Batch $readers.DynamicReader $batch.Bytes | Should -Be 'BatchFormatException'
    }

    It 'rejects a stream without a schema: <_>' -ForEach 'DynamicReader', 'MessageReader', 'RawReader' {
        $batch = New-Batch @() 1 $false 0
        Read-Batch $readers.$_ $batch.Bytes | Should -Be 'BatchFormatException'
    }

    It 'forgets a stream and its dictionaries after the last batch of the stream' {
        $columns = @{ Name = 'name'; Kind = 2 }
        $first = New-Batch $columns 1 $true 0
        $next = New-Batch $columns 1 $false 2
        Read-Batch $readers.DynamicReader $first.Bytes $next.Bytes | Should -BeNullOrEmpty
        # Flags: a schema follows, and the batch is the last one.
        $first.Bytes[6] = 5
        Read-Batch $readers.DynamicReader $first.Bytes | Should -BeNullOrEmpty
        Read-Batch $readers.DynamicReader $first.Bytes $next.Bytes | Should -Be 'BatchFormatException'
    }

    It 'rejects a token that is too long for a SecureString, and a consent URL that is not a URL' {
        $columns = $columnsOf.GetValue($readers.'TokenReader False')
        $batch = New-Batch $columns 1 $true 0 @{ token = 'x' * 70000 }
        Read-Batch $readers.'TokenReader False' $batch.Bytes | Should -Be 'BatchFormatException'
        Read-Batch $readers.'TokenReader True' $batch.Bytes | Should -BeNullOrEmpty
        $columns = $columnsOf.GetValue($readers.ConsentUrlReader)
        $batch = New-Batch $columns 1 $true 0 @{ url = 'not a URL' }
        Read-Batch $readers.ConsentUrlReader $batch.Bytes | Should -Be 'BatchFormatException'
    }

    # Members that no property holds are read at once.
    It 'allocates little memory for nested lists that each claim to fill the batch' {
        $script:Memory = [IO.MemoryStream]::new()
        $script:Out = [IO.BinaryWriter]::new($script:Memory)
        foreach ($level in 1..250) {
            $script:Out.Write([byte] 6)
            $script:Out.Write([uint] 250000)
            $script:Out.Write([uint] 200000)
        }
        $script:Out.Write([byte[]]::new(250000))
        $columns = $columnsOf.GetValue($readers.SubscriptionReader)
        $batch = New-Batch $columns 1 $true 0 @{ additionalProperties = $script:Memory.ToArray() }
        $batch.Bytes.Length | Should -BeGreaterThan 100KB
        $before = [GC]::GetAllocatedBytesForCurrentThread()
        Read-Batch $readers.SubscriptionReader $batch.Bytes | Should -Be 'BatchFormatException'
        [GC]::GetAllocatedBytesForCurrentThread() - $before | Should -BeLessThan 32MB
    }

    It 'reads an object with 20,000 members of the same name in linear time and memory' {
        $script:Memory = [IO.MemoryStream]::new()
        $script:Out = [IO.BinaryWriter]::new($script:Memory)
        $script:Out.Write([byte] 7)
        $script:Out.Write([uint] (4 + 20000 * 6))
        $script:Out.Write([uint] 20000)
        foreach ($member in 1..20000) {
            $script:Out.Write([uint] 1)
            $script:Out.Write([byte] ($member % 2 ? 65 : 97))
            $script:Out.Write([byte] 0)
        }
        $columns = $columnsOf.GetValue($readers.SubscriptionReader)
        $batch = New-Batch $columns 1 $true 0 @{ additionalProperties = $script:Memory.ToArray() }
        $batch.Bytes.Length | Should -BeGreaterThan 100KB
        $before = [GC]::GetAllocatedBytesForCurrentThread()
        Read-Batch $readers.SubscriptionReader $batch.Bytes | Should -BeNullOrEmpty
        [GC]::GetAllocatedBytesForCurrentThread() - $before | Should -BeLessThan 64MB
    }

    It 'passes over a nested value whose bytes are damaged, and refuses it where it is read: <what>' -ForEach @(
        @{ What = 'more values than it has'; Bytes = 6, 5, 0, 0, 0, 9, 0, 0, 0, 1 }
        @{ What = 'a tag that does not exist'; Bytes = 6, 5, 0, 0, 0, 1, 0, 0, 0, 99 }
        @{ What = 'an early end'; Bytes = 6, 2, 0, 0, 0, 1, 0 }
    ) {
        $batch = New-Batch @{ Name = 'value'; Kind = 8 } 1 $true 0 @{ value = [byte[]] $Bytes }
        Read-Batch $readers.DynamicReader $batch.Bytes | Should -BeNullOrEmpty
        $member = [byte[]] (7, (9 + $Bytes.Count), 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 65 + $Bytes)
        $columns = $columnsOf.GetValue($readers.SubscriptionReader)
        $batch = New-Batch $columns 1 $true 0 @{ additionalProperties = $member }
        Read-Batch $readers.SubscriptionReader $batch.Bytes | Should -Be 'BatchFormatException'
    }
}
