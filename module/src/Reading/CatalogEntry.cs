namespace FedXdr.Reading;

/// <summary>What the module needs to know about one resource of the catalog.</summary>
internal sealed class CatalogEntry(string name, RowReader reader, string[] filterFields)
{
    internal string Name { get; } = name;

    internal RowReader Reader { get; } = reader;

    internal string[] FilterFields { get; } = filterFields;
}
