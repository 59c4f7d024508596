namespace FedXdr.Rows;

/// <summary>One resource of the catalog, as far as the module needs to know it.</summary>
internal sealed class Resource(string name, RowReader reader, string[] filterFields)
{
    internal string Name { get; } = name;

    internal RowReader Reader { get; } = reader;

    internal string[] FilterFields { get; } = filterFields;
}
