using System;
using System.Management.Automation;
using FedXdr.Session;

namespace FedXdr.Commands;

/// <summary>
/// Forgets the default connection when the parameter is bound, before its value is checked. Hosts such as Functions
/// reuse runspaces: after a Connect-Fdx that fails, a command must not use the connection of an earlier run.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ForgetsDefaultConnectionAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        DefaultConnection.Clear();
        return inputData;
    }
}
