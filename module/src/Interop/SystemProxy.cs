using System;
using System.Collections;
using System.Collections.Generic;
using System.Net;
using System.Net.Http;
using System.Text.Json;
using FedXdr.Objects;

namespace FedXdr.Interop;

/// <summary>
/// The proxy of the user's system settings, which Invoke-RestMethod uses too. It may depend on the host, by a list of
/// exceptions or by a script (PAC), so .NET resolves it for each host of the connection.
/// </summary>
internal static class SystemProxy
{
    private const string OtherHosts = "*";

    internal static void Write(Utf8JsonWriter settings, string? cloud, Hashtable? endpoints)
    {
        // Elsewhere only the environment has proxies, and the native library reads them itself.
        if (!OperatingSystem.IsWindows() && !OperatingSystem.IsMacOS())
        {
            return;
        }
        settings.WriteStartObject("systemProxies");
        foreach (var (host, proxy) in Resolve(HttpClient.DefaultProxy, cloud, endpoints))
        {
            settings.WriteString(host, JsonText.Clean(proxy));
        }
        settings.WriteEndObject();
    }

    private static Dictionary<string, string> Resolve(IWebProxy system, string? cloud, Hashtable? endpoints)
    {
        var proxies = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var number = Math.Max(Array.IndexOf(Abi.Clouds, cloud), 0);
        foreach (var text in Abi.CloudAddresses[number])
        {
            var address = new Uri(text);
            proxies.TryAdd(address.Host, Of(system, address));
            // The first one is that of the token endpoints, which every connection reaches.
            proxies.TryAdd(OtherHosts, Of(system, address));
        }
        foreach (var value in endpoints?.Values ?? Array.Empty<object>())
        {
            if (Uri.TryCreate(value as string, UriKind.Absolute, out var address) && !address.IsLoopback)
            {
                proxies.TryAdd(address.Host, Of(system, address));
            }
        }
        return proxies;
    }

    // An empty text means no proxy. So does a proxy that .NET cannot resolve, as for Invoke-RestMethod.
    private static string Of(IWebProxy system, Uri address) =>
        system.IsBypassed(address) || system.GetProxy(address) is not { } proxy || proxy == address
            ? ""
            : proxy.OriginalString;
}
