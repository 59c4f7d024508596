namespace FedXdr.Reading;

/// <summary>Name and kind of a column.</summary>
internal readonly record struct ColumnSpec(string Name, ColumnKind Kind);
