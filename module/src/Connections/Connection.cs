using FedXdr.Interop;

namespace FedXdr;

/// <summary>The way to a token: a recipe and no secret. It is bound to this process and cannot be serialized.</summary>
public sealed class Connection
{
    internal Connection(SessionHandle session) => Session = session;

    /// <summary>Tenants that commands without -TenantId read from.</summary>
    public string[] TenantId { get; internal init; } = [];

    /// <summary>App that the tenants know; null when the identity is used directly.</summary>
    public string? ClientId { get; internal init; }

    /// <summary>The identity that everything begins with.</summary>
    public string Identity { get; internal init; } = "";

    /// <summary>National cloud.</summary>
    public string Environment { get; internal init; } = "";

    /// <summary>Tokens that the cache held when Get-FdxConnection looked last.</summary>
    public TokenState[] Tokens { get; internal set; } = [];

    internal SessionHandle Session { get; }

    /// <summary>What makes client assertions, where a script block does.</summary>
    internal AssertionScript? Assertion { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"{string.Join(", ", TenantId)} as {ClientId ?? Identity}".TrimStart();
}
