using System;

namespace FedXdr.Session;

/// <summary>Names of the clouds. ValidateSet ignores their case; the native library does not.</summary>
internal static class Clouds
{
    private static readonly string[] Names = ["Public", "GCC", "USGov", "USGovDoD", "China"];

    internal static string? Canonical(string? name) =>
        Array.Find(Names, known => known.Equals(name, StringComparison.OrdinalIgnoreCase)) ?? name;
}
