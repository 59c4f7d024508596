namespace FedXdr.Reading;

/// <summary>Reads the results of Test-FdxConnection.</summary>
internal sealed class CheckReader : RowReader
{
    internal override ColumnSpec[]? Columns => Tables.Check;

    internal override object Read(BatchStream stream)
    {
        var columns = stream.Take(Tables.Check.Length);
        var check = columns[0].ReadText() ?? "";
        var resource = columns[1].ReadText();
        return new Check(check, columns[2].ReadText() ?? "")
        {
            TenantId = string.IsNullOrEmpty(stream.Tenant) ? null : stream.Tenant,
            TenantName = stream.TenantName,
            Resource = resource,
            Detail = columns[3].ReadText(),
            Fix = columns[4].ReadText(),
            Id = columns[5].ReadText(),
        };
    }
}
