using System.Diagnostics;
using System.Management.Automation;

namespace BenchFloor;

/// <summary>The engine's own cost: all rows exist before the first is written.</summary>
[Cmdlet(VerbsCommunications.Write, "BenchRow")]
public sealed class WriteBenchRowCommand : Cmdlet
{
    [Parameter(Position = 0, Mandatory = true)]
    public int Count { get; set; }

    protected override void EndProcessing()
    {
        var rows = new Row[1024];
        for (var i = 0; i < rows.Length; i++)
        {
            rows[i] = new Row { Id = "id", DeviceId = "device", Score = i };
        }
        for (var i = 0; i < Count; i++)
        {
            WriteObject(rows[i & 1023]);
        }
    }
}

/// <summary>A call that does nothing.</summary>
[Cmdlet(VerbsCommon.Get, "BenchNothing")]
public sealed class GetBenchNothingCommand : Cmdlet
{
    [Parameter(Position = 0)]
    public string Resource { get; set; } = "";

    protected override void ProcessRecord() => WriteObject(Resource);
}

/// <summary>Counts rows and notes the time of the first one, at almost no cost per row.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "BenchRow")]
public sealed class MeasureBenchRowCommand : Cmdlet
{
    private long _first;
    private int _rows;

    /// <summary>Stopwatch.GetTimestamp() from before the pipeline.</summary>
    [Parameter(Position = 0, Mandatory = true)]
    public long Since { get; set; }

    [Parameter(ValueFromPipeline = true)]
    public object? InputObject { get; set; }

    protected override void ProcessRecord()
    {
        if (_rows++ == 0)
        {
            _first = Stopwatch.GetTimestamp();
        }
    }

    protected override void EndProcessing() =>
        WriteObject(new Measured
        {
            Rows = _rows,
            FirstMs = _rows == 0 ? double.NaN : Stopwatch.GetElapsedTime(Since, _first).TotalMilliseconds,
        });
}

public sealed class Measured
{
    public int Rows { get; init; }

    public double FirstMs { get; init; }
}

public sealed class Row
{
    public string? Id { get; init; }

    public string? DeviceId { get; init; }

    public double Score { get; init; }
}
