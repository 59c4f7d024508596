namespace FedXdr.Interop;

internal static class TokenCache
{
    /// <summary>Wipes the tokens of the whole process.</summary>
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
