using System.Management.Automation;
using FedXdr.Objects;

namespace FedXdr.Reading;

/// <summary>Reads a value of any JSON type into the object that ConvertFrom-Json would make of it.</summary>
internal static class VariantReader
{
    // Deeper than common JSON readers allow, and far from a stack overflow.
    private const int MaxDepth = 256;

    private static readonly object True = true;
    private static readonly object False = false;

    internal static object? Read(ref ByteCursor data, TextCache texts, int depth) => data.TakeByte() switch
    {
        0 => null,
        1 => False,
        2 => True,
        3 => data.TakeInt64(),
        4 => data.TakeDouble(),
        5 => data.TryTakeText(out var text) ? texts.Get(text) : null,
        6 => ReadList(ref data, texts, depth + 1),
        7 => ReadObject(ref data, texts, depth + 1),
        8 => (ulong)data.TakeInt64(),
        var tag => throw new BatchFormatException($"{tag} is not a kind of value"),
    };

    private static object?[] ReadList(ref ByteCursor data, TextCache texts, int depth)
    {
        var list = new object?[Count(ref data, depth, sizeof(byte))];
        for (var i = 0; i < list.Length; i++)
        {
            list[i] = Read(ref data, texts, depth);
        }
        return list;
    }

    private static PSObject ReadObject(ref ByteCursor data, TextCache texts, int depth)
    {
        var count = Count(ref data, depth, sizeof(uint) + sizeof(byte));
        var result = new PSObject();
        var names = new PropertyNames(count);
        for (var i = 0; i < count; i++)
        {
            var name = names.Add(TakeName(ref data, texts));
            result.Properties.Add(new PSNoteProperty(name, Read(ref data, texts, depth)), preValidated: true);
        }
        return result;
    }

    private static string TakeName(ref ByteCursor data, TextCache texts) =>
        data.TryTakeText(out var name) ? texts.Get(name) : "";

    private static int Count(ref ByteCursor data, int depth, uint smallest)
    {
        var count = data.TakeUInt32();
        if (depth > MaxDepth || count > data.Left / smallest)
        {
            BatchFormatException.Throw("a value is nested too deeply or extends past the end of its column");
        }
        return (int)count;
    }
}
