using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;

namespace FedXdr.Commands;

/// <summary>
/// Reads the tenant that an object stands for: a row of a CSV file, a customer of Microsoft Graph or Partner Center, or
/// a row of this module. Names of members are compared without case, blanks, hyphens and underscores.
/// </summary>
internal sealed class TenantObject
{
    // A customer comes first: where an object has both, its tenant is the partner's.
    private static readonly string[] Ids = ["customerid", "customertenantid", "tenantid", "microsoftid"];

    private static readonly string[] Names = ["customername", "tenantname", "companyname", "tenantdisplayname"];

    // What any object may have: they name the tenant only if the object is one.
    private static readonly string[] GeneralNames = ["displayname", "name"];

    // Members that hold the customer of a relationship.
    private static readonly string[] Inner = ["customer", "companyprofile"];

    // A value is read when it is wanted: that of a property can be expensive.
    private readonly Dictionary<string, Func<object?>> _members = new(StringComparer.Ordinal);
    private readonly List<string> _names = [];

    private TenantObject(object item)
    {
        if (TrimAttribute.Unwrap(item) is IDictionary dictionary)
        {
            foreach (DictionaryEntry entry in dictionary)
            {
                Add(LanguagePrimitives.ConvertTo<string>(entry.Key), () => entry.Value);
            }
            return;
        }
        foreach (var property in PSObject.AsPSObject(item).Properties)
        {
            Add(property.Name, () => property.Value);
        }
    }

    /// <summary>The tenant that an object stands for; null if it does not say one.</summary>
    internal static TenantReference? Find(object item) =>
        IdTransformationAttribute.IsRow(item) ? OfRow(item) : new TenantObject(item).Find();

    /// <summary>
    /// Whether an object is a tenant, so that its Id is no other item's. An Id needs a name beside it: other items have
    /// GUIDs too.
    /// </summary>
    internal static bool IsTenant(object item)
    {
        if (IdTransformationAttribute.IsRow(item))
        {
            return IdTransformationAttribute.ClassOf(item) is nameof(Customer);
        }
        var read = new TenantObject(item);
        return read.Find() is { } tenant
            && !read.HasOtherId(tenant)
            && (tenant.Name is not null || read.First(Ids) is not null);
    }

    /// <summary>The names of the members of an object, for an error.</summary>
    internal static string Describe(object item) => string.Join(", ", new TenantObject(item)._names);

    /// <summary>Whether a text can be a tenant: a GUID, or a domain.</summary>
    internal static bool CanBeTenant(string text) =>
        Guid.TryParse(text, out _)
        || (text.Contains('.', StringComparison.Ordinal)
            && text.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '.'));

    // The tenant of a row is the one that it was read from. A customer stands for its own.
    private static TenantReference? OfRow(object row)
    {
        var (id, name) = IsTenant(row) ? ("CustomerId", "CustomerName") : ("TenantId", "TenantName");
        var properties = PSObject.AsPSObject(row).Properties;
        return Text(properties[id]?.Value) is { } tenant
            ? new TenantReference(tenant, Text(properties[name]?.Value))
            : null;
    }

    private static string? Text(object? value) => TrimAttribute.Unwrap(value) switch
    {
        string text when !string.IsNullOrWhiteSpace(text) => text.Trim(),
        Guid id => id.ToString(),
        _ => null,
    };

    private static string Plain(string name) =>
        new(name.Where(letter => letter is not (' ' or '-' or '_')).Select(char.ToLowerInvariant).ToArray());

    private void Add(string name, Func<object?> value)
    {
        _names.Add(name);
        _members.TryAdd(Plain(name), value);
    }

    private object? Value(string name)
    {
        try
        {
            return _members.GetValueOrDefault(name)?.Invoke();
        }
        catch (GetValueException)
        {
            return null;
        }
    }

    private TenantReference? Find()
    {
        var inner = InnerTenant();
        var id = inner?.Id ?? First(Ids) ?? TenantIn("id") ?? TenantIn("tenant");
        if (id is null)
        {
            return null;
        }
        var found = new TenantReference(id, inner?.Name);
        if (found.Name is not null)
        {
            return found;
        }
        // The first of these members decides, also without a value: where a customer has no name, that of the tenant is
        // the partner's.
        if (Array.Find(Names, _members.ContainsKey) is { } member)
        {
            return new TenantReference(id, Text(Value(member)));
        }
        return HasOtherId(found) ? found : new TenantReference(id, First(GeneralNames));
    }

    private TenantReference? InnerTenant()
    {
        foreach (var name in Inner)
        {
            if (Value(name) is { } value
                && TrimAttribute.Unwrap(value) is not string
                && Find(value) is { } tenant)
            {
                return tenant;
            }
        }
        return null;
    }

    /// <summary>Whether the object has an id that is not that of the tenant, such as a machine's.</summary>
    private bool HasOtherId(TenantReference tenant) =>
        InnerTenant() is null
        && Text(Value("id")) is { } id
        && !id.Equals(tenant.Id, StringComparison.OrdinalIgnoreCase);

    private string? First(string[] names) =>
        names.Select(name => Text(Value(name))).FirstOrDefault(text => text is not null);

    private string? TenantIn(string name) =>
        Text(Value(name)) is { } text && CanBeTenant(text) ? text : null;
}
