using FedXdr.Interop;

namespace FedXdr.Session;

/// <summary>
/// Makes connections for commands that need none from the user. They use whatever identity the environment offers, and
/// never become the default connection. Only commands that send requests need the system's proxy.
/// </summary>
internal static class AdHocConnection
{
    internal static Connection Open(
        TenantReference[]? tenants = null,
        string? clientId = null,
        string? environment = null,
        bool sendsRequests = false)
    {
        using var settings = new JsonDocumentWriter();
        var cloud = CanonicalName.Of(Abi.Clouds, environment);
        settings.Text("cloud", cloud);
        if (sendsRequests)
        {
            SystemProxy.Write(settings.Json, cloud, null);
        }
        settings.Tenants("tenants", tenants);
        settings.Text("clientId", clientId);
        settings.Json.WriteStartObject("credential");
        settings.Text("type", "default");
        settings.Json.WriteEndObject();
        return new Connection(SessionHandle.Open(settings.Finish())) { Tenants = tenants ?? [], ClientId = clientId };
    }
}
