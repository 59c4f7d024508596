using System.Management.Automation;

namespace FedXdr.Objects;

/// <summary>An object inside a row. Its text is JSON.</summary>
internal sealed class JsonObject : PSObject
{
    /// <inheritdoc/>
    public override string ToString() => ObjectJson.Of(this);
}

/// <summary>A list of any values inside a row.</summary>
internal sealed class ValueList(object?[] list) : RowValue(list);
