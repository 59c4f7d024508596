using System;
using System.Globalization;
using System.Management.Automation;

namespace FedXdr.Commands;

/// <summary>A time span, where a number is seconds. PowerShell itself would read ticks, or days from text.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SecondsTransformationAttribute : ArgumentTransformationAttribute
{
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        var plain = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        var text = Convert.ToString(plain, CultureInfo.InvariantCulture);
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds)
            && Math.Abs(seconds) < TimeSpan.MaxValue.TotalSeconds)
        {
            plain = TimeSpan.FromSeconds(seconds);
        }
        if (!LanguagePrimitives.TryConvertTo<TimeSpan>(plain, out var span))
        {
            return inputData;
        }
        if (span < TimeSpan.Zero)
        {
            throw new ArgumentTransformationMetadataException($"'{span}' is negative: give a time span, or seconds.");
        }
        return span;
    }
}
