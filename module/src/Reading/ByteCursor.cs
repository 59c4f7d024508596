using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace FedXdr.Reading;

/// <summary>Reads native memory with bounds checks. The memory must outlive the cursor.</summary>
internal unsafe struct ByteCursor(byte* start, nuint length)
{
    internal const uint Null = 0xFFFF_FFFF;

    private byte* _at = start;
    private readonly byte* _end = start + length;

    internal readonly nuint Left => (nuint)(_end - _at);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal byte* Take(nuint length)
    {
        if (length > Left)
        {
            BatchFormatException.Throw("a value extends past the end of its column");
        }
        var taken = _at;
        _at += length;
        return taken;
    }

    internal byte TakeByte() => *Take(1);

    /// <summary>The next byte, which stays to be taken.</summary>
    internal readonly byte NextByte()
    {
        var copy = this;
        return copy.TakeByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ushort TakeUInt16() => LittleEndian(Unsafe.ReadUnaligned<ushort>(Take(sizeof(ushort))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal uint TakeUInt32() => LittleEndian(Unsafe.ReadUnaligned<uint>(Take(sizeof(uint))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal long TakeInt64() => LittleEndian(Unsafe.ReadUnaligned<long>(Take(sizeof(long))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal double TakeDouble() => BitConverter.Int64BitsToDouble(TakeInt64());

    /// <summary>The bytes of a text; returns false for null.</summary>
    internal bool TryTakeText(out ReadOnlySpan<byte> text)
    {
        var length = TakeUInt32();
        if (length == Null)
        {
            text = default;
            return false;
        }
        text = new ReadOnlySpan<byte>(Take(length), (int)length);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal string? TakeText()
    {
        var length = TakeUInt32();
        if (length == Null)
        {
            return null;
        }
        return Decode(Take(length), (int)length);
    }

    internal string TakeRequiredText() => TakeText() ?? "";

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static string Decode(byte* text, int length) =>
        length == 0 ? "" : Encoding.UTF8.GetString(text, length);

    private static ushort LittleEndian(ushort value) =>
        BitConverter.IsLittleEndian ? value : BinaryPrimitives.ReverseEndianness(value);

    private static uint LittleEndian(uint value) =>
        BitConverter.IsLittleEndian ? value : BinaryPrimitives.ReverseEndianness(value);

    private static long LittleEndian(long value) =>
        BitConverter.IsLittleEndian ? value : BinaryPrimitives.ReverseEndianness(value);
}
