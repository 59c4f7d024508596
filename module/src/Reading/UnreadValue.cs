using System;
using FedXdr.Objects;

namespace FedXdr.Reading;

/// <summary>The bytes of a list or an object. They are checked when they are read.</summary>
internal sealed class UnreadValue(byte[] bytes) : Unread
{
    // A row may be read on any thread, and a cache belongs to one.
    [ThreadStatic]
    private static TextCache? s_texts;

    internal override unsafe object? Read()
    {
        fixed (byte* start = bytes)
        {
            var data = new ByteCursor(start, (nuint)bytes.Length);
            return VariantReader.Read(ref data, s_texts ??= new TextCache());
        }
    }
}
