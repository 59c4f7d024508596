using System;

namespace FedXdr.Session;

/// <summary>Frees what was left over before a job whose rows never become objects.</summary>
/// <remarks>
/// Such a job allocates next to nothing in .NET, so .NET would not collect for as long as it takes. What the start of
/// PowerShell and the import of modules left, about 10 MB, would stay in memory for minutes or hours.
/// </remarks>
internal static class EarlierGarbage
{
    // Up to this size, collecting and compacting the whole heap takes about 20 ms.
    private const long SmallHeapBytes = 32 << 20;

    internal static void Free()
    {
        if (YoungGarbage.MayCollect && GC.GetTotalMemory(forceFullCollection: false) <= SmallHeapBytes)
        {
            // Aggressive: other modes keep the freed memory for objects to come.
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        }
    }
}
