using System;
using FedXdr.Batches;
using FedXdr.Rows;

namespace FedXdr;

/// <summary>Reads the addresses at which administrators consent.</summary>
internal sealed class ConsentUrlReader : RowReader
{
    private static readonly ColumnSpec[] Specs = [new("tenant", ColumnKind.Text), new("url", ColumnKind.Text)];

    internal override ColumnSpec[]? Columns => Specs;

    internal override object Read(BatchStream stream)
    {
        var columns = stream.Take(Specs.Length);
        columns[0].ReadText();
        return new Uri(columns[1].ReadText() ?? "");
    }
}
