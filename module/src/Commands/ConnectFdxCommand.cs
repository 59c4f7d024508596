using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Management.Automation;
using FedXdr.Completion;
using FedXdr.Interop;
using FedXdr.Queries;

namespace FedXdr.Commands;

[Cmdlet(VerbsCommunications.Connect, "Fdx", DefaultParameterSetName = ManagedIdentityDirectSet)]
[OutputType(typeof(Connection))]
public sealed class ConnectFdxCommand : FdxCommand
{
    private const string ManagedIdentitySet = "ManagedIdentity";
    private const string ManagedIdentityDirectSet = "ManagedIdentityDirect";
    private const string WorkloadIdentitySet = "WorkloadIdentity";
    private const string GitHubActionsSet = "GitHubActions";
    private const string AzurePipelinesSet = "AzurePipelines";

    private static readonly string[] EndpointNames = ["authority", "defender", "xdr", "graph", "arm", "imds"];

    [Parameter(Position = 0)]
    [Alias("Tenant")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(TenantCompleter))]
    public string[] TenantId { get; set; } = [];

    [Parameter(ParameterSetName = ManagedIdentitySet, Mandatory = true, Position = 1)]
    [Parameter(ParameterSetName = WorkloadIdentitySet, Mandatory = true, Position = 1)]
    [Parameter(ParameterSetName = GitHubActionsSet, Mandatory = true, Position = 1)]
    [Parameter(ParameterSetName = AzurePipelinesSet, Mandatory = true, Position = 1)]
    [Alias("ApplicationId", "AppId")]
    [ValidateNotNullOrEmpty]
    public string? ClientId { get; set; }

    [Parameter(ParameterSetName = ManagedIdentitySet)]
    [Parameter(ParameterSetName = ManagedIdentityDirectSet)]
    [ValidateNotNullOrEmpty]
    public string? ManagedIdentityClientId { get; set; }

    [Parameter(ParameterSetName = ManagedIdentitySet)]
    [Parameter(ParameterSetName = ManagedIdentityDirectSet)]
    [ValidateNotNullOrEmpty]
    public string? ManagedIdentityObjectId { get; set; }

    [Parameter(ParameterSetName = ManagedIdentitySet)]
    [Parameter(ParameterSetName = ManagedIdentityDirectSet)]
    [ValidateNotNullOrEmpty]
    public string? ManagedIdentityResourceId { get; set; }

    [Parameter(ParameterSetName = WorkloadIdentitySet, Mandatory = true)]
    [ValidateNotNullOrEmpty]
    public string? FederatedTokenFile { get; set; }

    [Parameter(ParameterSetName = GitHubActionsSet, Mandatory = true)]
    public SwitchParameter GitHubActions { get; set; }

    [Parameter(ParameterSetName = AzurePipelinesSet, Mandatory = true)]
    [ValidateNotNullOrEmpty]
    public string? ServiceConnectionId { get; set; }

    [Parameter]
    [ValidateSet("Public")]
    public string Environment { get; set; } = "Public";

    [Parameter]
    [ValidateNotNull]
    public Hashtable? Endpoint { get; set; }

    [Parameter]
    [ValidateNotNull]
    public Uri? Proxy { get; set; }

    [Parameter]
    [ValidateRange(0, 100)]
    public int? MaximumRetryCount { get; set; }

    [Parameter]
    public SwitchParameter Verify { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override void End()
    {
        var connection = Open();
        DefaultConnection.Remember(TenantId);
        if (Verify)
        {
            VerifyToken(connection);
        }
        DefaultConnection.Set(connection);
        if (PassThru)
        {
            WriteObject(connection);
        }
    }

    private Connection Open()
    {
        using var settings = new JsonDocumentWriter();
        settings.Text("cloud", Environment);
        settings.Texts("tenants", TenantId);
        settings.Text("clientId", ClientId);
        settings.Json.WriteStartObject("credential");
        WriteCredential(settings);
        settings.Json.WriteEndObject();
        WriteEndpoints(settings);
        settings.Text("proxy", Proxy?.OriginalString);
        settings.Text("userAgent", UserAgent());
        if (MaximumRetryCount is { } attempts)
        {
            settings.Json.WriteStartObject("retry");
            settings.Json.WriteNumber("attempts", attempts);
            settings.Json.WriteEndObject();
        }
        return new Connection(SessionHandle.Open(settings.Finish()))
        {
            TenantId = TenantId,
            ClientId = ClientId,
            Identity = DescribeIdentity(),
            Environment = Environment,
        };
    }

    private void WriteCredential(JsonDocumentWriter settings)
    {
        switch (ParameterSetName)
        {
            case WorkloadIdentitySet:
                settings.Text("type", "workloadIdentity");
                settings.Text("tokenFile", GetUnresolvedProviderPathFromPSPath(FederatedTokenFile));
                break;
            case GitHubActionsSet:
                settings.Text("type", "gitHubActions");
                break;
            case AzurePipelinesSet:
                settings.Text("type", "azurePipelines");
                settings.Text("serviceConnectionId", ServiceConnectionId);
                break;
            default:
                settings.Text("type", "managedIdentity");
                settings.Text("clientId", ManagedIdentityClientId);
                settings.Text("objectId", ManagedIdentityObjectId);
                settings.Text("resourceId", ManagedIdentityResourceId);
                break;
        }
    }

    private void WriteEndpoints(JsonDocumentWriter settings)
    {
        if (Endpoint is null)
        {
            return;
        }
        settings.Json.WriteStartObject("endpoints");
        foreach (DictionaryEntry entry in Endpoint)
        {
            var name = Convert.ToString(entry.Key, CultureInfo.InvariantCulture) ?? "";
            var known = Array.Find(EndpointNames, known => known.Equals(name, StringComparison.OrdinalIgnoreCase))
                ?? throw new FdxException(
                    "Fdx.Settings.InvalidEndpoint",
                    FdxErrorKind.Configuration,
                    $"'{name}' is no endpoint",
                    $"The keys of -Endpoint are {string.Join(", ", EndpointNames)}.");
            settings.Text(known, Convert.ToString(entry.Value, CultureInfo.InvariantCulture) ?? "");
        }
        settings.Json.WriteEndObject();
    }

    private string UserAgent() =>
        SessionState.PSVariable.GetValue("PSVersionTable") is IDictionary table ? $"PowerShell/{table["PSVersion"]}" : "PowerShell";

    private string DescribeIdentity() => ParameterSetName switch
    {
        WorkloadIdentitySet => $"Workload identity (token file {FederatedTokenFile})",
        GitHubActionsSet => "GitHub Actions job",
        AzurePipelinesSet => $"Azure Pipelines job (service connection {ServiceConnectionId})",
        _ => DescribeManagedIdentity(),
    };

    private string DescribeManagedIdentity()
    {
        var (kind, id) = (ManagedIdentityClientId, ManagedIdentityObjectId, ManagedIdentityResourceId) switch
        {
            ({ } client, _, _) => ("client id", client),
            (_, { } instance, _) => ("object id", instance),
            (_, _, { } resource) => ("resource id", resource),
            _ => ("", ""),
        };
        return kind.Length == 0 ? "System-assigned managed identity" : $"User-assigned managed identity ({kind} {id})";
    }

    private void VerifyToken(Connection connection)
    {
        using var request = new JsonDocumentWriter();
        request.Text("kind", "token");
        request.Text("resource", "Defender");
        var tokens = new List<object>();
        var failures = new List<FdxException>();
        Runner.OnItemFailed = failures.Add;
        var tenant = TenantId.Length == 1 ? TenantId[0] : null;
        Runner.Run(connection.Session, request, new TokenReader(asPlainText: false), tokens.Add, CommandName, tenant);
        if (tokens.Count == 0 && failures.Count > 0)
        {
            throw failures[0];
        }
        foreach (var failure in failures)
        {
            WriteError(failure.ToErrorRecord());
        }
    }
}
