using System;
using FedXdr.Interop;
using FedXdr.Objects;
using FedXdr.Session;

namespace FedXdr;

/// <summary>How to get tokens: settings, and no secret. It is bound to this process and cannot be serialized.</summary>
public sealed class Connection
{
    internal Connection(SessionHandle session) => Session = session;

    /// <summary>Tenants that commands without -TenantId read from.</summary>
    public TextList TenantId => new(Array.ConvertAll(Tenants, static tenant => tenant.ToString()));

    /// <summary>Client id of the app in the tenants; null if the identity is used directly.</summary>
    public string? ClientId { get; internal init; }

    /// <summary>The identity that gets the first token.</summary>
    public string Identity { get; internal init; } = "";

    /// <summary>The cloud: Public, or a national cloud.</summary>
    public string Environment { get; internal init; } = "";

    /// <summary>Tokens that the cache held when Get-FdxConnection last ran.</summary>
    public object Tokens => new ValueList(TokenStates);

    internal TenantReference[] Tenants { get; init; } = [];

    internal TokenState[] TokenStates { get; set; } = [];

    internal SessionHandle Session { get; }

    /// <summary>The script block that makes client assertions, if there is one.</summary>
    internal AssertionScript? Assertion { get; init; }

    /// <summary>The key that signs assertions, if the connection has a certificate that is no file.</summary>
    internal CertificateKey? Key { get; init; }

    /// <inheritdoc/>
    public override string ToString() =>
        $"{string.Join<TenantReference>(", ", Tenants)} as {ClientId ?? Identity}".TrimStart();
}
