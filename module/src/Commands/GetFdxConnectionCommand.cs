using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using FedXdr.Interop;
using FedXdr.Reading;
using FedXdr.Session;

namespace FedXdr.Commands;

[Cmdlet(VerbsCommon.Get, "FdxConnection")]
[OutputType(typeof(Connection))]
public sealed class GetFdxConnectionCommand : ConnectedCommand
{
    private protected override void End()
    {
        var connection = Connection ?? DefaultConnection.Current;
        if (connection is null)
        {
            WriteError(DefaultConnection.NotConnected().ToErrorRecord());
            return;
        }
        using var request = new JsonDocumentWriter();
        request.Text("kind", "tokens");
        var tokens = new List<object>();
        Runner.Run(connection, request, new TokenStateReader(), tokens.Add, CommandName, null);
        connection.TokenStates = tokens.Cast<TokenState>().ToArray();
        WriteObject(connection);
    }
}
