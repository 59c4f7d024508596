//! Known errors that have no code of Entra.

use super::entry::KnownError;
use super::kind::{Check, ErrorKind};

macro_rules! symptoms {
    ($($(#[$doc:meta])* $name:ident = $id:literal, $kind:ident, $check:ident, $cause:literal, $fix:literal;)*) => {
        $($(#[$doc])* pub(crate) static $name: KnownError = KnownError {
            codes: &[], id: $id, kind: ErrorKind::$kind, check: Check::$check, cause: $cause, fix: $fix,
        };)*
        /// All of these errors.
        pub(super) static ENTRIES: &[&KnownError] = &[$(&$name),*];
    };
}

symptoms! {
    // Arguments of the cmdlets.
    NOT_CONNECTED = "Fdx.Settings.NotConnected", Configuration, Connection,
        "there is no connection in this runspace",
        "Call Connect-Fdx first. In ForEach-Object -Parallel and thread jobs, call it inside the script \
         block, or pass -Connection $using:connection.";
    UNKNOWN_ERROR = "Fdx.Settings.UnknownError", NotFound, Connection,
        "FedXdr does not know this code, and knows no error in this text",
        "Look up an Entra code at https://login.microsoftonline.com/error?code={code}. Test-FdxConnection \
         shows which step fails.";
    INVALID_TENANT = "Fdx.Settings.InvalidTenantId", Configuration, Connection,
        "the tenant must be a tenant id or a domain of the tenant",
        "Use the tenant ID (Entra admin center > Overview > Tenant ID, without braces) or a domain of the \
         tenant, such as contoso.onmicrosoft.com.";
    CUSTOMER_FILE = "Fdx.Settings.CustomerFile", Configuration, Connection,
        "the file of customers cannot be read, or a row of it has no tenant",
        "Use a CSV or JSON file whose rows have a TenantId or CustomerId, and a name such as CustomerName.";
    INVALID_ID = "Fdx.Settings.InvalidId", Configuration, Connection,
        "this value must be a GUID",
        "Use {the id}: a GUID such as 00000000-0000-0000-0000-000000000000, without braces.";
    INVALID_ITEM_ID = "Fdx.Settings.InvalidItemId", Configuration, Answer,
        "the id of a machine or another item is not valid",
        "Use the id that the list shows, such as one from Get-FdxMachine.";
    INVALID_RESOURCE_ID = "Fdx.Settings.InvalidResourceId", Configuration, Connection,
        "the identity's resource id must be an Azure resource id",
        "Use the identity's resource id: \
         /subscriptions/…/resourceGroups/…/providers/Microsoft.ManagedIdentity/userAssignedIdentities/<name>.";
    IDENTITY_AMBIGUOUS = "Fdx.Settings.IdentityAmbiguous", Configuration, Connection,
        "more than one id was given for the managed identity",
        "Use only one of -ManagedIdentityClientId, -ManagedIdentityObjectId and -ManagedIdentityResourceId.";
    SAME_ID = "Fdx.Settings.SameId", Configuration, Connection,
        "the app and the managed identity have the same id",
        "-ClientId is the Application (client) ID of the app registration. -ManagedIdentityClientId is the \
         Client ID of the managed identity. The two are always different.";
    CLIENT_MISSING = "Fdx.Settings.ClientIdMissing", Configuration, Connection,
        "a client id is required: the token of this identity can only be exchanged for an app's token",
        "Specify the app that trusts the identity: Connect-Fdx -ClientId <Application (client) ID>.";
    SECRET_MISSING = "Fdx.Settings.SecretMissing", Configuration, Connection,
        "the credential has no password",
        "Use the value of the client secret as the password of the credential: Get-Credential <Application \
         (client) ID>. Better, use a managed identity, which needs no secret.";
    TENANT_MISSING = "Fdx.Settings.TenantMissing", Configuration, Connection,
        "no tenant was specified",
        "Specify the tenant to read from: Connect-Fdx -TenantId <tenant id or domain>.";
    INVALID_ENDPOINT_SETTING = "Fdx.Settings.InvalidEndpoint", Configuration, Connection,
        "an address in -Endpoint is not valid",
        "Use an address such as https://host. Plain http is allowed only for loopback addresses. The keys of \
         -Endpoint are authority, defender, defenderScope, xdr, xdrScope, graph, arm, blob, ingestion, eventHubs, imds \
         and arcTokens.";
    INVALID_PROXY = "Fdx.Settings.InvalidProxy", Configuration, Connection,
        "the proxy address is not valid",
        "Use -Proxy http://host:port, or fix HTTPS_PROXY, HTTP_PROXY, ALL_PROXY or the proxy in the settings of \
         the system. SOCKS is not supported.";
    INVALID_GEO = "Fdx.Settings.InvalidGeo", Configuration, Connection,
        "Defender has no such region in this cloud",
        "Use one of us, eu, uk, au, swa, ina, aea for -Geo, with -Environment Public. Or omit -Geo: every \
         region returns the same data, a near one only answers faster.";
    API_NOT_IN_CLOUD = "Fdx.Settings.ApiNotInCloud", Configuration, Connection,
        "this API does not exist in this cloud",
        "Choose a cloud that has the API with -Environment. If Microsoft has since added it to this cloud, \
         set its address with -Endpoint.";
    OTHER_CLOUD = "Fdx.Settings.OtherCloud", Configuration, Connection,
        "AZURE_AUTHORITY_HOST belongs to another cloud than the connection",
        "Choose the cloud that this host runs in with -Environment (GCC, USGov, USGovDoD, China), or remove \
         AZURE_AUTHORITY_HOST if it is wrong. The identity, the app and the tenant must be in the same \
         cloud.";
    INVALID_RESOURCE = "Fdx.Settings.InvalidResource", Configuration, Connection,
        "the resource is neither a known name nor a URI",
        "Use Defender, Xdr, Graph or Arm, a resource such as https://vault.azure.net, or a scope that ends \
         in /.default.";
    INVALID_PATH = "Fdx.Settings.InvalidPath", Configuration, Answer,
        "the path does not stay on the API's host",
        "Use a path such as /api/machines. -Resource and -Environment determine the host.";
    INVALID_METHOD = "Fdx.Settings.InvalidMethod", Configuration, Answer,
        "the HTTP method is not supported",
        "Use GET, POST, PUT, PATCH or DELETE.";
    INVALID_BODY = "Fdx.Settings.InvalidBody", Configuration, Answer,
        "the body cannot be converted to JSON",
        "Pass the body as JSON text, or check it for an object that contains itself.";
    INVALID_PAGE_SIZE = "Fdx.Settings.InvalidPageSize", Configuration, Answer,
        "the service does not allow this page size",
        "Use a value from 1 to {max}.";
    SINCE_TOO_OLD = "Fdx.Settings.SinceTooOld", Configuration, Answer,
        "the service keeps changes for some days only",
        "Use -Since with a time of the last {days} days. Before that, read the whole list again, without -Since.";
    PARAMETER_MISFIT = "Fdx.Settings.ParameterMisfit", Configuration, Answer,
        "a parameter does not go with what is read",
        "Leave the parameter out. Get-Help says which resources it is for; ids select single items, which are not \
         filtered.";
    INVALID_FILTER_SETTING = "Fdx.Settings.InvalidFilter", Configuration, Answer,
        "the filter is not a valid OData expression",
        "Use an OData expression such as {example} eq 'value'. Fields: {fields}.";

    // The host that the identity comes from.
    IDENTITY_NOT_FOUND = "Fdx.Identity.NotFound", NotFound, Identity,
        "no managed identity endpoint was found on this host",
        "Run this on a host that has a managed identity: a Function App, App Service, Automation account or \
         Azure VM with an assigned identity (Identity > User assigned > Add, then restart).";
    IDENTITY_VARIABLES = "Fdx.Identity.VariablesMixed", Configuration, Identity,
        "the environment mixes the variables of two identity endpoints",
        "IDENTITY_ENDPOINT belongs with IDENTITY_HEADER (X-IDENTITY-HEADER, api-version 2019-08-01), and \
         MSI_ENDPOINT with MSI_SECRET (secret, 2017-09-01). Do not set them yourself. Remove the settings \
         that override them, and restart the app.";
    IDENTITY_DISABLED = "Fdx.Identity.Disabled", Configuration, Identity,
        "an app setting turns off the managed identity of this app",
        "Remove the app setting WEBSITE_DISABLE_MSI, or set it to false, and restart the app.";
    IDENTITY_ENDPOINT = "Fdx.Identity.InvalidEndpoint", Configuration, Identity,
        "an environment variable holds an identity endpoint that is not valid",
        "The platform sets {variable}. Remove the setting that overrides it, or restart the app after you \
         turn its identity on.";
    IDENTITY_UNREACHABLE = "Fdx.Identity.Unreachable", Network, Identity,
        "the identity endpoint cannot be reached",
        "The platform sets this address. Restart the app. If the error persists, turn the identity off and on again.";
    IDENTITY_REFUSED = "Fdx.Identity.Refused", Authentication, Identity,
        "the identity endpoint rejected the request header",
        "Restart the app or service: the platform sets IDENTITY_ENDPOINT and IDENTITY_HEADER (or MSI_ENDPOINT and \
         MSI_SECRET) when it starts. Do not set them yourself, and never mix them. On a virtual machine, reach \
         169.254.169.254 without a proxy: something removed the header Metadata.";
    METADATA_REFUSED = "Fdx.Identity.MetadataRefused", Authentication, Identity,
        "the metadata service, or a proxy in its place, refused the request",
        "Check that the identity exists and is assigned to this machine (Identity > User assigned). In \
         Kubernetes, a pod identity proxy (NMI) may answer instead of the metadata service: check its binding to \
         the identity, or use workload identity.";
    IDENTITY_DELETED = "Fdx.Identity.Deleted", Configuration, Identity,
        "Entra does not know the service principal of the managed identity, or it is disabled",
        "The identity was deleted, or its subscription moved to another tenant. Turn the system-assigned identity off \
         and on, or create the user-assigned identity again, assign it, and set its new object id as the subject of \
         the federated credential.";
    IDENTITY_REFUSED_BY_ENTRA = "Fdx.Identity.RefusedByEntra", Authentication, Identity,
        "the identity endpoint passed on an error of Entra",
        "See https://login.microsoftonline.com/error?code={code}. The code is about the managed identity itself, not \
         about the app.";
    IDENTITY_RESOURCE = "Fdx.Identity.ResourceUnknown", Configuration, Identity,
        "the identity endpoint does not know the requested resource",
        "Check the cloud (-Environment).";
    IDENTITY_UNKNOWN = "Fdx.Identity.UnknownIdentity", Configuration, Identity,
        "the identity endpoint does not know the identity",
        "Assign the identity to this resource (Identity > User assigned > Add), and pass its Client ID with \
         -ManagedIdentityClientId, not the app's id or the object id.";
    IDENTITY_VERSION = "Fdx.Identity.VersionNotSupported", Configuration, Identity,
        "the identity endpoint does not support the API version of the request",
        "The identity variables belong to another kind of host. Do not set them yourself. On your own \
         servers, update the agent (Azure Connected Machine, Service Fabric).";
    HYBRID_WORKER = "Fdx.Identity.HybridWorker", Configuration, Identity,
        "user-assigned identities are not available on a hybrid worker whose Automation account has an identity",
        "Run the job in Azure, where user-assigned identities are available. Or turn off the identities of \
         the Automation account, so that the worker's machine provides its own. Or use an account without an \
         identity for hybrid workers.";
    HOME_TENANT_ONLY = "Fdx.Identity.HomeTenantOnly", Configuration, App,
        "an identity without an app gets tokens for its home tenant only",
        "To read another tenant, pass the app that is registered in it with -ClientId. To read the home tenant, leave \
         -TenantId out or give its id, {home}.";
    IDENTITY_WRONG = "Fdx.Identity.WrongIdentity", Authentication, Identity,
        "the identity endpoint returned a token for another identity than the requested one",
        "Check that the user-assigned identity is assigned to this resource and that its id is correct. \
         Azure Automation and Azure Machine Learning accept only a client id: use -ManagedIdentityClientId \
         there.";
    IDENTITY_UNAVAILABLE = "Fdx.Identity.Unavailable", Service, Identity,
        "the identity endpoint failed",
        "Try again. App Service also returns 500 if it does not know the resource (check -Environment) or if \
         the identity was just added (restart the app).";
    IDENTITY_ANSWER = "Fdx.Identity.InvalidAnswer", Protocol, Identity,
        "the identity endpoint returned an invalid token response",
        "Restart the app. If a proxy or service mesh is between this process and the endpoint, bypass it.";
    SELECTOR_UNSUPPORTED = "Fdx.Identity.SelectorNotSupported", Configuration, Identity,
        "this identity endpoint cannot select an identity by this kind of id",
        "The 2017 endpoint (MSI_ENDPOINT) supports only -ManagedIdentityClientId. Service Fabric selects the \
         identity itself: omit the ids.";
    SYSTEM_ASSIGNED = "Fdx.Identity.SystemAssigned", Configuration, Assertion,
        "the identity is system-assigned; Microsoft documents only user-assigned identities for federated credentials",
        "Use a user-assigned identity: create it (az identity create), assign it (Identity > User assigned > \
         Add), use its object id as the subject of the app's federated credential, and pass its Client ID \
         with -ManagedIdentityClientId.";
    ARC_CHALLENGE = "Fdx.Arc.InvalidChallenge", Protocol, Identity,
        "the challenge of the Azure Arc agent is not valid",
        "Check that the Azure Connected Machine agent is current and unchanged (azcmagent show). Another \
         program may be listening on its address.";
    ARC_KEY_UNREADABLE = "Fdx.Arc.KeyUnreadable", Configuration, Identity,
        "this account cannot read the key file of the Azure Arc agent",
        "On Linux, add the account to the group himds (sudo usermod -aG himds <account>) and sign in again. \
         On Windows, add it to Administrators or Hybrid agent extension applications.";
    ARC_SELECTOR_IGNORED = "Fdx.Arc.IdentityIgnored", Authentication, Identity,
        "the Azure Arc agent did not confirm the requested identity, so its token was not used",
        "Update the Azure Connected Machine agent to a version that supports user-assigned identities, and \
         assign the identity to the Arc-enabled server.";
    FABRIC_IDENTITY = "Fdx.ServiceFabric.IdentityMissing", Configuration, Identity,
        "Service Fabric has no managed identity for this application",
        "Add the identity to ApplicationManifest.xml (Principals > ManagedIdentities, and an \
         IdentityBindingPolicy for the service), and deploy the application with it as an Azure resource.";
    FABRIC_THUMBPRINT = "Fdx.ServiceFabric.InvalidThumbprint", Configuration, Identity,
        "IDENTITY_SERVER_THUMBPRINT must be a SHA-1 thumbprint of 40 hexadecimal digits",
        "Service Fabric sets this variable. Remove the setting that overrides it, and restart the service.";
    FABRIC_CERTIFICATE = "Fdx.ServiceFabric.WrongCertificate", Authentication, Identity,
        "the certificate of the identity endpoint does not match IDENTITY_SERVER_THUMBPRINT; no secret was sent",
        "Another program listens at IDENTITY_ENDPOINT, or the certificate was renewed after this process \
         started. Restart the service.";
    CLOUD_SHELL = "Fdx.Identity.CloudShell", Configuration, Identity,
        "Cloud Shell returns a token of the signed-in user, and only an identity's token can be exchanged \
         (AADSTS700229)",
        "Run this on a host that has a managed identity, or connect with -CertificatePath or -Credential. To \
         use the user's own token, pass it with -AccessToken.";
    FILE_NOT_NAMED = "Fdx.Workload.FileNotNamed", Configuration, Identity,
        "no token file was specified, and AZURE_FEDERATED_TOKEN_FILE is not set",
        "Label the pod azure.workload.identity/use: \"true\" and restart it, or use -FederatedTokenFile.";
    FILE_UNREADABLE = "Fdx.Workload.FileUnreadable", Configuration, Identity,
        "the token file cannot be read",
        "Check the path, that it is a regular file on a responsive file system, and that this account can \
         read it. In Kubernetes, check that the pod mounts the volume of the workload identity.";
    FILE_NOT_TOKEN = "Fdx.Workload.FileNotToken", Configuration, Identity,
        "the token file does not contain a token",
        "Check the path. The file must contain one JSON web token and nothing else.";
    FILE_EXPIRED = "Fdx.Workload.FileExpired", Authentication, Identity,
        "the token in the file has expired",
        "The file is no longer being renewed: restart the pod, or renew the file. Also check the clock of \
         this machine.";
    GITHUB_PERMISSION = "Fdx.GitHub.PermissionMissing", Configuration, Identity,
        "this is not a GitHub Actions job, or it lacks the permission to request tokens",
        "Add `permissions: id-token: write` to the workflow or job.";
    PIPELINES_VARIABLE = "Fdx.Pipelines.VariableMissing", Configuration, Identity,
        "an Azure Pipelines variable is not set",
        "Run this in an Azure Pipelines job with -ServiceConnectionId. Scripts do not receive the job's \
         token by default: add env: SYSTEM_ACCESSTOKEN: $(System.AccessToken) to the step.";
    OIDC_ENDPOINT = "Fdx.Oidc.InvalidEndpoint", Configuration, Identity,
        "the token address of the build service must be https",
        "The build service sets {variable}. Remove the setting that overrides it.";
    OIDC_UNREACHABLE = "Fdx.Oidc.Unreachable", Network, Identity,
        "the token endpoint of the build service cannot be reached",
        "GitHub Actions: give the job `permissions: id-token: write`. Azure Pipelines: check the id of the \
         service connection, that the pipeline may use it, and the step's env: SYSTEM_ACCESSTOKEN: \
         $(System.AccessToken).";
    OIDC_REFUSED = "Fdx.Oidc.Refused", Authentication, Identity,
        "the build service returned no token",
        "GitHub Actions: give the job `permissions: id-token: write`. Azure Pipelines: check the id of the \
         service connection, that the pipeline may use it, and the step's env: SYSTEM_ACCESSTOKEN: \
         $(System.AccessToken).";
    OIDC_ANSWER = "Fdx.Oidc.InvalidAnswer", Protocol, Identity,
        "the response of the build service contains no token",
        "GitHub Actions: give the job `permissions: id-token: write`. Azure Pipelines: check the id of the \
         service connection, that the pipeline may use it, and the step's env: SYSTEM_ACCESSTOKEN: \
         $(System.AccessToken).";

    // The credentials of an app.
    CERTIFICATE_UNREADABLE = "Fdx.Certificate.Unreadable", Configuration, Assertion,
        "the certificate file cannot be read",
        "Check the path, that it is a regular file, and that this account can read it. To use a certificate \
         from the store, pass -Certificate (Get-Item Cert:/CurrentUser/My/<thumbprint>).";
    CERTIFICATE_INVALID = "Fdx.Certificate.Invalid", Configuration, Assertion,
        "the file is not a PEM or PFX (PKCS #12) certificate",
        "Use a PFX file, or a PEM file with both the CERTIFICATE and its PRIVATE KEY (openssl pkcs12 -in \
         x.pfx -nodes -out x.pem converts a PFX).";
    CERTIFICATE_PASSWORD = "Fdx.Certificate.WrongPassword", Configuration, Assertion,
        "the certificate password is wrong",
        "Pass the password of the file with -CertificatePassword (Read-Host -AsSecureString).";
    CERTIFICATE_PASSWORD_MISSING = "Fdx.Certificate.PasswordMissing", Configuration, Assertion,
        "the certificate file is encrypted, and no password was given",
        "Pass the password with -CertificatePassword (Read-Host -AsSecureString).";
    CERTIFICATE_KEY_MISSING = "Fdx.Certificate.KeyMissing", Configuration, Assertion,
        "the certificate has no private key",
        "Use a file that contains both: a PFX, or a PEM with CERTIFICATE and PRIVATE KEY. A .cer or .crt \
         file contains only the public part.";
    CERTIFICATE_KEY_UNSUITABLE = "Fdx.Certificate.KeyNotSupported", Configuration, Assertion,
        "the private key must be an RSA key of 2048 to 8192 bits that belongs to the certificate",
        "Entra accepts RSA certificates. Create one (New-SelfSignedCertificate -KeyAlgorithm RSA -KeyLength \
         2048, or openssl req -x509 -newkey rsa:2048).";
    CERTIFICATE_KEY_REFUSED = "Fdx.Certificate.KeyRefused", Configuration, Assertion,
        "the certificate's private key cannot sign",
        "Check that this account may use the key (Windows: certlm.msc > the certificate > All Tasks > Manage \
         Private Keys), and that the smart card, TPM or HSM that holds it is there.";
    ASSERTION_INVALID = "Fdx.Assertion.Invalid", Configuration, Assertion,
        "the assertion is not a JSON web token",
        "Pass only the token: three parts separated by dots, without quotes, line breaks or the word Bearer.";
    ASSERTION_EXPIRED = "Fdx.Assertion.Expired", Authentication, Assertion,
        "the assertion has expired",
        "FedXdr cannot renew a static assertion. Connect again with a new one, or use \
         -ClientAssertionScript, which runs whenever a new one is needed.";
    ASSERTION_SCRIPT = "Fdx.Assertion.ScriptFailed", Authentication, Assertion,
        "the script block for the assertion returned no assertion",
        "Run the script block by itself. It must return the token as one string or SecureString.";
    TOKEN_INVALID = "Fdx.AccessToken.Invalid", Configuration, Assertion,
        "the access token is not a JSON web token",
        "Pass only the token, without quotes, line breaks or the word Bearer.";
    TOKEN_EXPIRED = "Fdx.AccessToken.Expired", Authentication, Assertion,
        "the access token has expired",
        "FedXdr cannot renew a token that you pass in. Connect again with a new one, or with an identity.";
    TOKEN_AUDIENCE = "Fdx.AccessToken.WrongAudience", Authentication, Assertion,
        "the access token is for another resource",
        "A token is valid for one API. Get one for {resource} and connect with it, or connect with an identity.";
    TOKEN_TENANT = "Fdx.AccessToken.WrongTenant", Authentication, Assertion,
        "the access token is for another tenant",
        "A token is valid for one tenant. Get one for {tenant} and connect with it, or connect with an identity.";
    AUTHORITY_UNREACHABLE = "Fdx.Auth.Unreachable", Network, TokenEndpoint,
        "the token endpoint cannot be reached",
        "Check the network and the proxy (-Proxy, HTTPS_PROXY), and that the firewall allows this host.";
    AUTHORITY_ANSWER = "Fdx.Auth.InvalidAnswer", Protocol, TokenEndpoint,
        "the token endpoint returned an invalid token response",
        "Check the proxy. Something between this process and Entra answered instead, such as a proxy with a \
         sign-in page.";
    AUTHORITY_FAILED = "Fdx.Auth.Failed", Service, TokenEndpoint,
        "the token endpoint failed",
        "Try again later. If the error persists, look for a proxy between this process and Entra.";
    AUTHORITY_REFUSED = "Fdx.Auth.Refused", Authentication, Credential,
        "Entra rejected the request with a code that is not in this table",
        "See https://login.microsoftonline.com/error?code={code}.";

    // The APIs.
    INVALID_FILTER = "Fdx.Api.InvalidFilter", Configuration, Answer,
        "the service rejected the filter",
        "Use an OData expression with these fields: {fields}.";
    BAD_REQUEST = "Fdx.Api.BadRequest", Configuration, Answer,
        "the service rejected the request",
        "See the message of the service. Names of members are case-sensitive.";
    API_NOT_FOUND = "Fdx.Api.NotFound", NotFound, Answer,
        "the API has nothing at this path",
        "Check the id, or the path of the request.";
    API_THROTTLED = "Fdx.Api.Throttled", Throttled, Answer,
        "the API's quota for this app in this tenant is used up",
        "Run again after the delay that the service requests. To avoid this, make fewer and larger calls, \
         and use a separate app per workload.";
    API_REDIRECTED = "Fdx.Api.Redirected", Protocol, Answer,
        "the API returned a redirect, which FedXdr does not follow",
        "Check -Endpoint and the proxy.";
    API_UNAVAILABLE = "Fdx.Api.Unavailable", Service, Answer,
        "the API failed",
        "Try again later.";
    API_REFUSED = "Fdx.Api.Refused", Service, Answer,
        "the API rejected the request",
        "See the message of the service.";
    NOT_LICENSED = "Fdx.Api.NotLicensed", Authorization, Licence,
        "the tenant has no licence for this data",
        "The tenant needs Defender Vulnerability Management or Defender for Endpoint Plan 2.";
    NOT_PROVISIONED = "Fdx.Api.NotProvisioned", Authorization, Licence,
        "Defender is not set up in the tenant",
        "Ask an administrator of the tenant to open security.microsoft.com once and finish the setup of \
         Defender for Endpoint.";
    WRONG_AUDIENCE = "Fdx.Api.WrongAudience", Authentication, Answer,
        "the token is for another API",
        "The scope depends on the API, not on its host. Request {wanted}/.default.";
    UNAUTHORIZED = "Fdx.Api.Unauthorized", Authentication, Answer,
        "the API rejected the token",
        "The API rejected a new token too. See the message of the service, and check the token's audience, \
         tenant and roles with Get-FdxToken.";
    FORBIDDEN = "Fdx.Api.Forbidden", Authorization, Answer,
        "the app is not allowed to do this in the tenant",
        "See the message of the service. Check the permissions of the app and the machine groups that it can access.";
    ROLE_MISSING = "Fdx.Api.RoleMissing", Authorization, Roles,
        "the app lacks an application permission in the tenant",
        "Add the application permission to app {client}. Then an administrator of {tenant} must consent \
         again: {authority}/{tenant}/adminconsent?client_id={client}. Cached tokens keep their old roles: \
         run Disconnect-Fdx -ClearTokenCache.";

    IDENTITY_ROLE_MISSING = "Fdx.Api.IdentityRoleMissing", Authorization, Roles,
        "the managed identity, used directly, lacks an application permission",
        "Assign the API's app role to the identity: New-MgServicePrincipalAppRoleAssignment \
         -ServicePrincipalId <object id of the identity> -PrincipalId <the same> -ResourceId <object id of \
         the API's service principal> -AppRoleId <id of the role>. The token of an identity keeps its old roles for \
         up to 24 hours.";

    // Hunting queries.
    HUNTING_INVALID_QUERY = "Fdx.Hunting.InvalidQuery", Configuration, Answer,
        "the service cannot run the query",
        "See the message of the service, which names the operator or the place. With -Parameter, the text of the query \
         begins in line 2 of what was sent.";
    HUNTING_UNKNOWN_TABLE = "Fdx.Hunting.UnknownTable", Configuration, Licence,
        "the tenant has no table or column with a name in the query",
        "Check the spelling. A tenant without the product's licence lacks its tables: EmailEvents needs Defender for \
         Office 365, DeviceTvm tables need Defender Vulnerability Management.";
    HUNTING_PREEMPTED = "Fdx.Hunting.Preempted", Service, Answer,
        "the service stopped the query because it needed too much processor time or memory",
        "Filter early and by time, avoid joins of large tables, or use a shorter -Timespan. A query that handles each \
         row by itself can be split: -SplitBy Time.";
    HUNTING_RESULT_TOO_LARGE = "Fdx.Hunting.ResultTooLarge", Service, Answer,
        "the result of the query is larger than the service sends",
        "The limit is 50 MB. Return fewer columns with project, filter more, or use a shorter -Timespan. A query that \
         handles each row by itself can be split: -SplitBy Time.";
    HUNTING_TIMEOUT = "Fdx.Hunting.Timeout", Service, Answer,
        "the query took longer than the service allows",
        "The limit is about three minutes. Filter early and by time, or use a shorter -Timespan. A query that handles \
         each row by itself can be split: -SplitBy Time.";
    HUNTING_CPU_QUOTA = "Fdx.Hunting.CpuQuota", Throttled, Answer,
        "the tenant's hunting quota of processor time is used up",
        "All queries of the tenant share it, also those of the portal, and it starts again every 15 minutes. Wait \
         until then; a repetition before is refused too. Make the query cheaper: filter early and by time.";
    HUNTING_PART_TOO_LARGE = "Fdx.Hunting.PartTooLarge", Service, Answer,
        "the smallest part of a query that was split still has too many rows",
        "Rows of this part are missing. Filter more, so that one minute, or one of 1,024 groups of machines, has fewer \
         rows than the service sends.";
    HUNTING_CANNOT_SPLIT = "Fdx.Hunting.CannotSplit", Configuration, Connection,
        "the query cannot be split",
        "-SplitBy Time needs a query whose operators handle each row by itself, such as where, project, extend, parse \
         and mv-expand: the parts of any other one do not add up to its result. Run it without -SplitBy, or \
         summarize the rows in PowerShell.";
    HUNTING_INVALID_PARAMETER = "Fdx.Hunting.InvalidParameter", Configuration, Connection,
        "a value or a name in -Parameter cannot be written into a query",
        "A name has letters, digits and underscores, and is no keyword of the query language. A value is a string, a \
         bool, a number, a datetime, a timespan, a guid, or an array of these.";
    HUNTING_INVALID_TIMESPAN = "Fdx.Hunting.InvalidTimespan", Configuration, Connection,
        "the value of -Timespan is not valid",
        "Use a TimeSpan, or ISO 8601: a duration (P7D, PT12H), a start (2026-11-01T00:00:00Z), or two of these with a \
         slash between them, such as 2026-11-01/2026-11-08 or P1D/2026-11-08. Only the Graph engine takes it.";
    HUNTING_FILE = "Fdx.Hunting.FileUnreadable", Configuration, Connection,
        "the file of the query cannot be read",
        "Check the path and its permissions. The file is text in UTF-8.";

    // Datasets.
    DATASET_UNKNOWN = "Fdx.Dataset.Unknown", Configuration, Connection,
        "there is no dataset of this name",
        "Use one of these for -Dataset: {datasets}.";
    DATASET_QUERY = "Fdx.Dataset.QueryMisfit", Configuration, Connection,
        "the dataset hunting needs a query, and no other dataset takes one",
        "Use -Dataset hunting together with -Query or with -QueryPath. Leave out these, -Parameter, -Timespan, \
         -SplitBy, -Engine and -Name with other datasets.";
    DATASET_NAME = "Fdx.Dataset.InvalidName", Configuration, Connection,
        "the name of a query's dataset cannot be that of its folder",
        "Use letters, digits, '-' and '_' for -Name, at most 64 of them, and not the name of another dataset.";
    DATASET_DESTINATION = "Fdx.Dataset.InvalidDestination", Configuration, Connection,
        "the destination is neither a folder's path nor the address of a service that is known here",
        "Use the path of a folder for -Destination, which is made if it is not there, or an address without a \
         signature (SAS): https://<account>.blob.core.windows.net/<container>/<folder>, \
         https://<endpoint>.ingest.monitor.azure.com/dataCollectionRules/<immutable id>, or \
         https://<namespace>.servicebus.windows.net/<event hub>. For a service with a host name of its own: \
         Connect-Fdx -Endpoint @{ blob = 'https://<host name>' }, or ingestion or eventHubs instead of blob.";
    DATASET_STATE_PATH = "Fdx.Dataset.InvalidStatePath", Configuration, Connection,
        "-StatePath does not fit the destination",
        "Log Analytics and Event Hubs keep no files: use a folder, or the address of a storage container, for \
         -StatePath, where the rows wait until they are sent and where a later run finds what was sent. If \
         -Destination is a folder or a container itself, leave out -StatePath.";
    DATASET_OTHER_STATE = "Fdx.Dataset.StateOfAnother", Configuration, Connection,
        "the files of -StatePath wait to be sent to another destination",
        "Run the command once with the destination that the message names, so that it is finished, or use a \
         -StatePath of its own for each destination.";
    DATASET_ONE_STREAM = "Fdx.Dataset.OneStream", Configuration, Connection,
        "a stream of a data collection rule takes the rows of one dataset",
        "Leave out /streams/<name> at the end of -Destination: each dataset goes to its own stream then, as \
         examples/log-analytics creates them. Or export one dataset, and not its changes.";
    INGESTION_ROLE = "Fdx.Ingestion.RoleMissing", Authorization, Connection,
        "the identity may not send rows to the destination",
        "Assign it the role {role} on {resource}: az role assignment create --assignee {object id} --role '{role}' \
         --scope <resource id>. It takes up to 30 minutes to have an effect.";
    INGESTION_TOKEN = "Fdx.Ingestion.TokenRefused", Authorization, Connection,
        "the destination does not accept the identity's token",
        "The identity must be in the Entra tenant of the subscription of {resource}. Without -DestinationConnection, \
         it is the managed identity of this machine. Check the clock of this machine too.";
    INGESTION_MISSING = "Fdx.Ingestion.NotFound", NotFound, Connection,
        "the destination has no such rule, stream or event hub",
        "Check {resource}: the logs ingestion endpoint of the rule or of its data collection endpoint, the immutable \
         id of the rule (dcr-…, not its name), and a stream that the rule declares; or the namespace and the event \
         hub.";
    INGESTION_ROW = "Fdx.Ingestion.RowTooLarge", Protocol, Data,
        "a row is larger than the destination takes",
        "Log Analytics and Event Hubs take 1 MB at a time, the tier Basic of Event Hubs 256 KB. Use a folder or a \
         storage container for this data.";
    INGESTION_REFUSED = "Fdx.Ingestion.Refused", Service, Connection,
        "the destination refuses the rows",
        "Compare the columns and their types with the stream's declaration in the rule of {resource}. \
         examples/log-analytics creates rules and tables that fit.";
    INGESTION_FAILED = "Fdx.Ingestion.Failed", Service, Connection,
        "the destination does not answer, or is busy for too long",
        "Check {resource} and the network. Run the command again: it goes on after the rows that were sent.";
    INGESTION_OBJECT = "Fdx.Ingestion.InvalidRow", Configuration, Data,
        "a row is not an object",
        "Send objects with properties, such as those of a cmdlet or of Import-Csv, and no texts or numbers.";
    DATASET_CONNECTION = "Fdx.Dataset.InvalidConnection", Configuration, Connection,
        "the connection for the storage account has a credential that only its own commands can use",
        "Use a connection with a managed identity, a token file, a certificate file or a secret for \
         -DestinationConnection or -DatasetConnection, and not one with a script block or with -Certificate.";
    DATASET_COMPRESSION = "Fdx.Dataset.InvalidCompression", Configuration, Connection,
        "files of this format cannot be compressed like that",
        "Leave out -Compression, or use one of these with this -Format: {compressions}.";
    DATASET_NOT_FOLDER = "Fdx.Dataset.NotAFolder", Configuration, Connection,
        "a file is where a folder of the destination should be",
        "Use the path of a folder for -Destination, or remove the file.";
    DATASET_READ_ONLY = "Fdx.Dataset.ReadOnly", Configuration, Connection,
        "the destination cannot be written to",
        "Give the account of this process the right to create, change and delete files in the destination, or use \
         another -Destination.";
    DATASET_DISK_FULL = "Fdx.Dataset.DiskFull", Configuration, Connection,
        "the destination has no space left",
        "Free space and run the command again: the files that are complete are kept, and only the rest is read.";
    DATASET_IN_USE = "Fdx.Dataset.InUse", Configuration, Connection,
        "another run writes this tenant's dataset to the same destination",
        "Wait until the other run has ended, or use another -Destination. The lock of a process that has died is free: \
         that of a folder at once, that of a storage container after a minute.";
    DATASET_LEASE_LOST = "Fdx.Dataset.LeaseLost", Configuration, Connection,
        "the run lost its lease of the destination, which keeps other runs away",
        "Somebody broke the lease, or another run took over while this process had stopped or could not reach the \
         storage account for a minute. Run the command again: the files that are complete are kept.";
    DATASET_STORAGE_ROLE = "Fdx.Dataset.StorageRoleMissing", Authorization, Connection,
        "the identity may not read or write the blobs of the storage container",
        "Assign it the role Storage Blob Data Contributor on the container {container}; Owner of the account does not \
         include it: az role assignment create --assignee {object id} --role 'Storage Blob Data Contributor' --scope \
         <resource id>. Storage Blob Data Reader is enough to read. It takes up to ten minutes to have an effect.";
    DATASET_STORAGE_FIREWALL = "Fdx.Dataset.StorageFirewall", Configuration, Connection,
        "the storage account does not accept requests from this network",
        "Allow this machine's address or virtual network in the Networking page of the storage account of {container}, \
         or reach the account through its private endpoint.";
    DATASET_STORAGE_TOKEN = "Fdx.Dataset.StorageTokenRefused", Authorization, Connection,
        "the storage account does not accept the identity's token",
        "The identity must be in the Entra tenant of the storage account's subscription: {container}. Without \
         -DestinationConnection or -DatasetConnection, it is the managed identity of this machine. Check the clock of \
         this machine too.";
    DATASET_CONTAINER = "Fdx.Dataset.ContainerNotFound", Configuration, Connection,
        "the storage account has no such container",
        "Create the container of {container}, or correct the address: the first part of its path is the name of the \
         container.";
    DATASET_STORAGE = "Fdx.Dataset.StorageFailed", Service, Connection,
        "the storage account does not answer, or refuses a request",
        "Check the storage account of {container} and the network. Run the command again: an export keeps the files \
         that are complete, and reads only the rest.";
    DATASET_IO = "Fdx.Dataset.WriteFailed", Configuration, Connection,
        "a file of the destination cannot be read or written",
        "Check the disk or the share, and run the command again: the files that are complete are kept, and only the \
         rest is read.";
    DATASET_SOURCE = "Fdx.Dataset.InvalidPath", Configuration, Connection,
        "the path is neither a folder of datasets nor the address of a storage container with them",
        "Use the -Destination that Export-FdxDataset had: the path of a folder, or an address such as \
         https://<account>.blob.core.windows.net/<container>/<folder>, without a signature (SAS).";
    DATASET_MISSING = "Fdx.Dataset.NotFound", NotFound, Connection,
        "the folder does not have this dataset, or not of this tenant or day",
        "Use one of these: {available}. Only what has a manifest in the folder _fedxdr is complete and is read.";
    DATASET_READ = "Fdx.Dataset.ReadFailed", Configuration, Connection,
        "a file of a dataset cannot be read",
        "Give the account of this process the right to read the folder, and check the disk or the share.";
    DATASET_PART_MISSING = "Fdx.Dataset.FileMissing", Protocol, Data,
        "a file that the manifest of a dataset names is not there",
        "Put the file back, or export the dataset again. A tool that takes files away after it has read them must take \
         the manifest too.";
    DATASET_DAMAGED = "Fdx.Dataset.Damaged", Protocol, Data,
        "a file of a dataset is not the one that was exported",
        "If the dataset was exported again at this moment, run the command again. Otherwise the file was changed or \
         damaged: delete it and export the dataset again.";
    DATASET_REPLACED = "Fdx.Dataset.Replaced", Protocol, Data,
        "a file of a dataset was replaced or removed while it was read",
        "Another run has exported the dataset again. Run the command again: it reads the new files. The rows that were \
         returned before this error are those of the old ones.";
    DATASET_FORMAT = "Fdx.Dataset.UnknownFormat", Configuration, Connection,
        "the files of a dataset have a format or a version that Import-FdxDataset does not read",
        "Read Parquet with a tool that does, such as DuckDB or Power BI, or export the dataset as JsonLines. If a \
         newer version of FedXdr wrote the files, update the module.";
    DATASET_NO_CHANGES = "Fdx.Dataset.NoChanges", Configuration, Connection,
        "the service has no list of the changes of this dataset",
        "Use -Mode Auto or -Mode Full. -Mode Delta is for {datasets}.";
    DATASET_NO_BASELINE = "Fdx.Dataset.NoBaseline", Configuration, Connection,
        "changes are not enough for the present state: there must be a full list, and all changes since",
        "Use -Mode Auto, which reads the full list when it is needed, or -Mode Full once.";
    DATASET_SNAPSHOT_CHANGED = "Fdx.Dataset.SnapshotChanged", Protocol, Data,
        "the service changed to a newer snapshot while the dataset was read",
        "Nothing was written. Run the command again: it reads the newer snapshot.";
    DATASET_FILE = "Fdx.Dataset.FileUnavailable", Service, Data,
        "a file of the service's export cannot be downloaded",
        "Allow *.blob.core.windows.net in the firewall and the proxy, or read the pages instead: -Mode Auto. Run the \
         command again: the files that are complete are kept.";
    REPORT_PATH = "Fdx.Report.InvalidPath", Configuration, Connection,
        "the path is not that of a file",
        "Use the path of an HTML file for -Path, such as report.html.";
    DATASET_UNFINISHED = "Fdx.Dataset.TimeLimit", Configuration, Data,
        "the time limit of the command ended before the dataset was complete",
        "Run the command again: of the assessments, the files that are complete are kept, and only the rest is read. \
         Use a longer -TimeLimit for lists that are read from their beginning, or a smaller -RowsPerFile.";
    NO_TENANT_ID = "Fdx.Dataset.NoTenantId", Protocol, Data,
        "the token does not say which tenant it is for",
        "Use the tenant id instead of its domain for -TenantId.";

    // The network and the answers.
    PROXY_REFUSED = "Fdx.Network.ProxyRefused", Configuration, Answer,
        "a proxy or firewall refused the request",
        "A proxy or firewall between this process and {host} answered instead. Allow {host} there. If the proxy wants \
         a user name and password: -Proxy http://user:password@host:port. NO_PROXY lists hosts that need no proxy.";
    NETWORK_UNREACHABLE = "Fdx.Network.Unreachable", Network, Answer,
        "the API's host cannot be reached",
        "Check the network and the proxy (-Proxy, HTTPS_PROXY), and that the firewall allows this host.";
    NETWORK_TIMEOUT = "Fdx.Network.Timeout", Network, Answer,
        "the API's host did not answer in time",
        "Check the network and the proxy (-Proxy, HTTPS_PROXY), and that the firewall allows this host.";
    NETWORK_BROKEN = "Fdx.Network.Broken", Network, Answer,
        "the connection to the API's host was lost",
        "Try again. If the error persists, check the network and the proxy (-Proxy, HTTPS_PROXY).";
    NETWORK_DAMAGED = "Fdx.Network.Damaged", Network, Answer,
        "the compressed answer of the API's host is damaged",
        "Try again. If the error persists, a proxy may change the answers: check it (-Proxy, HTTPS_PROXY).";
    NOT_JSON = "Fdx.Protocol.NotJson", Protocol, Data,
        "the answer is not JSON",
        "Check the proxy (-Proxy, HTTPS_PROXY). Something between this process and the service answered \
         instead, such as a proxy with a sign-in page.";
    TOO_LARGE = "Fdx.Protocol.TooLarge", Protocol, Data,
        "a row, or an answer that is not a list, is larger than the limit for a row",
        "Check the proxy (-Proxy, HTTPS_PROXY). Something between this process and the service answered \
         instead, such as a proxy with a sign-in page.";
    UNREADABLE_ROW = "Fdx.Protocol.UnreadableRow", Protocol, Data,
        "a row of the answer cannot be read",
        "All other rows are delivered. Read this one with Invoke-FdxRequest -Raw, and report it to the service's \
         support.";
    NESTED_TOO_DEEPLY = "Fdx.Protocol.NestedTooDeeply", Protocol, Data,
        "a row is nested more than 127 levels deep",
        "No list of the service is nested this deeply. Check that the answer is from the service, and report it.";
    TRUNCATED = "Fdx.Protocol.Truncated", Protocol, Data,
        "the JSON of the answer is incomplete",
        "Try again. If the error persists, check the proxy between this process and the service (-Proxy, HTTPS_PROXY).";
    UNEXPECTED_SHAPE = "Fdx.Protocol.UnexpectedShape", Protocol, Data,
        "the JSON of the answer does not have the documented shape",
        "Read the row with -Raw, and report it.";
    PAGE_CHANGED = "Fdx.Protocol.PageChanged", Protocol, Data,
        "a page broke off and had changed when it was requested again",
        "The rows so far are correct but not complete. Run the command again: the service now returns a new snapshot.";
    RESULT_TRUNCATED = "Fdx.Protocol.ResultTruncated", Protocol, Data,
        "the service cut the result off and gave no token for the rest",
        "Let the query return the column id and sort by it, without distinct, limit or take. Or split it into smaller \
         queries.";
    FILTER_LOST = "Fdx.Protocol.FilterLost", Protocol, Data,
        "the link to the next page leaves out the filter of the request",
        "This is a fault of the service. The rows so far are correct. Read the list without -Filter, and filter it \
         with Where-Object.";
    REPEATED_PAGE = "Fdx.Protocol.RepeatedPage", Protocol, Data,
        "a page has the same rows as an earlier one",
        "This is a fault of the service: its links lead in a circle. The rows of the last page came twice. Try again.";
    REPEATED_NEXT_LINK = "Fdx.Protocol.RepeatedNextLink", Protocol, Data,
        "the link to the next page points to an earlier page",
        "This is a fault of the service. The rows so far are correct. Try again.";
    INVALID_NEXT_LINK = "Fdx.Protocol.InvalidNextLink", Protocol, Data,
        "the link to the next page is not a valid address",
        "The answer is not from the service, or the service has changed. Report it with the output of -Verbose.";
    INSECURE_NEXT_LINK = "Fdx.Protocol.InsecureNextLink", Protocol, Data,
        "the link to the next page is not https; the token was not sent there",
        "The answer is not from the service, or the service has changed. Report it with the output of -Verbose.";
    FOREIGN_NEXT_LINK = "Fdx.Protocol.ForeignNextLink", Protocol, Data,
        "the link to the next page points to another host; the token was not sent there",
        "The answer is not from the service, or the service has changed. Report it with the output of -Verbose.";

    // The module itself. C# raises these errors.
    MODULE_FORKED = "Fdx.Module.Forked", Configuration, Connection,
        "this process was forked after FedXdr started its threads",
        "Use FedXdr in the process that imported it, or start a new process (for example with Start-Job).";
    MODULE_MISMATCH = "Fdx.Module.NativeLibraryMismatch", Configuration, Connection,
        "the native library and the module have different versions",
        "Install the module again, so that all files come from one package, and clear FEDXDR_LIBRARY if it \
         is set. Then start a new process: a loaded library cannot be replaced.";
    MODULE_LIBRARY = "Fdx.Module.NativeLibraryNotFound", Configuration, Connection,
        "the native library cannot be loaded",
        "Install the module again. It needs a 64-bit process of PowerShell 7.4 or later on a platform that \
         the package supports.";
    MODULE_CANCELLED = "Fdx.Module.QueryCancelled", Cancelled, Connection,
        "the query was cancelled because the module was removed",
        "Import the module again and repeat the command.";
    // The library itself.
    /// A call that breaks the contract of the ABI.
    INVALID_ARGUMENT = "Fdx.Settings.InvalidArgument", Configuration, Connection,
        "a call breaks the contract of the native library",
        "Check the call against the header file. From PowerShell, this is a defect in FedXdr: report it.";
    /// A defect in this library.
    DEFECT = "Fdx.Internal.Defect", Internal, Connection,
        "FedXdr has a defect",
        "This is a defect in FedXdr. Report it with the output of the same command with -Verbose.";
}
