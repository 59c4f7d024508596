//! Causes and fixes of Entra's error codes.
//!
//! Codes: <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>. The texts are only for people.
//! No decision depends on them.

use super::entry::KnownError;
use super::kind::Check;
use super::kind::ErrorKind::{self, Authentication, Authorization, Configuration, Service, Throttled};

/// Codes that a fresh assertion may fix.
pub(crate) const STALE_ASSERTION: &[u32] = &[700_024, 50013, 500_133, 900_384];

/// Codes that a replica of Entra can return for some minutes after a change, until the change has reached it.
/// <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations>
pub(crate) const REPLICATION_LAG: &[u32] =
    &[70021, 70025, 700_211, 700_212, 7_002_121, 700_213, 700_016, 7_000_229, 700_011];

const fn m(
    codes: &'static [u32],
    id: &'static str,
    check: Check,
    kind: ErrorKind,
    cause: &'static str,
    fix: &'static str,
) -> KnownError {
    KnownError { codes, id, kind, check, cause, fix }
}

/// The known codes.
pub(super) static ENTRIES: &[&KnownError] = &[
    // The parameters of the request.
    &m(
        &[90023],
        "Fdx.Auth.AssertionType",
        Check::TokenEndpoint,
        Configuration,
        "the client assertion type is wrong",
        "Send client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer. \
         urn:ietf:params:oauth:grant-type:jwt-bearer is a grant type of another flow.",
    ),
    &m(
        &[900_144, 9_002_313],
        "Fdx.Auth.RequestMalformed",
        Check::TokenEndpoint,
        Configuration,
        "the token request lacks a parameter or is malformed",
        "Send the parameters as application/x-www-form-urlencoded (Invoke-RestMethod: -Body @{…}, never \
         -Form, which is multipart).",
    ),
    &m(
        &[7_000_218],
        "Fdx.Auth.AssertionMissing",
        Check::Credential,
        Configuration,
        "the token request has neither an assertion nor a secret",
        "The assertion was empty. Check that the identity returns a token for the exchange audience.",
    ),
    &m(
        &[70003, 7_000_113, 7_000_114, 240_002],
        "Fdx.Auth.GrantType",
        Check::TokenEndpoint,
        Configuration,
        "the grant type must be client_credentials",
        "Use grant_type=client_credentials with client_assertion. The grant type jwt-bearer is for acting on \
         behalf of a user.",
    ),
    &m(
        &[700_025],
        "Fdx.Auth.PublicClient",
        Check::Credential,
        Configuration,
        "the app is a public client and cannot use an assertion",
        "Set App registration {client} > Authentication > Allow public client flows to No.",
    ),
    &m(
        &[70011, 28002, 1_002_012, 700_022, 901_002],
        "Fdx.Auth.InvalidScope",
        Check::TokenEndpoint,
        Configuration,
        "the scope must be one resource followed by /.default",
        "Request one resource at a time in the form https://resource/.default (requested: {scope}).",
    ),
    &m(
        &[9_001_023, 90130],
        "Fdx.Auth.TenantMissing",
        Check::TokenEndpoint,
        Configuration,
        "the token was requested from /common instead of a tenant",
        "Specify the customer's tenant: Connect-Fdx -TenantId <tenant id>.",
    ),
    // The assertion and the federated credential.
    &m(
        &[70021],
        "Fdx.Auth.FederatedCredentialNotFound",
        Check::Credential,
        Authentication,
        "no federated identity credential of the app matches the identity's token",
        "Add a federated credential with issuer {issuer}, subject {subject} and audience {audience} (App \
         registration {client} > Certificates & secrets > Federated credentials). Then wait a few minutes.",
    ),
    &m(
        &[70025],
        "Fdx.Auth.FederatedCredentialMissing",
        Check::Credential,
        Authentication,
        "the app has no federated identity credential",
        "Create one for app registration {client} in its home tenant, in bash or Cloud Shell: az ad app \
         federated-credential create --id {client} --parameters \
         '{\"name\":\"fedxdr\",\"issuer\":\"{issuer}\",\"subject\":\"{subject}\",\"audiences\":[\"{audience}\"]}'. \
         Then wait a few minutes.",
    ),
    &m(
        &[700_211],
        "Fdx.Auth.IssuerMismatch",
        Check::Credential,
        Authentication,
        "no federated credential of the app has the issuer of the identity's token",
        "Set the federated credential's issuer on app {client} to exactly {issuer} (v2.0, no trailing slash, \
         same case).",
    ),
    &m(
        &[700_212, 7_002_121, 700_214],
        "Fdx.Auth.AudienceMismatch",
        Check::Credential,
        Authentication,
        "no federated credential of the app has the audience of the identity's token",
        "Set the federated credential's audience on app {client} to exactly {audience} (the api:// form, \
         never a GUID).",
    ),
    &m(
        &[700_213],
        "Fdx.Auth.SubjectMismatch",
        Check::Credential,
        Authentication,
        "no federated credential of the app has the subject of the identity's token",
        "Set the federated credential's subject on app {client} to {subject}. For a managed identity, use \
         its Object (principal) ID, not its Client ID. GitHub repositories that were created, renamed or \
         transferred since 15 July 2026 have subjects with numbers (repo:owner@1/name@2:…).",
    ),
    &m(
        &[7_002_138],
        "Fdx.Auth.SubjectCase",
        Check::Credential,
        Authentication,
        "the subject of the identity's token and of the federated credential differ in upper and lower case",
        "Create the federated credential of app {client} again with exactly this subject: {subject}.",
    ),
    &m(
        &[700_222, 700_226],
        "Fdx.Auth.NotManagedIdentity",
        Check::Credential,
        Authentication,
        "this token of Entra is not a managed identity's, and only a managed identity's can be exchanged",
        "Use the token of a user-assigned managed identity as the assertion (issuer {issuer}, subject {subject}).",
    ),
    &ASSERTION_FOR_OTHER_AUDIENCE,
    &USER_TOKEN,
    &m(
        &[700_231],
        "Fdx.Auth.FederationChain",
        Check::Credential,
        Authentication,
        "the assertion was itself issued through federation, and chains are not allowed",
        "Add the federated credential for that issuer directly to app {client}.",
    ),
    &m(
        &[700_236],
        "Fdx.Auth.AppInOtherTenant",
        Check::Credential,
        Authentication,
        "the identity and the app registration are in different tenants",
        "Register the multi-tenant app and its federated credential in the identity's home tenant (issuer \
         {issuer}), and let the customer consent to it. Do not register it in the customer's tenant.",
    ),
    &m(
        &[700_223, 700_238, 7_002_381],
        "Fdx.Auth.FederationForbidden",
        Check::Credential,
        Authorization,
        "a policy of the app's tenant forbids this federation",
        "Ask an administrator of the app's home tenant to allow the issuer {issuer} in the app management \
         policy. For GitHub, the policy may require tokens with the enterprise claim of an allowed \
         enterprise.",
    ),
    &m(
        &[70052],
        "Fdx.Auth.PipelineIssuer",
        Check::Credential,
        Configuration,
        "a pipeline token that Entra issued cannot be exchanged for a multi-tenant app",
        "Use a user-assigned managed identity, or a service connection with the issuer https://vstoken.dev.azure.com.",
    ),
    &ASSERTION_OUTDATED,
    &m(
        &[50027],
        "Fdx.Auth.AssertionMalformed",
        Check::Credential,
        Authentication,
        "the assertion is not a JSON web token",
        "Check the output of the identity endpoint or the token file. It must be only the token, without \
         quotes or line breaks.",
    ),
    &m(
        &[900_384],
        "Fdx.Auth.AssertionSignature",
        Check::Credential,
        Authentication,
        "the signature of the assertion could not be verified",
        "Check that the issuer's keys are public and that nothing changed the token in transit.",
    ),
    &m(
        &[700_027, 700_030, 50012],
        "Fdx.Auth.CertificateNotRegistered",
        Check::Credential,
        Authentication,
        "the certificate is not registered for the app",
        "Upload the public part of the certificate: App registration {client} > Certificates & secrets > Certificates.",
    ),
    &m(
        &[392_196],
        "Fdx.Auth.BoundToken",
        Check::TokenEndpoint,
        Configuration,
        "the resource does not accept certificate-bound tokens",
        "Request a bearer token.",
    ),
    &m(
        &[100_007],
        "Fdx.Auth.RegionalEndpoint",
        Check::TokenEndpoint,
        Configuration,
        "this app cannot use the regional token endpoint",
        "Use the global endpoint: omit -Endpoint @{ authority = … }.",
    ),
    // The app, the tenant and the consent.
    &m(
        &[700_016, 7_000_229, 700_011],
        "Fdx.Auth.AppNotConsented",
        Check::App,
        Authentication,
        "the app is not in the tenant: no administrator has consented to it, or its id is wrong",
        "Check -ClientId. An administrator of {tenant} must open \
         {authority}/{tenant}/adminconsent?client_id={client} and accept, or run az ad sp create --id \
         {client} in that tenant and grant the permissions. After consent, wait a minute.",
    ),
    &m(
        &[50194, 650_059],
        "Fdx.Auth.AppNotMultiTenant",
        Check::App,
        Configuration,
        "the app is registered only for its own tenant",
        "Set App registration {client} > Authentication > Supported account types to Accounts in any \
         organizational directory (az ad app update --id {client} --sign-in-audience AzureADMultipleOrgs).",
    ),
    &m(
        &[7_000_112, 70001],
        "Fdx.Auth.AppDisabled",
        Check::App,
        Authorization,
        "the app is disabled in the tenant, or not found there",
        "In {tenant}, set Enterprise applications > {client} > Properties > Enabled for users to sign-in to \
         Yes. If the app is not in the list, an administrator must open \
         {authority}/{tenant}/adminconsent?client_id={client}.",
    ),
    &m(
        &[7_000_215],
        "Fdx.Auth.SecretWrong",
        Check::Credential,
        Authentication,
        "the client secret is wrong",
        "Use the value of the secret, not its id. Better, use a federated credential and no secret.",
    ),
    &m(
        &[7_000_222],
        "Fdx.Auth.SecretExpired",
        Check::Credential,
        Authentication,
        "the client secret or certificate has expired",
        "Create a new one. Better, use a federated credential, which does not expire.",
    ),
    &m(
        &[90002],
        "Fdx.Auth.TenantNotFound",
        Check::TokenEndpoint,
        Configuration,
        "this cloud has no such tenant",
        "Check the tenant id (Entra admin center > Overview > Tenant ID) and the cloud (-Environment).",
    ),
    &m(
        &[900_023],
        "Fdx.Auth.TenantMalformed",
        Check::TokenEndpoint,
        Configuration,
        "the tenant is neither an id nor a domain",
        "Use the tenant id without braces, or one of the tenant's verified domains.",
    ),
    &m(
        &[90038, 900_382, 900_432, 900_439],
        "Fdx.Auth.WrongCloud",
        Check::TokenEndpoint,
        Configuration,
        "the tenant is in another cloud",
        "Choose the cloud with -Environment. The identity, the app and the tenant must be in the same cloud.",
    ),
    &m(
        &[500_011, 500_014],
        "Fdx.Auth.ResourceNotInTenant",
        Check::Resource,
        Authorization,
        "the API's service principal is not in the tenant, or is disabled",
        "Requested: {scope}. {tenant} must have the service. For Defender, onboard the tenant, or run there \
         az ad sp create --id fc780465-2017-40d4-a0c5-307022471b92 (WindowsDefenderATP) or --id \
         8ee8fdad-f234-4243-8f3b-15c294843740 (Microsoft Threat Protection). If the service is disabled, enable it \
         (Enterprise applications > the API > Properties) and renew the licence.",
    ),
    &m(
        &[650_052, 650_054],
        "Fdx.Auth.NotLicensed",
        Check::Resource,
        Authorization,
        "the tenant has no subscription to the service",
        "{tenant} needs a licence for the requested service ({scope}), such as Defender for Endpoint Plan 2.",
    ),
    &m(
        &[65001, 650_056, 650_057],
        "Fdx.Auth.ConsentMissing",
        Check::Roles,
        Authorization,
        "the tenant has not consented to the app's permissions",
        "Add the application permissions to app {client}. Then an administrator of {tenant} must open \
         {authority}/{tenant}/adminconsent?client_id={client} again: each change needs a new consent.",
    ),
    &m(
        &[65005],
        "Fdx.Auth.PermissionsMisconfigured",
        Check::Roles,
        Configuration,
        "the app asks for a permission that it does not declare, or that the API does not have",
        "Check App registration {client} > API permissions: remove permissions that are marked as not found, and add \
         those that the app uses. Then grant consent in {tenant} again.",
    ),
    &m(
        &[65004],
        "Fdx.Auth.ConsentDeclined",
        Check::Roles,
        Authorization,
        "the administrator declined the consent",
        "Open {authority}/{tenant}/adminconsent?client_id={client} again and choose Accept.",
    ),
    &m(
        &[90094, 90095],
        "Fdx.Auth.AdminConsentRequired",
        Check::Roles,
        Authorization,
        "only an administrator can consent to the app's permissions",
        "A Privileged Role Administrator of {tenant} must open \
         {authority}/{tenant}/adminconsent?client_id={client} and accept (New-FdxConsentUrl makes this address).",
    ),
    &m(
        &[90099],
        "Fdx.Auth.PartnerNotAuthorized",
        Check::App,
        Authorization,
        "the app is not authorized in the tenant, so a partner's administrator cannot use it there",
        "Delegated administration (GDAP) does not replace consent. An administrator of {tenant} must open \
         {authority}/{tenant}/adminconsent?client_id={client} once.",
    ),
    &m(
        &[650_051],
        "Fdx.Auth.ConsentIncomplete",
        Check::App,
        Authorization,
        "the app's service principal is already in the tenant, or the tenant is not managed by an administrator",
        "Wait a minute and open {authority}/{tenant}/adminconsent?client_id={client} again. If the error persists, \
         delete the app in {tenant} (Enterprise applications > {client} > Properties > Delete) and consent again. A \
         tenant without an administrator must first be taken over by one.",
    ),
    &m(
        &[50011, 500_113],
        "Fdx.Auth.RedirectUri",
        Check::App,
        Configuration,
        "the redirect URI of the consent address is not registered for the app",
        "Add the URI in App registration {client} > Authentication > Platform configurations > Web, exactly as in the \
         consent address, or use a registered one with New-FdxConsentUrl -RedirectUri.",
    ),
    &m(
        &[501_051],
        "Fdx.Auth.AssignmentRequired",
        Check::Roles,
        Authorization,
        "the API requires the app to have an assigned role, and it has none",
        "Assign an app role of the API to the app's service principal in {tenant}. Admin consent does this.",
    ),
    &m(
        &[53003, 530_032],
        "Fdx.Auth.ConditionalAccess",
        Check::Credential,
        Authorization,
        "a Conditional Access policy for workload identities blocks the app",
        "Ask the tenant's administrators to allow this app or this network.",
    ),
    &m(
        &[500_021, 500_022],
        "Fdx.Auth.TenantRestrictions",
        Check::TokenEndpoint,
        Authorization,
        "the tenant restrictions of this network block the tenant",
        "Ask the network's administrators to add {tenant} to the tenant restriction policy.",
    ),
    &m(
        &[500_212, 500_213],
        "Fdx.Auth.CrossTenantPolicy",
        Check::TokenEndpoint,
        Authorization,
        "a cross-tenant access policy blocks the request",
        "Ask the administrators of both tenants to allow the access in External Identities > Cross-tenant \
         access settings.",
    ),
    &m(
        &[90072, 500_341, 700_051],
        "Fdx.Auth.UserFlow",
        Check::TokenEndpoint,
        Configuration,
        "Entra treated the request as a user's sign-in",
        "Check -ClientId, and that the assertion is the token of a workload.",
    ),
    &m(
        &[50001],
        "Fdx.Auth.ResourceUnknown",
        Check::Resource,
        Configuration,
        "Entra does not know the resource",
        "Check the resource of the requested token ({scope}).",
    ),
    &m(
        &[50049, 50050],
        "Fdx.Auth.AuthorityUnknown",
        Check::TokenEndpoint,
        Configuration,
        "the host of the token endpoint is not a known authority",
        "Check -Environment and -Endpoint @{ authority = … } (requested: {authority}).",
    ),
    &m(
        &[50196],
        "Fdx.Auth.RequestLoop",
        Check::TokenEndpoint,
        Throttled,
        "the same request was sent too often",
        "Find the code that requests tokens in a loop, and wait a few minutes.",
    ),
    &TENANT_THROTTLED,
    &SERVICE_UNAVAILABLE,
];

/// Temporary faults.
pub(crate) static SERVICE_UNAVAILABLE: KnownError = m(
    &[50033, 50087, 90006, 90012, 90024, 90033, 90090],
    "Fdx.Auth.ServiceUnavailable",
    Check::TokenEndpoint,
    Service,
    "Entra has a temporary fault",
    "Try again later.",
);

/// The audience of the assertion is not the one for the exchange.
pub(crate) static ASSERTION_FOR_OTHER_AUDIENCE: KnownError = m(
    &[700_227],
    "Fdx.Auth.AssertionAudience",
    Check::Credential,
    Authentication,
    "the identity's token is not for the token exchange",
    "Request the identity's token for {audience}. The token that was sent has another audience or a v1 \
     issuer ({issuer}).",
);

/// The assertion is a user's token.
pub(crate) static USER_TOKEN: KnownError = m(
    &[700_229],
    "Fdx.Auth.UserToken",
    Check::Credential,
    Authentication,
    "the assertion is a user's token; only the token of an app or an identity can be exchanged",
    "Run this on a host that has a managed identity. Cloud Shell and az login return user tokens.",
);

/// The assertion has expired or is not valid yet.
pub(crate) static ASSERTION_OUTDATED: KnownError = m(
    &[700_024, 50013, 500_133],
    "Fdx.Auth.AssertionExpired",
    Check::Credential,
    Authentication,
    "the assertion has expired or is not valid yet",
    "Check the clock of this machine, and that the token file is still being renewed.",
);

/// The tenant has temporarily used up its quota of token requests.
pub(crate) static TENANT_THROTTLED: KnownError = m(
    &[90055],
    "Fdx.Auth.TenantThrottled",
    Check::TokenEndpoint,
    Throttled,
    "the tenant has sent too many requests",
    "Try again later.",
);
