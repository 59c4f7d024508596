namespace FedXdr.Reading;

/// <summary>A message of the native library, for the verbose or the warning stream.</summary>
internal sealed record NativeMessage(string? Level, string Text);

/// <summary>Reads the messages of a query.</summary>
internal sealed class MessageReader : RowReader
{
    private static readonly ColumnSpec[] Specs = [new("level", ColumnKind.Dictionary), new("text", ColumnKind.Text)];

    internal override ColumnSpec[]? Columns => Specs;

    internal override object Read(BatchStream stream)
    {
        var columns = stream.Take(Specs.Length);
        return new NativeMessage(columns[0].ReadDictionary(), columns[1].ReadText() ?? "");
    }
}
