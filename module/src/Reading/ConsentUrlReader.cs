using System;

namespace FedXdr.Reading;

/// <summary>Reads the addresses where administrators grant consent.</summary>
internal sealed class ConsentUrlReader : RowReader
{
    internal override ColumnSpec[]? Columns => Tables.ConsentUrl;

    internal override object Read(BatchStream stream)
    {
        var columns = stream.Take(Tables.ConsentUrl.Length);
        columns[0].ReadText();
        if (!Uri.TryCreate(columns[1].ReadText(), UriKind.Absolute, out var url))
        {
            BatchFormatException.Throw("a consent URL is not a URL");
        }
        return url;
    }
}
