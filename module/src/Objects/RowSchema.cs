using System;
using System.Collections.Generic;

namespace FedXdr.Objects;

/// <summary>Property names of the rows of one stream; all of its rows share them.</summary>
internal sealed class RowSchema
{
    /// <summary>Number of properties that say the tenant.</summary>
    internal const int LabelCount = 2;

    private readonly Dictionary<string, int> _indexes;

    /// <summary>Makes the names of the properties: TenantId and TenantName, then one per column.</summary>
    internal RowSchema(IReadOnlyList<string> columnNames)
    {
        Names = new string[columnNames.Count + LabelCount];
        _indexes = new Dictionary<string, int>(Names.Length, StringComparer.OrdinalIgnoreCase);
        var names = new PropertyNames(Names.Length);
        Names[0] = names.Add("TenantId");
        Names[1] = names.Add("TenantName");
        for (var i = 0; i < columnNames.Count; i++)
        {
            Names[i + LabelCount] = names.Add(columnNames[i]);
        }
        for (var i = 0; i < Names.Length; i++)
        {
            _indexes.Add(Names[i], i);
        }
    }

    internal string[] Names { get; }

    internal int IndexOf(string name) => _indexes.TryGetValue(name, out var index) ? index : -1;
}
