using System.Collections.Generic;
using System.Dynamic;
using System.Linq.Expressions;
using FedXdr.Objects;

namespace FedXdr;

/// <summary>
/// A row whose columns are known only at run time: its values, and the schema that all rows of its stream share.
/// PowerShell sees the values as properties through <see cref="RowAdapter"/>.
/// </summary>
public sealed class Row : IDynamicMetaObjectProvider
{
    internal Row(RowSchema schema, object?[] values)
    {
        Schema = schema;
        Values = values;
    }

    internal RowSchema Schema { get; }

    internal object?[] Values { get; }

    /// <inheritdoc/>
    public override string ToString()
    {
        var parts = new List<string>(Values.Length);
        for (var i = 0; i < Values.Length; i++)
        {
            if (Values[i] is not null)
            {
                parts.Add($"{Schema.Names[i]}={ValueText.Of(Shown(i))}");
            }
        }
        return "@{" + string.Join("; ", parts) + "}";
    }

    DynamicMetaObject IDynamicMetaObjectProvider.GetMetaObject(Expression parameter) =>
        new RowMetaObject(parameter, this);

    internal bool Has(string name) => Schema.IndexOf(name) >= 0;

    internal object? Get(string name) => Shown(Schema.IndexOf(name));

    /// <summary>The value at this place, as scripts see it.</summary>
    internal object? Shown(int index) => RowValue.Of(ref Values[index]);

    internal object? Set(string name, object? value) => Values[Schema.IndexOf(name)] = value;
}
