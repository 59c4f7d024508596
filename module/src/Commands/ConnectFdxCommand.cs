using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Security;
using System.Security.Cryptography.X509Certificates;
using FedXdr.Interop;
using FedXdr.Reading;
using FedXdr.Session;

namespace FedXdr.Commands;

[Cmdlet(VerbsCommunications.Connect, "Fdx", DefaultParameterSetName = ManagedIdentityDirectSet)]
[OutputType(typeof(Connection))]
public sealed partial class ConnectFdxCommand : FdxCommand
{
    private const string ManagedIdentitySet = "ManagedIdentity";
    private const string ManagedIdentityDirectSet = "ManagedIdentityDirect";
    private const string WorkloadIdentitySet = "WorkloadIdentity";
    private const string GitHubActionsSet = "GitHubActions";
    private const string AzurePipelinesSet = "AzurePipelines";
    private const string CertificateSet = "Certificate";
    private const string CertificateFileSet = "CertificateFile";
    private const string ClientSecretSet = "ClientSecret";
    private const string ClientAssertionSet = "ClientAssertion";
    private const string ClientAssertionScriptSet = "ClientAssertionScript";
    private const string AccessTokenSet = "AccessToken";

    [Parameter(Position = 0)]
    [Alias("Tenant")]
    [ForgetsDefaultConnection]
    [TenantList]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(TenantCompleter))]
    public TenantReference[] TenantId { get; set; } = [];

    [Parameter(ParameterSetName = ManagedIdentitySet, Mandatory = true, Position = 1)]
    [Parameter(ParameterSetName = WorkloadIdentitySet, Mandatory = true, Position = 1)]
    [Parameter(ParameterSetName = GitHubActionsSet, Mandatory = true, Position = 1)]
    [Parameter(ParameterSetName = AzurePipelinesSet, Mandatory = true, Position = 1)]
    [Parameter(ParameterSetName = CertificateSet, Mandatory = true, Position = 1)]
    [Parameter(ParameterSetName = CertificateFileSet, Mandatory = true, Position = 1)]
    [Parameter(ParameterSetName = ClientAssertionSet, Mandatory = true, Position = 1)]
    [Parameter(ParameterSetName = ClientAssertionScriptSet, Mandatory = true, Position = 1)]
    [Alias("ApplicationId", "AppId")]
    [ValidateNotNullOrEmpty]
    [ForgetsDefaultConnection]
    [Trim]
    public string? ClientId { get; set; }

    [Parameter(ParameterSetName = ManagedIdentitySet)]
    [Parameter(ParameterSetName = ManagedIdentityDirectSet)]
    public SwitchParameter Identity { get; set; }

    [Parameter(ParameterSetName = ManagedIdentitySet)]
    [Parameter(ParameterSetName = ManagedIdentityDirectSet)]
    [ValidateNotNullOrEmpty]
    [ForgetsDefaultConnection]
    [Trim]
    public string? ManagedIdentityClientId { get; set; }

    [Parameter(ParameterSetName = ManagedIdentitySet)]
    [Parameter(ParameterSetName = ManagedIdentityDirectSet)]
    [ValidateNotNullOrEmpty]
    [ForgetsDefaultConnection]
    [Trim]
    public string? ManagedIdentityObjectId { get; set; }

    [Parameter(ParameterSetName = ManagedIdentitySet)]
    [Parameter(ParameterSetName = ManagedIdentityDirectSet)]
    [ValidateNotNullOrEmpty]
    [ForgetsDefaultConnection]
    [Trim]
    public string? ManagedIdentityResourceId { get; set; }

    [Parameter(ParameterSetName = WorkloadIdentitySet, Mandatory = true)]
    [ValidateNotNullOrEmpty]
    [ForgetsDefaultConnection]
    public string? FederatedTokenFile { get; set; }

    [Parameter(ParameterSetName = GitHubActionsSet, Mandatory = true)]
    public SwitchParameter GitHubActions { get; set; }

    [Parameter(ParameterSetName = AzurePipelinesSet, Mandatory = true)]
    [ValidateNotNullOrEmpty]
    [ForgetsDefaultConnection]
    [Trim]
    public string? ServiceConnectionId { get; set; }

    [Parameter(ParameterSetName = CertificateSet, Mandatory = true)]
    [ValidateNotNull]
    [ForgetsDefaultConnection]
    public X509Certificate2? Certificate { get; set; }

    [Parameter(ParameterSetName = CertificateFileSet, Mandatory = true)]
    [ValidateNotNullOrEmpty]
    [ForgetsDefaultConnection]
    public string? CertificatePath { get; set; }

    [Parameter(ParameterSetName = CertificateFileSet)]
    [ValidateNotNull]
    [ForgetsDefaultConnection]
    public SecureString? CertificatePassword { get; set; }

    [Parameter(ParameterSetName = ClientSecretSet, Mandatory = true)]
    [ValidateNotNull]
    [ForgetsDefaultConnection]
    public PSCredential? Credential { get; set; }

    [Parameter(ParameterSetName = ClientAssertionSet, Mandatory = true)]
    [ValidateNotNull]
    [ForgetsDefaultConnection]
    public SecureString? ClientAssertion { get; set; }

    [Parameter(ParameterSetName = ClientAssertionScriptSet, Mandatory = true)]
    [ValidateNotNull]
    [ForgetsDefaultConnection]
    public ScriptBlock? ClientAssertionScript { get; set; }

    [Parameter(ParameterSetName = AccessTokenSet, Mandatory = true)]
    [ValidateNotNull]
    [ForgetsDefaultConnection]
    public SecureString? AccessToken { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(CloudCompleter))]
    [CloudName]
    [ForgetsDefaultConnection]
    [Trim]
    public string Environment { get; set; } = "Public";

    [Parameter]
    [ArgumentCompleter(typeof(GeoCompleter))]
    [ValidateNotNullOrEmpty]
    [ForgetsDefaultConnection]
    [Trim]
    public string? Geo { get; set; }

    [Parameter]
    [ValidateNotNull]
    [ForgetsDefaultConnection]
    public Hashtable? Endpoint { get; set; }

    [Parameter]
    [ValidateNotNull]
    [ForgetsDefaultConnection]
    public Uri? Proxy { get; set; }

    [Parameter]
    [ValidateRange(0, 100)]
    [ForgetsDefaultConnection]
    public int? MaximumRetryCount { get; set; }

    [Parameter]
    [ForgetsDefaultConnection]
    [SecondsTransformation]
    public TimeSpan? MaximumWait { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(TokenCacheCompleter))]
    [ForgetsDefaultConnection]
    [TokenCacheName]
    public string TokenCache { get; set; } = Abi.TokenCaches[0];

    [Parameter]
    public SwitchParameter Verify { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private CertificateKey? _key;

    // Also without parameters.
    private protected override void Begin() => DefaultConnection.Clear();

    private protected override void End()
    {
        var connection = Open();
        WriteVerbose(LibraryVersion.Describe());
        DefaultConnection.AddSeenTenants(TenantId.Select(tenant => tenant.ToString()));
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
        _key = Certificate is null ? null : CertificateKey.Of(Certificate);
        using var settings = new JsonDocumentWriter();
        settings.Text("cloud", CanonicalName.Of(Abi.Clouds, Environment));
        settings.Text("geo", Geo);
        settings.Tenants("tenants", TenantId);
        settings.Text("clientId", AppId);
        settings.Json.WriteStartObject("credential");
        WriteCredential(settings);
        settings.Json.WriteEndObject();
        WriteEndpoints(settings);
        settings.Text("proxy", Proxy?.OriginalString);
        if (Proxy is null)
        {
            SystemProxy.Write(settings.Json, CanonicalName.Of(Abi.Clouds, Environment), Endpoint);
        }
        settings.Text("userAgent", UserAgent());
        settings.Text("tokenCache", CanonicalName.Of(Abi.TokenCaches, TokenCache));
        settings.Json.WriteStartObject("retry");
        settings.Number("attempts", MaximumRetryCount);
        settings.Number("maximumWaitMs", (long?)MaximumWait?.TotalMilliseconds);
        settings.Json.WriteEndObject();
        return new Connection(SessionHandle.Open(settings.Finish()))
        {
            Tenants = TenantId,
            ClientId = AppId,
            Identity = DescribeIdentity(),
            Environment = CanonicalName.Of(Abi.Clouds, Environment) ?? Environment,
            Assertion = ClientAssertionScript is { } script ? new AssertionScript(script) : null,
            Key = _key,
        };
    }

    // The user name of the PSCredential is the client id.
    private string? AppId =>
        ParameterSetName != ClientSecretSet ? ClientId
        : string.IsNullOrEmpty(Credential!.UserName) ? null
        : Credential.UserName;

    private string UserAgent() =>
        SessionState.PSVariable.GetValue("PSVersionTable") is IDictionary table
            ? $"PowerShell/{table["PSVersion"]}"
            : "PowerShell";

    private void VerifyToken(Connection connection)
    {
        using var request = new JsonDocumentWriter();
        request.Text("kind", "token");
        request.Text("resource", "Defender");
        var tokens = new List<object>();
        var failures = new List<FdxException>();
        Runner.OnItemFailed = failures.Add;
        var tenant = TenantId.Length == 1 ? TenantId[0].Title : null;
        Runner.Run(connection, request, new TokenReader(asPlainText: false), tokens.Add, CommandName, tenant);
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
