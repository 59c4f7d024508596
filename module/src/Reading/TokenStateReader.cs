namespace FedXdr.Reading;

/// <summary>Reads facts about the cached tokens.</summary>
internal sealed class TokenStateReader : RowReader
{
    internal override ColumnSpec[]? Columns => Tables.TokenState;

    internal override object Read(BatchStream stream)
    {
        var columns = stream.Take(Tables.TokenState.Length);
        return new TokenState
        {
            TenantId = columns[0].ReadText(),
            Scope = columns[1].ReadText(),
            ExpiresOn = Expiry.Of(columns[2].ReadTime()),
            Roles = new TextList(columns[3].ReadTextList() ?? []),
        };
    }
}
