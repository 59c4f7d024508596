using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;

namespace FedXdr.Commands;

/// <summary>
/// Turns rows and other objects into ids: the value of the first of these properties that they have. Machine.Id is the
/// Id of a row of that class. Without a class, Id is no property of rows: what it identifies depends on the class.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class IdTransformationAttribute(params string[] properties) : ArgumentTransformationAttribute
{
    public IReadOnlyList<string> Properties { get; } = properties;

    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        var plain = TrimAttribute.Unwrap(inputData);
        if (plain is null)
        {
            return null;
        }
        if (plain is string text)
        {
            return TrimAttribute.Words(text);
        }
        var ids = new List<string>();
        if (plain is IEnumerable list)
        {
            foreach (var item in list)
            {
                ids.AddRange(TrimAttribute.Words(IdOf(item)));
            }
        }
        else
        {
            ids.Add(IdOf(inputData!));
        }
        return ids.ToArray();
    }

    /// <summary>The class of a row, also of one that came out of a job; null for any other object.</summary>
    // The rows of Invoke-FdxRequest are of no class of their own.
    internal static string? ClassOf(object? item) => TypeOf(item) is var type && type == nameof(Row) ? null : type;

    /// <summary>Whether it is a row of this module, also one that came out of a job.</summary>
    internal static bool IsRow(object? item) => TypeOf(item) is not null;

    private static string? TypeOf(object? item)
    {
        const string Rows = "FedXdr.";
        const string FromJob = "Deserialized." + Rows;
        if (item is null)
        {
            return null;
        }
        var names = PSObject.AsPSObject(item).TypeNames;
        var type = names.Count > 0 ? names[0] : "";
        return type.StartsWith(FromJob, StringComparison.Ordinal) ? type[FromJob.Length..]
            : type.StartsWith(Rows, StringComparison.Ordinal) ? type[Rows.Length..]
            : null;
    }

    /// <summary>The id of an object: the first of these properties that it has; null without one.</summary>
    internal static string? Find(object item, IReadOnlyList<string> properties)
    {
        var row = PSObject.AsPSObject(item);
        var rowClass = ClassOf(item);
        foreach (var property in properties)
        {
            if (NameFor(property, rowClass) is { } name
                && row.Properties[name]?.Value is { } value
                && LanguagePrimitives.ConvertTo<string>(value) is { Length: > 0 } id)
            {
                return id;
            }
        }
        return null;
    }

    /// <summary>The name of the property in an object of this class; null if it means another class.</summary>
    private static string? NameFor(string property, string? rowClass)
    {
        var dot = property.IndexOf('.', StringComparison.Ordinal);
        if (dot >= 0)
        {
            return property[..dot] == rowClass ? property[(dot + 1)..] : null;
        }
        return property == "Id" && rowClass is not null ? null : property;
    }

    private string IdOf(object? item)
    {
        if (TrimAttribute.Unwrap(item) is string text)
        {
            return text;
        }
        if (item is not null && Find(item, Properties) is { } id)
        {
            return id;
        }
        var names = Properties.Where(name => !name.Contains('.', StringComparison.Ordinal));
        throw new ArgumentTransformationMetadataException(
            $"'{item}' has no id: give an id, or an object with a property {string.Join(" or ", names)}.");
    }
}
