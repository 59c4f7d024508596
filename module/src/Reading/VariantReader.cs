using System;
using System.Management.Automation;
using System.Runtime.CompilerServices;
using FedXdr.Objects;

namespace FedXdr.Reading;

/// <summary>Reads a value of any JSON type into the object that ConvertFrom-Json would make of it.</summary>
internal static class VariantReader
{
    // Deeper than common JSON readers allow, and far from a stack overflow.
    private const int MaxDepth = 256;

    // Bytes that a value, and a member of an object, take at least.
    private const uint SmallestValue = sizeof(byte);
    private const uint SmallestMember = sizeof(uint) + SmallestValue;

    private static readonly object True = true;
    private static readonly object False = false;

    // "owed" counts the bytes that the enclosing lists and objects still need. Without it each of them could reserve
    // memory for as many items as the column has bytes.
    internal static object? Read(ref ByteCursor data, TextCache texts) => Read(ref data, texts, 0, 0);

    private static object? Read(ref ByteCursor data, TextCache texts, int depth, uint owed) =>
        (ValueTag)data.TakeByte() switch
        {
            ValueTag.Null => null,
            ValueTag.False => False,
            ValueTag.True => True,
            ValueTag.Int => data.TakeInt64(),
            ValueTag.Float => data.TakeDouble(),
            ValueTag.Text => data.TryTakeText(out var text) ? ReadText(text, texts) : null,
            ValueTag.List => ReadList(ref data, texts, depth + 1, owed),
            ValueTag.Object => ReadObject(ref data, texts, depth + 1, owed),
            ValueTag.Unsigned => (ulong)data.TakeInt64(),
            var tag => throw NotAValue(tag),
        };

    /// <summary>A list or an object as its bytes, which are read when a script asks for it; any other value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static unsafe object? ReadLater(ref ByteCursor data, TextCache texts)
    {
        if ((ValueTag)data.NextByte() is not (ValueTag.List or ValueTag.Object))
        {
            return Read(ref data, texts);
        }
        var whole = data;
        data.TakeByte();
        data.Take(data.TakeUInt32());
        var length = whole.Left - data.Left;
        return new UnreadValue(new ReadOnlySpan<byte>(whole.Take(length), (int)length).ToArray());
    }

    private static BatchFormatException NotAValue(ValueTag tag) => new($"{(byte)tag} is not a kind of value");

    // As ConvertFrom-Json does, but in local time, which compares with Get-Date.
    private static object ReadText(ReadOnlySpan<byte> text, TextCache texts) =>
        IsoTime.TryParse(text, out var time) ? ValueText.Local(time) : texts.Get(text);

    private static object?[] ReadList(ref ByteCursor data, TextCache texts, int depth, uint owed)
    {
        var list = new object?[Count(ref data, depth, SmallestValue, owed)];
        owed += (uint)list.Length * SmallestValue;
        for (var i = 0; i < list.Length; i++)
        {
            owed -= SmallestValue;
            list[i] = Read(ref data, texts, depth, owed);
        }
        return list;
    }

    private static JsonObject ReadObject(ref ByteCursor data, TextCache texts, int depth, uint owed)
    {
        var count = Count(ref data, depth, SmallestMember, owed);
        owed += (uint)count * SmallestMember;
        var result = new JsonObject();
        var names = new PropertyNames(count);
        for (var i = 0; i < count; i++)
        {
            var name = names.Add(TakeName(ref data, texts));
            owed -= SmallestMember;
            var value = Read(ref data, texts, depth, owed);
            result.Properties.Add(new PSNoteProperty(name, RowValue.Of(value)), preValidated: true);
        }
        return result;
    }

    private static string TakeName(ref ByteCursor data, TextCache texts) =>
        data.TryTakeText(out var name) ? texts.Get(name) : "";

    private static int Count(ref ByteCursor data, int depth, uint smallest, uint owed)
    {
        _ = data.TakeUInt32(); // the number of bytes, for ReadLater
        var count = data.TakeUInt32();
        if (depth > MaxDepth || owed + ((ulong)count * smallest) > data.Left)
        {
            BatchFormatException.Throw("a value is nested too deeply or extends past the end of its column");
        }
        return (int)count;
    }
}
