using FedXdr.Rows;

namespace FedXdr.Batches;

/// <summary>One stream of a query: its schema, and where the reader stands in the current batch.</summary>
internal sealed class BatchStream
{
    private ColumnCursor[] _columns = [];

    internal string Tenant { get; private set; } = "";

    internal ColumnSpec[] Schema { get; private set; } = [];

    /// <summary>Names of the properties of dynamic rows; made at first use.</summary>
    internal RowSchema RowSchema => _rowSchema ??= new RowSchema(Schema);

    private RowSchema? _rowSchema;

    internal ColumnCursor[] Columns => _columns;

    /// <summary>The columns, if there are <paramref name="count"/> of them: with the length known, indexes need no check.</summary>
    internal ColumnCursor[] Take(int count)
    {
        if (_columns.Length != count)
        {
            BatchFormatException.Throw("a batch has another number of columns than its rows");
        }
        return _columns;
    }

    /// <summary>Columns are only ever added at the end, so the dictionaries of those before go on.</summary>
    internal void SetSchema(string tenant, ColumnSpec[] schema)
    {
        for (var i = 0; i < Schema.Length; i++)
        {
            if (i >= schema.Length || schema[i] != Schema[i])
            {
                BatchFormatException.Throw("a new schema changes columns of the one before");
            }
        }
        Tenant = tenant;
        Schema = schema;
        System.Array.Resize(ref _columns, schema.Length);
        _rowSchema = null;
    }
}
