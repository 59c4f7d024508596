using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using FedXdr.Reading;

namespace FedXdr.Commands;

[Cmdlet(VerbsCommon.Get, "FdxMachine", DefaultParameterSetName = ListSet)]
[OutputType(typeof(Machine), typeof(string))]
public sealed class GetFdxMachineCommand : DataCommand
{
    private const string ListSet = "List";
    private const string IdSet = "Id";

    [Parameter(
        ParameterSetName = IdSet,
        Mandatory = true,
        Position = 0,
        ValueFromPipeline = true,
        ValueFromPipelineByPropertyName = true)]
    [Alias("MachineId", "DeviceId")]
    [MachineIdTransformation]
    [ValidateNotNullOrEmpty]
    public string[] Id { get; set; } = [];

    [Parameter(ParameterSetName = ListSet)]
    [Alias("ComputerDnsName")]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = [];

    [Parameter(ParameterSetName = ListSet)]
    [ValidateNotNullOrEmpty]
    public string[] Tag { get; set; } = [];

    [Parameter(ParameterSetName = ListSet)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(MachineFilterCompleter))]
    public string? Filter { get; set; }

    private protected override void Process()
    {
        if (ParameterSetName == ListSet)
        {
            using var request = NewRowsRequest(Catalog.Machines, TenantId);
            request.Text("filter", CombinedFilter());
            RunData(request, Catalog.Machines.Reader, TenantId);
            return;
        }
        foreach (var id in Id)
        {
            using var request = NewRowsRequest(Catalog.Machines, TenantId);
            request.Text("id", id);
            RunData(request, Catalog.Machines.Reader, TenantId);
        }
    }

    private string? CombinedFilter()
    {
        var conditions = new List<string>();
        if (Filter is not null)
        {
            conditions.Add(Filter);
        }
        if (Name.Length > 0)
        {
            conditions.Add(AnyOf(Name, name => $"computerDnsName eq {name}"));
        }
        if (Tag.Length > 0)
        {
            conditions.Add(AnyOf(Tag, tag => $"machineTags/any(tag: tag eq {tag})"));
        }
        return conditions.Count switch
        {
            0 => null,
            1 => conditions[0],
            _ => string.Join(" and ", conditions.Select(condition => $"({condition})")),
        };
    }

    private static string AnyOf(string[] values, Func<string, string> condition) =>
        string.Join(" or ", values.Select(value => condition(Literal(value))));

    private static string Literal(string value) => $"'{value.Replace("'", "''", StringComparison.Ordinal)}'";
}
