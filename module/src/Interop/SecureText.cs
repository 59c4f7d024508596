using System;
using System.Buffers;
using System.Runtime.InteropServices;
using System.Security;
using System.Text;

namespace FedXdr.Interop;

/// <summary>Writes a SecureString as UTF-8 without making a string, which cannot be wiped.</summary>
internal static class SecureText
{
    internal static unsafe void Write(SecureString text, IBufferWriter<byte> output)
    {
        var plain = Marshal.SecureStringToGlobalAllocUnicode(text);
        try
        {
            Encoding.UTF8.GetBytes(new ReadOnlySpan<char>((char*)plain, text.Length), output);
        }
        finally
        {
            Marshal.ZeroFreeGlobalAllocUnicode(plain);
        }
    }

    /// <summary>
    /// Writes a JSON string. It escapes the text itself: Utf8JsonWriter escapes in memory that it does not wipe.
    /// </summary>
    internal static unsafe void WriteJson(SecureString text, IBufferWriter<byte> output)
    {
        var plain = Marshal.SecureStringToGlobalAllocUnicode(text);
        try
        {
            var quote = "\""u8;
            output.Write(quote);
            var rest = new ReadOnlySpan<char>((char*)plain, text.Length);
            while (!rest.IsEmpty)
            {
                var status = Rune.DecodeFromUtf16(rest, out var rune, out var used);
                Append(status == OperationStatus.Done ? rune : Rune.ReplacementChar, output);
                rest = rest[used..];
            }
            output.Write(quote);
        }
        finally
        {
            Marshal.ZeroFreeGlobalAllocUnicode(plain);
        }
    }

    private static void Append(Rune rune, IBufferWriter<byte> output)
    {
        var room = output.GetSpan(6);
        switch (rune.Value)
        {
            case '"' or '\\':
                room[0] = (byte)'\\';
                room[1] = (byte)rune.Value;
                output.Advance(2);
                break;
            case < ' ':
                "\\u00"u8.CopyTo(room);
                room[4] = Digit(rune.Value >> 4);
                room[5] = Digit(rune.Value & 0xf);
                output.Advance(6);
                break;
            default:
                output.Advance(rune.EncodeToUtf8(room));
                break;
        }
    }

    private static byte Digit(int value) => (byte)(value < 10 ? '0' + value : 'a' + value - 10);
}
