using System.Management.Automation;
using FedXdr.Interop;
using FedXdr.Session;

namespace FedXdr.Commands;

[Cmdlet(VerbsCommunications.Disconnect, "Fdx")]
[OutputType(typeof(void))]
public sealed class DisconnectFdxCommand : FdxCommand
{
    [Parameter]
    public SwitchParameter ClearTokenCache { get; set; }

    private protected override void End()
    {
        DefaultConnection.Clear();
        if (ClearTokenCache)
        {
            ProcessTokenCache.Clear();
        }
    }
}
