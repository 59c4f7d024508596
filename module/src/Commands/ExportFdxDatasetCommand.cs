using System;
using System.Collections;
using System.Management.Automation;
using FedXdr.Interop;
using FedXdr.Objects;
using FedXdr.Reading;
using FedXdr.Session;

namespace FedXdr.Commands;

[Cmdlet(VerbsData.Export, "FdxDataset", DefaultParameterSetName = ListSet)]
[OutputType(typeof(DatasetExport))]
public sealed class ExportFdxDatasetCommand : TenantCommand
{
    private const string ListSet = "List";
    private const string QuerySet = "Query";
    private const string QueryPathSet = "QueryPath";

    private static readonly DatasetExportReader Rows = new();

    [Parameter(Mandatory = true, Position = 0)]
    [ArgumentCompleter(typeof(DatasetCompleter))]
    [Trim(Split = true)]
    [ValidateNotNullOrEmpty]
    public string[] Dataset { get; set; } = [];

    [Parameter(Mandatory = true, Position = 1)]
    [ValidateNotNullOrEmpty]
    public string Destination { get; set; } = "";

    // Where rows wait for a destination that keeps no files.
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? StatePath { get; set; }

    [Parameter]
    [ConnectionTransformation]
    [ValidateNotNull]
    public Connection? DestinationConnection { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(FormatCompleter))]
    [FormatName]
    public string Format { get; set; } = Abi.DatasetFormats[0];

    // The default depends on the format.
    [Parameter]
    [ArgumentCompleter(typeof(CompressionCompleter))]
    [CompressionName]
    public string? Compression { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(ModeCompleter))]
    [ModeName]
    public string Mode { get; set; } = Abi.DatasetModes[0];

    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? RowsPerFile { get; set; }

    [Parameter]
    [SecondsTransformation]
    public TimeSpan? TimeLimit { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = QuerySet)]
    [ValidateNotNull]
    public string Query { get; set; } = "";

    [Parameter(Mandatory = true, ParameterSetName = QueryPathSet)]
    [ValidateNotNullOrEmpty]
    public string QueryPath { get; set; } = "";

    [Parameter(ParameterSetName = QuerySet)]
    [Parameter(ParameterSetName = QueryPathSet)]
    [ValidateNotNull]
    public IDictionary? Parameter { get; set; }

    [Parameter(ParameterSetName = QuerySet)]
    [Parameter(ParameterSetName = QueryPathSet)]
    [DurationTransformation]
    [Trim]
    [ValidateNotNullOrEmpty]
    public string? Timespan { get; set; }

    [Parameter(ParameterSetName = QuerySet)]
    [Parameter(ParameterSetName = QueryPathSet)]
    [ValidateSet("Time")]
    public string? SplitBy { get; set; }

    [Parameter(ParameterSetName = QuerySet)]
    [Parameter(ParameterSetName = QueryPathSet)]
    [ValidateSet("Graph", "Defender", "Xdr")]
    public string Engine { get; set; } = "Graph";

    [Parameter(ParameterSetName = QuerySet)]
    [Parameter(ParameterSetName = QueryPathSet)]
    [Trim]
    [ValidateNotNullOrEmpty]
    public string? Name { get; set; }

    private protected override void Begin()
    {
        if (ParameterSetName == QueryPathSet)
        {
            Query = ReadQuery(QueryPath);
        }
        EarlierGarbage.Free();
    }

    private protected override void Process()
    {
        using var request = NewRequest("export", TenantId);
        request.List("datasets", Dataset);
        request.Text("destination", FullPath(Destination, message => Errors.InvalidDestination(message)));
        if (StatePath is not null)
        {
            request.Text("statePath", FullPath(StatePath, message => Errors.InvalidStatePath(message)));
        }
        request.Text("format", Format);
        request.Text("compression", Compression);
        request.Text("mode", Mode);
        request.Number("rowsPerFile", RowsPerFile);
        request.Number("timeLimitMs", (long?)TimeLimit?.TotalMilliseconds);
        request.Text("name", Name);
        if (ParameterSetName != ListSet)
        {
            request.Json.WriteStartObject("query");
            QueryParameters.Write(request, Query, Parameter, Timespan, SplitBy, Engine);
            request.Json.WriteEndObject();
        }
        Run(request, Rows, TenantId, WriteObject, DestinationConnection);
    }
}
