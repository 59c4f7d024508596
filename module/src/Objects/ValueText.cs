using System;
using System.Collections;
using System.Globalization;
using System.Linq;
using System.Management.Automation;

namespace FedXdr.Objects;

/// <summary>Values as text that is the same in every culture and time zone: for CSV, tables and messages.</summary>
internal static class ValueText
{
    internal static string Of(object? value) => (value is PSObject wrapped ? wrapped.BaseObject : value) switch
    {
        null => "",
        string text => text,
        DateTime time => Utc(time).ToString("o", CultureInfo.InvariantCulture),
        DateTimeOffset time => time.UtcDateTime.ToString("o", CultureInfo.InvariantCulture),
        PSCustomObject => ObjectJson.Of(value!),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        IEnumerable list => string.Join("; ", list.Cast<object?>().Select(Of)),
        var other => other.ToString() ?? "",
    };

    /// <summary>The values that are not null, with commas between them.</summary>
    internal static string Line(params object?[] values) =>
        string.Join(", ", values.Where(static value => value is not null).Select(Of));

    /// <summary>
    /// A time in the zone of Get-Date: DateTime values compare by their ticks, whatever their kinds are. Where that
    /// zone is UTC, the kind says so, and ConvertTo-Json writes a Z.
    /// </summary>
    internal static DateTime Local(DateTime time)
    {
        var zone = TimeZoneInfo.Local;
        var isUtc = zone.BaseUtcOffset == TimeSpan.Zero && !zone.SupportsDaylightSavingTime;
        return isUtc ? Utc(time) : Utc(time).ToLocalTime();
    }

    /// <summary>A time in UTC. One of no kind is in UTC already: the services use nothing else.</summary>
    internal static DateTime Utc(DateTime time) => time.Kind == DateTimeKind.Local
        ? time.ToUniversalTime()
        : DateTime.SpecifyKind(time, DateTimeKind.Utc);
}
