using System.Management.Automation;
using FedXdr.Interop;
using FedXdr.Objects;
using FedXdr.Reading;

namespace FedXdr.Commands;

[Cmdlet(VerbsCommon.Search, "FdxResourceGraph")]
[OutputType(typeof(Row), typeof(string))]
public sealed class SearchFdxResourceGraphCommand : DataCommand
{
    private const string Path = "/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01";

    // The largest page that the service allows.
    private const int PageSize = 1000;

    private static readonly DynamicReader Rows = new();

    [Parameter(Mandatory = true, Position = 0)]
    [ValidateNotNullOrEmpty]
    public string Query { get; set; } = "";

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Trim(Split = true)]
    [ValidateNotNullOrEmpty]
    public string[]? SubscriptionId { get; set; }

    private protected override void Process()
    {
        using var request = NewDataRequest("request", TenantId);
        request.Text("family", "Arm");
        request.Text("method", "POST");
        request.Text("path", Path);
        request.Text("body", ObjectJson.BodyOf(Body()));
        RunData(request, Rows, TenantId);
    }

    private PSObject Body()
    {
        var options = new PSObject();
        options.Properties.Add(new PSNoteProperty("resultFormat", "objectArray"));
        options.Properties.Add(new PSNoteProperty("$top", First is > 0 and < PageSize ? First : PageSize));
        var body = new PSObject();
        body.Properties.Add(new PSNoteProperty("query", Query));
        body.Properties.Add(new PSNoteProperty("options", options));
        if (SubscriptionId is not null)
        {
            body.Properties.Add(new PSNoteProperty("subscriptions", SubscriptionId));
        }
        return body;
    }
}
