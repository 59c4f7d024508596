using System.Management.Automation;
using FedXdr.Interop;
using FedXdr.Reading;

namespace FedXdr.Commands;

public abstract class DataCommand : TenantCommand
{
    private static readonly RawReader RawRows = new();

    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int First { get; set; }

    [Parameter]
    public SwitchParameter Raw { get; set; }

    private protected override void Begin()
    {
        _ = ActiveConnection;
        if (First > 0)
        {
            Runner.Remaining = First;
        }
    }

    private protected JsonDocumentWriter NewDataRequest(string kind, string[]? tenants)
    {
        var request = NewRequest(kind, tenants);
        request.Number("first", First > 0 ? Runner.Remaining : null);
        request.Flag("raw", Raw);
        return request;
    }

    private protected JsonDocumentWriter NewRowsRequest(CatalogEntry resource, string[]? tenants)
    {
        var request = NewDataRequest("rows", tenants);
        request.Text("resource", resource.Name);
        return request;
    }

    private protected void RunData(JsonDocumentWriter request, RowReader rows, string[]? tenants) =>
        Run(request, Raw ? RawRows : rows, tenants);
}
