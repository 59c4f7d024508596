using System;
using System.Collections.Generic;
using System.IO;
using System.Management.Automation;
using FedXdr.Objects;
using FedXdr.Reading;
using FedXdr.Session;

namespace FedXdr.Commands;

[Cmdlet(VerbsData.Export, "FdxReport")]
[OutputType(typeof(FileInfo))]
public sealed class ExportFdxReportCommand : TenantCommand
{
    // The page is written by the native library; no row comes here.
    private static readonly RawReader Rows = new();

    private readonly List<TenantReference> _tenants = [];

    [Parameter(Mandatory = true, Position = 0)]
    [ValidateNotNullOrEmpty]
    public string Path { get; set; } = "";

    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? DatasetPath { get; set; }

    [Parameter]
    [ConnectionTransformation]
    [ValidateNotNull]
    public Connection? DatasetConnection { get; set; }

    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Title { get; set; }

    private protected override void Process() => _tenants.AddRange(TenantId ?? []);

    private protected override void End()
    {
        EarlierGarbage.Free();
        var tenants = _tenants.Count > 0 ? _tenants.ToArray() : null;
        var page = FullPath(Path, message => Errors.InvalidReportPath(message));
        using var request = NewRequest("report", tenants);
        request.Text("path", page);
        request.Text("title", Title);
        if (DatasetPath is null)
        {
            Run(request, Rows, tenants);
        }
        else
        {
            request.Text("datasetPath", FullPath(DatasetPath, message => Errors.InvalidPath(message)));
            var connection = ConnectionOrOwn(Connection);
            var tenant = tenants is [var only] ? only.Title : null;
            Runner.Run(connection, request, Rows, WriteObject, CommandName, tenant, DatasetConnection);
        }
        WriteObject(new FileInfo(page));
    }
}
