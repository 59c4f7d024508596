using System;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace FedXdr.Objects;

/// <summary>What every JSON document of the module shares.</summary>
internal static class JsonText
{
    // The documents go to the native library and to APIs, never into HTML.
    internal static readonly JsonWriterOptions WriterOptions =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Replaces each unpaired surrogate with U+FFFD: UTF-8 cannot encode it.</summary>
    [return: NotNullIfNotNull(nameof(text))]
    internal static string? Clean(string? text) =>
        text is null || text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') < 0
            ? text
            : Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
}
