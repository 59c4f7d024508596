using System;
using System.Collections.ObjectModel;
using System.Management.Automation;

namespace FedXdr;

/// <summary>Shows the values of a <see cref="Row"/> as properties. FedXdr.Types.ps1xml names this class.</summary>
public sealed class RowAdapter : PSPropertyAdapter
{
    /// <inheritdoc/>
    public override Collection<PSAdaptedProperty> GetProperties(object baseObject)
    {
        var properties = new Collection<PSAdaptedProperty>();
        var names = ((Row)baseObject).Schema.Names;
        for (var i = 0; i < names.Length; i++)
        {
            properties.Add(new PSAdaptedProperty(names[i], i));
        }
        return properties;
    }

    /// <inheritdoc/>
    public override PSAdaptedProperty? GetProperty(object baseObject, string propertyName)
    {
        var index = ((Row)baseObject).Schema.IndexOf(propertyName);
        return index < 0 ? null : new PSAdaptedProperty(((Row)baseObject).Schema.Names[index], index);
    }

    /// <inheritdoc/>
    public override object? GetPropertyValue(PSAdaptedProperty adaptedProperty)
    {
        var row = (Row)adaptedProperty.BaseObject;
        var index = Index(row, adaptedProperty);
        return index < 0 ? null : row.Shown(index);
    }

    /// <inheritdoc/>
    public override void SetPropertyValue(PSAdaptedProperty adaptedProperty, object? value)
    {
        var row = (Row)adaptedProperty.BaseObject;
        var index = Index(row, adaptedProperty);
        if (index < 0)
        {
            throw new SetValueException($"the row has no property {adaptedProperty.Name}");
        }
        row.Values[index] = value;
    }

    /// <inheritdoc/>
    public override bool IsGettable(PSAdaptedProperty adaptedProperty) => true;

    /// <inheritdoc/>
    public override bool IsSettable(PSAdaptedProperty adaptedProperty) => true;

    /// <inheritdoc/>
    public override string GetPropertyTypeName(PSAdaptedProperty adaptedProperty) =>
        PlainValue(adaptedProperty)?.GetType().FullName ?? typeof(object).FullName!;

    private object? PlainValue(PSAdaptedProperty adaptedProperty) =>
        GetPropertyValue(adaptedProperty) is var value && value is RowValue wrapped ? wrapped.BaseObject : value;

    /// <inheritdoc/>
    public override Collection<string> GetTypeNameHierarchy(object baseObject) =>
        [typeof(Row).FullName!, typeof(object).FullName!];

    // PowerShell reuses a property of one row for the next row, which may come from a stream with another schema.
    private static int Index(Row row, PSAdaptedProperty property)
    {
        var index = (int)property.Tag;
        if (index < row.Schema.Names.Length && ReferenceEquals(row.Schema.Names[index], property.Name))
        {
            return index;
        }
        return row.Schema.IndexOf(property.Name);
    }
}
