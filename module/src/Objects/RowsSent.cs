namespace FedXdr;

/// <summary>Rows that were sent to a stream of Log Analytics or to an event hub.</summary>
public sealed class RowsSent
{
    internal RowsSent(string destination, long rows, long requests, long bytes)
    {
        Destination = destination;
        Rows = rows;
        Requests = requests;
        Bytes = bytes;
    }

    /// <summary>Address that they were sent to.</summary>
    public string Destination { get; }

    /// <summary>Number of rows.</summary>
    public long Rows { get; }

    /// <summary>Number of requests.</summary>
    public long Requests { get; }

    /// <summary>Bytes of JSON, before they were compressed.</summary>
    public long Bytes { get; }

    /// <inheritdoc/>
    public override string ToString() => $"{Rows} rows to {Destination}";
}
