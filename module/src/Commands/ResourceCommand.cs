using System;
using System.Collections.Generic;
using FedXdr.Reading;

namespace FedXdr.Commands;

/// <summary>A cmdlet that reads entries of the catalog.</summary>
public abstract class ResourceCommand : DataCommand
{
    // Parents arrive one at a time from the pipeline; one query reads the rows of many of them.
    private const int ParentsPerRequest = 64;
    private const long MaxWaitMilliseconds = 1000;

    private readonly Dictionary<string, PendingParents> _pending = new(StringComparer.OrdinalIgnoreCase);

    private protected override void End()
    {
        foreach (var pending in _pending.Values)
        {
            Send(pending);
        }
    }

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
            RunData(request, resource.Reader, TenantId);
        }
    }

    private protected void ReadChildren(CatalogEntry resource, string[] parents)
    {
        var key = TenantId is null ? "" : string.Join(' ', TenantId);
        if (!_pending.TryGetValue(key, out var pending))
        {
            pending = new PendingParents(resource, TenantId);
            _pending.Add(key, pending);
        }
        pending.Add(parents);
        if (pending.IsDue)
        {
            Send(pending);
        }
    }

    private void Send(PendingParents pending)
    {
        if (pending.Ids.Count == 0)
        {
            return;
        }
        using var request = NewRowsRequest(pending.Resource, pending.Tenants);
        request.Texts("parentIds", pending.Ids);
        pending.Ids.Clear();
        RunData(request, pending.Resource.Reader, pending.Tenants);
    }

    private sealed class PendingParents(CatalogEntry resource, string[]? tenants)
    {
        private long _since;

        internal CatalogEntry Resource { get; } = resource;

        internal string[]? Tenants { get; } = tenants;

        internal List<string> Ids { get; } = [];

        internal bool IsDue =>
            Ids.Count >= ParentsPerRequest || Environment.TickCount64 - _since >= MaxWaitMilliseconds;

        internal void Add(string[] ids)
        {
            if (Ids.Count == 0)
            {
                _since = Environment.TickCount64;
            }
            Ids.AddRange(ids);
        }
    }
}
