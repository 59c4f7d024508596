using System;
using System.Text.Json;

namespace FedXdr.Interop;

/// <summary>
/// The environment as PowerShell sees it: on Linux and macOS a native library does not see the changes that
/// <c>$env:X = …</c> makes.
/// </summary>
internal static class EnvironmentSnapshot
{
    // Only the variables that the library reads: other variables may hold secrets of other software.
    private static readonly string[] Names =
    [
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        "ALL_PROXY",
        "all_proxy",
        "AZURE_AUTHORITY_HOST",
        "AZURE_CLIENT_ID",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_POD_IDENTITY_AUTHORITY_HOST",
        "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID",
        "DEFAULT_IDENTITY_CLIENT_ID",
        "GITHUB_ACTIONS",
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "IDENTITY_ENDPOINT",
        "IDENTITY_HEADER",
        "IDENTITY_SERVER_THUMBPRINT",
        "IMDS_ENDPOINT",
        "MSI_ENDPOINT",
        "MSI_SECRET",
        "NO_PROXY",
        "no_proxy",
        "ProgramData",
        "ProgramFiles",
        "SYSTEM_ACCESSTOKEN",
        "SYSTEM_OIDCREQUESTURI",
        "TF_BUILD",
        "WEBSITE_DISABLE_MSI",
    ];

    internal static void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject("environment");
        foreach (var name in Names)
        {
            if (Environment.GetEnvironmentVariable(name) is { } value)
            {
                writer.WriteString(name, JsonText.Clean(value));
            }
        }
        writer.WriteEndObject();
    }
}
