using System.Diagnostics.CodeAnalysis;
using System.Management.Automation;
using FedXdr.Interop;
using FedXdr.Reading;
using FedXdr.Session;

namespace FedXdr.Commands;

[Cmdlet(VerbsCommon.New, "FdxConsentUrl")]
[OutputType(typeof(ConsentUrl))]
public sealed class NewFdxConsentUrlCommand : FdxCommand
{
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Tenant")]
    [TenantList]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(TenantCompleter))]
    public TenantReference[]? TenantId { get; set; }

    [Parameter(Position = 1)]
    [Alias("ApplicationId", "AppId")]
    [Trim]
    [ValidateNotNullOrEmpty]
    public string? ClientId { get; set; }

    [Parameter]
    [SuppressMessage("Design", "CA1056", Justification = "It must equal the registered text exactly.")]
    [Trim]
    [ValidateNotNullOrEmpty]
    public string? RedirectUri { get; set; }

    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? State { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(CloudCompleter))]
    [Trim]
    [CloudName]
    public string? Environment { get; set; }

    private protected override void Process()
    {
        var current = DefaultConnection.Current;
        var connection = ClientId is null && Environment is null && current is not null
            ? current
            : AdHocConnection.Open(
                TenantId ?? current?.Tenants,
                ClientId ?? current?.ClientId,
                Environment ?? current?.Environment);
        using var request = new JsonDocumentWriter();
        request.Text("kind", "consent");
        request.Tenants("tenants", TenantId);
        request.Text("redirectUri", RedirectUri);
        request.Text("state", State);
        Runner.Run(connection, request, new ConsentUrlReader(), WriteObject, CommandName, null);
    }
}
