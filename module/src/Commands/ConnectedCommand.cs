using System;
using System.Management.Automation;
using FedXdr.Interop;
using FedXdr.Reading;
using FedXdr.Session;

namespace FedXdr.Commands;

public abstract class ConnectedCommand : FdxCommand
{
    [Parameter]
    [ConnectionTransformation]
    [ValidateNotNull]
    public Connection? Connection { get; set; }

    private protected Connection ActiveConnection => Connection ?? DefaultConnection.Required;

    private protected void Run(JsonDocumentWriter request, RowReader rows, TenantReference[]? tenants) =>
        Run(request, rows, tenants, WriteObject);

    private protected void Run(
        JsonDocumentWriter request,
        RowReader rows,
        TenantReference[]? tenants,
        Action<object> sink,
        Connection? destination = null)
    {
        var connection = ActiveConnection;
        tenants ??= connection.Tenants;
        var tenant = tenants.Length == 1 ? tenants[0].Title : null;
        Runner.Run(connection, request, rows, sink, CommandName, tenant, destination);
    }
}
