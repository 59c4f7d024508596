using System;
using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Text.Json;
using FedXdr.Objects;

namespace FedXdr.Interop;

/// <summary>
/// Writes the parameters of a hunting query with their types. The native library makes literals of the query language
/// of them.
/// </summary>
internal static class QueryParameters
{
    // Ends an array that contains itself; the native library allows fewer levels.
    private const int MaxDepth = 16;

    /// <summary>Writes a query with all that belongs to it.</summary>
    internal static void Write(
        JsonDocumentWriter request,
        string query,
        IDictionary? parameters,
        string? timespan,
        string? splitBy,
        string engine)
    {
        request.Text("query", query);
        request.Text("timespan", timespan);
        request.Text("splitBy", splitBy?.ToLowerInvariant());
        request.Text("engine", engine.ToLowerInvariant());
        Write(request, parameters);
    }

    private static void Write(JsonDocumentWriter request, IDictionary? parameters)
    {
        if (parameters is null || parameters.Count == 0)
        {
            return;
        }
        var json = request.Json;
        json.WriteStartArray("parameters");
        foreach (DictionaryEntry entry in parameters)
        {
            var name = Convert.ToString(entry.Key, CultureInfo.InvariantCulture) ?? "";
            json.WriteStartObject();
            json.WriteString("name", JsonText.Clean(name));
            WriteValue(json, name, entry.Value, MaxDepth);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void WriteValue(Utf8JsonWriter json, string name, object? value, int levels)
    {
        var plain = value is PSObject wrapped ? wrapped.BaseObject : value;
        switch (plain)
        {
            case string text:
                WriteText(json, name, text);
                break;
            case char letter:
                WriteText(json, name, letter.ToString());
                break;
            case Enum level:
                WriteText(json, name, level.ToString());
                break;
            case bool flag:
                json.WriteString("type", "bool");
                json.WriteBoolean("value", flag);
                break;
            case SwitchParameter flag:
                json.WriteString("type", "bool");
                json.WriteBoolean("value", flag.IsPresent);
                break;
            case sbyte or byte or short or ushort or int:
                json.WriteString("type", "int");
                json.WriteNumber("value", Convert.ToInt32(plain, CultureInfo.InvariantCulture));
                break;
            case uint or long or (ulong and <= (ulong)long.MaxValue):
                json.WriteString("type", "long");
                json.WriteNumber("value", Convert.ToInt64(plain, CultureInfo.InvariantCulture));
                break;
            // As text: JSON has no infinity.
            case double or float:
                json.WriteString("type", "real");
                json.WriteString("value", Convert.ToString(plain, CultureInfo.InvariantCulture));
                break;
            case decimal number:
                json.WriteString("type", "decimal");
                json.WriteString("value", number.ToString(CultureInfo.InvariantCulture));
                break;
            case DateTime or DateTimeOffset:
                json.WriteString("type", "datetime");
                json.WriteString("value", ValueText.Of(plain));
                break;
            case TimeSpan span:
                json.WriteString("type", "timespan");
                json.WriteNumber("value", span.Ticks);
                break;
            case Guid id:
                json.WriteString("type", "guid");
                json.WriteString("value", id.ToString());
                break;
            case IEnumerable list and not IDictionary when levels > 0:
                json.WriteString("type", "list");
                json.WriteStartArray("value");
                foreach (var item in list)
                {
                    json.WriteStartObject();
                    WriteValue(json, name, item, levels - 1);
                    json.WriteEndObject();
                }
                json.WriteEndArray();
                break;
            case null:
                throw Errors.InvalidParameter($"the parameter '{name}' is null, and a null has no type");
            case var other:
                throw Errors.InvalidParameter(
                    $"the parameter '{name}' is a {other.GetType().Name}, which the query language does not have");
        }
    }

    private static void WriteText(Utf8JsonWriter json, string name, string text)
    {
        if (JsonText.Clean(text) != text)
        {
            throw Errors.InvalidParameter($"the parameter '{name}' has half a surrogate pair, which is no character");
        }
        json.WriteString("type", "string");
        json.WriteString("value", text);
    }
}
