using System;
using System.Collections;
using System.Collections.Generic;
using System.Management.Automation;

namespace FedXdr.Commands;

[AttributeUsage(AttributeTargets.Property)]
public sealed class MachineIdTransformationAttribute : ArgumentTransformationAttribute
{
    // The Id of a vulnerability is not a machine's, so the more telling names go first.
    private static readonly string[] PropertyNames = ["MachineId", "DeviceId", "Id"];

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
            foreach (var name in PropertyNames)
            {
                if (properties[name]?.Value is { } value && LanguagePrimitives.ConvertTo<string>(value) is { Length: > 0 } id)
                {
                    return id;
                }
            }
        }
        // With a failed cast as its cause PowerShell goes on to bind the piped object's other properties.
        throw new ArgumentTransformationMetadataException(
            $"'{item}' is no machine: give an id, or an object with a property {string.Join(", ", PropertyNames)}.",
            new PSInvalidCastException());
    }
}
