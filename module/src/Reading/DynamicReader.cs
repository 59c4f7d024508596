using FedXdr.Objects;

namespace FedXdr.Reading;

/// <summary>Reads rows whose columns are known only at run time.</summary>
internal sealed class DynamicReader : RowReader
{
    // Every row shares them.
    private static readonly object True = true;
    private static readonly object False = false;

    internal override ColumnSpec[]? Columns => null;

    internal override object Read(BatchStream stream)
    {
        var columns = stream.Columns;
        var values = new object?[columns.Length + RowSchema.LabelCount];
        values[0] = stream.Tenant;
        values[1] = stream.TenantName;
        for (var i = 0; i < columns.Length; i++)
        {
            values[i + RowSchema.LabelCount] = ReadValue(ref columns[i], stream.Schema[i].Kind);
        }
        return new Row(stream.RowSchema, values);
    }

    private static object? ReadValue(ref ColumnCursor column, ColumnKind kind) => kind switch
    {
        ColumnKind.Text => column.ReadText(),
        ColumnKind.Dictionary => column.ReadDictionary(),
        ColumnKind.Int => column.ReadInt(),
        ColumnKind.Float => column.ReadFloat(),
        ColumnKind.Bool => column.ReadBool() switch
        {
            true => True,
            false => False,
            null => null,
        },
        ColumnKind.Time => column.ReadTime(),
        ColumnKind.TextList => column.ReadTextList(),
        _ => column.ReadVariant(),
    };
}
