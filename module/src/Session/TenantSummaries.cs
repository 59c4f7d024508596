using System.Collections;
using System.Collections.Generic;
using System.Management.Automation;
using FedXdr.Interop;
using FedXdr.Reading;

namespace FedXdr.Session;

/// <summary>
/// The list behind -TenantSummary, in a variable of the caller. The variable is set before the first query and the list
/// is filled at the end of each, so it is complete however the command ends.
/// </summary>
internal sealed class TenantSummaries
{
    private static readonly SummaryReader RowReader = new();

    private readonly Dictionary<(string? Id, string? Name, string? Resource), TenantSummary> _known = [];
    private readonly ArrayList _list;

    private TenantSummaries(ArrayList list) => _list = list;

    /// <summary>As for -OutVariable: a + before the name adds to what the variable has.</summary>
    internal static TenantSummaries In(PSVariableIntrinsics variables, string name)
    {
        var adds = name.StartsWith('+');
        var plain = adds ? name[1..] : name;
        var before = adds ? variables.GetValue(plain) : null;
        var list = (before is PSObject wrapped ? wrapped.BaseObject : before) switch
        {
            ArrayList known => known,
            ICollection others => new ArrayList(others),
            null => [],
            var other => [other],
        };
        variables.Set(plain, list);
        return new TenantSummaries(list);
    }

    /// <summary>Adds what a query did in each tenant.</summary>
    internal unsafe void Add(QueryHandle query)
    {
        using var batch = query.Summary();
        if (batch is null)
        {
            return;
        }
        var view = batch.View();
        var reader = new BatchReader(RowReader);
        for (var left = reader.Begin(view.ptr, view.len); left > 0; left--)
        {
            Add((TenantSummary)reader.ReadRow());
        }
    }

    /// <summary>Names tenants that no query was made for: the command had all the rows that it wanted.</summary>
    internal void AddSkipped(IEnumerable<TenantReference> tenants)
    {
        foreach (var tenant in tenants)
        {
            Add(new TenantSummary
            {
                TenantId = tenant.Id,
                TenantName = tenant.Name,
                Result = "Skipped",
                Message = "the command had as many rows as it wanted before this tenant was read",
            });
        }
    }

    private void Add(TenantSummary summary)
    {
        var key = (summary.TenantId, summary.TenantName, summary.Resource);
        if (_known.TryGetValue(key, out var before))
        {
            before.Add(summary);
            return;
        }
        _known.Add(key, summary);
        _list.Add(summary);
    }
}
