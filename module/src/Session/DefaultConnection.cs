using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Management.Automation.Runspaces;
using System.Runtime.CompilerServices;
using FedXdr.Objects;

namespace FedXdr.Session;

/// <summary>The default connection. Parallel runspaces do not affect each other: each has its own.</summary>
internal static class DefaultConnection
{
    private static readonly ConditionalWeakTable<Runspace, Connection> Connections = [];
    private static readonly ConcurrentDictionary<string, bool> Tenants = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Tenants of all connections of this process, for completion.</summary>
    internal static ICollection<string> SeenTenants => Tenants.Keys;

    internal static Connection? Current =>
        Runspace.DefaultRunspace is { } runspace && Connections.TryGetValue(runspace, out var connection)
            ? connection
            : null;

    internal static Connection Required => Current ?? throw NotConnected();

    internal static FdxException NotConnected() => Errors.NotConnected("there is no connection in this runspace");

    internal static void Set(Connection connection)
    {
        if (Runspace.DefaultRunspace is { } runspace)
        {
            Connections.AddOrUpdate(runspace, connection);
        }
    }

    internal static void Clear()
    {
        if (Runspace.DefaultRunspace is { } runspace)
        {
            Connections.Remove(runspace);
        }
    }

    internal static void AddSeenTenants(IEnumerable<string> tenants)
    {
        foreach (var tenant in tenants)
        {
            Tenants.TryAdd(tenant, true);
        }
    }
}
