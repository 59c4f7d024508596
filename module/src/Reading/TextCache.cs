using System;
using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace FedXdr.Reading;

/// <summary>
/// Shares the strings of values that repeat in a column without a dictionary. A small hash table: a new value replaces
/// the previous value of its slot.
/// </summary>
internal sealed class TextCache
{
    private const int Size = 128;
    private const int LongestText = 256;

    private readonly string?[] _texts = new string?[Size];

    internal string Get(ReadOnlySpan<byte> text)
    {
        if (text.Length is 0 or > LongestText)
        {
            return Encoding.UTF8.GetString(text);
        }
        ref var known = ref _texts[Slot(text)];
        // Never equal for non-ASCII text, which therefore gets a new string each time.
        if (known is null || !Ascii.Equals(text, known))
        {
            known = Encoding.UTF8.GetString(text);
        }
        return known;
    }

    // Hashes the first and last bytes: they distinguish values about as well as the whole text.
    private static int Slot(ReadOnlySpan<byte> text)
    {
        var hash = (uint)text.Length;
        if (text.Length >= sizeof(ulong))
        {
            var ends = BinaryPrimitives.ReadUInt64LittleEndian(text)
                ^ BitOperations.RotateLeft(BinaryPrimitives.ReadUInt64LittleEndian(text[^sizeof(ulong)..]), 19);
            hash ^= (uint)(ends ^ (ends >> 32));
        }
        else
        {
            foreach (var value in text)
            {
                hash = (hash * 31) + value;
            }
        }
        return (int)((hash * 0x9E37_79B1u) >> 25);
    }
}
