using System;

namespace FedXdr.Reading;

/// <summary>Reads one kind of row from a stream.</summary>
internal abstract class RowReader
{
    /// <summary>The columns that the rows need, in order; null if the reader accepts any columns.</summary>
    internal abstract ColumnSpec[]? Columns { get; }

    internal abstract object Read(BatchStream stream);

    /// <summary>Checks the columns once per schema, so that reading a row needs no names.</summary>
    internal void CheckSchema(ReadOnlySpan<ColumnSpec> schema)
    {
        if (Columns is null || schema.SequenceEqual(Columns))
        {
            return;
        }
        for (var i = 0; i < Columns.Length; i++)
        {
            if (i >= schema.Length || schema[i] != Columns[i])
            {
                var found = i < schema.Length ? $"{schema[i].Name} ({schema[i].Kind})" : "nothing";
                var expected = $"{Columns[i].Name} ({Columns[i].Kind})";
                BatchFormatException.Throw(
                    $"column {i} is {found} in the native library, but {expected} in the module");
            }
        }
        var unknown = schema[Columns.Length].Name;
        BatchFormatException.Throw($"the native library has the column {unknown}, which the module does not know");
    }
}
