using System;
using Microsoft.Win32.SafeHandles;

namespace FedXdr.Interop;

/// <summary>A running query. Cancel before disposing: disposing does not end a call that waits.</summary>
internal sealed unsafe class QueryHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    internal QueryHandle(FdxQuery_t* query)
        : base(ownsHandle: true) => SetHandle((nint)query);

    /// <summary>
    /// Waits for the next batch, or for bytes to sign. Every status that means failure comes with an exception.
    /// </summary>
    internal FdxStatus_t Next(uint waitMilliseconds, out BatchHandle? batch, out FdxException? failure)
    {
        FdxBatch_t* found = null;
        FdxError_t* error = null;
        FdxStatus_t status;
        using (new HandleLease(this))
        {
            status = NativeMethods.fdx_query_next((FdxQuery_t*)handle, waitMilliseconds, &found, &error);
        }
        batch = status is FdxStatus_t.Ok or FdxStatus_t.NeedsSignature ? new BatchHandle(found) : null;
        failure = IsFailure(status) ? ErrorReader.Take(status, error) : null;
        return status;
    }

    /// <summary>
    /// Answers <see cref="FdxStatus_t.NeedsAssertion"/> with an assertion or <see cref="FdxStatus_t.NeedsSignature"/>
    /// with a signature or, if that is empty, with the reason.
    /// </summary>
    internal void Answer(ReadOnlySpan<byte> answer, ReadOnlySpan<byte> failure)
    {
        using var lease = new HandleLease(this);
        fixed (byte* first = answer, second = failure)
        {
            NativeMethods.fdx_query_answer(
                (FdxQuery_t*)handle,
                new FdxBytes_t { ptr = first, len = (nuint)answer.Length },
                new FdxBytes_t { ptr = second, len = (nuint)failure.Length });
        }
    }

    /// <summary>The messages that were written since the last call, or null.</summary>
    internal BatchHandle? Messages()
    {
        FdxBatch_t* found = null;
        using var lease = new HandleLease(this);
        var status = NativeMethods.fdx_query_messages((FdxQuery_t*)handle, &found);
        return status == FdxStatus_t.Ok ? new BatchHandle(found) : null;
    }

    /// <summary>What became of each tenant so far, or null.</summary>
    internal BatchHandle? Summary()
    {
        FdxBatch_t* found = null;
        using var lease = new HandleLease(this);
        var status = NativeMethods.fdx_query_summary((FdxQuery_t*)handle, &found);
        return status == FdxStatus_t.Ok ? new BatchHandle(found) : null;
    }

    internal FdxStats_t Stats()
    {
        FdxStats_t stats = default;
        using var lease = new HandleLease(this);
        NativeMethods.fdx_query_stats((FdxQuery_t*)handle, &stats);
        return stats;
    }

    /// <summary>Cancels the query: from any thread, any number of times, also after it was disposed.</summary>
    internal void TryCancel()
    {
        try
        {
            using var lease = new HandleLease(this);
            NativeMethods.fdx_query_cancel((FdxQuery_t*)handle);
        }
        catch (ObjectDisposedException)
        {
            // A disposed query has ended.
        }
    }

    protected override bool ReleaseHandle()
    {
        NativeMethods.fdx_query_free((FdxQuery_t*)handle);
        return true;
    }

    private static bool IsFailure(FdxStatus_t status) => status is not (
        FdxStatus_t.Ok
        or FdxStatus_t.Pending
        or FdxStatus_t.End
        or FdxStatus_t.Cancelled
        or FdxStatus_t.NeedsAssertion
        or FdxStatus_t.NeedsSignature);
}
