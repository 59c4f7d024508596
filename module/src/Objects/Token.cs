using System.Security;

namespace FedXdr;

/// <summary>
/// The token itself. It needs its own class: in C# a member cannot have the name of the class that declares it.
/// </summary>
public abstract class SecureToken
{
    private protected SecureToken(SecureString token) => Token = token;

    /// <summary>
    /// The token, for Invoke-RestMethod -Authentication Bearer -Token, Connect-MgGraph -AccessToken and similar.
    /// </summary>
    public SecureString Token { get; }
}

/// <summary>A token, with its claims and its source.</summary>
public sealed class Token : SecureToken
{
    internal Token(SecureString token)
        : base(token)
    {
    }

    /// <summary>Tenant that issued it.</summary>
    public string? TenantId { get; internal init; }

    /// <summary>Name of the tenant, if -TenantId gave one.</summary>
    public string? TenantName { get; internal init; }

    /// <summary>API that accepts it.</summary>
    public string? Audience { get; internal init; }

    /// <summary>When it expires, UTC.</summary>
    public Expiry? ExpiresOn { get; internal init; }

    /// <summary>App roles that it grants.</summary>
    public TextList? Roles { get; internal init; }

    /// <summary>Client id of the app that it was issued to.</summary>
    public string? AppId { get; internal init; }

    /// <summary>Object id of the app's service principal in the tenant.</summary>
    public string? ObjectId { get; internal init; }

    /// <summary>Scope that it was requested with.</summary>
    public string? Scope { get; internal init; }

    /// <summary>Whether it came from the cache.</summary>
    public bool FromCache { get; internal init; }

    /// <inheritdoc/>
    public override string ToString() => $"token for {Audience} in {TenantId}, valid until {ExpiresOn:u}";
}
