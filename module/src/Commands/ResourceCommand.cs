using System;
using System.Globalization;
using System.Linq;
using FedXdr.Interop;
using FedXdr.Objects;
using FedXdr.Reading;

namespace FedXdr.Commands;

/// <summary>A cmdlet that reads entries of the catalog.</summary>
public abstract class ResourceCommand : DataCommand
{
    /// <summary>
    /// Reads what a piped object or text identifies. False if it stands for tenants only: a text that -TenantId takes,
    /// or an object of others that has a tenant and no id.
    /// </summary>
    private protected bool ReadPiped(object input, params IdSource[] sources)
    {
        if (TrimAttribute.Unwrap(input) is string text)
        {
            var ids = TrimAttribute.Words(text);
            if (TenantId is not null && ids.SequenceEqual(TenantId.Select(tenant => tenant.Id)))
            {
                return false;
            }
            if (sources is [{ TakesText: true } first, ..])
            {
                first.Read(ids);
            }
            else
            {
                ReportNoId(input);
            }
            return true;
        }
        if (TenantObject.IsTenant(input) && !HasItem(input, sources))
        {
            return false;
        }
        foreach (var source in sources)
        {
            if (IdTransformationAttribute.Find(input, source.Properties) is { } id)
            {
                if (TenantId is [var tenant] && tenant.Id == id)
                {
                    // It is the id of the item.
                    TenantId = null;
                }
                source.Read([id]);
                return true;
            }
        }
        if (TenantId is not null && (sources.Length == 0 || IdTransformationAttribute.ClassOf(input) is null))
        {
            return false;
        }
        ReportNoId(input);
        return true;
    }

    // An object with a tenant and a machine's id is about the machine. The Id of a tenant is no other item's.
    private static bool HasItem(object input, IdSource[] sources) =>
        sources.Any(source => IdTransformationAttribute.Find(
            input, [.. source.Properties.Where(property => property != "Id")]) is not null);

    /// <summary>Reports a piped object without an id; the next one may have one.</summary>
    private protected void ReportNoId(object? input)
    {
        var rowClass = IdTransformationAttribute.ClassOf(input);
        var what = rowClass is not null ? $"a row of FedXdr.{rowClass}"
            : TrimAttribute.Unwrap(input) is string or null ? $"'{input}'"
            : $"an object with the members {TenantObject.Describe(input!)}";
        var missing = rowClass is null ? "neither a tenant nor an id" : "no id";
        WriteError(Errors.InvalidItemId($"{what} has {missing} that {CommandName} takes").ToErrorRecord());
    }

    /// <summary>Writes the parameters that only some entries have.</summary>
    private protected virtual void WriteOptions(JsonDocumentWriter request)
    {
    }

    /// <summary>A time as the services take it. One without a zone is local, as that of Get-Date is.</summary>
    private protected static string? Utc(DateTime? time) =>
        time?.ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ss.fffffffZ", CultureInfo.InvariantCulture);

    /// <summary>The entry that the value of a parameter selects; ValidateSet has checked the value.</summary>
    private protected static CatalogEntry Choose(string value, params (string Value, CatalogEntry Entry)[] entries) =>
        entries.First(choice => choice.Value.Equals(value, StringComparison.OrdinalIgnoreCase)).Entry;

    private protected virtual void ReadList(CatalogEntry resource, string? filter)
    {
        using var request = NewRowsRequest(resource);
        request.Text("filter", filter);
        RunData(request, resource.Reader, TenantId);
    }

    // A filter with ids is refused by the native library: it says what does not go together.
    private protected void ReadItems(CatalogEntry resource, string[] ids, string? filter)
    {
        foreach (var id in ids)
        {
            using var request = NewRowsRequest(resource);
            request.Text("filter", filter);
            request.Text("id", id);
            RunData(request, resource.Reader, TenantId);
        }
    }

    // One query per object of the pipeline: the rows must be written before the next object comes, because
    // -PipelineVariable pairs them. The service allows 50 such requests per minute, so there is nothing to gain.
    private protected void ReadChildren(
        CatalogEntry resource,
        string[] parents,
        string? filter,
        Action<object>? complete = null)
    {
        using var request = NewRowsRequest(resource);
        request.Text("filter", filter);
        request.Texts("parentIds", parents);
        RunData(request, resource.Reader, TenantId, complete);
    }

    private JsonDocumentWriter NewRowsRequest(CatalogEntry resource)
    {
        var request = NewDataRequest("rows", TenantId);
        request.Text("resource", resource.Name);
        WriteOptions(request);
        return request;
    }

    /// <summary>Where ids come from, and how to read what they identify.</summary>
    private protected sealed class IdSource(bool takesText, Action<string[]> read, params string[] properties)
    {
        internal bool TakesText { get; } = takesText;

        internal Action<string[]> Read { get; } = read;

        internal string[] Properties { get; } = properties;
    }
}
