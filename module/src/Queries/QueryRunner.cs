using System;
using System.Management.Automation;
using FedXdr.Batches;
using FedXdr.Interop;
using FedXdr.Rows;

namespace FedXdr.Queries;

/// <summary>
/// Pulls a query's rows on the pipeline's thread. Only <see cref="Stop"/> may come from another thread, at any time.
/// </summary>
internal sealed class QueryRunner(Cmdlet cmdlet)
{
    // How long a call may wait: the heartbeat of progress and messages.
    private const uint WaitMilliseconds = 200;

    private readonly ProgressReporter _progress = new(cmdlet);
    private volatile QueryHandle? _query;
    private volatile bool _stopped;

    /// <summary>Rows that may still be written; a run that comes to 0 ends.</summary>
    internal long Remaining { get; set; } = long.MaxValue;

    /// <summary>What becomes of errors of single tenants or items; written as they come unless told otherwise.</summary>
    internal Action<FdxException> OnItemFailed { get; set; } = failure => cmdlet.WriteError(failure.ToErrorRecord());

    internal void Stop()
    {
        _stopped = true;
        _query?.TryCancel();
    }

    internal void Run(Connection connection, JsonDocumentWriter request, RowReader rows, Action<object> sink, string activity, string? tenant)
    {
        if (_stopped || Remaining == 0)
        {
            return;
        }
        connection.Assertion?.RefuseReentry();
        var query = connection.Session.OpenQuery(request.Finish());
        try
        {
            RunningQueries.Add(query);
            _query = query;
            if (_stopped)
            {
                return;
            }
            _progress.Begin(activity, tenant);
            Pull(query, new BatchReader(rows), sink, connection.Assertion);
            _progress.Complete();
        }
        catch (BatchFormatException e)
        {
            throw FdxException.Defect("BatchFormat", e.Message, e);
        }
        finally
        {
            // The same end for all: no more rows wanted, Select-Object -First, Ctrl+C, an exception downstream.
            _query = null;
            query.TryCancel();
            RunningQueries.Remove(query);
            query.Dispose();
        }
    }

    private void Pull(QueryHandle query, BatchReader reader, Action<object> sink, AssertionScript? assertion)
    {
        while (true)
        {
            var status = query.Next(WaitMilliseconds, out var batch, out var failure);
            if (batch is not null)
            {
                using (batch)
                {
                    Deliver(batch, reader, sink);
                }
            }
            if (query.Stats().messages > 0)
            {
                Messages.Write(query, cmdlet);
            }
            switch (status)
            {
                case FdxStatus_t.Ok when Remaining == 0:
                case FdxStatus_t.End:
                    return;
                case FdxStatus_t.Ok or FdxStatus_t.Pending:
                    break;
                case FdxStatus_t.NeedsAssertion when assertion is not null:
                    assertion.Answer(query);
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

    // Rows are missing, so this must not look like a good end.
    private void EndCancelled()
    {
        if (!_stopped && !cmdlet.Stopping)
        {
            throw Errors.QueryCancelled("the query was cancelled because the module was removed");
        }
    }
}
