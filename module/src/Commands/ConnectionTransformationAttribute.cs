using System;
using System.Management.Automation;

namespace FedXdr.Commands;

/// <summary>Explains why an object that looks like a connection is not one.</summary>
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
                "A FedXdr connection cannot be serialized: this is a copy that came through a job, a file or a remote "
                + "session. Call Connect-Fdx where the command runs; it sends no request.");
        }
        if (value?.GetType().FullName == typeof(Connection).FullName)
        {
            throw new ArgumentTransformationMetadataException(
                "Another version of FedXdr in this process made this connection. Call Connect-Fdx again.");
        }
        return inputData;
    }
}
