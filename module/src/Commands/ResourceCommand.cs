using System;
using System.Linq;
using FedXdr.Reading;

namespace FedXdr.Commands;

/// <summary>A cmdlet that reads entries of the catalog.</summary>
public abstract class ResourceCommand : DataCommand
{
    /// <summary>
    /// Whether the pipeline brought tenants instead of ids. PowerShell binds a text to both parameters; the id of a
    /// machine or an alert is rejected by -TenantId.
    /// </summary>
    private protected bool AreTenants(string[] ids) => TenantId is not null && ids.SequenceEqual(TenantId);

    private protected void ReadList(CatalogEntry resource, string? filter)
    {
        using var request = NewRowsRequest(resource, TenantId);
        request.Text("filter", filter);
        RunData(request, resource.Reader, TenantId);
    }

    private protected void ReadItems(CatalogEntry resource, string[] ids)
    {
        foreach (var id in ids)
        {
            using var request = NewRowsRequest(resource, TenantId);
            request.Text("id", id);
            RunData(request, resource.Reader, TenantId, item: id);
        }
    }

    // One query per object of the pipeline: the rows must be written before the next object comes, because
    // -PipelineVariable pairs them. The service allows 50 such requests per minute, so there is nothing to gain.
    private protected void ReadChildren(CatalogEntry resource, string[] parents, Action<object>? complete = null)
    {
        using var request = NewRowsRequest(resource, TenantId);
        request.Texts("parentIds", parents);
        RunData(request, resource.Reader, TenantId, complete);
    }
}
