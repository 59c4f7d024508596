using System;
using System.Collections;
using System.Globalization;
using System.Security;
using FedXdr.Interop;
using FedXdr.Objects;

namespace FedXdr.Commands;

/// <summary>The parts of the settings document for the credential and the endpoints.</summary>
public sealed partial class ConnectFdxCommand
{
    private bool NamesManagedIdentity =>
        Identity
        || ManagedIdentityClientId is not null
        || ManagedIdentityObjectId is not null
        || ManagedIdentityResourceId is not null;

    private void WriteCredential(JsonDocumentWriter settings)
    {
        switch (ParameterSetName)
        {
            case WorkloadIdentitySet:
                settings.Text("type", "workloadIdentity");
                settings.Text("tokenFile", FilePath(FederatedTokenFile!, Errors.TokenFileUnreadable));
                break;
            case GitHubActionsSet:
                settings.Text("type", "gitHubActions");
                break;
            case AzurePipelinesSet:
                settings.Text("type", "azurePipelines");
                settings.Text("serviceConnectionId", ServiceConnectionId);
                break;
            case CertificateFileSet:
                settings.Text("type", "certificate");
                settings.Text("path", FilePath(CertificatePath!, Errors.CertificateUnreadable));
                settings.Secret("password", CertificatePassword);
                break;
            case CertificateSet:
                settings.Text("type", "callerCertificate");
                settings.Bytes("certificate", Certificate!.RawData);
                settings.Text("algorithm", _key!.Algorithm);
                break;
            case ClientSecretSet:
                settings.Text("type", "clientSecret");
                // PSCredential.Empty has no password.
                using (var empty = new SecureString())
                {
                    settings.Secret("secret", Credential!.Password ?? empty);
                }
                break;
            case ClientAssertionSet:
                settings.Text("type", "clientAssertion");
                settings.Secret("assertion", ClientAssertion);
                break;
            case ClientAssertionScriptSet:
                settings.Text("type", "clientAssertion");
                break;
            case AccessTokenSet:
                settings.Text("type", "accessToken");
                settings.Secret("token", AccessToken);
                break;
            case var _ when NamesManagedIdentity:
                settings.Text("type", "managedIdentity");
                settings.Text("clientId", ManagedIdentityClientId);
                settings.Text("objectId", ManagedIdentityObjectId);
                settings.Text("resourceId", ManagedIdentityResourceId);
                break;
            default:
                settings.Text("type", "default");
                break;
        }
    }

    // The native library reads files only; a PowerShell path may also be in the environment or the certificate store.
    private string FilePath(string path, Func<string, Exception?, FdxException> unreadable)
    {
        var full = SessionState.Path.GetUnresolvedProviderPathFromPSPath(path, out var provider, out _);
        return provider.Name == "FileSystem"
            ? full
            : throw unreadable($"{path} is not a file; it belongs to the PowerShell provider {provider.Name}", null);
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
            var known = Array.Find(Abi.EndpointNames, known => known.Equals(name, StringComparison.OrdinalIgnoreCase))
                ?? throw Errors.InvalidEndpoint($"'{name}' is not the name of an endpoint");
            settings.Text(known, Convert.ToString(entry.Value, CultureInfo.InvariantCulture) ?? "");
        }
        settings.Json.WriteEndObject();
    }

    private string DescribeIdentity() => ParameterSetName switch
    {
        WorkloadIdentitySet => $"Workload identity (token file {FederatedTokenFile})",
        GitHubActionsSet => "GitHub Actions job",
        AzurePipelinesSet => $"Azure Pipelines job (service connection {ServiceConnectionId})",
        CertificateFileSet => $"Certificate (file {CertificatePath})",
        CertificateSet => $"Certificate ({Certificate!.Subject}, thumbprint {Certificate.Thumbprint})",
        ClientSecretSet => "Client secret",
        ClientAssertionSet => "Client assertion (not renewable)",
        ClientAssertionScriptSet => "Client assertion (script block)",
        AccessTokenSet => "Access token (not renewable)",
        _ when NamesManagedIdentity => DescribeManagedIdentity(),
        _ => "Detected from the environment",
    };

    private string DescribeManagedIdentity()
    {
        var selector = (ManagedIdentityClientId, ManagedIdentityObjectId, ManagedIdentityResourceId) switch
        {
            ({ } id, _, _) => $"client id {id}",
            (_, { } id, _) => $"object id {id}",
            (_, _, { } id) => $"resource id {id}",
            _ => null,
        };
        return selector is null ? "System-assigned managed identity" : $"User-assigned managed identity ({selector})";
    }
}
