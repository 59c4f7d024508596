using System;
using System.Collections.Generic;

namespace FedXdr.Objects;

/// <summary>
/// Turns the names of levels into values of an enumeration, so that Sort-Object and -ge know their order. A name that
/// the service added later stays text.
/// </summary>
internal static class Levels<T>
    where T : struct, Enum
{
    private static readonly Dictionary<string, object> Values = Load();

    internal static object? Of(string? name) =>
        name is not null && Values.TryGetValue(name, out var value) ? value : name;

    private static Dictionary<string, object> Load()
    {
        var values = new Dictionary<string, object>(StringComparer.OrdinalIgnoreCase);
        foreach (var value in Enum.GetValues<T>())
        {
            values.Add(value.ToString(), value);
        }
        return values;
    }
}
