using System.Collections;
using System.Management.Automation;
using FedXdr.Interop;
using FedXdr.Objects;
using FedXdr.Reading;

namespace FedXdr.Commands;

[Cmdlet(VerbsLifecycle.Invoke, "FdxHunting", DefaultParameterSetName = QuerySet)]
[OutputType(typeof(Row), typeof(string))]
public sealed class InvokeFdxHuntingCommand : DataCommand
{
    private const string QuerySet = "Query";
    private const string PathSet = "Path";

    private static readonly DynamicReader Rows = new();

    [Parameter(Mandatory = true, Position = 0, ParameterSetName = QuerySet)]
    [ValidateNotNull]
    public string Query { get; set; } = "";

    [Parameter(Mandatory = true, ParameterSetName = PathSet)]
    [ValidateNotNullOrEmpty]
    public string Path { get; set; } = "";

    [Parameter(Position = 1)]
    [ValidateNotNull]
    public IDictionary? Parameter { get; set; }

    [Parameter]
    [DurationTransformation]
    [Trim]
    [ValidateNotNullOrEmpty]
    public string? Timespan { get; set; }

    [Parameter]
    [ValidateSet("Time")]
    public string? SplitBy { get; set; }

    [Parameter]
    [ValidateSet("Graph", "Defender", "Xdr")]
    public string Engine { get; set; } = "Graph";

    private protected override void Begin()
    {
        base.Begin();
        if (ParameterSetName == PathSet)
        {
            Query = ReadQuery(Path);
        }
    }

    private protected override void Process()
    {
        using var request = NewDataRequest("hunting", TenantId);
        QueryParameters.Write(request, Query, Parameter, Timespan, SplitBy, Engine);
        RunData(request, Rows, TenantId);
    }
}
