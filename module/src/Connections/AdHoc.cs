using FedXdr.Interop;
using FedXdr.Queries;

namespace FedXdr;

/// <summary>Connections for what needs none of the user's: they detect what is there, and nobody sees them.</summary>
internal static class AdHoc
{
    internal static Connection Connection(string[]? tenants = null, string? clientId = null, string? environment = null)
    {
        using var settings = new JsonDocumentWriter();
        settings.Text("cloud", Clouds.Canonical(environment));
        settings.Texts("tenants", tenants);
        settings.Text("clientId", clientId);
        settings.Json.WriteStartObject("credential");
        settings.Text("type", "default");
        settings.Json.WriteEndObject();
        return new Connection(SessionHandle.Open(settings.Finish())) { TenantId = tenants ?? [], ClientId = clientId };
    }
}
