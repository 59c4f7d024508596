using System;
using System.Collections;
using System.Collections.Generic;
using System.Management.Automation;

namespace FedXdr.Commands;

/// <summary>Turns rows and other objects into ids: the value of the first of these properties that they have.</summary>
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

    private string IdOf(object? item)
    {
        if (TrimAttribute.Unwrap(item) is string text)
        {
            return text;
        }
        if (item is not null)
        {
            var members = PSObject.AsPSObject(item).Properties;
            foreach (var name in Properties)
            {
                if (members[name]?.Value is { } value
                    && LanguagePrimitives.ConvertTo<string>(value) is { Length: > 0 } id)
                {
                    return id;
                }
            }
        }
        // If the cause is a failed cast, PowerShell continues with the properties of the piped object.
        throw new ArgumentTransformationMetadataException(
            $"'{item}' has no id: give an id, or an object with a property {string.Join(" or ", Properties)}.",
            new PSInvalidCastException());
    }
}
