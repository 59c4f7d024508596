using System.Runtime.InteropServices;

namespace FedXdr.Interop;

/// <summary>Keeps a handle open during a native call, even if another thread disposes it meanwhile.</summary>
internal readonly ref struct HandleLease
{
    private readonly SafeHandle _handle;

    internal HandleLease(SafeHandle handle)
    {
        var added = false;
        handle.DangerousAddRef(ref added);
        _handle = handle;
    }

    public void Dispose() => _handle.DangerousRelease();
}
