namespace FedXdr;

/// <summary>The name of a check. A class of its own, because C# refuses a member with the name of its class.</summary>
public abstract class NamedCheck
{
    private protected NamedCheck(string check) => Check = check;

    /// <summary>What was checked: Connection, Identity, Assertion, TokenEndpoint, App, Credential, Resource, Roles, Answer or Licence.</summary>
    public string Check { get; }
}

/// <summary>One step on the way from a connection to its data, and how it came out.</summary>
public sealed class Check : NamedCheck
{
    internal Check(string check, string result)
        : base(check) => Result = result;

    /// <summary>Tenant; null for what comes before all tenants.</summary>
    public string? TenantId { get; internal init; }

    /// <summary>API or resource that it was checked for; null for what comes before.</summary>
    public string? Resource { get; internal init; }

    /// <summary>Passed, Failed, Warning or Skipped.</summary>
    public string Result { get; }

    /// <summary>What was found.</summary>
    public string? Detail { get; internal init; }

    /// <summary>What to do about it.</summary>
    public string? Fix { get; internal init; }

    /// <summary>Id of the error, which about_FedXdr_Errors explains.</summary>
    public string? Id { get; internal init; }

    internal bool IsFailed => Result == "Failed";

    internal static Check Failed(FdxException failure) =>
        new("Connection", "Failed") { Detail = failure.Message, Fix = failure.Advice, Id = failure.Id };

    /// <inheritdoc/>
    public override string ToString() => $"{Check}: {Result}";
}
