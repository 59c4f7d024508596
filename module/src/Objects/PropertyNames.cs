using System;
using System.Collections.Generic;

namespace FedXdr.Objects;

/// <summary>
/// Turns member names into property names. JSON allows an empty name, and names that differ only in case; PowerShell
/// does not.
/// </summary>
internal struct PropertyNames(int capacity)
{
    // Up to this many equal names get underscores; the others get a number, so that all names stay short.
    private const int MaxUnderscores = 8;

    // Up to this many names a search through an array is faster than a hash set.
    private const int SearchLimit = 12;

    private readonly string[] _few = capacity <= SearchLimit ? new string[capacity] : [];
    private readonly HashSet<string>? _many =
        capacity <= SearchLimit ? null : new HashSet<string>(capacity, StringComparer.OrdinalIgnoreCase);
    private int _count;
    private Dictionary<string, int>? _numbers;

    internal string Add(string name)
    {
        if (name.Length == 0)
        {
            name = "_";
        }
        var unique = name;
        for (var attempt = 1; !TryAdd(unique); attempt++)
        {
            unique = attempt <= MaxUnderscores ? unique + "_" : $"{name}_{NextNumber(name)}";
        }
        return unique;
    }

    private int NextNumber(string name)
    {
        _numbers ??= new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase);
        return _numbers[name] = _numbers.GetValueOrDefault(name, MaxUnderscores) + 1;
    }

    private bool TryAdd(string name)
    {
        if (_many is not null)
        {
            return _many.Add(name);
        }
        for (var i = 0; i < _count; i++)
        {
            if (_few[i].Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return false;
            }
        }
        _few[_count++] = name;
        return true;
    }
}
