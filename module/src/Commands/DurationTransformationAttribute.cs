using System;
using System.Management.Automation;
using System.Xml;

namespace FedXdr.Commands;

/// <summary>Turns a time span into the duration of ISO 8601 that the service takes.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class DurationTransformationAttribute : ArgumentTransformationAttribute
{
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData) =>
        TrimAttribute.Unwrap(inputData) is TimeSpan span ? XmlConvert.ToString(span) : inputData;
}
