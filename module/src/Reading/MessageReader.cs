namespace FedXdr.Reading;

/// <summary>A message of the native library, for the verbose or the warning stream.</summary>
internal sealed record NativeMessage(string? Level, string Text);

/// <summary>Reads the messages of a query.</summary>
internal sealed class MessageReader : RowReader
{
    internal override ColumnSpec[]? Columns => Tables.Message;

    internal override object Read(BatchStream stream)
    {
        var columns = stream.Take(Tables.Message.Length);
        return new NativeMessage(columns[0].ReadDictionary(), columns[1].ReadText() ?? "");
    }
}
