using FedXdr.Batches;
using FedXdr.Rows;

namespace FedXdr;

/// <summary>What is known of an error.</summary>
public sealed class KnownError
{
    /// <summary>Stable id, which FedXdr's own errors have.</summary>
    public string? Id { get; internal init; }

    /// <summary>Entra's code (AADSTS), where there is one.</summary>
    public long? Code { get; internal init; }

    /// <summary>Check of Test-FdxConnection that fails by it.</summary>
    public string? Check { get; internal init; }

    /// <summary>What is wrong.</summary>
    public string? Cause { get; internal init; }

    /// <summary>What to do about it.</summary>
    public string? Fix { get; internal init; }
}

/// <summary>Reads what is known of errors.</summary>
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
