using System;
using System.Management.Automation;
using FedXdr.Interop;
using FedXdr.Reading;
using FedXdr.Session;

namespace FedXdr.Commands;

public abstract class DataCommand : TenantCommand
{
    private static readonly RawReader RawRows = new();

    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int First { get; set; }

    [Parameter]
    public SwitchParameter Raw { get; set; }

    private protected override void Begin()
    {
        _ = ActiveConnection;
        if (First > 0)
        {
            Runner.Remaining = First;
        }
    }

    private protected JsonDocumentWriter NewDataRequest(string kind, string[]? tenants)
    {
        var request = NewRequest(kind, tenants);
        request.Number("first", First > 0 ? Runner.Remaining : null);
        request.Flag("raw", Raw);
        return request;
    }

    /// <summary>
    /// Writes the rows. <paramref name="complete"/> adds what no batch has; <paramref name="item"/> is the item that
    /// the request asks for.
    /// </summary>
    private protected void RunData(
        JsonDocumentWriter request,
        RowReader rows,
        string[]? tenants,
        Action<object>? complete = null,
        string? item = null)
    {
        var missing = new MissingItems(item);
        Runner.OnItemFailed = failure =>
        {
            if (!missing.Keep(failure, Runner.TenantCount))
            {
                WriteError(failure.ToErrorRecord());
            }
        };
        Run(request, Raw ? RawRows : rows, tenants, complete is null || Raw ? WriteObject : Completed);
        if (Runner.Remaining > 0)
        {
            foreach (var failure in missing.InNoTenant(Runner.TenantCount))
            {
                WriteError(failure.ToErrorRecord());
            }
        }

        void Completed(object row)
        {
            complete(row);
            WriteObject(row);
        }
    }
}
