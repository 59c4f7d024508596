using System;
using System.Buffers.Text;

namespace FedXdr.Reading;

/// <summary>
/// Finds the times in JSON, which has no type for them: texts such as 2026-11-24T10:00:00.1234567Z. A time without a
/// zone is in UTC, as everywhere in these APIs.
/// </summary>
internal static class IsoTime
{
    private const int Shortest = 19;
    private const int Longest = 35;
    private const int MostFraction = 7;

    internal static bool TryParse(ReadOnlySpan<byte> text, out DateTime utc)
    {
        utc = default;
        if (text.Length is < Shortest or > Longest
            || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':'
            || !TryDigits(text[..4], out var year) || !TryDigits(text[5..7], out var month)
            || !TryDigits(text[8..10], out var day) || !TryDigits(text[11..13], out var hour)
            || !TryDigits(text[14..16], out var minute) || !TryDigits(text[17..19], out var second)
            || year < 1 || month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth(year, month)
            || hour > 23 || minute > 59 || second > 59)
        {
            return false;
        }
        var rest = text[Shortest..];
        if (!TryTakeFraction(ref rest, out var ticks) || !TryReadOffset(rest, out var offset))
        {
            return false;
        }
        var local = new DateTime(year, month, day, hour, minute, second, DateTimeKind.Utc).Ticks + ticks;
        var total = local - (offset * TimeSpan.TicksPerMinute);
        if (total < 0 || total > DateTime.MaxValue.Ticks)
        {
            return false;
        }
        utc = new DateTime(total, DateTimeKind.Utc);
        return true;
    }

    private static bool TryTakeFraction(ref ReadOnlySpan<byte> rest, out long ticks)
    {
        ticks = 0;
        if (rest.IsEmpty || rest[0] != '.')
        {
            return true;
        }
        var length = 1;
        var scale = TimeSpan.TicksPerSecond;
        for (; length < rest.Length && char.IsAsciiDigit((char)rest[length]); length++)
        {
            // Digits beyond a tick are dropped.
            if (length <= MostFraction)
            {
                scale /= 10;
                ticks += (rest[length] - '0') * scale;
            }
        }
        rest = rest[length..];
        return length > 1;
    }

    // In minutes.
    private static bool TryReadOffset(ReadOnlySpan<byte> rest, out int offset)
    {
        offset = 0;
        if (rest.IsEmpty || (rest.Length == 1 && rest[0] == 'Z'))
        {
            return true;
        }
        if (rest.Length != 6 || rest[0] is not ((byte)'+' or (byte)'-') || rest[3] != ':'
            || !TryDigits(rest[1..3], out var hours) || !TryDigits(rest[4..], out var minutes)
            || hours > 14 || minutes > 59)
        {
            return false;
        }
        offset = ((hours * 60) + minutes) * (rest[0] == '-' ? -1 : 1);
        return true;
    }

    private static bool TryDigits(ReadOnlySpan<byte> text, out int number) =>
        Utf8Parser.TryParse(text, out number, out var used) && used == text.Length && char.IsAsciiDigit((char)text[0]);
}
