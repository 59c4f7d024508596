using System;
using System.Text.Json;
using FedXdr.Objects;

namespace FedXdr.Interop;

/// <summary>
/// The environment as PowerShell sees it: on Linux and macOS a native library does not see the changes that
/// <c>$env:X = …</c> makes.
/// </summary>
internal static class EnvironmentSnapshot
{
    internal static void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject("environment");
        // Only the variables that the library reads: other variables may hold secrets of other software.
        foreach (var name in Abi.EnvironmentVariables)
        {
            if (Environment.GetEnvironmentVariable(name) is { } value)
            {
                writer.WriteString(name, JsonText.Clean(value));
            }
        }
        writer.WriteEndObject();
    }
}
