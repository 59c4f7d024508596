using System;
using System.Diagnostics.CodeAnalysis;

namespace FedXdr.Batches;

/// <summary>A batch that is not what the format says: the module and the native library do not fit each other.</summary>
internal sealed class BatchFormatException(string message) : Exception(message)
{
    // Throwing from a method of its own keeps the readers small enough to be inlined.
    [DoesNotReturn]
    internal static void Throw(string message) => throw new BatchFormatException(message);
}
