using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using FedXdr.Objects;
using FedXdr.Reading;

namespace FedXdr.Commands;

/// <summary>Where Get-FdxTenant reads customers from, besides what the catalog says.</summary>
public sealed partial class GetFdxTenantCommand
{
    private const string PathSet = "Path";
    private const string Lighthouse = "Lighthouse";

    private static readonly string[] Delimiters = [",", ";", "\t"];

    private readonly HashSet<string> _known = new(StringComparer.OrdinalIgnoreCase);

    [Parameter(ParameterSetName = ListSet)]
    [ValidateSet("DelegatedAdmin", Lighthouse)]
    public string Source { get; set; } = "DelegatedAdmin";

    [Parameter(Mandatory = true, ParameterSetName = PathSet)]
    [ValidateNotNullOrEmpty]
    public string Path { get; set; } = "";

    private bool IsLighthouse => Source.Equals(Lighthouse, StringComparison.OrdinalIgnoreCase);

    private protected override void Begin()
    {
        // A file needs no connection.
        if (ParameterSetName == PathSet)
        {
            return;
        }
        base.Begin();
        if (IsLighthouse && !Raw)
        {
            // Several rows are about one tenant.
            Runner.Remaining = long.MaxValue;
        }
    }

    private protected override void ReadList(CatalogEntry resource, string? filter)
    {
        if (ParameterSetName == PathSet)
        {
            ReadFile();
            return;
        }
        base.ReadList(IsLighthouse ? Catalog.Subscriptions : resource, filter);
    }

    // Of a subscription that the app may read, the tenant is a customer's if it is not the app's own.
    private protected override void WriteRow(object row)
    {
        if (row is not Subscription subscription)
        {
            WriteObject(row);
            return;
        }
        var isOwn = string.Equals(
            subscription.SubscriptionTenantId, subscription.TenantId, StringComparison.OrdinalIgnoreCase);
        if (isOwn || subscription.SubscriptionTenantId is not { } id || IsEnough || !_known.Add(id))
        {
            return;
        }
        WriteObject(new Customer
        {
            TenantId = subscription.TenantId,
            TenantName = subscription.TenantName,
            CustomerId = id,
        });
        if (IsEnough)
        {
            Runner.Stop();
        }
    }

    private bool IsEnough => First > 0 && _known.Count >= First;

    private void ReadFile()
    {
        var number = 0;
        foreach (var row in Rows())
        {
            if (IsEnough)
            {
                return;
            }
            number++;
            if (row is null || TenantObject.Find(row) is not { Id: { } id } tenant)
            {
                var members = row is null ? "" : TenantObject.Describe(row);
                WriteError(Errors.CustomerFile(
                    $"row {number} of {Path} has no tenant; its members are {members}").ToErrorRecord());
                continue;
            }
            if (_known.Add(id))
            {
                WriteObject(new Customer { CustomerId = id, CustomerName = tenant.Name });
            }
        }
    }

    // PowerShell's own readers: they know encodings, quotes and cultures.
    private IEnumerable<object?> Rows()
    {
        const string Csv =
            "param($Path, $Delimiter) Import-Csv -LiteralPath $Path -Delimiter $Delimiter -ErrorAction Stop";
        const string Json =
            "param($Path) Get-Content -LiteralPath $Path -Raw -ErrorAction Stop | ConvertFrom-Json -ErrorAction Stop";
        var full = SessionState.Path.GetUnresolvedProviderPathFromPSPath(Path, out var provider, out _);
        if (provider.Name != "FileSystem")
        {
            throw Errors.CustomerFile($"{Path} is not a file; it belongs to the PowerShell provider {provider.Name}");
        }
        try
        {
            if (!System.IO.Path.GetExtension(full).Equals(".json", StringComparison.OrdinalIgnoreCase))
            {
                return Run(Csv, full, Delimiter(full));
            }
            var rows = Run(Json, full).ToList();
            // An answer of a service has the list in a member.
            return rows is [PSObject only] && only.Properties["value"]?.Value is IList list
                ? list.Cast<object?>()
                : rows;
        }
        catch (Exception e) when (e is RuntimeException or System.IO.IOException or UnauthorizedAccessException)
        {
            throw Errors.CustomerFile($"{full} cannot be read: {e.Message}", e);
        }

        IEnumerable<object?> Run(string script, params object[] arguments) =>
            InvokeCommand.InvokeScript(script, useNewScope: true, PipelineResultTypes.None, null, arguments);
    }

    // Excel writes the separator of its culture.
    private static string Delimiter(string file)
    {
        var header = System.IO.File.ReadLines(file).FirstOrDefault(line => !line.StartsWith('#')) ?? "";
        return Delimiters.MaxBy(separator => header.Split(separator).Length)!;
    }
}
