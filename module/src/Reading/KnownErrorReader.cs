namespace FedXdr.Reading;

/// <summary>Reads the explanations of errors.</summary>
internal sealed class KnownErrorReader : RowReader
{
    private static readonly ColumnSpec[] Specs =
    [
        new("code", ColumnKind.Int),
        new("id", ColumnKind.Text),
        new("check", ColumnKind.Text),
        new("cause", ColumnKind.Text),
        new("fix", ColumnKind.Text),
    ];

    internal override ColumnSpec[]? Columns => Specs;

    internal override object Read(BatchStream stream)
    {
        var columns = stream.Take(Specs.Length);
        return new KnownError
        {
            Code = columns[0].ReadInt(),
            Id = columns[1].ReadText(),
            Check = columns[2].ReadText(),
            Cause = columns[3].ReadText(),
            Fix = columns[4].ReadText(),
        };
    }
}
