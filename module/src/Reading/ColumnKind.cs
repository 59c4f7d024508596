namespace FedXdr.Reading;

/// <summary>How the values of a column are encoded. The numbers are part of the batch format.</summary>
internal enum ColumnKind : byte
{
    Text = 1,
    Dictionary = 2,
    Int = 3,
    Float = 4,
    Bool = 5,
    Time = 6,
    TextList = 7,
    Variant = 8,
}
