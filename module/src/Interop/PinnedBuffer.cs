using System;
using System.Buffers;
using System.Security.Cryptography;

namespace FedXdr.Interop;

/// <summary>A growing buffer that the garbage collector never moves, and that wipes all it held.</summary>
internal sealed class PinnedBuffer : IBufferWriter<byte>, IDisposable
{
    private const int SmallestSize = 16 * 1024;

    // Each pinned array brings the next collection of all generations nearer, and most documents are small.
    [ThreadStatic]
    private static byte[]? t_spare;

    private byte[] _bytes = TakeSpare();
    private int _used;

    internal ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _used);

    public void Advance(int count) => _used += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        MakeRoom(sizeHint);
        return _bytes.AsMemory(_used);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        MakeRoom(sizeHint);
        return _bytes.AsSpan(_used);
    }

    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_bytes);
        if (_bytes.Length == SmallestSize)
        {
            t_spare = _bytes;
        }
        _bytes = [];
        _used = 0;
    }

    private static byte[] TakeSpare()
    {
        var spare = t_spare ?? Make(SmallestSize);
        t_spare = null;
        return spare;
    }

    private static byte[] Make(int size) => GC.AllocateUninitializedArray<byte>(size, pinned: true);

    private void MakeRoom(int wanted)
    {
        if (_bytes.Length - _used >= Math.Max(wanted, 1))
        {
            return;
        }
        var larger = Make(checked(Math.Max(_bytes.Length * 2, _used + wanted)));
        Written.CopyTo(larger);
        CryptographicOperations.ZeroMemory(_bytes);
        _bytes = larger;
    }
}
