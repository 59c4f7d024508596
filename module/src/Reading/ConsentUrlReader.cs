using System;

namespace FedXdr.Reading;

/// <summary>Reads the addresses where administrators grant consent.</summary>
internal sealed class ConsentUrlReader : RowReader
{
    private static readonly ColumnSpec[] Specs = [new("tenant", ColumnKind.Text), new("url", ColumnKind.Text)];

    internal override ColumnSpec[]? Columns => Specs;

    internal override object Read(BatchStream stream)
    {
        var columns = stream.Take(Specs.Length);
        columns[0].ReadText();
        if (!Uri.TryCreate(columns[1].ReadText(), UriKind.Absolute, out var url))
        {
            BatchFormatException.Throw("a consent URL is not a URL");
        }
        return url;
    }
}
