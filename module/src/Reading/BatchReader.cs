using System.Collections.Generic;

namespace FedXdr.Reading;

/// <summary>Reads the batches of one query. The bytes of a batch must stay valid until its last row is read.</summary>
internal sealed unsafe class BatchReader(RowReader rowReader)
{
    // A kind and the length of a name.
    private const int SmallestColumn = sizeof(byte) + sizeof(uint);

    // Far above what the native library sends. Rows without columns take no bytes, so only this limits their number.
    private const uint MaxRowsWithoutColumns = 8_192;

    private readonly Dictionary<uint, BatchStream> _streams = [];
    private BatchStream _current = new();

    internal string Tenant => _current.Tenant;

    /// <summary>Begins a batch and returns its number of rows.</summary>
    internal uint Begin(byte* bytes, nuint length)
    {
        if (length > int.MaxValue)
        {
            BatchFormatException.Throw("a batch is larger than 2 GB");
        }
        var data = new ByteCursor(bytes, length);
        if (data.TakeUInt32() != BatchFormat.Magic || data.TakeUInt16() != BatchFormat.Version)
        {
            BatchFormatException.Throw("this is not a batch, or its version is not supported");
        }
        var flags = data.TakeUInt16();
        var number = data.TakeUInt32();
        var rows = data.TakeUInt32();
        var columns = data.TakeUInt16();
        data.TakeUInt16();
        // A row takes at least one byte of each column.
        if (rows > (columns == 0 ? MaxRowsWithoutColumns : data.Left))
        {
            BatchFormatException.Throw("a batch claims more rows than it can hold");
        }
        if (!_streams.TryGetValue(number, out var stream))
        {
            if ((flags & BatchFormat.HasSchema) == 0)
            {
                BatchFormatException.Throw("the first batch of a stream has no schema");
            }
            stream = new BatchStream();
            _streams.Add(number, stream);
        }
        if ((flags & BatchFormat.HasSchema) != 0)
        {
            ReadSchema(ref data, stream, columns);
        }
        if (columns != stream.Schema.Length)
        {
            BatchFormatException.Throw("a batch does not match the schema of its stream");
        }
        for (var i = 0; i < columns; i++)
        {
            var size = data.TakeUInt32();
            stream.Columns[i].Begin(new ByteCursor(data.Take(size), size), stream.Schema[i].Kind, rows);
        }
        if ((flags & BatchFormat.Last) != 0)
        {
            // Its dictionaries would otherwise stay until the query ends, for each of many tenants.
            _streams.Remove(number);
        }
        _current = stream;
        return rows;
    }

    internal object ReadRow() => rowReader.Read(_current);

    private void ReadSchema(ref ByteCursor data, BatchStream stream, int columns)
    {
        var tenant = data.TakeRequiredText();
        var tenantName = data.TakeText();
        if ((uint)columns > data.Left / SmallestColumn)
        {
            BatchFormatException.Throw("a schema extends past the end of its batch");
        }
        var schema = new ColumnSpec[columns];
        for (var i = 0; i < columns; i++)
        {
            var kind = (ColumnKind)data.TakeByte();
            if (kind is < ColumnKind.Text or > ColumnKind.Variant)
            {
                BatchFormatException.Throw($"{(byte)kind} is not a kind of column");
            }
            schema[i] = new ColumnSpec(data.TakeRequiredText(), kind);
        }
        rowReader.CheckSchema(schema);
        stream.SetSchema(tenant, tenantName, schema);
    }
}
