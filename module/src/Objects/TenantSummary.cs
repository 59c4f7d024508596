namespace FedXdr;

/// <summary>What became of one tenant, for -TenantSummary.</summary>
public sealed class TenantSummary
{
    /// <summary>Id of the tenant; as it was given, if no token was issued for it.</summary>
    public string? TenantId { get; internal init; }

    /// <summary>Its name, as on the rows.</summary>
    public string? TenantName { get; internal init; }

    /// <summary>What was read: a name of about_FedXdr_Resources, Hunting, or the path of a request.</summary>
    public string? Resource { get; internal init; }

    /// <summary>Succeeded, Failed (no row came), Partial (not all rows came) or Skipped (not read).</summary>
    public string Result { get; internal set; } = "";

    /// <summary>Rows that were read. If the pipeline ended early, some of them were not written.</summary>
    public long Rows { get; internal set; }

    /// <summary>Pages that were read to their end.</summary>
    public long Pages { get; internal set; }

    /// <summary>Requests to the API, with those that were sent again.</summary>
    public long Requests { get; internal set; }

    /// <summary>How often a request was to be sent again.</summary>
    public long Retries { get; internal set; }

    /// <summary>Seconds of waiting: for a quota, or before a request was sent again.</summary>
    public Number? WaitedSeconds => Number.Of(Waited / 1000.0);

    /// <summary>Seconds from the start of the tenant to its end.</summary>
    public Number? DurationSeconds => Number.Of(Duration / 1000.0);

    /// <summary>Number of errors: of the tenant, its items and its rows.</summary>
    public long Errors { get; internal set; }

    /// <summary>Id of the first error; about_FedXdr_Errors explains it.</summary>
    public string? ErrorId { get; internal set; }

    /// <summary>The first error, or why the tenant is Partial or Skipped.</summary>
    public string? Message { get; internal set; }

    /// <summary>What to do about the error.</summary>
    public string? Advice { get; internal set; }

    internal long Waited { get; set; }

    internal long Duration { get; set; }

    /// <inheritdoc/>
    public override string ToString() => $"{TenantName ?? TenantId}: {Result}, {Rows} rows";

    /// <summary>Adds what became of the tenant in a later query of the same command.</summary>
    internal void Add(TenantSummary later)
    {
        if (Result != later.Result)
        {
            Result = "Partial";
        }
        Rows += later.Rows;
        Pages += later.Pages;
        Requests += later.Requests;
        Retries += later.Retries;
        Waited += later.Waited;
        Duration += later.Duration;
        Errors += later.Errors;
        // An error says more than the reason for a missing part.
        if (ErrorId is null)
        {
            ErrorId = later.ErrorId;
            Message = later.ErrorId is null ? Message ?? later.Message : later.Message;
            Advice = later.Advice;
        }
    }
}
