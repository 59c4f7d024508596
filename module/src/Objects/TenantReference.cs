namespace FedXdr;

/// <summary>A tenant of -TenantId, and what people call it. Text and objects become one.</summary>
public sealed class TenantReference
{
    internal TenantReference(string? id, string? name = null)
    {
        Id = id;
        Name = string.IsNullOrWhiteSpace(name) ? null : name.Trim();
    }

    /// <summary>Id of the tenant, or one of its domains.</summary>
    public string? Id { get; }

    /// <summary>Its name, if it has one.</summary>
    public string? Name { get; }

    /// <summary>How messages call it.</summary>
    internal string Title => Name ?? Id ?? "";

    /// <inheritdoc/>
    public override string ToString() => Id ?? "";
}
