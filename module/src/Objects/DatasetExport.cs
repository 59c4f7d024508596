using System;

namespace FedXdr;

/// <summary>What became of one dataset of one tenant.</summary>
public sealed class DatasetExport
{
    internal DatasetExport(string dataset, string result)
    {
        Dataset = dataset;
        Result = result;
    }

    /// <summary>Tenant; its domain if it failed before its id was known.</summary>
    public string? TenantId { get; init; }

    /// <summary>Name of the tenant, or its domain, if -TenantId gave that.</summary>
    public string? TenantName { get; init; }

    /// <summary>Name of the dataset.</summary>
    public string Dataset { get; }

    /// <summary>
    /// Complete; Resumed, if an earlier run had read a part of it; Unchanged, if there is nothing newer than what the
    /// files have already; Failed.
    /// </summary>
    public string Result { get; }

    /// <summary>Full, if the files are the whole list; Delta, if they are changes; null if it failed.</summary>
    public string? Mode { get; init; }

    /// <summary>Rows of the files; null if it failed.</summary>
    public long? Rows { get; init; }

    /// <summary>Number of files.</summary>
    public long? Files { get; init; }

    /// <summary>Bytes of the files.</summary>
    public long? Bytes { get; init; }

    /// <summary>When the service made the snapshot, if that is known.</summary>
    public DateTime? SnapshotTime { get; init; }

    /// <summary>How long this run took.</summary>
    public TimeSpan? Duration { get; init; }

    /// <summary>Folder of the files, or the service that their rows were sent to.</summary>
    public string? Path { get; init; }

    /// <summary>Id of the error.</summary>
    public string? ErrorId { get; init; }

    /// <summary>What to do about the error.</summary>
    public string? Advice { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"{Dataset}: {Result}";
}
