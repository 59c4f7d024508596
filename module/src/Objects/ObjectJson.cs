using System;
using System.Buffers;
using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Text;
using System.Text.Json;

namespace FedXdr.Objects;

/// <summary>Converts objects to JSON: the -Body of a command, and values that have no simpler text.</summary>
internal static class ObjectJson
{
    // Ends an object that contains itself.
    private const int MaxBodyDepth = 64;

    // More than the reader of rows allows.
    private const int MaxValueDepth = 300;

    /// <summary>The body of a request: text stays as it is, any other object becomes JSON.</summary>
    internal static string? BodyOf(object? body)
    {
        if (body is null)
        {
            return null;
        }
        if (Unwrap(body) is string text)
        {
            return JsonText.Clean(text);
        }
        return Serialize(body, MaxBodyDepth);
    }

    /// <summary>A value of a row.</summary>
    internal static string Of(object value) => Serialize(value, MaxValueDepth);

    private static string Serialize(object value, int maxDepth)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, JsonText.WriterOptions))
        {
            Write(json, value, maxDepth);
        }
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static object Unwrap(object value) => value is PSObject wrapped ? wrapped.BaseObject : value;

    private static void Write(Utf8JsonWriter json, object? value, int levels)
    {
        if (levels < 0)
        {
            throw Errors.InvalidBody($"the body is nested deeper than {MaxBodyDepth} levels");
        }
        var plain = value is null ? null : Unwrap(value);
        if (WriteScalar(json, plain))
        {
            return;
        }
        switch (plain)
        {
            case IDictionary dictionary:
                json.WriteStartObject();
                foreach (DictionaryEntry entry in dictionary)
                {
                    WriteMember(json, Convert.ToString(entry.Key, CultureInfo.InvariantCulture), entry.Value, levels);
                }
                json.WriteEndObject();
                break;
            case IEnumerable list:
                json.WriteStartArray();
                foreach (var item in list)
                {
                    Write(json, item, levels - 1);
                }
                json.WriteEndArray();
                break;
            default:
                json.WriteStartObject();
                foreach (var property in PSObject.AsPSObject(value).Properties)
                {
                    if (property.IsGettable)
                    {
                        WriteMember(json, property.Name, property.Value, levels);
                    }
                }
                json.WriteEndObject();
                break;
        }
    }

    private static void WriteMember(Utf8JsonWriter json, string? name, object? value, int levels)
    {
        json.WritePropertyName(JsonText.Clean(name) ?? "");
        Write(json, value, levels - 1);
    }

    private static bool WriteScalar(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case null or DBNull:
                json.WriteNullValue();
                return true;
            case string text:
                json.WriteStringValue(JsonText.Clean(text));
                return true;
            case bool flag:
                json.WriteBooleanValue(flag);
                return true;
            case SwitchParameter flag:
                json.WriteBooleanValue(flag.IsPresent);
                return true;
            case DateTime time:
                json.WriteStringValue(time.Kind == DateTimeKind.Local ? time.ToUniversalTime() : time);
                return true;
            case DateTimeOffset time:
                json.WriteStringValue(time);
                return true;
            case double number when !double.IsFinite(number):
            case float single when !float.IsFinite(single):
                json.WriteNullValue();
                return true;
            case double or float or decimal or byte or sbyte or short or ushort or int or uint or long or ulong
                when value is not Enum:
                json.WriteRawValue(Convert.ToString(value, CultureInfo.InvariantCulture)!);
                return true;
            case Enum or char or Guid or Uri or Version:
                json.WriteStringValue(value.ToString());
                return true;
            default:
                return false;
        }
    }
}
