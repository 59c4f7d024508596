using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;

namespace FedXdr.Commands;

/// <summary>
/// Turns text and objects into tenants: 'a, b' into two, a row of a CSV file into its id and name. Rejects the ids of
/// machines, alerts, CVEs and so on, so that PowerShell binds them to other parameters when they come from the
/// pipeline.
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
        var tenants = new List<TenantReference>();
        if (plain is IEnumerable list and not (string or IDictionary))
        {
            foreach (var item in list)
            {
                Add(tenants, item);
            }
        }
        else
        {
            Add(tenants, inputData);
        }
        return tenants.ToArray();
    }

    private static void Add(List<TenantReference> tenants, object? item)
    {
        switch (TrimAttribute.Unwrap(item))
        {
            // What is null is for ValidateNotNullOrEmpty to report.
            case null:
                tenants.Add(null!);
                break;
            case TenantReference tenant:
                tenants.Add(tenant);
                break;
            case Guid id:
                tenants.Add(new TenantReference(id.ToString()));
                break;
            case string text when !IsItemId(text):
                tenants.AddRange(TrimAttribute.Words(text).Select(word => new TenantReference(word)));
                break;
            case string text:
                throw Refused($"'{text}' is not a tenant: give its id or one of its domains.");
            default:
                tenants.Add(TenantObject.Find(item!) ?? throw Refused(
                    $"an object is not a tenant: it needs a member TenantId or CustomerId, or an Id that is a GUID, "
                    + $"with a value. It has {Members(item!)}."));
                break;
        }
    }

    private static string Members(object item) =>
        TenantObject.Describe(item) is { Length: > 0 } names ? $"the members {names}" : "no members";

    // If the cause is a failed cast, PowerShell continues with the other parameters of the pipeline.
    private static ArgumentTransformationMetadataException Refused(string message) =>
        new(message, new PSInvalidCastException());

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
