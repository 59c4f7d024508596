using System;
using System.Diagnostics.CodeAnalysis;

namespace FedXdr.Reading;

/// <summary>A batch that breaks the format: the module and the native library do not match.</summary>
internal sealed class BatchFormatException(string message) : Exception(message)
{
    // A method that only throws keeps the readers small enough to be inlined.
    [DoesNotReturn]
    internal static void Throw(string message) => throw new BatchFormatException(message);
}
