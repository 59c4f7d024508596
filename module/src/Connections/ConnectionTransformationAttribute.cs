using System;
using System.Linq;
using System.Management.Automation;

namespace FedXdr;

/// <summary>Says why an object that looks like a connection is none.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ConnectionTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        var value = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        if (value is Connection)
        {
            return value;
        }
        if (inputData is PSObject copy && copy.TypeNames.Contains("Deserialized." + typeof(Connection).FullName))
        {
            throw new ArgumentTransformationMetadataException(
                "A FedXdr connection cannot be serialized: this is what is left of one after its way through a job, a file or a remote session. Call Connect-Fdx where the command runs; it costs nothing.");
        }
        if (value?.GetType().FullName == typeof(Connection).FullName)
        {
            throw new ArgumentTransformationMetadataException(
                "This connection was made by another version of FedXdr that is loaded in this process. Call Connect-Fdx again.");
        }
        return inputData;
    }
}
