namespace FedXdr;

/// <summary>Facts about a cached token, without the token itself.</summary>
public sealed class TokenState
{
    /// <summary>Tenant that issued it.</summary>
    public string? TenantId { get; set; }

    /// <summary>Scope that it was requested with.</summary>
    public string? Scope { get; set; }

    /// <summary>When it expires, UTC.</summary>
    public Expiry? ExpiresOn { get; set; }

    /// <summary>App roles that it grants.</summary>
    public TextList? Roles { get; set; }

    /// <inheritdoc/>
    public override string ToString() =>
        $"{Scope} in {(string.IsNullOrEmpty(TenantId) ? "the home tenant" : TenantId)}, valid until {ExpiresOn:u}";
}
