using System;
using System.Collections;
using System.Collections.Frozen;
using System.Text.Json;

namespace FedXdr.Queries;

/// <summary>
/// The environment as PowerShell sees it: on Linux and macOS a native library does not see what <c>$env:X = …</c> sets.
/// </summary>
internal static class EnvironmentSnapshot
{
    private static readonly string[] Prefixes =
        ["IDENTITY_", "MSI_", "AZURE_", "AZUREPS_", "ACTIONS_ID_TOKEN_"];

    private static readonly FrozenSet<string> Names = FrozenSet.ToFrozenSet(
        [
            "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID",
            "DEFAULT_IDENTITY_CLIENT_ID",
            "ALL_PROXY",
            "all_proxy",
            "HTTP_PROXY",
            "http_proxy",
            "HTTPS_PROXY",
            "https_proxy",
            "NO_PROXY",
            "no_proxy",
            "IMDS_ENDPOINT",
            "ProgramData",
            "ProgramFiles",
            "SSL_CERT_DIR",
            "SSL_CERT_FILE",
            "SYSTEM_ACCESSTOKEN",
            "SYSTEM_OIDCREQUESTURI",
            "WEBSITE_DISABLE_MSI",
        ],
        Comparer);

    // Windows takes names without regard to case, so a snapshot has to as well.
    private static StringComparer Comparer =>
        OperatingSystem.IsWindows() ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal;

    internal static void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject("environment");
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            if (variable is { Key: string name, Value: string value } && Canonical(name) is { } known)
            {
                writer.WriteString(known, JsonText.Clean(value));
            }
        }
        writer.WriteEndObject();
    }

    private static string? Canonical(string name)
    {
        if (Names.TryGetValue(name, out var known))
        {
            return known;
        }
        var candidate = OperatingSystem.IsWindows() ? name.ToUpperInvariant() : name;
        foreach (var prefix in Prefixes)
        {
            if (candidate.StartsWith(prefix, StringComparison.Ordinal))
            {
                return JsonText.Clean(candidate);
            }
        }
        return null;
    }
}
