using Microsoft.Win32.SafeHandles;

namespace FedXdr.Interop;

/// <summary>A native batch. Its bytes are valid until it is disposed. Use it from one thread only.</summary>
internal sealed unsafe class BatchHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    internal BatchHandle(FdxBatch_t* batch)
        : base(ownsHandle: true) => SetHandle((nint)batch);

    internal FdxBytes_t View()
    {
        FdxBytes_t view = default;
        var status = NativeMethods.fdx_batch_view((FdxBatch_t*)handle, &view);
        return status == FdxStatus_t.Ok ? view : throw ErrorReader.Take(status, null);
    }

    protected override bool ReleaseHandle()
    {
        NativeMethods.fdx_batch_free((FdxBatch_t*)handle);
        return true;
    }
}
