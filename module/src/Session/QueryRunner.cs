using System;
using System.Management.Automation;
using FedXdr.Interop;
using FedXdr.Objects;
using FedXdr.Reading;

namespace FedXdr.Session;

/// <summary>
/// Reads the rows of a query on the pipeline thread. Only <see cref="Stop"/> may be called from another thread.
/// </summary>
internal sealed class QueryRunner(Cmdlet cmdlet)
{
    // The longest wait of a native call, and therefore the interval of progress and messages.
    private const uint WaitMilliseconds = 200;

    private readonly ProgressReporter _progress = new(cmdlet);
    private readonly YoungGarbage _garbage = new();
    private volatile QueryHandle? _query;
    private volatile bool _stopped;
    private long _waitedMilliseconds;

    /// <summary>Number of rows that may still be written. A query ends when it reaches 0.</summary>
    internal long Remaining { get; set; } = long.MaxValue;

    /// <summary>Number of tenants that the last query read.</summary>
    internal long TenantCount { get; private set; }

    /// <summary>Handles the error of one tenant or item. By default it is written to the error stream.</summary>
    internal Action<FdxException> OnItemFailed { get; set; } = failure => cmdlet.WriteError(failure.ToErrorRecord());

    /// <summary>Takes what became of each tenant, if the user asked for it.</summary>
    internal TenantSummaries? Summaries { get; set; }

    /// <summary>What every cmdlet with -First and -TenantSummary begins with.</summary>
    internal void Begin(PSVariableIntrinsics variables, int first, string? tenantSummary)
    {
        if (tenantSummary is not null)
        {
            Summaries = TenantSummaries.In(variables, tenantSummary);
        }
        if (first > 0)
        {
            Remaining = first;
        }
    }

    internal void Stop()
    {
        _stopped = true;
        _query?.TryCancel();
    }

    internal void Run(
        Connection connection,
        JsonDocumentWriter request,
        RowReader rows,
        Action<object> sink,
        string activity,
        string? tenant,
        Connection? destination = null)
    {
        if (_stopped || Remaining == 0)
        {
            return;
        }
        connection.Assertion?.RefuseReentry();
        // The longest wait holds for the command, not for each of its queries.
        request.Number("waitedMs", _waitedMilliseconds);
        var query = connection.Session.OpenQuery(request.Finish(), destination?.Session);
        try
        {
            RunningQueries.Add(query);
            _query = query;
            if (_stopped)
            {
                return;
            }
            _progress.Begin(activity, tenant);
            Pull(query, new BatchReader(rows), sink, connection);
            _progress.Complete();
        }
        catch (BatchFormatException e)
        {
            throw Errors.Defect(e.Message, e);
        }
        finally
        {
            // Every end comes here: -First, Select-Object -First, Ctrl+C, an exception downstream.
            _query = null;
            _waitedMilliseconds = (long)query.Stats().waited_ms;
            Summaries?.Add(query);
            query.TryCancel();
            RunningQueries.Remove(query);
            query.Dispose();
        }
    }

    private void Pull(QueryHandle query, BatchReader reader, Action<object> sink, Connection connection)
    {
        while (true)
        {
            var status = query.Next(WaitMilliseconds, out var batch, out var failure);
            using (batch)
            {
                if (status == FdxStatus_t.Ok)
                {
                    Deliver(batch!, reader, sink);
                    _garbage.Check();
                }
                else if (status == FdxStatus_t.NeedsSignature)
                {
                    connection.Key!.Answer(query, batch!);
                }
            }
            var stats = query.Stats();
            TenantCount = stats.tenants;
            if (stats.messages > 0)
            {
                MessageWriter.Write(query, cmdlet);
            }
            switch (status)
            {
                case FdxStatus_t.Ok when Remaining == 0:
                case FdxStatus_t.End:
                    return;
                case FdxStatus_t.Ok or FdxStatus_t.Pending or FdxStatus_t.NeedsSignature:
                    break;
                case FdxStatus_t.NeedsAssertion:
                    connection.Assertion!.Answer(query);
                    break;
                case FdxStatus_t.ItemFailed:
                    OnItemFailed(failure!);
                    break;
                case FdxStatus_t.Cancelled:
                    EndCancelled();
                    return;
                default:
                    _progress.Complete();
                    throw failure!;
            }
            _progress.Report(query);
        }
    }

    private unsafe void Deliver(BatchHandle batch, BatchReader reader, Action<object> sink)
    {
        var view = batch.View();
        var rows = Math.Min(reader.Begin(view.ptr, view.len), Remaining);
        for (; rows > 0; rows--)
        {
            Remaining--;
            sink(reader.ReadRow());
        }
    }

    // Rows are missing, so the command must not end without an error.
    private void EndCancelled()
    {
        if (!_stopped && !cmdlet.Stopping)
        {
            throw Errors.QueryCancelled("the query was cancelled because the module was removed");
        }
    }
}
