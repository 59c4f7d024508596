using System;
using System.Globalization;
using System.Linq;
using System.Management.Automation;
using FedXdr.Objects;

namespace FedXdr;

/// <summary>
/// A value of a row. PowerShell unwraps it wherever it computes with it: it sorts, compares and enumerates like the
/// value itself. Only its text differs, which is the same in every culture. Export-Csv and Out-String take their text
/// from here.
/// </summary>
public abstract class RowValue : PSObject
{
    private protected RowValue(object value)
        : base(value)
    {
    }

    /// <inheritdoc/>
    public sealed override string ToString() => ValueText.Of(BaseObject);

    /// <summary>What a field holds, read now if it was not yet.</summary>
    internal static object? Of(ref object? field)
    {
        if (field is Unread unread)
        {
            field = unread.Read();
        }
        return Of(field);
    }

    /// <summary>Wraps a list, and a value whose text depends on the culture; gives back any other value.</summary>
    internal static object? Of(object? value) => value switch
    {
        double or float or decimal or < 0L => new Number(value),
        DateTime time => new Timestamp(time),
        string[] list => new TextList(list),
        object?[] list => new ValueList(list),
        _ => value,
    };
}

/// <summary>
/// A point in time: a local DateTime, which compares with Get-Date in every time zone, and whose text is in UTC.
/// </summary>
public sealed class Timestamp : RowValue, IFormattable
{
    internal Timestamp(DateTime time)
        : base(ValueText.Local(time)) => Utc = ValueText.Utc(time);

    internal DateTime Utc { get; }

    /// <summary>A time that a script assigns to a property.</summary>
    public static implicit operator Timestamp(DateTime time) => new(time);

    /// <inheritdoc/>
    string IFormattable.ToString(string? format, IFormatProvider? formatProvider) =>
        format is null ? ToString() : Utc.ToString(format, CultureInfo.InvariantCulture);

    internal static Timestamp? Of(DateTime? time) => time is { } value ? new Timestamp(value) : null;
}

/// <summary>When a token expires: a DateTimeOffset, as other modules have it, whose text is in UTC.</summary>
public sealed class Expiry : RowValue, IFormattable
{
    private readonly DateTime _utc;

    private Expiry(DateTime utc)
        : base(new DateTimeOffset(utc)) => _utc = utc;

    /// <inheritdoc/>
    string IFormattable.ToString(string? format, IFormatProvider? formatProvider) =>
        format is null ? ToString() : _utc.ToString(format, CultureInfo.InvariantCulture);

    internal static Expiry? Of(DateTime? utc) => utc is { } value ? new Expiry(value) : null;
}

/// <summary>A number, whose text has a point in every culture.</summary>
public sealed class Number : RowValue
{
    internal Number(object number)
        : base(number)
    {
    }

    /// <summary>A number that a script assigns to a property.</summary>
    public static implicit operator Number(double number) => new(number);

    /// <summary>A whole number that a script assigns to a property.</summary>
    public static implicit operator Number(int number) => new((long)number);

    /// <summary>A large whole number that a script assigns to a property.</summary>
    public static implicit operator Number(long number) => new(number);

    internal static Number? Of(double? number) => number is { } value ? new Number(value) : null;

    internal static Number? Of(long? number) => number is { } value ? new Number(value) : null;

    internal double ToDouble() => Convert.ToDouble(BaseObject, CultureInfo.InvariantCulture);

    internal long ToInt64() => Convert.ToInt64(BaseObject, CultureInfo.InvariantCulture);
}

/// <summary>A list of texts: an array of strings, whose text has its elements, with semicolons between them.</summary>
public sealed class TextList : RowValue
{
    internal TextList(string[] list)
        : base(list)
    {
    }

    internal string[] Items => (string[])BaseObject;

    /// <summary>A list that a script assigns to a property.</summary>
    public static implicit operator TextList(object?[] list) => new(list.Select(ValueText.Of).ToArray());

    internal static TextList? Of(string[]? list) => list is null ? null : new TextList(list);
}
