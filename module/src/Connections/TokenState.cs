using System;

namespace FedXdr;

/// <summary>A token in the cache, without the token.</summary>
public sealed class TokenState
{
    /// <summary>Tenant.</summary>
    public string? TenantId { get; set; }

    /// <summary>Scope.</summary>
    public string? Scope { get; set; }

    /// <summary>When it expires.</summary>
    public DateTimeOffset? ExpiresOn { get; set; }

    /// <summary>App roles in it.</summary>
    public string[]? Roles { get; set; }

    /// <inheritdoc/>
    public override string ToString() =>
        $"{Scope} in {(string.IsNullOrEmpty(TenantId) ? "the home tenant" : TenantId)}, valid until {ExpiresOn:u}";
}
