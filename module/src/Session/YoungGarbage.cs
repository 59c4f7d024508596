using System;
using System.Runtime;

namespace FedXdr.Session;

/// <summary>
/// Bounds the garbage that the rows of a query leave between two collections of the young generations.
/// </summary>
/// <remarks>
/// .NET sizes the youngest generation by the processor's last-level cache and collects it when it is full. On servers
/// with hundreds of megabytes of cache, a job of a few megabytes then grows until its container has no memory left.
/// Only a process can configure this (<c>DOTNET_GCgen0size</c>); a module cannot. Where .NET collects earlier by
/// itself, this class does nothing.
/// </remarks>
internal sealed class YoungGarbage
{
    private const long FirstBytes = 16 << 20;

    private int _collections = GC.CollectionCount(0);
    private long _allocated = GC.GetAllocatedBytesForCurrentThread();
    private long _bytes = FirstBytes;

    /// <summary>Called by the pipeline thread, which allocates the rows, after each batch.</summary>
    internal void Check()
    {
        var collections = GC.CollectionCount(0);
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        if (collections == _collections)
        {
            if (allocated - _allocated < _bytes)
            {
                return;
            }
            if (MayCollect)
            {
                Collect();
                collections = GC.CollectionCount(0);
            }
        }
        _collections = collections;
        _allocated = allocated;
    }

    // Generation 1 too: it has what a tenant needed until its end. Rows that a script keeps are no garbage, so looking
    // for it is worth less each time.
    private void Collect()
    {
        var before = GC.GetTotalMemory(forceFullCollection: false);
        GC.Collect(1, GCCollectionMode.Forced, blocking: true);
        var freed = before - GC.GetTotalMemory(forceFullCollection: false);
        _bytes = freed < _bytes / 2 ? _bytes * 2 : FirstBytes;
    }

    // Server GC has a heap per core, sized on purpose; the other latency modes are a host's request for no collections.
    internal static bool MayCollect =>
        !GCSettings.IsServerGC && GCSettings.LatencyMode is (GCLatencyMode.Interactive or GCLatencyMode.Batch);
}
