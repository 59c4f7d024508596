using System.Linq;
using System.Management.Automation;
using FedXdr.Interop;
using FedXdr.Objects;
using FedXdr.Reading;
using FedXdr.Session;

namespace FedXdr.Commands;

[Cmdlet(VerbsLifecycle.Invoke, "FdxRequest", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(Row), typeof(string))]
public sealed class InvokeFdxRequestCommand : DataCommand
{
    private static readonly DynamicReader Rows = new();

    [Parameter(Mandatory = true, Position = 0)]
    [ValidateNotNullOrEmpty]
    public string Path { get; set; } = "";

    [Parameter]
    [ValidateSet("GET", "POST", "PUT", "PATCH", "DELETE")]
    public string Method { get; set; } = "GET";

    [Parameter]
    [ArgumentCompleter(typeof(FamilyCompleter))]
    [Trim]
    [FamilyName]
    public string Resource { get; set; } = "Defender";

    [Parameter]
    [ValidateNotNull]
    public object? Body { get; set; }

    [Parameter]
    public SwitchParameter NoPaging { get; set; }

    private protected override void Process()
    {
        var method = Method.ToUpperInvariant();
        var tenants = string.Join(", ", (TenantId ?? ActiveConnection.Tenants).Select(tenant => tenant.Title));
        if (method != "GET" && !ShouldProcess($"{Resource} {Path} ({tenants})", method))
        {
            return;
        }
        using var request = NewDataRequest("request", TenantId);
        request.Text("family", CanonicalName.Of(Abi.Families, Resource));
        request.Text("method", method);
        request.Text("path", Path);
        request.Text("body", ObjectJson.BodyOf(Body));
        if (NoPaging)
        {
            request.Json.WriteBoolean("paging", false);
        }
        RunData(request, Rows, TenantId);
    }
}
