using System.Diagnostics.CodeAnalysis;

namespace FedXdr;

/// <summary>Where an administrator of a tenant consents to the app.</summary>
public sealed class ConsentUrl
{
    internal ConsentUrl(string tenant, string url)
    {
        TenantId = tenant;
        Url = url;
    }

    /// <summary>Tenant that is to consent.</summary>
    public string TenantId { get; }

    /// <summary>Address that its administrator opens.</summary>
    [SuppressMessage("Design", "CA1056", Justification = "A Uri shows itself as its own twenty properties.")]
    public string Url { get; }

    /// <inheritdoc/>
    public override string ToString() => Url;
}
