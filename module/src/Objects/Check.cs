using FedXdr.Objects;

namespace FedXdr;

/// <summary>
/// The name of a check. It needs its own class: in C# a member cannot have the name of the class that declares it.
/// </summary>
public abstract class NamedCheck
{
    private protected NamedCheck(string check) => Check = check;

    /// <summary>What was checked, such as Identity or Roles.</summary>
    public string Check { get; }
}

/// <summary>One step between a connection and its data, with its result.</summary>
public sealed class Check : NamedCheck
{
    internal Check(string check, string result)
        : base(check) => Result = result;

    /// <summary>Tenant; null for the steps that all tenants share.</summary>
    public string? TenantId { get; internal init; }

    /// <summary>Its name, if -TenantId gave one.</summary>
    public string? TenantName { get; internal init; }

    /// <summary>API or resource that was checked; null for the steps that all of them share.</summary>
    public string? Resource { get; internal init; }

    /// <summary>Passed, Failed, Warning or Skipped.</summary>
    public string Result { get; }

    /// <summary>What the check found.</summary>
    public string? Detail { get; internal init; }

    /// <summary>How to fix it.</summary>
    public string? Fix { get; internal init; }

    /// <summary>Id of the error; about_FedXdr_Errors explains it.</summary>
    public string? Id { get; internal init; }

    internal bool IsFailed => Result == CheckResults.Failed;

    internal static Check Failed(FdxException failure) =>
        new(CheckNames.ConnectionCheck, CheckResults.Failed)
        {
            Detail = failure.Message,
            Fix = failure.Advice,
            Id = failure.Id,
        };

    /// <inheritdoc/>
    public override string ToString() => $"{Check}: {Result}";
}
