using System.Management.Automation;
using FedXdr.Reading;

namespace FedXdr.Commands;

[Cmdlet(VerbsCommon.Get, "FdxToken")]
[OutputType(typeof(Token), typeof(string))]
public sealed class GetFdxTokenCommand : TenantCommand
{
    [Parameter(Position = 0)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(FamilyCompleter))]
    [Trim]
    public string Resource { get; set; } = "Defender";

    [Parameter]
    public SwitchParameter AsPlainText { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    private protected override void Process()
    {
        using var request = NewRequest("token", TenantId);
        request.Text("resource", Resource);
        request.Flag("force", Force);
        Run(request, new TokenReader(AsPlainText), TenantId);
    }
}
