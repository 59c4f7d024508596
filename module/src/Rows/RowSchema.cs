using System;
using System.Collections.Generic;
using FedXdr.Batches;

namespace FedXdr.Rows;

/// <summary>Names of the properties of the rows of one stream; shared by all of them.</summary>
internal sealed class RowSchema
{
    private readonly Dictionary<string, int> _indexes;

    internal RowSchema(ReadOnlySpan<ColumnSpec> columns)
    {
        Names = new string[columns.Length + 1];
        _indexes = new Dictionary<string, int>(Names.Length, StringComparer.OrdinalIgnoreCase);
        var names = new MemberNames(Names.Length);
        Names[0] = names.Add("TenantId");
        for (var i = 0; i < columns.Length; i++)
        {
            Names[i + 1] = names.Add(columns[i].Name);
        }
        for (var i = 0; i < Names.Length; i++)
        {
            _indexes.Add(Names[i], i);
        }
    }

    internal string[] Names { get; }

    internal int IndexOf(string name) => _indexes.TryGetValue(name, out var index) ? index : -1;
}
