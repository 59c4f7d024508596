using System.Management.Automation.Runspaces;
using System.Runtime.CompilerServices;
using FedXdr.Interop;

namespace FedXdr.Session;

/// <summary>The running queries, so that removing the module can cancel those of its runspace.</summary>
internal static class RunningQueries
{
    private static readonly ConditionalWeakTable<QueryHandle, Runspace> Queries = [];

    internal static void Add(QueryHandle query)
    {
        if (Runspace.DefaultRunspace is { } runspace)
        {
            Queries.Add(query, runspace);
        }
    }

    internal static void Remove(QueryHandle query) => Queries.Remove(query);

    internal static void CancelInCurrentRunspace()
    {
        foreach (var (query, runspace) in Queries)
        {
            if (ReferenceEquals(runspace, Runspace.DefaultRunspace))
            {
                query.TryCancel();
            }
        }
    }
}
