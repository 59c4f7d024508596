using System.Management.Automation;
using FedXdr.Interop;

namespace FedXdr.Commands;

public abstract class TenantCommand : ConnectedCommand
{
    [Parameter(ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Tenant")]
    [TenantList]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(TenantCompleter))]
    public TenantReference[]? TenantId { get; set; }

    [Parameter]
    [ValidateRange(1, 256)]
    public int? ThrottleLimit { get; set; }

    private protected JsonDocumentWriter NewRequest(string kind, TenantReference[]? tenants)
    {
        var request = new JsonDocumentWriter();
        request.Text("kind", kind);
        request.Tenants("tenants", tenants);
        request.Number("throttleLimit", ThrottleLimit);
        return request;
    }
}
