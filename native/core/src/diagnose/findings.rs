//! Finds problems, or likely problems, without any request.

use url::Url;

use crate::cloud::{Cloud, EXCHANGE_APP};
use crate::errors::{
    ASSERTION_FOR_OTHER_AUDIENCE, IDENTITY_DISABLED, IDENTITY_VARIABLES, KnownError, OTHER_CLOUD,
    SYSTEM_ASSIGNED, USER_TOKEN,
};
use crate::settings::{Credential, Environment, Settings, variables};
use crate::token::Claims;

/// Hosts of Entra's issuers in all clouds, for v1 and v2.
const ENTRA: &[&str] =
    &["https://login.microsoftonline.", "https://login.partner.microsoftonline.cn/", "https://sts."];

/// A likely problem.
pub(crate) struct Finding {
    pub(crate) entry: &'static KnownError,
    pub(crate) what: String,
}

fn finding(entry: &'static KnownError, what: &str) -> Finding {
    Finding { entry, what: what.to_owned() }
}

/// Environment variables that contradict each other or the connection.
pub(crate) fn environment(environment: &Environment, cloud: Cloud) -> Vec<Finding> {
    let mut found = mixed_variables(environment);
    if environment.is_true(variables::WEBSITE_DISABLE_MSI) {
        found.push(finding(
            &IDENTITY_DISABLED,
            "WEBSITE_DISABLE_MSI is true, so the platform provides no identity for this app",
        ));
    }
    // Some platforms, such as Kubernetes, set the authority of their cloud.
    let authority = environment.get(variables::AZURE_AUTHORITY_HOST).and_then(host);
    if let Some(authority) = authority.filter(|host| !cloud.has_authority(host)) {
        found.push(Finding {
            entry: &OTHER_CLOUD,
            what: format!("AZURE_AUTHORITY_HOST is {authority}, but the connection is for {}", cloud.name()),
        });
    }
    found
}

/// The host of an address with or without a scheme.
fn host(address: &str) -> Option<String> {
    let url = Url::parse(address).ok().filter(Url::has_host);
    let url = url.or_else(|| Url::parse(&format!("https://{address}")).ok())?;
    url.host_str().map(str::to_owned)
}

/// Inconsistent variables of identity endpoints. App Service sets both pairs to the same values.
fn mixed_variables(environment: &Environment) -> Vec<Finding> {
    let get = |name| environment.get(name);
    let (endpoint, header) = (get(variables::IDENTITY_ENDPOINT), get(variables::IDENTITY_HEADER));
    let (old_endpoint, old_secret) = (get(variables::MSI_ENDPOINT), get(variables::MSI_SECRET));
    let mut found = Vec::new();
    let mut mixed = |what: &str| found.push(finding(&IDENTITY_VARIABLES, what));
    if endpoint.is_some() && header.is_none() && get(variables::IMDS_ENDPOINT).is_none() {
        mixed("IDENTITY_ENDPOINT is set without IDENTITY_HEADER");
    }
    if endpoint.is_none() && header.is_some() {
        mixed("IDENTITY_HEADER is set without IDENTITY_ENDPOINT");
    }
    if let (Some(endpoint), Some(header), Some(old_endpoint), Some(old_secret)) =
        (endpoint, header, old_endpoint, old_secret)
    {
        if header == old_secret && endpoint != old_endpoint {
            mixed("IDENTITY_HEADER equals MSI_SECRET, but IDENTITY_ENDPOINT differs from MSI_ENDPOINT");
        }
        if endpoint == old_endpoint && header != old_secret {
            mixed("IDENTITY_ENDPOINT equals MSI_ENDPOINT, but IDENTITY_HEADER differs from MSI_SECRET");
        }
    }
    if endpoint.is_none() && old_endpoint.is_none() && old_secret.is_some() {
        mixed("MSI_SECRET is set without MSI_ENDPOINT");
    }
    found
}

/// Claims of an assertion that Entra rejects, or that Microsoft does not document as accepted.
pub(crate) fn assertion(settings: &Settings, claims: &Claims) -> Vec<Finding> {
    let mut found = Vec::new();
    let issuer = claims.iss.as_deref().unwrap_or_default();
    let by_entra = ENTRA.iter().any(|host| issuer.starts_with(host));
    let expected = settings.cloud.exchange_audience();
    // An issuer may put several audiences into one token, as Kubernetes does.
    if !claims.aud.iter().any(|audience| audience == expected || by_entra && audience == EXCHANGE_APP) {
        found.push(Finding {
            entry: &ASSERTION_FOR_OTHER_AUDIENCE,
            what: format!(
                "the assertion is for {}, but the exchange requires {expected}",
                claims.aud.join(", ")
            ),
        });
    }
    if !claims.scp.is_empty() {
        found.push(finding(&USER_TOKEN, USER_TOKEN.cause));
    }
    if by_entra && is_system_assigned(settings, claims) {
        let subject = claims.sub.as_deref().unwrap_or("?");
        found.push(Finding {
            entry: &SYSTEM_ASSIGNED,
            what: format!(
                "subject {subject} is a system-assigned identity: Entra may accept it, but Microsoft documents only \
                 user-assigned ones"
            ),
        });
    }
    found
}

/// Decides by the Azure resource in the token, or else by whether the connection selects an identity.
fn is_system_assigned(settings: &Settings, claims: &Claims) -> bool {
    match &claims.xms_mirid {
        Some(resource) => !resource.to_ascii_lowercase().contains("/userassignedidentities/"),
        None => matches!(
            settings.credential,
            Credential::Default {}
                | Credential::ManagedIdentity { client_id: None, object_id: None, resource_id: None }
        ),
    }
}

/// Whether the connection has an access token, so there is no assertion.
pub(crate) fn is_ready_token(settings: &Settings) -> bool {
    matches!(settings.credential, Credential::AccessToken { .. })
}
