namespace FedXdr.Reading;

/// <summary>Reads the explanations of errors.</summary>
internal sealed class KnownErrorReader : RowReader
{
    internal override ColumnSpec[]? Columns => Tables.KnownError;

    internal override object Read(BatchStream stream)
    {
        var columns = stream.Take(Tables.KnownError.Length);
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
