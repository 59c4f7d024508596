using System;
using FedXdr.Objects;

namespace FedXdr.Reading;

/// <summary>One stream of a query: its schema, and the reader's position in the current batch.</summary>
internal sealed class BatchStream
{
    private ColumnCursor[] _columns = [];
    private RowSchema? _rowSchema;

    internal string Tenant { get; private set; } = "";

    /// <summary>Domain of the tenant, if the command named that.</summary>
    internal string? TenantName { get; private set; }

    internal ColumnSpec[] Schema { get; private set; } = [];

    /// <summary>Property names of dynamic rows; made at first use.</summary>
    internal RowSchema RowSchema =>
        _rowSchema ??= new RowSchema(Array.ConvertAll(Schema, static column => column.Name));

    internal ColumnCursor[] Columns => _columns;

    /// <summary>
    /// The columns, checked to be <paramref name="count"/>: the compiler then drops the bounds checks of the indexes.
    /// </summary>
    internal ColumnCursor[] Take(int count)
    {
        if (_columns.Length != count)
        {
            BatchFormatException.Throw("a batch does not have the number of columns that its rows need");
        }
        return _columns;
    }

    /// <summary>Columns are only added at the end, so the existing columns keep their dictionaries.</summary>
    internal void SetSchema(string tenant, string? tenantName, ColumnSpec[] schema)
    {
        for (var i = 0; i < Schema.Length; i++)
        {
            if (i >= schema.Length || schema[i] != Schema[i])
            {
                BatchFormatException.Throw("a new schema changes columns of the one before");
            }
        }
        Tenant = tenant;
        TenantName = tenantName;
        Schema = schema;
        Array.Resize(ref _columns, schema.Length);
        _rowSchema = null;
    }
}
