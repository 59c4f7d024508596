using System;
using System.Buffers;
using System.Collections.Generic;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace FedXdr.Queries;

/// <summary>A settings or request document for the native library. Wiped when disposed: it may hold an identity's header.</summary>
internal sealed class JsonDocumentWriter : IDisposable
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    // Large enough that the buffer hardly ever grows: growing leaves a copy that is not wiped.
    private const int InitialSize = 16 * 1024;

    private readonly ArrayBufferWriter<byte> _buffer = new(InitialSize);

    internal JsonDocumentWriter()
    {
        Json = new Utf8JsonWriter(_buffer, Options);
        Json.WriteStartObject();
        EnvironmentSnapshot.Write(Json);
    }

    internal Utf8JsonWriter Json { get; }

    internal void Text(string name, string? value)
    {
        if (value is not null)
        {
            Json.WriteString(name, JsonText.Clean(value));
        }
    }

    internal void Texts(string name, IReadOnlyCollection<string>? values)
    {
        if (values is null || values.Count == 0)
        {
            return;
        }
        Json.WriteStartArray(name);
        foreach (var value in values)
        {
            Json.WriteStringValue(JsonText.Clean(value));
        }
        Json.WriteEndArray();
    }

    internal void Number(string name, long? value)
    {
        if (value is not null)
        {
            Json.WriteNumber(name, value.Value);
        }
    }

    internal void Flag(string name, bool value)
    {
        if (value)
        {
            Json.WriteBoolean(name, true);
        }
    }

    internal ReadOnlySpan<byte> Finish()
    {
        Json.WriteEndObject();
        Json.Flush();
        return _buffer.WrittenSpan;
    }

    public void Dispose()
    {
        Json.Dispose();
        _buffer.Clear();
    }
}
