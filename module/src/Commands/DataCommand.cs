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

    [Parameter]
    [ValidateNotNullOrEmpty]
    [Trim]
    public string? TenantSummary { get; set; }

    private protected override void Begin()
    {
        _ = ActiveConnection;
        Runner.Begin(SessionState.PSVariable, First, TenantSummary);
    }

    private protected JsonDocumentWriter NewDataRequest(string kind, TenantReference[]? tenants)
    {
        var request = NewRequest(kind, tenants);
        request.Number("first", First > 0 ? Runner.Remaining : null);
        request.Flag("raw", Raw);
        return request;
    }

    /// <summary>Writes the rows. <paramref name="complete"/> adds what no batch has.</summary>
    private protected void RunData(
        JsonDocumentWriter request,
        RowReader rows,
        TenantReference[]? tenants,
        Action<object>? complete = null)
    {
        if (Runner.Remaining == 0)
        {
            Runner.Summaries?.AddSkipped(tenants ?? ActiveConnection.Tenants);
            return;
        }
        var missing = new MissingItems();
        Runner.OnItemFailed = failure =>
        {
            if (!missing.Keep(failure, Runner.TenantCount))
            {
                WriteError(failure.ToErrorRecord());
            }
        };
        Run(request, Raw ? RawRows : rows, tenants, complete is null || Raw ? WriteRow : Completed);
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
            WriteRow(row);
        }
    }

    /// <summary>Writes a row, or with -Raw its JSON.</summary>
    private protected virtual void WriteRow(object row) => WriteObject(row);
}
