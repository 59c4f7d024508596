namespace FedXdr.Reading;

/// <summary>Reads the results of Test-FdxConnection.</summary>
internal sealed class CheckReader : RowReader
{
    private static readonly ColumnSpec[] Specs =
    [
        new("check", ColumnKind.Text),
        new("resource", ColumnKind.Text),
        new("result", ColumnKind.Text),
        new("detail", ColumnKind.Text),
        new("fix", ColumnKind.Text),
        new("id", ColumnKind.Text),
    ];

    internal override ColumnSpec[]? Columns => Specs;

    internal override object Read(BatchStream stream)
    {
        var columns = stream.Take(Specs.Length);
        var check = columns[0].ReadText() ?? "";
        var resource = columns[1].ReadText();
        return new Check(check, columns[2].ReadText() ?? "")
        {
            TenantId = string.IsNullOrEmpty(stream.Tenant) ? null : stream.Tenant,
            Resource = resource,
            Detail = columns[3].ReadText(),
            Fix = columns[4].ReadText(),
            Id = columns[5].ReadText(),
        };
    }
}
