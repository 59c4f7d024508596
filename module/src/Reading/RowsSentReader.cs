namespace FedXdr.Reading;

/// <summary>Reads how many rows were sent.</summary>
internal sealed class RowsSentReader(string destination) : RowReader
{
    internal override ColumnSpec[]? Columns => Tables.RowsSent;

    internal override object Read(BatchStream stream)
    {
        var columns = stream.Take(Tables.RowsSent.Length);
        long Number(int column) => columns[column].ReadInt() ?? 0;
        return new RowsSent(destination, Number(0), Number(1), Number(2));
    }
}
