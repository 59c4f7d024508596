using System;
using System.Collections;
using System.Collections.Generic;
using System.Management.Automation;

namespace FedXdr.Commands;

/// <summary>
/// Removes the blanks around what people type. A list is also split at its commas, because what comes from a setting is
/// often one text: 'a, b'.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class TrimAttribute : ArgumentTransformationAttribute
{
    /// <summary>Whether the values have no commas, so that a comma separates two of them.</summary>
    public bool Split { get; init; }

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        var plain = Unwrap(inputData);
        if (plain is string text)
        {
            return Split ? Words(text) : Trimmed(text);
        }
        if (plain is not IEnumerable list)
        {
            return inputData;
        }
        var values = new List<object?>();
        foreach (var item in list)
        {
            switch (Unwrap(item))
            {
                case string word when Split:
                    values.AddRange(Words(word));
                    break;
                case string word:
                    values.Add(Trimmed(word));
                    break;
                default:
                    values.Add(item);
                    break;
            }
        }
        return values.ToArray();
    }

    internal static object? Unwrap(object? value) => value is PSObject wrapped ? wrapped.BaseObject : value;

    // Nothing but blanks stays, for the native library to explain.
    private static string Trimmed(string text) => text.Trim() is { Length: > 0 } trimmed ? trimmed : text;

    internal static string[] Words(string text) =>
        text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
}
