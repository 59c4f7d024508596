using System;
using Microsoft.Win32.SafeHandles;

namespace FedXdr.Interop;

/// <summary>A query under way. Cancel first, dispose second: disposing alone does not end a call that is waiting.</summary>
internal sealed unsafe class QueryHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    internal QueryHandle(FdxQuery_t* query)
        : base(ownsHandle: true) => SetHandle((nint)query);

    /// <summary>Waits for the next batch. A status that is not part of a query's course becomes an exception.</summary>
    internal FdxStatus_t Next(uint waitMilliseconds, out BatchHandle? batch, out FdxException? failure)
    {
        FdxBatch_t* found = null;
        FdxError_t* error = null;
        FdxStatus_t status;
        var held = false;
        try
        {
            DangerousAddRef(ref held);
            status = NativeMethods.fdx_query_next((FdxQuery_t*)handle, waitMilliseconds, &found, &error);
        }
        finally
        {
            if (held)
            {
                DangerousRelease();
            }
        }
        batch = status == FdxStatus_t.Ok ? new BatchHandle(found) : null;
        failure = status is FdxStatus_t.Ok or FdxStatus_t.Pending or FdxStatus_t.End or FdxStatus_t.Cancelled or FdxStatus_t.NeedsAssertion
            ? null
            : ErrorReader.Take(status, error);
        return status;
    }

    /// <summary>Answers <see cref="FdxStatus_t.NeedsAssertion"/>: with an assertion or, where that is empty, with why there is none.</summary>
    internal void Answer(ReadOnlySpan<byte> assertion, ReadOnlySpan<byte> failure)
    {
        var held = false;
        try
        {
            DangerousAddRef(ref held);
            fixed (byte* first = assertion, second = failure)
            {
                NativeMethods.fdx_query_assertion(
                    (FdxQuery_t*)handle,
                    new FdxBytes_t { ptr = first, len = (nuint)assertion.Length },
                    new FdxBytes_t { ptr = second, len = (nuint)failure.Length });
            }
        }
        finally
        {
            if (held)
            {
                DangerousRelease();
            }
        }
    }

    /// <summary>The messages that have come together, or null.</summary>
    internal BatchHandle? Messages()
    {
        FdxBatch_t* found = null;
        var held = false;
        try
        {
            DangerousAddRef(ref held);
            var status = NativeMethods.fdx_query_messages((FdxQuery_t*)handle, &found);
            return status == FdxStatus_t.Ok ? new BatchHandle(found) : null;
        }
        finally
        {
            if (held)
            {
                DangerousRelease();
            }
        }
    }

    internal FdxStats_t Stats()
    {
        FdxStats_t stats = default;
        var held = false;
        try
        {
            DangerousAddRef(ref held);
            NativeMethods.fdx_query_stats((FdxQuery_t*)handle, &stats);
            return stats;
        }
        finally
        {
            if (held)
            {
                DangerousRelease();
            }
        }
    }

    /// <summary>Cancels, from any thread, as often as wanted, also after the query is gone.</summary>
    internal void TryCancel()
    {
        var held = false;
        try
        {
            DangerousAddRef(ref held);
            NativeMethods.fdx_query_cancel((FdxQuery_t*)handle);
        }
        catch (ObjectDisposedException)
        {
            // Gone means over.
        }
        finally
        {
            if (held)
            {
                DangerousRelease();
            }
        }
    }

    protected override bool ReleaseHandle()
    {
        NativeMethods.fdx_query_free((FdxQuery_t*)handle);
        return true;
    }
}
