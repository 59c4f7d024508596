using System;

namespace FedXdr.Reading;

/// <summary>Reads facts about the cached tokens.</summary>
internal sealed class TokenStateReader : RowReader
{
    private static readonly ColumnSpec[] Specs =
    [
        new("tenant", ColumnKind.Text),
        new("scope", ColumnKind.Text),
        new("expiresOn", ColumnKind.Time),
        new("roles", ColumnKind.TextList),
    ];

    internal override ColumnSpec[]? Columns => Specs;

    internal override object Read(BatchStream stream)
    {
        var columns = stream.Take(Specs.Length);
        return new TokenState
        {
            TenantId = columns[0].ReadText(),
            Scope = columns[1].ReadText(),
            ExpiresOn = columns[2].ReadTime() is { } time ? new DateTimeOffset(time) : null,
            Roles = columns[3].ReadTextList() ?? [],
        };
    }
}
