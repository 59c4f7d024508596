using System;
using System.Security;

namespace FedXdr;

/// <summary>The token itself. A class of its own, because C# refuses a member with the name of its class.</summary>
public abstract class SecureToken
{
    private protected SecureToken(SecureString token) => Token = token;

    /// <summary>The token, for Invoke-RestMethod -Authentication Bearer -Token, Connect-MgGraph -AccessToken and the like.</summary>
    public SecureString Token { get; }
}

/// <summary>A token and what is known about it.</summary>
public sealed class Token : SecureToken
{
    internal Token(SecureString token)
        : base(token)
    {
    }

    /// <summary>Tenant that issued it.</summary>
    public string? TenantId { get; internal init; }

    /// <summary>Whom it is for.</summary>
    public string? Audience { get; internal init; }

    /// <summary>When it expires, UTC.</summary>
    public DateTimeOffset? ExpiresOn { get; internal init; }

    /// <summary>App roles in it.</summary>
    public string[] Roles { get; internal init; } = [];

    /// <summary>App that it stands for.</summary>
    public string? AppId { get; internal init; }

    /// <summary>Service principal in the tenant.</summary>
    public string? ObjectId { get; internal init; }

    /// <summary>Scope that it was asked for.</summary>
    public string? Scope { get; internal init; }

    /// <summary>Whether it came from the cache.</summary>
    public bool FromCache { get; internal init; }
}
