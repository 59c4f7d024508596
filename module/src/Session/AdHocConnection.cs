using FedXdr.Interop;

namespace FedXdr.Session;

/// <summary>
/// Makes connections for commands that need none from the user. They use whatever identity the environment offers, and
/// never become the default connection. None of these commands sends what would need the system's proxy.
/// </summary>
internal static class AdHocConnection
{
    internal static Connection Open(
        TenantReference[]? tenants = null,
        string? clientId = null,
        string? environment = null)
    {
        using var settings = new JsonDocumentWriter();
        settings.Text("cloud", CanonicalName.Of(Abi.Clouds, environment));
        settings.Tenants("tenants", tenants);
        settings.Text("clientId", clientId);
        settings.Json.WriteStartObject("credential");
        settings.Text("type", "default");
        settings.Json.WriteEndObject();
        return new Connection(SessionHandle.Open(settings.Finish())) { Tenants = tenants ?? [], ClientId = clientId };
    }
}
