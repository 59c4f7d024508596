using System;
using System.Diagnostics.CodeAnalysis;
using System.Management.Automation;

namespace FedXdr;

/// <summary>An error with a stable id and advice on how to fix it.</summary>
[SuppressMessage("Design", "CA1032", Justification = "Every error of FedXdr has an id and advice.")]
public sealed class FdxException : Exception
{
    internal FdxException(string id, FdxErrorKind kind, string message, string advice, Exception? cause = null)
        : base(message, cause)
    {
        Id = id;
        Kind = kind;
        Advice = advice;
    }

    /// <summary>Stable id, such as Fdx.Auth.SubjectMismatch.</summary>
    public string Id { get; }

    /// <summary>Coarse class.</summary>
    public FdxErrorKind Kind { get; }

    /// <summary>What to do about it.</summary>
    public string Advice { get; }

    /// <summary>HTTP status of the response, if there was one.</summary>
    public int? HttpStatus { get; internal init; }

    /// <summary>Error code of Entra (AADSTS), if it sent one.</summary>
    public long? AadStsCode { get; internal init; }

    /// <summary>Correlation id for a support request to the service.</summary>
    public string? CorrelationId { get; internal init; }

    /// <summary>Tenant that the error belongs to.</summary>
    public string? TenantId { get; internal init; }

    /// <summary>Its name, if -TenantId gave one.</summary>
    public string? TenantName { get; internal init; }

    /// <summary>Item that the error belongs to, such as a machine id.</summary>
    public string? Item { get; internal init; }

    /// <summary>How long the service asks to wait before the next attempt.</summary>
    public TimeSpan? RetryAfter { get; internal init; }

    /// <summary>Rows of the tenant that were delivered before the error.</summary>
    public long Rows { get; internal init; }

    /// <summary>Step that failed: settings, identity, exchange, request or reading.</summary>
    public string? Step { get; internal init; }

    /// <summary>The chain of causes, one per line.</summary>
    public string? Detail { get; internal init; }

    // The error view shows the recommended action only since PowerShell 7.5, and the text of a record never has it.
    internal ErrorRecord ToErrorRecord(object? target = null) =>
        new(this, Id, Category, Item ?? TenantId ?? target)
        {
            ErrorDetails = new ErrorDetails($"{Sentence()} {Advice}".Trim()) { RecommendedAction = Advice },
        };

    /// <summary>The exception with its advice, for logs that do not show the error record.</summary>
    public override string ToString() => base.ToString() + Environment.NewLine + Advice;

    private ErrorCategory Category => Kind switch
    {
        FdxErrorKind.Configuration => ErrorCategory.InvalidArgument,
        FdxErrorKind.Authentication => ErrorCategory.AuthenticationError,
        FdxErrorKind.Authorization => ErrorCategory.PermissionDenied,
        FdxErrorKind.NotFound => ErrorCategory.ObjectNotFound,
        FdxErrorKind.Throttled => ErrorCategory.LimitsExceeded,
        FdxErrorKind.Network => ErrorCategory.ConnectionError,
        FdxErrorKind.Service => ErrorCategory.ResourceUnavailable,
        FdxErrorKind.Protocol => ErrorCategory.InvalidData,
        FdxErrorKind.Cancelled => ErrorCategory.OperationStopped,
        _ => ErrorCategory.InvalidResult,
    };

    private string Sentence()
    {
        var text = Message.Trim().TrimEnd('.');
        var isSaid = TenantId is null || text.Contains(TenantId, StringComparison.OrdinalIgnoreCase);
        if (TenantName is not null)
        {
            text += isSaid ? $" ({TenantName})" : $" (tenant {TenantName}, {TenantId})";
        }
        else if (!isSaid)
        {
            text += $" (tenant {TenantId})";
        }
        return text.Length == 0 ? "" : char.ToUpperInvariant(text[0]) + text[1..] + ".";
    }
}
