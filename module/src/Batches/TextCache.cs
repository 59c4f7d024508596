using System;
using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace FedXdr.Batches;

/// <summary>
/// Shares the strings of values that come again and again in a column that has no dictionary: a small table, where a value
/// takes the place of the one before it.
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
        ref var known = ref _texts[Place(text)];
        // False for text beyond ASCII, which is then made anew each time.
        if (known is null || !Ascii.Equals(text, known))
        {
            known = Encoding.UTF8.GetString(text);
        }
        return known;
    }

    // The ends of a value tell it from others about as well as the whole does.
    private static int Place(ReadOnlySpan<byte> text)
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
