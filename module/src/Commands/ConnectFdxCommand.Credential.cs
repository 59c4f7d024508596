using System;
using System.Collections;
using System.Globalization;
using System.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using FedXdr.Queries;

namespace FedXdr.Commands;

/// <summary>What the settings document says of the identity and the addresses.</summary>
public sealed partial class ConnectFdxCommand
{
    private static readonly string[] EndpointNames =
        ["authority", "defender", "defenderScope", "xdr", "xdrScope", "graph", "arm", "imds", "arcTokens"];

    private bool NamesManagedIdentity =>
        Identity || ManagedIdentityClientId is not null || ManagedIdentityObjectId is not null || ManagedIdentityResourceId is not null;

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
                settings.Text("type", "certificate");
                WriteCertificate(settings, Certificate!);
                break;
            case ClientSecretSet:
                settings.Text("type", "clientSecret");
                // PSCredential.Empty has none.
                using (var none = new SecureString())
                {
                    settings.Secret("secret", Credential!.Password ?? none);
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

    // The native library reads files; PowerShell's paths lead to the environment and the certificate store as well.
    private string FilePath(string path, Func<string, Exception?, FdxException> unusable)
    {
        var full = SessionState.Path.GetUnresolvedProviderPathFromPSPath(path, out var provider, out _);
        return provider.Name == "FileSystem" ? full : throw unusable($"{path} is not in a file but in PowerShell's {provider.Name}", null);
    }

    // With its key, in memory alone; the password is for this one way and means nothing afterwards.
    private static void WriteCertificate(JsonDocumentWriter settings, X509Certificate2 certificate)
    {
        if (!certificate.HasPrivateKey)
        {
            throw Errors.CertificateKeyMissing($"the certificate {certificate.Subject} comes without its private key");
        }
        var password = Convert.ToHexString(RandomNumberGenerator.GetBytes(16));
        byte[] exported;
        try
        {
            exported = certificate.Export(X509ContentType.Pkcs12, password);
        }
        catch (CryptographicException e)
        {
            throw Errors.CertificateKeyNotExportable($"the private key of {certificate.Subject} cannot be exported: {e.Message}");
        }
        try
        {
            settings.Bytes("pkcs12", exported);
            settings.Text("password", password);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(exported);
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
                ?? throw Errors.InvalidEndpoint($"'{name}' is no endpoint");
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
        _ => "Detected where it runs",
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
}
