using System;
using System.Globalization;
using System.Management.Automation;
using FedXdr.Interop;
using FedXdr.Objects;
using FedXdr.Reading;
using FedXdr.Session;

namespace FedXdr.Commands;

// Not a data cmdlet: files of a folder need no connection.
[Cmdlet(VerbsData.Import, "FdxDataset")]
public sealed partial class ImportFdxDatasetCommand : FdxCommand
{
    private static readonly RawReader RawRows = new();
    private static readonly DynamicReader QueryRows = new();

    [Parameter(Mandatory = true, Position = 0)]
    [ArgumentCompleter(typeof(StoredDatasetCompleter))]
    [Trim(Split = true)]
    [ValidateNotNullOrEmpty]
    public string[] Dataset { get; set; } = [];

    [Parameter(Mandatory = true, Position = 1)]
    [ValidateNotNullOrEmpty]
    public string Path { get; set; } = "";

    // What Export-FdxDataset -Name called the dataset of a query.
    [Parameter]
    [Trim]
    [ValidateNotNullOrEmpty]
    public string? Name { get; set; }

    [Parameter]
    [ConnectionTransformation]
    [ValidateNotNull]
    public Connection? DatasetConnection { get; set; }

    [Parameter(ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Tenant")]
    [TenantList]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(TenantCompleter))]
    public TenantReference[]? TenantId { get; set; }

    [Parameter]
    public DateTime? Date { get; set; }

    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int First { get; set; }

    [Parameter]
    public SwitchParameter Raw { get; set; }

    [Parameter]
    [ValidateNotNullOrEmpty]
    [Trim]
    public string? TenantSummary { get; set; }

    private protected override void Begin() => Runner.Begin(SessionState.PSVariable, First, TenantSummary);

    private protected override void Process()
    {
        var connection = ConnectionOrOwn(null);
        var hasQuery = Array.Exists(Dataset, IsQuery);
        foreach (var dataset in Dataset)
        {
            using var request = new JsonDocumentWriter();
            request.Text("kind", "import");
            request.Text("dataset", dataset);
            // Without such a dataset, the native library refuses the name.
            request.Text("name", IsQuery(dataset) || !hasQuery ? Name : null);
            request.Text("path", FullPath(Path, message => Errors.InvalidPath(message)));
            request.Tenants("tenants", TenantId);
            request.Text("date", Date?.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
            request.Number("first", First > 0 ? Runner.Remaining : null);
            request.Flag("raw", Raw);
            var tenant = TenantId is [var only] ? only.Title : null;
            Runner.Run(connection, request, Reader(dataset), WriteObject, CommandName, tenant, DatasetConnection);
        }
    }

    private static bool IsQuery(string dataset) =>
        dataset.Equals(Catalog.QueryDataset, StringComparison.OrdinalIgnoreCase);

    // The native library refuses a name that is not in the table.
    private RowReader Reader(string dataset) =>
        Raw ? RawRows
        : Catalog.Datasets.TryGetValue(dataset, out var entry) ? entry.Reader
        : IsQuery(dataset) ? QueryRows
        : RawRows;
}
