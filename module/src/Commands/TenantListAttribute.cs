using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;

namespace FedXdr.Commands;

/// <summary>
/// Turns text into tenants: 'a, b' into two. Rejects objects and the ids of machines, alerts, CVEs and so on, so that
/// PowerShell binds them to other parameters when they come from the pipeline.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class TenantListAttribute : ArgumentTransformationAttribute
{
    // A machine's id has 40 hexadecimal digits; those of alerts are about as long.
    private const int ShortestItemId = 24;

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        var plain = TrimAttribute.Unwrap(inputData);
        if (plain is null)
        {
            return null;
        }
        var tenants = new List<string?>();
        if (plain is IEnumerable list and not string)
        {
            foreach (var item in list)
            {
                Add(tenants, TrimAttribute.Unwrap(item));
            }
        }
        else
        {
            Add(tenants, plain);
        }
        return tenants.ToArray();
    }

    private static void Add(List<string?> tenants, object? item)
    {
        switch (item)
        {
            // What is null is for ValidateNotNullOrEmpty to report.
            case null:
                tenants.Add(null);
                break;
            case Guid id:
                tenants.Add(id.ToString());
                break;
            case string text when !IsItemId(text):
                tenants.AddRange(TrimAttribute.Words(text));
                break;
            default:
                // If the cause is a failed cast, PowerShell continues with the other parameters of the pipeline.
                throw new ArgumentTransformationMetadataException(
                    $"'{item}' is not a tenant: give its id or one of its domains.", new PSInvalidCastException());
        }
    }

    // A tenant is a GUID or a domain, which has a dot and no underscore.
    private static bool IsItemId(string text) =>
        text.StartsWith("CVE-", StringComparison.OrdinalIgnoreCase)
        || text.StartsWith("TVM-", StringComparison.OrdinalIgnoreCase)
        || text.Contains("-_-", StringComparison.Ordinal)
        || (text.Length > 0 && text.All(char.IsAsciiDigit))
        || IsLongId(text);

    private static bool IsLongId(string text) =>
        text.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_')
        && text.Any(char.IsAsciiDigit)
        && (text.Length >= ShortestItemId || text.Contains('_', StringComparison.Ordinal))
        && !Guid.TryParse(text, out _);
}
