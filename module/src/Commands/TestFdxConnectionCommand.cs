using System.Management.Automation;
using FedXdr.Reading;
using FedXdr.Session;

namespace FedXdr.Commands;

[Cmdlet(VerbsDiagnostic.Test, "FdxConnection")]
[OutputType(typeof(Check), typeof(bool))]
public sealed class TestFdxConnectionCommand : TenantCommand
{
    private bool _failed;

    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(CheckResourceCompleter))]
    [Trim(Split = true)]
    public string[] Resource { get; set; } = ["Defender"];

    [Parameter]
    public SwitchParameter Quiet { get; set; }

    private protected override void Process()
    {
        Runner.OnItemFailed = failure => Report(Check.Failed(failure));
        if ((Connection ?? DefaultConnection.Current) is { } connection)
        {
            Ask(connection, Resource);
            return;
        }
        Report(Check.Failed(DefaultConnection.NotConnected()));
        try
        {
            // The identity that the environment offers can be checked without a connection.
            Ask(AdHocConnection.Open(), []);
        }
        catch (FdxException e)
        {
            Report(Check.Failed(e));
        }
    }

    private protected override void End()
    {
        if (Quiet)
        {
            WriteObject(!_failed);
        }
    }

    private void Ask(Connection connection, string[] resources)
    {
        using var request = NewRequest("check", TenantId);
        request.List("resources", resources);
        Runner.Run(connection, request, new CheckReader(), check => Report((Check)check), CommandName, null);
    }

    private void Report(Check check)
    {
        _failed |= check.IsFailed;
        if (!Quiet)
        {
            WriteObject(check);
        }
    }
}
