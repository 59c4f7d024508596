using System;
using FedXdr.Batches;

namespace FedXdr.Rows;

/// <summary>Makes one kind of row out of a stream.</summary>
internal abstract class RowReader
{
    /// <summary>The columns that the rows need, in order; null where any will do.</summary>
    internal abstract ColumnSpec[]? Columns { get; }

    internal abstract object Read(BatchStream stream);

    /// <summary>Once a schema, so that reading a row needs no names.</summary>
    internal void Check(ReadOnlySpan<ColumnSpec> schema)
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
                BatchFormatException.Throw(
                    $"column {i} is {found} in the native library and {Columns[i].Name} ({Columns[i].Kind}) in the module");
            }
        }
        BatchFormatException.Throw($"the native library has the column {schema[Columns.Length].Name}, which the module does not know");
    }
}
