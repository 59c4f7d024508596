using System.Management.Automation.Runspaces;
using System.Runtime.CompilerServices;
using FedXdr.Interop;

namespace FedXdr.Queries;

/// <summary>The queries under way, so that removing the module ends those of the runspace that removes it.</summary>
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

    internal static void CancelMine()
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
