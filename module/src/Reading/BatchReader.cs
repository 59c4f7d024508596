using System.Collections.Generic;

namespace FedXdr.Reading;

/// <summary>Reads the batches of one query. The bytes of a batch must stay valid until its last row is read.</summary>
internal sealed unsafe class BatchReader(RowReader rowReader)
{
    private const uint Magic = 0x4258_4446;
    private const ushort Version = 1;
    private const ushort HasSchema = 1;

    private readonly Dictionary<uint, BatchStream> _streams = [];
    private BatchStream _current = new();

    internal string Tenant => _current.Tenant;

    /// <summary>Begins a batch and returns its number of rows.</summary>
    internal uint Begin(byte* bytes, nuint length)
    {
        var data = new ByteCursor(bytes, length);
        if (data.TakeUInt32() != Magic || data.TakeUInt16() != Version)
        {
            BatchFormatException.Throw("this is not a batch, or its version is not supported");
        }
        var flags = data.TakeUInt16();
        var number = data.TakeUInt32();
        var rows = data.TakeUInt32();
        var columns = data.TakeUInt16();
        data.TakeUInt16();
        var known = _streams.TryGetValue(number, out var stream);
        if (!known)
        {
            stream = new BatchStream();
            _streams.Add(number, stream);
        }
        if ((flags & HasSchema) != 0)
        {
            ReadSchema(ref data, stream!, columns);
        }
        if (columns != stream!.Schema.Length)
        {
            BatchFormatException.Throw("a batch does not match the schema of its stream");
        }
        for (var i = 0; i < columns; i++)
        {
            var size = data.TakeUInt32();
            stream.Columns[i].Begin(new ByteCursor(data.Take(size), size), stream.Schema[i].Kind, rows);
        }
        _current = stream;
        return rows;
    }

    internal object ReadRow() => rowReader.Read(_current);

    private void ReadSchema(ref ByteCursor data, BatchStream stream, int columns)
    {
        var tenant = data.TakeRequiredText();
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
        stream.SetSchema(tenant, schema);
    }
}
