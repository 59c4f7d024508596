using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;

namespace FedXdr.Commands;

/// <summary>What Get-FdxMachine can do besides what the catalog says.</summary>
public sealed partial class GetFdxMachineCommand
{
    [Parameter(ParameterSetName = ListSet)]
    [Alias("ComputerDnsName")]
    [Trim(Split = true)]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = [];

    [Parameter(ParameterSetName = ListSet)]
    [Trim]
    [ValidateNotNullOrEmpty]
    public string[] Tag { get; set; } = [];

    partial void Narrow(ref string? filter)
    {
        var conditions = new List<string>();
        if (filter is not null)
        {
            conditions.Add(filter);
        }
        if (Name.Length > 0)
        {
            conditions.Add(AnyOf(Name, name => $"computerDnsName eq {name}"));
        }
        if (Tag.Length > 0)
        {
            conditions.Add(AnyOf(Tag, tag => $"machineTags/any(tag: tag eq {tag})"));
        }
        if (conditions.Count > 0)
        {
            filter = conditions.Count == 1
                ? conditions[0]
                : string.Join(" and ", conditions.Select(condition => $"({condition})"));
        }
    }

    private static string AnyOf(string[] values, Func<string, string> condition) =>
        string.Join(" or ", values.Select(value => condition(Literal(value))));

    private static string Literal(string value) => $"'{value.Replace("'", "''", StringComparison.Ordinal)}'";
}
