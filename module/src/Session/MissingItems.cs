using System.Collections.Generic;
using System.Linq;

namespace FedXdr.Session;

/// <summary>
/// The items that a query over several tenants did not find. An item belongs to one tenant, so it is an error only if
/// no tenant has it.
/// </summary>
internal sealed class MissingItems
{
    private readonly Dictionary<string, List<FdxException>> _failures = [];

    /// <summary>Keeps the failure if another tenant may have the item; returns false for any other failure.</summary>
    internal bool Keep(FdxException failure, long tenants)
    {
        if (failure.Kind != FdxErrorKind.NotFound || tenants < 2 || failure.Item is not { } item)
        {
            return false;
        }
        if (!_failures.TryGetValue(item, out var failures))
        {
            _failures.Add(item, failures = []);
        }
        failures.Add(failure);
        return true;
    }

    /// <summary>One failure for each item that no tenant has.</summary>
    internal IEnumerable<FdxException> InNoTenant(long tenants) =>
        from pair in _failures
        where pair.Value.Count >= tenants
        let first = pair.Value[0]
        select new FdxException(
            first.Id, first.Kind, $"{pair.Key} was not found in any of the {tenants} tenants", first.Advice)
        {
            HttpStatus = first.HttpStatus,
            Item = pair.Key,
            Step = first.Step,
        };
}
