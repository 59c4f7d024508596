using System;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace FedXdr.Queries;

internal static class JsonText
{
    /// <summary>The text with U+FFFD for each half of a surrogate pair that stands alone: such text has no UTF-8 form.</summary>
    [return: NotNullIfNotNull(nameof(text))]
    internal static string? Clean(string? text) =>
        text is null || text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') < 0
            ? text
            : Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
}
