using System;
using Microsoft.Win32.SafeHandles;

namespace FedXdr.Interop;

/// <summary>A native session: the settings of one connection.</summary>
internal sealed unsafe class SessionHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    private SessionHandle(FdxSession_t* session)
        : base(ownsHandle: true) => SetHandle((nint)session);

    internal static SessionHandle Open(ReadOnlySpan<byte> settings)
    {
        NativeLibraryLoader.EnsureLoaded();
        FdxSession_t* session = null;
        FdxError_t* error = null;
        FdxStatus_t status;
        fixed (byte* document = settings)
        {
            status = NativeMethods.fdx_session_open(Bytes(document, settings.Length), &session, &error);
        }
        return status == FdxStatus_t.Ok ? new SessionHandle(session) : throw ErrorReader.Take(status, error);
    }

    /// <summary>Opens a query. The identity of another session may write what it exports.</summary>
    internal QueryHandle OpenQuery(ReadOnlySpan<byte> request, SessionHandle? destination = null)
    {
        FdxQuery_t* query = null;
        FdxError_t* error = null;
        FdxStatus_t status;
        using (new HandleLease(this))
        using (new HandleLease(destination ?? this))
        {
            fixed (byte* document = request)
            {
                status = NativeMethods.fdx_query_open_to(
                    (FdxSession_t*)handle,
                    destination is null ? null : (FdxSession_t*)destination.handle,
                    Bytes(document, request.Length),
                    &query,
                    &error);
            }
        }
        return status == FdxStatus_t.Ok ? new QueryHandle(query) : throw ErrorReader.Take(status, error);
    }

    protected override bool ReleaseHandle()
    {
        NativeMethods.fdx_session_free((FdxSession_t*)handle);
        return true;
    }

    private static FdxBytes_t Bytes(byte* start, int length) => new() { ptr = start, len = (nuint)length };
}
