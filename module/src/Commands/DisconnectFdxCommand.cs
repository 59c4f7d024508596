using System.Management.Automation;
using FedXdr.Interop;

namespace FedXdr.Commands;

[Cmdlet(VerbsCommunications.Disconnect, "Fdx")]
[OutputType(typeof(void))]
public sealed class DisconnectFdxCommand : FdxCommand
{
    [Parameter]
    public SwitchParameter ClearTokenCache { get; set; }

    private protected override void End()
    {
        DefaultConnection.Forget();
        if (ClearTokenCache)
        {
            TokenCache.Clear();
        }
    }
}
