using System;
using FedXdr.Interop;

namespace FedXdr.Session;

/// <summary>PowerShell ignores the case of names; the native library does not.</summary>
internal static class CanonicalName
{
    /// <summary>The name as the library writes it; null or an unknown name as it is.</summary>
    internal static string? Of(string[] names, string? name) =>
        Array.Find(names, known => known.Equals(name, StringComparison.OrdinalIgnoreCase)) ?? name;
}
