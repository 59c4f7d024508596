//! What Entra's error codes mean here and what to do about them.
//!
//! Codes: <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>. Control flow never depends on their meaning: it gives words.

use super::entry::KnownError;
use super::kind::Check;
use super::kind::ErrorKind::{self, Authentication, Authorization, Configuration, Service, Throttled};

/// Codes that a fresh assertion may fix.
pub(crate) const STALE_ASSERTION: &[u32] = &[700_024, 50013, 500_133, 900_384];

/// Codes that one replica of Entra can answer while others already know better, for minutes after a set-up.
/// <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations>
pub(crate) const SPREADING: &[u32] =
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

/// What each code means in this scenario.
pub(super) static ENTRIES: &[&KnownError] = &[
    // The form of the request.
    &m(
        &[90023],
        "Fdx.Auth.AssertionType",
        Check::TokenEndpoint,
        Configuration,
        "the client assertion type is not the one for assertions",
        "Send client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer; urn:ietf:params:oauth:grant-type:jwt-bearer is a grant type and belongs to another flow.",
    ),
    &m(
        &[900_144, 9_002_313],
        "Fdx.Auth.RequestMalformed",
        Check::TokenEndpoint,
        Configuration,
        "the token request lacks a parameter or is malformed",
        "Send the parameters as application/x-www-form-urlencoded (Invoke-RestMethod: -Body @{…}, never -Form, which is multipart).",
    ),
    &m(
        &[7_000_218],
        "Fdx.Auth.AssertionMissing",
        Check::Credential,
        Configuration,
        "the token request has neither an assertion nor a secret",
        "The assertion was empty: check that the identity gives a token for the exchange audience.",
    ),
    &m(
        &[70003, 7_000_113, 7_000_114, 240_002],
        "Fdx.Auth.GrantType",
        Check::TokenEndpoint,
        Configuration,
        "the grant type is not that of an app that acts for itself",
        "Use grant_type=client_credentials with client_assertion; jwt-bearer as a grant type is for acting on behalf of a user.",
    ),
    &m(
        &[700_025],
        "Fdx.Auth.PublicClient",
        Check::Credential,
        Configuration,
        "the app is a public client, which may not present an assertion",
        "App registration {client} > Authentication > Allow public client flows: No.",
    ),
    &m(
        &[70011, 28002, 1_002_012, 700_022, 901_002],
        "Fdx.Auth.InvalidScope",
        Check::TokenEndpoint,
        Configuration,
        "the scope is not one resource with /.default",
        "Ask for one resource at a time in the form https://resource/.default (asked: {scope}).",
    ),
    &m(
        &[9_001_023, 90130],
        "Fdx.Auth.TenantMissing",
        Check::TokenEndpoint,
        Configuration,
        "the token was asked from /common instead of a tenant",
        "Name the customer's tenant: Connect-Fdx -TenantId <tenant id>.",
    ),
    // The assertion and the federated credential.
    &m(
        &[70021],
        "Fdx.Auth.FederatedCredentialNotFound",
        Check::Credential,
        Authentication,
        "no federated identity credential of the app matches the identity's token",
        "App registration {client} > Certificates & secrets > Federated credentials: it needs issuer {issuer}, subject {subject}, audience {audience}. After creating it, wait some minutes.",
    ),
    &m(
        &[70025],
        "Fdx.Auth.FederatedCredentialMissing",
        Check::Credential,
        Authentication,
        "the app has no federated identity credential",
        "Create one on the app registration {client} in its home tenant, in bash or Cloud Shell: az ad app federated-credential create --id {client} --parameters '{\"name\":\"fedxdr\",\"issuer\":\"{issuer}\",\"subject\":\"{subject}\",\"audiences\":[\"{audience}\"]}'. Then wait some minutes.",
    ),
    &m(
        &[700_211],
        "Fdx.Auth.IssuerMismatch",
        Check::Credential,
        Authentication,
        "the issuer of the identity's token matches no federated credential of the app",
        "Set the federated credential's issuer on app {client} to exactly {issuer} (v2.0, no trailing slash, same case).",
    ),
    &m(
        &[700_212, 7_002_121, 700_214],
        "Fdx.Auth.AudienceMismatch",
        Check::Credential,
        Authentication,
        "the audience of the identity's token matches no federated credential of the app",
        "Set the federated credential's audience on app {client} to exactly {audience} (the api:// form, never a GUID).",
    ),
    &m(
        &[700_213],
        "Fdx.Auth.SubjectMismatch",
        Check::Credential,
        Authentication,
        "the subject of the identity's token matches no federated credential of the app",
        "Set the federated credential's subject on app {client} to {subject}: for a managed identity that is its Object (principal) ID, not its Client ID. GitHub's repositories made, renamed or moved since 15 July 2026 have subjects with numbers (repo:owner@1/name@2:…).",
    ),
    &m(
        &[7_002_138],
        "Fdx.Auth.SubjectCase",
        Check::Credential,
        Authentication,
        "the subject of the identity's token differs from the federated credential's only in upper and lower case",
        "Create the federated credential of app {client} again with the subject exactly {subject}.",
    ),
    &m(
        &[700_222, 700_226],
        "Fdx.Auth.NotManagedIdentity",
        Check::Credential,
        Authentication,
        "of Entra's own tokens only a managed identity's may be exchanged, and this one is not",
        "Use a user-assigned managed identity's token as the assertion (issuer {issuer}, subject {subject}).",
    ),
    &ASSERTION_FOR_OTHER_AUDIENCE,
    &USER_TOKEN,
    &m(
        &[700_231],
        "Fdx.Auth.FederationChain",
        Check::Credential,
        Authentication,
        "the assertion was itself had through federation, and chains are not allowed",
        "Put the federated credential for that issuer directly on app {client}.",
    ),
    &m(
        &[700_236],
        "Fdx.Auth.AppInOtherTenant",
        Check::Credential,
        Authentication,
        "the identity and the app registration are in different tenants",
        "Register the multi-tenant app in the identity's home tenant (issuer {issuer}), with the federated credential there, and let the customer consent to it; do not register it in the customer's tenant.",
    ),
    &m(
        &[700_223, 700_238, 7_002_381],
        "Fdx.Auth.FederationForbidden",
        Check::Credential,
        Authorization,
        "a policy of the app's tenant forbids this federation",
        "Ask an administrator of the app's home tenant to allow the issuer {issuer} in the app management policy; for GitHub the policy may want tokens with the enterprise claim of an allowed enterprise.",
    ),
    &m(
        &[70052],
        "Fdx.Auth.PipelineIssuer",
        Check::Credential,
        Configuration,
        "a pipeline's Entra-issued token cannot be exchanged for a multi-tenant app",
        "Use a user-assigned managed identity, or a service connection with the issuer https://vstoken.dev.azure.com.",
    ),
    &ASSERTION_OUTDATED,
    &m(
        &[50027],
        "Fdx.Auth.AssertionMalformed",
        Check::Credential,
        Authentication,
        "the assertion is not a JSON web token",
        "Check what the identity endpoint or token file gives: it must be the bare token, without quotes or line breaks.",
    ),
    &m(
        &[900_384],
        "Fdx.Auth.AssertionSignature",
        Check::Credential,
        Authentication,
        "the signature of the assertion could not be checked",
        "Check that the issuer's keys are public and that nothing changed the token on its way.",
    ),
    &m(
        &[700_027, 700_030, 50012],
        "Fdx.Auth.CertificateNotRegistered",
        Check::Credential,
        Authentication,
        "the certificate is not one that the app trusts",
        "Upload the certificate's public part: app registration {client} > Certificates & secrets > Certificates.",
    ),
    &m(
        &[392_196],
        "Fdx.Auth.BoundToken",
        Check::TokenEndpoint,
        Configuration,
        "the resource does not accept certificate-bound tokens",
        "Ask for a bearer token.",
    ),
    &m(
        &[100_007],
        "Fdx.Auth.RegionalEndpoint",
        Check::TokenEndpoint,
        Configuration,
        "the regional token endpoint is not for this app",
        "Use the global endpoint: leave -Endpoint @{ authority = … } out.",
    ),
    // The app, the tenant, the consent.
    &m(
        &[700_016, 7_000_229, 700_011],
        "Fdx.Auth.AppNotConsented",
        Check::App,
        Authentication,
        "the app is not in the tenant: nobody there has consented to it, or its id is wrong",
        "An administrator of {tenant} opens {authority}/{tenant}/adminconsent?client_id={client} and accepts, or there runs az ad sp create --id {client} and grants the permissions; check -ClientId. After consent, wait a minute.",
    ),
    &m(
        &[50194, 650_059],
        "Fdx.Auth.AppNotMultiTenant",
        Check::App,
        Configuration,
        "the app is registered for its own tenant alone",
        "App registration {client} > Authentication > Supported account types: Accounts in any organizational directory (az ad app update --id {client} --sign-in-audience AzureADMultipleOrgs).",
    ),
    &m(
        &[7_000_112, 70001],
        "Fdx.Auth.AppDisabled",
        Check::App,
        Authorization,
        "the app is disabled in the tenant, or not found there",
        "In {tenant}: Enterprise applications > {client} > Properties > Enabled for users to sign-in: Yes. If it is not there: an administrator opens {authority}/{tenant}/adminconsent?client_id={client}.",
    ),
    &m(
        &[7_000_215],
        "Fdx.Auth.SecretWrong",
        Check::Credential,
        Authentication,
        "the client secret is wrong",
        "Give the secret's value, not its id; better, use a federated credential and no secret.",
    ),
    &m(
        &[7_000_222],
        "Fdx.Auth.SecretExpired",
        Check::Credential,
        Authentication,
        "the client secret or certificate has expired",
        "Make a new one; better, use a federated credential, which never expires.",
    ),
    &m(
        &[90002],
        "Fdx.Auth.TenantNotFound",
        Check::TokenEndpoint,
        Configuration,
        "there is no such tenant in this cloud",
        "Check the tenant's id (Entra admin center > Overview > Tenant ID) and the cloud (-Environment).",
    ),
    &m(
        &[900_023],
        "Fdx.Auth.TenantMalformed",
        Check::TokenEndpoint,
        Configuration,
        "the tenant is neither an id nor a domain",
        "Give the tenant's id without braces, or one of its verified domains.",
    ),
    &m(
        &[90038, 900_382, 900_432, 900_439],
        "Fdx.Auth.WrongCloud",
        Check::TokenEndpoint,
        Configuration,
        "the tenant is in another cloud",
        "Identity, app and customer must be in the same cloud: choose it with -Environment.",
    ),
    &m(
        &[500_011, 500_014],
        "Fdx.Auth.ResourceNotInTenant",
        Check::Resource,
        Authorization,
        "the API's service principal is not in the tenant, or is disabled",
        "Asked: {scope}. {tenant} must have the service: for Defender onboard it, or in that tenant run az ad sp create --id fc780465-2017-40d4-a0c5-307022471b92 (WindowsDefenderATP) or --id 8ee8fdad-f234-4243-8f3b-15c294843740 (Microsoft Threat Protection); if it is disabled there, enable it: Enterprise applications > the API > Properties, and renew the licence.",
    ),
    &m(
        &[650_052, 650_054],
        "Fdx.Auth.NotLicensed",
        Check::Resource,
        Authorization,
        "the tenant has no subscription to the service",
        "{tenant} needs a licence for what the token was asked for ({scope}), such as Defender for Endpoint Plan 2.",
    ),
    &m(
        &[65001, 650_056, 650_057],
        "Fdx.Auth.ConsentMissing",
        Check::Roles,
        Authorization,
        "the tenant has not consented to the app's permissions",
        "Add the application permissions to app {client}, then an administrator of {tenant} opens {authority}/{tenant}/adminconsent?client_id={client} again: each change needs a new consent.",
    ),
    &m(
        &[501_051],
        "Fdx.Auth.AssignmentRequired",
        Check::Roles,
        Authorization,
        "the API wants the app to have a role assigned, and it has none",
        "Assign an app role of the API to the app's service principal in {tenant} (admin consent does it).",
    ),
    &m(
        &[53003, 530_032],
        "Fdx.Auth.ConditionalAccess",
        Check::Credential,
        Authorization,
        "a conditional access policy for workload identities blocks it",
        "Ask the tenant's administrators to allow this app or this network.",
    ),
    &m(
        &[500_021, 500_022],
        "Fdx.Auth.TenantRestrictions",
        Check::TokenEndpoint,
        Authorization,
        "tenant restrictions of this network forbid the tenant",
        "Ask the network's administrators to add {tenant} to the tenant restriction policy.",
    ),
    &m(
        &[500_212, 500_213],
        "Fdx.Auth.CrossTenantPolicy",
        Check::TokenEndpoint,
        Authorization,
        "a cross-tenant access policy forbids it",
        "Ask the administrators of both tenants to allow it in External Identities > Cross-tenant access settings.",
    ),
    &m(
        &[90072, 500_341, 700_051],
        "Fdx.Auth.UserFlow",
        Check::TokenEndpoint,
        Configuration,
        "Entra took this for a user's sign-in",
        "Check -ClientId and that the assertion is a workload's token.",
    ),
    &m(
        &[50001],
        "Fdx.Auth.ResourceUnknown",
        Check::Resource,
        Configuration,
        "the resource is unknown",
        "Check the resource that a token was asked for ({scope}).",
    ),
    &m(
        &[50049, 50050],
        "Fdx.Auth.AuthorityUnknown",
        Check::TokenEndpoint,
        Configuration,
        "the token endpoint's host is no authority",
        "Check -Environment and -Endpoint @{ authority = … } (asked: {authority}).",
    ),
    &m(
        &[50196],
        "Fdx.Auth.RequestLoop",
        Check::TokenEndpoint,
        Throttled,
        "the same request was sent too often",
        "Find what asks for tokens in a loop; wait some minutes.",
    ),
    &TENANT_THROTTLED,
    &PASSING,
];

/// What passes by itself.
pub(crate) static PASSING: KnownError = m(
    &[50033, 50087, 90006, 90012, 90024, 90033, 90090],
    "Fdx.Auth.ServiceUnavailable",
    Check::TokenEndpoint,
    Service,
    "Entra has a passing fault",
    "Try again later.",
);

/// The assertion is for something else than the exchange.
pub(crate) static ASSERTION_FOR_OTHER_AUDIENCE: KnownError = m(
    &[700_227],
    "Fdx.Auth.AssertionAudience",
    Check::Credential,
    Authentication,
    "the identity's token is for another resource than the exchange",
    "The identity must be asked for {audience}; the token that was sent has another audience or a v1 issuer ({issuer}).",
);

/// The assertion is a user's token.
pub(crate) static USER_TOKEN: KnownError = m(
    &[700_229],
    "Fdx.Auth.UserToken",
    Check::Credential,
    Authentication,
    "the assertion is a user's token; only an app's or identity's can be exchanged",
    "Run where a managed identity is (Cloud Shell and az login give user tokens).",
);

/// The assertion is outside its time of validity.
pub(crate) static ASSERTION_OUTDATED: KnownError = m(
    &[700_024, 50013, 500_133],
    "Fdx.Auth.AssertionExpired",
    Check::Credential,
    Authentication,
    "the assertion is outside its time of validity",
    "Check this machine's clock, and that a token file is still being renewed.",
);

/// The tenant's quota of token requests is used up, which passes.
pub(crate) static TENANT_THROTTLED: KnownError = m(
    &[90055],
    "Fdx.Auth.TenantThrottled",
    Check::TokenEndpoint,
    Throttled,
    "the tenant has too many requests",
    "Try again later.",
);
