using System;
using System.Collections.Generic;
using System.Security;
using System.Text.Json;
using FedXdr.Objects;

namespace FedXdr.Interop;

/// <summary>A settings or request document for the native library. Dispose wipes it: it may hold a secret.</summary>
internal sealed class JsonDocumentWriter : IDisposable
{
    private readonly PinnedBuffer _buffer = new();

    internal JsonDocumentWriter()
    {
        Json = new Utf8JsonWriter(_buffer, JsonText.WriterOptions);
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

    /// <summary>Writes a secret without making a string of it.</summary>
    internal void Secret(string name, SecureString? value)
    {
        if (value is null)
        {
            return;
        }
        using var json = new PinnedBuffer();
        SecureText.WriteJson(value, json);
        Json.WritePropertyName(name);
        Json.WriteRawValue(json.Written, skipInputValidation: true);
    }

    /// <summary>Bytes, as base64.</summary>
    internal void Bytes(string name, ReadOnlySpan<byte> value) => Json.WriteBase64String(name, value);

    internal void Texts(string name, IReadOnlyCollection<string>? values)
    {
        if (values is null || values.Count == 0)
        {
            return;
        }
        List(name, values);
    }

    /// <summary>Tenants: one without a name as its id.</summary>
    internal void Tenants(string name, IReadOnlyCollection<TenantReference>? tenants)
    {
        if (tenants is null || tenants.Count == 0)
        {
            return;
        }
        Json.WriteStartArray(name);
        foreach (var tenant in tenants)
        {
            if (tenant.Name is null)
            {
                Json.WriteStringValue(JsonText.Clean(tenant.ToString()));
                continue;
            }
            Json.WriteStartObject();
            Text("id", tenant.ToString());
            Text("name", tenant.Name);
            Json.WriteEndObject();
        }
        Json.WriteEndArray();
    }

    /// <summary>Like <see cref="Texts"/>, but writes an empty list too.</summary>
    internal void List(string name, IReadOnlyCollection<string> values)
    {
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
        return _buffer.Written;
    }

    public void Dispose()
    {
        Json.Dispose();
        _buffer.Dispose();
    }
}
