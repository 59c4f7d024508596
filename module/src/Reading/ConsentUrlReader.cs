using System;

namespace FedXdr.Reading;

/// <summary>Reads the addresses where administrators grant consent.</summary>
internal sealed class ConsentUrlReader : RowReader
{
    internal override ColumnSpec[]? Columns => Tables.ConsentUrl;

    internal override object Read(BatchStream stream)
    {
        var columns = stream.Take(Tables.ConsentUrl.Length);
        var tenant = columns[0].ReadText() ?? "";
        var url = columns[1].ReadText() ?? "";
        if (!Uri.TryCreate(url, UriKind.Absolute, out _))
        {
            BatchFormatException.Throw("a consent URL is not a URL");
        }
        return new ConsentUrl(tenant, url);
    }
}
