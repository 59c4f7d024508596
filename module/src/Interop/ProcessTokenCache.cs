namespace FedXdr.Interop;

/// <summary>The token cache of the native library, which the whole process shares.</summary>
internal static class ProcessTokenCache
{
    /// <summary>Wipes all cached tokens of the process.</summary>
    internal static void Clear()
    {
        if (!NativeLibraryLoader.IsLoaded)
        {
            return;
        }
        var status = NativeMethods.fdx_cache_clear();
        if (status != FdxStatus_t.Ok)
        {
            throw ErrorReader.Describe(status);
        }
    }
}
