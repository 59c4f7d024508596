//! What is wrong by other signs than a code of Entra.

use super::entry::KnownError;
use super::kind::{Check, ErrorKind};

macro_rules! symptoms {
    ($($(#[$doc:meta])* $name:ident = $id:literal, $kind:ident, $check:ident, $cause:literal, $fix:literal;)*) => {
        $($(#[$doc])* pub(crate) static $name: KnownError = KnownError {
            codes: &[], id: $id, kind: ErrorKind::$kind, check: Check::$check, cause: $cause, fix: $fix,
        };)*
        /// Every one of them.
        pub(super) static ENTRIES: &[&KnownError] = &[$(&$name),*];
    };
}

symptoms! {
    // Arguments of the cmdlets.
    NOT_CONNECTED = "Fdx.Settings.NotConnected", Configuration, Connection,
        "there is no connection in this runspace",
        "Call Connect-Fdx first; in ForEach-Object -Parallel and thread jobs call it inside, or pass -Connection $using:connection.";
    UNKNOWN_ERROR = "Fdx.Settings.UnknownError", NotFound, Connection,
        "nothing in this text or code is known to FedXdr",
        "Look a code of Entra up at https://login.microsoftonline.com/error?code={code}; Test-FdxConnection tells which step fails.";
    INVALID_TENANT = "Fdx.Settings.InvalidTenantId", Configuration, Connection,
        "the tenant is neither a tenant's id nor one of its domains",
        "Give the tenant's id (Entra admin center > Overview > Tenant ID, without braces) or one of its domains, such as contoso.onmicrosoft.com.";
    INVALID_ID = "Fdx.Settings.InvalidId", Configuration, Connection,
        "what has to be a GUID is none",
        "Give {the id}: a GUID such as 00000000-0000-0000-0000-000000000000, without braces.";
    INVALID_ITEM_ID = "Fdx.Settings.InvalidItemId", Configuration, Answer,
        "the id of a machine or another item cannot be one",
        "Give the id that the list shows, such as Get-FdxMachine's.";
    INVALID_RESOURCE_ID = "Fdx.Settings.InvalidResourceId", Configuration, Connection,
        "the identity's Azure resource id is none",
        "Give the identity's resource id: /subscriptions/…/resourceGroups/…/providers/Microsoft.ManagedIdentity/userAssignedIdentities/<name>.";
    IDENTITY_AMBIGUOUS = "Fdx.Settings.IdentityAmbiguous", Configuration, Connection,
        "more than one of client id, object id and resource id was given for the managed identity",
        "Give one of -ManagedIdentityClientId, -ManagedIdentityObjectId and -ManagedIdentityResourceId.";
    SAME_ID = "Fdx.Settings.SameId", Configuration, Connection,
        "app and managed identity were given the same id",
        "-ClientId is the app registration's Application (client) ID, -ManagedIdentityClientId the identity's own Client ID: they are two things with two ids.";
    CLIENT_MISSING = "Fdx.Settings.ClientIdMissing", Configuration, Connection,
        "no app was named, and this identity's token is good for nothing but an exchange",
        "Name the app that trusts it: Connect-Fdx -ClientId <Application (client) ID>.";
    SECRET_MISSING = "Fdx.Settings.SecretMissing", Configuration, Connection,
        "the credential has no password",
        "Give the client secret's value as the credential's password: Get-Credential <Application (client) ID>. Better, use a managed identity, which needs none.";
    TENANT_MISSING = "Fdx.Settings.TenantMissing", Configuration, Connection,
        "no tenant was named",
        "Name the tenant to read from: Connect-Fdx -TenantId <tenant id or domain>.";
    INVALID_ENDPOINT_SETTING = "Fdx.Settings.InvalidEndpoint", Configuration, Connection,
        "an address of -Endpoint cannot be used",
        "Give an address such as https://host; plain http is for loopback addresses alone. The keys of -Endpoint are authority, defender, defenderScope, xdr, xdrScope, graph, arm, imds and arcTokens.";
    INVALID_PROXY = "Fdx.Settings.InvalidProxy", Configuration, Connection,
        "the proxy's address cannot be used",
        "Give http://host:port with -Proxy, or mend HTTPS_PROXY, HTTP_PROXY or ALL_PROXY. SOCKS is not supported.";
    INVALID_GEO = "Fdx.Settings.InvalidGeo", Configuration, Connection,
        "there is no such region of Defender in this cloud",
        "Give one of us, eu, uk, au, swa, ina, aea with -Geo, and -Environment Public; or leave -Geo out: the data is the same, only the way is shorter.";
    API_NOT_IN_CLOUD = "Fdx.Settings.ApiNotInCloud", Configuration, Connection,
        "this API does not exist in this cloud",
        "Read from a tenant of a cloud that has it (-Environment), or name its address with -Endpoint if Microsoft has opened it since.";
    OTHER_CLOUD = "Fdx.Settings.OtherCloud", Configuration, Connection,
        "the place is in another cloud than the connection",
        "Choose the place's own cloud with -Environment (GCC, USGov, USGovDoD, China), or remove AZURE_AUTHORITY_HOST if it is wrong: identity, app and customer must be in one cloud.";
    INVALID_RESOURCE = "Fdx.Settings.InvalidResource", Configuration, Connection,
        "what a token is asked for is neither a known resource nor a URI",
        "Give Defender, Xdr, Graph or Arm, or a resource such as https://vault.azure.net, or a scope that ends in /.default.";
    INVALID_PATH = "Fdx.Settings.InvalidPath", Configuration, Answer,
        "the path does not lead below the API's host",
        "Give a path such as /api/machines; the host follows from -Resource and -Environment.";
    INVALID_METHOD = "Fdx.Settings.InvalidMethod", Configuration, Answer,
        "the method is none of HTTP",
        "Give GET, POST, PUT, PATCH or DELETE.";
    INVALID_BODY = "Fdx.Settings.InvalidBody", Configuration, Answer,
        "the body cannot be written as JSON",
        "Give the body as a JSON text, or check it for an object that holds itself.";
    INVALID_PAGE_SIZE = "Fdx.Settings.InvalidPageSize", Configuration, Answer,
        "the service has no pages of this size",
        "Give 1 to {max}.";
    INVALID_FILTER_SETTING = "Fdx.Settings.InvalidFilter", Configuration, Answer,
        "the filter is not OData",
        "Write OData, such as: {example} eq 'value'. Fields: {fields}.";

    // The place that the identity comes from.
    IDENTITY_NOT_FOUND = "Fdx.Identity.NotFound", NotFound, Identity,
        "there is no managed identity endpoint here",
        "Run this where a managed identity is: a Function App, App Service, Automation account or Azure VM with an identity assigned (Identity > User assigned > Add, then restart).";
    IDENTITY_VARIABLES = "Fdx.Identity.VariablesMixed", Configuration, Identity,
        "the environment mixes the variables of two identity endpoints",
        "IDENTITY_ENDPOINT goes with IDENTITY_HEADER (X-IDENTITY-HEADER, api-version 2019-08-01), MSI_ENDPOINT with MSI_SECRET (secret, 2017-09-01). Set neither yourself; remove what sets them, and restart the app.";
    IDENTITY_DISABLED = "Fdx.Identity.Disabled", Configuration, Identity,
        "the platform was told to give this app no identity",
        "Remove the app setting WEBSITE_DISABLE_MSI, or set it to false, and restart the app.";
    IDENTITY_ENDPOINT = "Fdx.Identity.InvalidEndpoint", Configuration, Identity,
        "a variable that names an identity endpoint cannot be used",
        "The platform sets {variable}; remove what overrides it, or restart the app after turning its identity on.";
    IDENTITY_UNREACHABLE = "Fdx.Identity.Unreachable", Network, Identity,
        "the identity endpoint that the platform names cannot be reached",
        "The platform names this address itself: restart the app. If it stays so, turn the identity off and on again.";
    IDENTITY_REFUSED = "Fdx.Identity.Refused", Authentication, Identity,
        "the identity endpoint refused the request's header",
        "IDENTITY_HEADER does not fit IDENTITY_ENDPOINT: do not set either yourself, and never mix them with MSI_ENDPOINT and MSI_SECRET.";
    IDENTITY_RESOURCE = "Fdx.Identity.ResourceUnknown", Configuration, Identity,
        "the identity endpoint does not know the resource that the token is for",
        "Check the cloud (-Environment).";
    IDENTITY_UNKNOWN = "Fdx.Identity.UnknownIdentity", Configuration, Identity,
        "the identity endpoint does not know the identity",
        "Attach the identity to this resource (Identity > User assigned > Add) and give its Client ID with -ManagedIdentityClientId: not the app's id, and not the object id.";
    IDENTITY_VERSION = "Fdx.Identity.VersionNotSupported", Configuration, Identity,
        "the identity endpoint does not know the version of the protocol that it is asked in",
        "The variables that name it are another place's: set none of them yourself. On a server of your own update the agent (Azure Connected Machine, Service Fabric).";
    HYBRID_WORKER = "Fdx.Identity.HybridWorker", Configuration, Identity,
        "this is a hybrid worker whose Automation account has an identity, and there user-assigned identities are not to be had",
        "Run the job in Azure, whose jobs know user-assigned identities; or turn the account's own identities off, so that the worker's machine gives its own; or use an account without an identity for hybrid workers.";
    IDENTITY_WRONG = "Fdx.Identity.WrongIdentity", Authentication, Identity,
        "the identity endpoint answered for another identity than the one asked for",
        "Check that the user-assigned identity is attached to this resource, and that its id is right. Some places know identities by their client id alone (Azure Automation, Azure Machine Learning): use -ManagedIdentityClientId there.";
    IDENTITY_UNAVAILABLE = "Fdx.Identity.Unavailable", Service, Identity,
        "the identity endpoint failed",
        "Try again. An App Service endpoint also answers 500 when it does not know the resource (check -Environment), or when the identity was just added: restart the app.";
    IDENTITY_ANSWER = "Fdx.Identity.InvalidAnswer", Protocol, Identity,
        "the identity endpoint answered something that is not a token answer",
        "Restart the app. If something stands between this process and the endpoint (a proxy, a mesh), take it away.";
    SELECTOR_UNSUPPORTED = "Fdx.Identity.SelectorNotSupported", Configuration, Identity,
        "this identity endpoint cannot choose an identity by this kind of id",
        "The endpoint of 2017 (MSI_ENDPOINT) knows -ManagedIdentityClientId alone; Service Fabric gives its one identity: leave the ids out.";
    SYSTEM_ASSIGNED = "Fdx.Identity.SystemAssigned", Configuration, Assertion,
        "the identity is system-assigned, which Microsoft does not document as the subject of a federated credential",
        "Use a user-assigned identity: az identity create, attach it (Identity > User assigned > Add), trust its object id in the app's federated credential, and give its Client ID with -ManagedIdentityClientId.";
    ARC_CHALLENGE = "Fdx.Arc.InvalidChallenge", Protocol, Identity,
        "the Azure Arc agent's challenge is not one that may be answered",
        "Check that the Azure Connected Machine agent is current and unchanged (azcmagent show); something else may answer at its address.";
    ARC_KEY_UNREADABLE = "Fdx.Arc.KeyUnreadable", Configuration, Identity,
        "the Azure Arc agent's key file cannot be read by this account",
        "On Linux add the account to the group himds (sudo usermod -aG himds <account>, then sign in anew); on Windows to Administrators or Hybrid agent extension applications.";
    ARC_SELECTOR_IGNORED = "Fdx.Arc.IdentityIgnored", Authentication, Identity,
        "the Azure Arc agent did not say that it answered for the identity asked for, so its token was not used",
        "Update the Azure Connected Machine agent to a version that knows user-assigned identities, and assign the identity to the Arc-enabled server.";
    FABRIC_IDENTITY = "Fdx.ServiceFabric.IdentityMissing", Configuration, Identity,
        "Service Fabric knows no managed identity of this application",
        "Name the identity in ApplicationManifest.xml (Principals > ManagedIdentities, and an IdentityBindingPolicy of the service), and deploy the application with it as an Azure resource.";
    FABRIC_THUMBPRINT = "Fdx.ServiceFabric.InvalidThumbprint", Configuration, Identity,
        "IDENTITY_SERVER_THUMBPRINT is no SHA-1 thumbprint of 40 hexadecimal digits",
        "Service Fabric sets it; remove what overrides it, and restart the service.";
    FABRIC_CERTIFICATE = "Fdx.ServiceFabric.WrongCertificate", Authentication, Identity,
        "the identity endpoint's certificate is not the one that IDENTITY_SERVER_THUMBPRINT names; nothing secret was sent",
        "Something else listens at IDENTITY_ENDPOINT, or the certificate was renewed after this process began: restart the service.";
    CLOUD_SHELL = "Fdx.Identity.CloudShell", Configuration, Identity,
        "Cloud Shell gives the token of the user who is signed in, and only an identity's token can be exchanged (AADSTS700229)",
        "Run this where a managed identity is, or connect with -CertificatePath or -Credential; for a user's own token give it with -AccessToken.";
    FILE_NOT_NAMED = "Fdx.Workload.FileNotNamed", Configuration, Identity,
        "no token file was named, and AZURE_FEDERATED_TOKEN_FILE is not set",
        "Label the pod azure.workload.identity/use: \"true\" and restart it, or give -FederatedTokenFile.";
    FILE_UNREADABLE = "Fdx.Workload.FileUnreadable", Configuration, Identity,
        "the token file cannot be read",
        "Check that the path is right, that it is a regular file on a file system that answers, and that this account may read it; in Kubernetes that the pod has the workload identity's volume.";
    FILE_NOT_TOKEN = "Fdx.Workload.FileNotToken", Configuration, Identity,
        "the token file holds no token",
        "Check that the path is right: the file holds one JSON web token and nothing else.";
    FILE_EXPIRED = "Fdx.Workload.FileExpired", Authentication, Identity,
        "the token in the file has expired",
        "Whatever keeps the file fresh has stopped: restart the pod, or renew the file. Check this machine's clock too.";
    GITHUB_PERMISSION = "Fdx.GitHub.PermissionMissing", Configuration, Identity,
        "this is not a GitHub Actions job, or it may not ask for tokens",
        "Add `permissions: id-token: write` to the workflow or job.";
    PIPELINES_VARIABLE = "Fdx.Pipelines.VariableMissing", Configuration, Identity,
        "a variable of Azure Pipelines is not set",
        "Run this in an Azure Pipelines job, with -ServiceConnectionId. Pipelines do not give the job's token to scripts by themselves: add to the step: env: SYSTEM_ACCESSTOKEN: $(System.AccessToken).";
    OIDC_ENDPOINT = "Fdx.Oidc.InvalidEndpoint", Configuration, Identity,
        "the build service's token address is not https",
        "The build service sets {variable}; remove what overrides it.";
    OIDC_UNREACHABLE = "Fdx.Oidc.Unreachable", Network, Identity,
        "the build service's token endpoint cannot be reached",
        "GitHub Actions: give the job `permissions: id-token: write`. Azure Pipelines: check the service connection's id, that the pipeline may use it, and the step's env: SYSTEM_ACCESSTOKEN: $(System.AccessToken).";
    OIDC_REFUSED = "Fdx.Oidc.Refused", Authentication, Identity,
        "the build service gave no token",
        "GitHub Actions: give the job `permissions: id-token: write`. Azure Pipelines: check the service connection's id, that the pipeline may use it, and the step's env: SYSTEM_ACCESSTOKEN: $(System.AccessToken).";
    OIDC_ANSWER = "Fdx.Oidc.InvalidAnswer", Protocol, Identity,
        "the build service answered without a token",
        "GitHub Actions: give the job `permissions: id-token: write`. Azure Pipelines: check the service connection's id, that the pipeline may use it, and the step's env: SYSTEM_ACCESSTOKEN: $(System.AccessToken).";

    // What an app proves itself with.
    CERTIFICATE_UNREADABLE = "Fdx.Certificate.Unreadable", Configuration, Assertion,
        "the certificate file cannot be read",
        "Check the path, that it is a regular file, and that this account may read it. A certificate of the store is given as itself: -Certificate (Get-Item Cert:/CurrentUser/My/<thumbprint>).";
    CERTIFICATE_INVALID = "Fdx.Certificate.Invalid", Configuration, Assertion,
        "the file is no certificate in PEM or PFX (PKCS #12)",
        "Give a PFX, or a PEM file with both the CERTIFICATE and its PRIVATE KEY (openssl pkcs12 -in x.pfx -nodes -out x.pem makes one of a PFX).";
    CERTIFICATE_PASSWORD = "Fdx.Certificate.WrongPassword", Configuration, Assertion,
        "the certificate's password is wrong",
        "Give the password of the file with -CertificatePassword (Read-Host -AsSecureString).";
    CERTIFICATE_PASSWORD_MISSING = "Fdx.Certificate.PasswordMissing", Configuration, Assertion,
        "the certificate file is encrypted, and no password was given",
        "Give it with -CertificatePassword (Read-Host -AsSecureString).";
    CERTIFICATE_KEY_MISSING = "Fdx.Certificate.KeyMissing", Configuration, Assertion,
        "there is no private key beside the certificate",
        "Give a file that holds both: a PFX, or a PEM with CERTIFICATE and PRIVATE KEY. A .cer or .crt has the public part alone.";
    CERTIFICATE_KEY_UNSUITABLE = "Fdx.Certificate.KeyNotSupported", Configuration, Assertion,
        "the private key is not an RSA key of 2048 to 8192 bits that belongs to the certificate",
        "Entra takes RSA certificates: make one (New-SelfSignedCertificate -KeyAlgorithm RSA -KeyLength 2048, or openssl req -x509 -newkey rsa:2048).";
    CERTIFICATE_NOT_EXPORTABLE = "Fdx.Certificate.KeyNotExportable", Configuration, Assertion,
        "the certificate's private key cannot be exported, so the native library cannot sign with it",
        "Mark the key exportable when importing the certificate, or give the PFX file with -CertificatePath. Better, use a managed identity, which needs no key.";
    ASSERTION_INVALID = "Fdx.Assertion.Invalid", Configuration, Assertion,
        "the assertion is not a JSON web token",
        "Give the bare token: three parts with dots between them, without quotes, line breaks or the word Bearer.";
    ASSERTION_EXPIRED = "Fdx.Assertion.Expired", Authentication, Assertion,
        "the assertion has expired",
        "A static assertion cannot be renewed: connect again with a new one, or give -ClientAssertionScript, which is asked for a new one whenever it is needed.";
    ASSERTION_SCRIPT = "Fdx.Assertion.ScriptFailed", Authentication, Assertion,
        "the script block for the assertion gave none",
        "Run the script block by itself: it has to give one string or SecureString, the token.";
    TOKEN_INVALID = "Fdx.AccessToken.Invalid", Configuration, Assertion,
        "the access token is not a JSON web token",
        "Give the bare token, without quotes, line breaks or the word Bearer.";
    TOKEN_EXPIRED = "Fdx.AccessToken.Expired", Authentication, Assertion,
        "the access token has expired",
        "A token that was handed in cannot be renewed: connect again with a new one, or with an identity.";
    TOKEN_AUDIENCE = "Fdx.AccessToken.WrongAudience", Authentication, Assertion,
        "the access token is for another resource",
        "One token is good for one API: get one for {resource} and connect with it, or connect with an identity.";
    TOKEN_TENANT = "Fdx.AccessToken.WrongTenant", Authentication, Assertion,
        "the access token is of another tenant",
        "One token is good for one tenant: get one in {tenant} and connect with it, or connect with an identity.";
    AUTHORITY_UNREACHABLE = "Fdx.Auth.Unreachable", Network, TokenEndpoint,
        "the token endpoint cannot be reached",
        "Check the network and the proxy (-Proxy, HTTPS_PROXY), and that the firewall lets this host through.";
    AUTHORITY_ANSWER = "Fdx.Auth.InvalidAnswer", Protocol, TokenEndpoint,
        "the token endpoint answered something that is not a token answer",
        "Something stands between this process and Entra, such as a proxy with a sign-in page: check the proxy.";
    AUTHORITY_FAILED = "Fdx.Auth.Failed", Service, TokenEndpoint,
        "the token endpoint failed",
        "Try again later; if it stays so, look for a proxy between this process and Entra.";
    AUTHORITY_REFUSED = "Fdx.Auth.Refused", Authentication, Credential,
        "Entra refused, with a code that is not in this table",
        "See https://login.microsoftonline.com/error?code={code}.";

    // The APIs.
    INVALID_FILTER = "Fdx.Api.InvalidFilter", Configuration, Answer,
        "the service does not accept the filter",
        "Use OData with these fields: {fields}.";
    BAD_REQUEST = "Fdx.Api.BadRequest", Configuration, Answer,
        "the service does not accept the request",
        "See the service's own text; its members are case-sensitive.";
    API_NOT_FOUND = "Fdx.Api.NotFound", NotFound, Answer,
        "there is nothing at this path",
        "Check the id, or the path of the request.";
    API_THROTTLED = "Fdx.Api.Throttled", Throttled, Answer,
        "the API's quota for this app in this tenant is used up",
        "Run again after the pause that the service asks for; fewer calls that fetch more each, and an app of its own for each workload, help.";
    API_REDIRECTED = "Fdx.Api.Redirected", Protocol, Answer,
        "the API answered with a redirect, which is not followed",
        "Check -Endpoint and the proxy.";
    API_UNAVAILABLE = "Fdx.Api.Unavailable", Service, Answer,
        "the API failed",
        "Try again later.";
    API_REFUSED = "Fdx.Api.Refused", Service, Answer,
        "the API refused the request",
        "See the service's own text for what it wants.";
    NOT_LICENSED = "Fdx.Api.NotLicensed", Authorization, Licence,
        "the tenant has no licence for this data",
        "The tenant needs Defender Vulnerability Management or Defender for Endpoint Plan 2.";
    NOT_PROVISIONED = "Fdx.Api.NotProvisioned", Authorization, Licence,
        "Defender is not set up in the tenant",
        "An administrator of the tenant opens security.microsoft.com once and finishes the set-up of Defender for Endpoint.";
    WRONG_AUDIENCE = "Fdx.Api.WrongAudience", Authentication, Answer,
        "the token is for another API",
        "The scope follows from the API, not from its host: ask for {wanted}/.default.";
    UNAUTHORIZED = "Fdx.Api.Unauthorized", Authentication, Answer,
        "the API does not accept the token",
        "A new token was refused too: see Get-FdxToken for its audience, tenant and roles, and the service's text.";
    FORBIDDEN = "Fdx.Api.Forbidden", Authorization, Answer,
        "the app may not do this in the tenant",
        "See the service's text; check the app's permissions and the machine groups it may see.";
    ROLE_MISSING = "Fdx.Api.RoleMissing", Authorization, Roles,
        "the app lacks an application permission in the tenant",
        "Add it to app {client} as an application permission, then an administrator of {tenant} consents again: {authority}/{tenant}/adminconsent?client_id={client}. A token from before keeps its old roles: use Disconnect-Fdx -ClearTokenCache.";

    IDENTITY_ROLE_MISSING = "Fdx.Api.IdentityRoleMissing", Authorization, Roles,
        "the managed identity, used directly, lacks an application permission",
        "Assign the API's app role to the identity: New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId <object id of the identity> -PrincipalId <the same> -ResourceId <object id of the API's service principal> -AppRoleId <id of the role>. An identity's token keeps its old roles for up to 24 hours.";

    // The network and what comes over it.
    NETWORK_UNREACHABLE = "Fdx.Network.Unreachable", Network, Answer,
        "the API's host cannot be reached",
        "Check the network and the proxy (-Proxy, HTTPS_PROXY), and that the firewall lets this host through.";
    NETWORK_TIMEOUT = "Fdx.Network.Timeout", Network, Answer,
        "the API's host did not answer in time",
        "Check the network and the proxy (-Proxy, HTTPS_PROXY), and that the firewall lets this host through.";
    NETWORK_BROKEN = "Fdx.Network.Broken", Network, Answer,
        "the connection to the API's host broke off",
        "Check the network and the proxy (-Proxy, HTTPS_PROXY), and that the firewall lets this host through.";
    NETWORK_DAMAGED = "Fdx.Network.Damaged", Network, Answer,
        "the answer of the API's host came damaged",
        "Check the network and the proxy (-Proxy, HTTPS_PROXY), and that the firewall lets this host through.";
    NOT_JSON = "Fdx.Protocol.NotJson", Protocol, Data,
        "the answer is not JSON",
        "Something stands between this process and the service, such as a proxy with a sign-in page: check the proxy (-Proxy, HTTPS_PROXY).";
    TOO_LARGE = "Fdx.Protocol.TooLarge", Protocol, Data,
        "a row, or an answer that is no list, is larger than any row can be",
        "Something stands between this process and the service, such as a proxy with a sign-in page: check the proxy (-Proxy, HTTPS_PROXY).";
    NESTED_TOO_DEEPLY = "Fdx.Protocol.NestedTooDeeply", Protocol, Data,
        "a row is nested more than 127 levels deep",
        "No list of the service is nested like that: check that the answer is the service's own, and report it.";
    TRUNCATED = "Fdx.Protocol.Truncated", Protocol, Data,
        "the answer's JSON stops in the middle",
        "Try again; if it stays so, something stands between this process and the service: check the proxy (-Proxy, HTTPS_PROXY).";
    UNEXPECTED_SHAPE = "Fdx.Protocol.UnexpectedShape", Protocol, Data,
        "the answer is JSON of another shape than the documented one",
        "See the row itself with -Raw, and report it.";
    PAGE_CHANGED = "Fdx.Protocol.PageChanged", Protocol, Data,
        "a page broke off and was different when it was asked for again",
        "The rows so far are sound but not complete. Run again: the data is of a new snapshot now.";
    REPEATED_NEXT_LINK = "Fdx.Protocol.RepeatedNextLink", Protocol, Data,
        "a page has the address of an earlier one",
        "The service is at fault; the rows so far are sound. Try again.";
    INVALID_NEXT_LINK = "Fdx.Protocol.InvalidNextLink", Protocol, Data,
        "the link to the next page is no address",
        "The answer is not the service's own, or the service changed: report it with the output of -Verbose.";
    INSECURE_NEXT_LINK = "Fdx.Protocol.InsecureNextLink", Protocol, Data,
        "the link to the next page is not https; the token was not sent there",
        "The answer is not the service's own, or the service changed: report it with the output of -Verbose.";
    FOREIGN_NEXT_LINK = "Fdx.Protocol.ForeignNextLink", Protocol, Data,
        "the link to the next page leads to another host; the token was not sent there",
        "The answer is not the service's own, or the service changed: report it with the output of -Verbose.";

    // The module itself; C# raises them.
    MODULE_FORKED = "Fdx.Module.Forked", Configuration, Connection,
        "this process was forked after FedXdr had started its threads",
        "Use FedXdr in the process that imported it, or start a new one (Start-Job does).";
    MODULE_MISMATCH = "Fdx.Module.NativeLibraryMismatch", Configuration, Connection,
        "the native library is of another version than the module",
        "Install the module again, so that its files come from one package, and clear FEDXDR_LIBRARY if it is set. Then start a new process: a library that was loaded stays.";
    MODULE_LIBRARY = "Fdx.Module.NativeLibraryNotFound", Configuration, Connection,
        "the native library cannot be loaded",
        "Install the module again; it needs a 64-bit process of PowerShell 7.4 or later on a platform that the package has a folder for.";
    MODULE_CANCELLED = "Fdx.Module.QueryCancelled", Cancelled, Connection,
        "the query was cancelled because the module was removed",
        "Import the module again and repeat the command.";
    // The library itself.
    /// A call that breaks the contract of the ABI.
    INVALID_ARGUMENT = "Fdx.Settings.InvalidArgument", Configuration, Connection,
        "a call breaks the contract of the native library",
        "Check the call against the header; from PowerShell this is a defect of FedXdr: report it.";
    /// A defect of this library.
    DEFECT = "Fdx.Internal.Defect", Internal, Connection,
        "FedXdr has a defect",
        "This is a defect of FedXdr: report it with the output of the same command with -Verbose.";
}
