using System;

namespace FedXdr;

/// <summary>Names of the clouds. ValidateSet takes them in any case; the documents do not.</summary>
internal static class Clouds
{
    private static readonly string[] Names = ["Public", "GCC", "USGov", "USGovDoD", "China"];

    internal static string? Canonical(string? name) =>
        Array.Find(Names, known => known.Equals(name, StringComparison.OrdinalIgnoreCase)) ?? name;
}
