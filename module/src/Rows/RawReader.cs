using FedXdr.Batches;

namespace FedXdr.Rows;

/// <summary>Rows as the service wrote them: one JSON text each.</summary>
internal sealed class RawReader : RowReader
{
    private static readonly ColumnSpec[] Specs = [new("json", ColumnKind.Text)];

    internal override ColumnSpec[]? Columns => Specs;

    internal override object Read(BatchStream stream) => stream.Columns[0].ReadText() ?? "";
}
