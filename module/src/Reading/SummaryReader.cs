namespace FedXdr.Reading;

/// <summary>Reads the summary of a query.</summary>
internal sealed class SummaryReader : RowReader
{
    internal override ColumnSpec[]? Columns => Tables.Summary;

    internal override object Read(BatchStream stream)
    {
        var columns = stream.Take(Tables.Summary.Length);
        return new TenantSummary
        {
            TenantId = columns[0].ReadText(),
            TenantName = columns[1].ReadText(),
            Resource = columns[2].ReadDictionary(),
            Result = columns[3].ReadDictionary() ?? "",
            Rows = columns[4].ReadInt() ?? 0,
            Pages = columns[5].ReadInt() ?? 0,
            Requests = columns[6].ReadInt() ?? 0,
            Retries = columns[7].ReadInt() ?? 0,
            Waited = columns[8].ReadInt() ?? 0,
            Duration = columns[9].ReadInt() ?? 0,
            Errors = columns[10].ReadInt() ?? 0,
            ErrorId = columns[11].ReadText(),
            Message = columns[12].ReadText(),
            Advice = columns[13].ReadText(),
        };
    }
}
