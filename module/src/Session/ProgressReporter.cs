using System;
using System.Globalization;
using System.Management.Automation;
using System.Text;
using System.Threading;
using FedXdr.Interop;

namespace FedXdr.Session;

/// <summary>
/// Shows the progress of a query: first after half a second, then at most five times per second, and only what is new.
/// </summary>
internal sealed class ProgressReporter(Cmdlet cmdlet)
{
    private const long FirstDelayMilliseconds = 500;
    private const long IntervalMilliseconds = 200;

    private static int s_lastId;

    private readonly int _id = Interlocked.Increment(ref s_lastId);
    private long _begun;
    private long _due;
    private bool _shown;
    private string? _last;
    private string _activity = "";
    private string? _tenant;

    internal void Begin(string activity, string? tenant)
    {
        _activity = activity;
        _tenant = tenant;
        _begun = Environment.TickCount64;
        if (_due == 0)
        {
            _due = Environment.TickCount64 + FirstDelayMilliseconds;
        }
    }

    internal void Report(QueryHandle query)
    {
        var now = Environment.TickCount64;
        if (now < _due)
        {
            return;
        }
        _due = now + IntervalMilliseconds;
        var text = Describe(query.Stats());
        if (text == _last)
        {
            return;
        }
        _shown = true;
        _last = text;
        cmdlet.WriteProgress(new ProgressRecord(_id, _activity, text));
    }

    internal void Complete()
    {
        if (_shown)
        {
            _shown = false;
            _last = null;
            cmdlet.WriteProgress(
                new ProgressRecord(_id, _activity, "Done") { RecordType = ProgressRecordType.Completed });
        }
    }

    private string Describe(in FdxStats_t stats)
    {
        var culture = CultureInfo.InvariantCulture;
        var text = new StringBuilder();
        if (stats.tenants > 1)
        {
            text.Append(culture, $"{stats.tenants_ended} of {stats.tenants} tenants, ");
        }
        else if (_tenant is not null)
        {
            text.Append(culture, $"{_tenant}: ");
        }
        text.Append(culture, $"{stats.rows:N0} rows, {stats.pages:N0} pages");
        var seconds = (Environment.TickCount64 - _begun) / 1000;
        if (seconds > 0 && stats.rows > 0)
        {
            text.Append(culture, $", {stats.rows / (ulong)seconds:N0} rows/s");
        }
        if (stats.waiting_ms > 0)
        {
            var reason = Describe((WaitReason)stats.waiting_for);
            text.Append(culture, $", waiting {(stats.waiting_ms + 999) / 1000} s {reason}");
        }
        else if (stats.rows == 0 && Describe((QueryPhase)stats.phase) is { } phase)
        {
            text.Append(culture, $", {phase}");
        }
        return text.ToString();
    }

    private static string Describe(WaitReason reason) => reason switch
    {
        WaitReason.Quota => "for quota",
        WaitReason.Network => "after a network error",
        WaitReason.TokenEndpoint => "for the token endpoint",
        _ => "for the service",
    };

    private static string? Describe(QueryPhase phase) => phase switch
    {
        QueryPhase.Identity => "getting the token of the identity",
        QueryPhase.Exchange => "exchanging it for a token of the tenant",
        QueryPhase.Request => "waiting for the service",
        _ => null,
    };
}
