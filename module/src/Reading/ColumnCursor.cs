using System;
using System.Management.Automation;
using System.Runtime.CompilerServices;

namespace FedXdr.Reading;

/// <summary>
/// The reader's position in one column of the current batch, and the dictionary of the column, which the next batches
/// use too.
/// </summary>
/// <remarks>
/// The methods are compiled with optimization at once: many processes end before the runtime detects the hot path.
/// </remarks>
internal struct ColumnCursor
{
    private ByteCursor _data;

    // Entry 0 is null, so an index of the batch is also an index of the array.
    private string?[] _entries;
    private int _count;

    private TextCache? _texts;

    /// <summary>Begins a batch. Checks fixed-width columns and dictionaries once, here.</summary>
    internal void Begin(ByteCursor data, ColumnKind kind, uint rows)
    {
        _data = data;
        switch (kind)
        {
            case ColumnKind.Int or ColumnKind.Float or ColumnKind.Time:
                Expect(rows, sizeof(long));
                break;
            case ColumnKind.Bool:
                Expect(rows, sizeof(byte));
                break;
            case ColumnKind.Dictionary:
                ReadDictionaryHead();
                Expect(rows, sizeof(uint));
                break;
            case ColumnKind.TextList:
                ReadDictionaryHead();
                break;
            default:
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal string? ReadText() => _data.TakeText();

    internal bool TryReadTextBytes(out ReadOnlySpan<byte> text) => _data.TryTakeText(out text);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal string? ReadDictionary() => Entry(_data.TakeUInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal long? ReadInt()
    {
        var value = _data.TakeInt64();
        return value == long.MinValue ? null : value;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal double? ReadFloat()
    {
        var value = _data.TakeDouble();
        return double.IsNaN(value) ? null : value;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal bool? ReadBool() => _data.TakeByte() switch
    {
        0 => false,
        1 => true,
        _ => null,
    };

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal DateTime? ReadTime()
    {
        var ticks = _data.TakeInt64();
        if (ticks == long.MinValue)
        {
            return null;
        }
        if ((ulong)ticks > (ulong)DateTime.MaxValue.Ticks)
        {
            BatchFormatException.Throw("a time is outside the years 1 to 9999");
        }
        return new DateTime(ticks, DateTimeKind.Utc);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal string[]? ReadTextList()
    {
        var count = _data.TakeUInt32();
        if (count == ByteCursor.Null)
        {
            return null;
        }
        if (count == 0)
        {
            return [];
        }
        if (count > _data.Left / sizeof(uint))
        {
            BatchFormatException.Throw("a list extends past the end of its column");
        }
        var list = new string[count];
        for (var i = 0; i < list.Length; i++)
        {
            list[i] = Entry(_data.TakeUInt32())!;
        }
        return list;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal object? ReadVariant() => VariantReader.ReadLater(ref _data, _texts ??= new TextCache());

    internal PSObject? ReadObject() =>
        VariantReader.Read(ref _data, _texts ??= new TextCache()) as PSObject;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly string? Entry(uint index)
    {
        if (index >= (uint)_count)
        {
            BatchFormatException.Throw("an index is outside its dictionary");
        }
        return _entries[index];
    }

    private void ReadDictionaryHead()
    {
        if (_data.TakeByte() != 0 || _entries is null)
        {
            _entries = new string?[16];
            _count = 1;
        }
        var added = _data.TakeUInt32();
        if (added > _data.Left / sizeof(uint))
        {
            BatchFormatException.Throw("a dictionary extends past the end of its column");
        }
        var needed = _count + (int)added;
        if (needed > _entries.Length)
        {
            Array.Resize(ref _entries, Math.Max(needed, _entries.Length * 2));
        }
        while (_count < needed)
        {
            _entries[_count++] = _data.TakeText();
        }
    }

    private readonly void Expect(uint rows, uint width)
    {
        if (_data.Left != (nuint)rows * width)
        {
            BatchFormatException.Throw("the length of a column does not match the number of rows");
        }
    }
}
