using System;
using System.Collections;
using System.Collections.Generic;
using System.Management.Automation;

namespace FedXdr.Commands;

/// <summary>Turns machines, vulnerabilities and other objects with a machine id into machine ids.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class MachineIdTransformationAttribute : ArgumentTransformationAttribute
{
    // The Id of a vulnerability is not a machine id, so the specific names come first.
    private static readonly string[] IdProperties = ["MachineId", "DeviceId", "Id"];

    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        var plain = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        if (plain is null or string)
        {
            return inputData;
        }
        var ids = new List<string>();
        if (plain is IEnumerable list)
        {
            foreach (var item in list)
            {
                ids.Add(IdOf(item));
            }
        }
        else
        {
            ids.Add(IdOf(inputData!));
        }
        return ids.ToArray();
    }

    private static string IdOf(object? item)
    {
        if ((item is PSObject wrapped ? wrapped.BaseObject : item) is string text)
        {
            return text;
        }
        if (item is not null)
        {
            var properties = PSObject.AsPSObject(item).Properties;
            foreach (var name in IdProperties)
            {
                if (properties[name]?.Value is { } value
                    && LanguagePrimitives.ConvertTo<string>(value) is { Length: > 0 } id)
                {
                    return id;
                }
            }
        }
        // If the cause is a failed cast, PowerShell continues with the properties of the piped object.
        throw new ArgumentTransformationMetadataException(
            $"'{item}' is not a machine: give an id, or an object with a property {string.Join(" or ", IdProperties)}.",
            new PSInvalidCastException());
    }
}
