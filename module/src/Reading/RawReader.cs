namespace FedXdr.Reading;

/// <summary>Reads rows as the service sent them: one JSON text per row.</summary>
internal sealed class RawReader : RowReader
{
    private static readonly ColumnSpec[] Specs = [new("json", ColumnKind.Text)];

    internal override ColumnSpec[]? Columns => Specs;

    internal override object Read(BatchStream stream) => stream.Take(1)[0].ReadText() ?? "";
}
