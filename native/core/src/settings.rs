//! The settings document, the environment snapshot, and the checks that need no network.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use crate::cloud::{Cloud, Family};
use crate::error::{Error, Result};

/// The process environment as the caller's runtime sees it. A name with an empty value counts as not set, as in the Azure SDKs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Environment(HashMap<String, String>);

impl Environment {
    /// The variable's value, trimmed, unless it is empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// As [`Environment::get`], for names that are written in lower case too.
    pub fn get_any_case(&self, name: &str) -> Option<&str> {
        self.get(name).or_else(|| self.get(&name.to_ascii_lowercase()))
    }

    /// A snapshot of these variables.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Environment(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

/// How to get the first token.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Credential {
    /// The managed identity of the place this runs in.
    ManagedIdentity {
        /// Client id of a user-assigned identity.
        client_id: Option<String>,
        /// Object (principal) id of a user-assigned identity.
        object_id: Option<String>,
        /// Azure resource id of a user-assigned identity.
        resource_id: Option<String>,
    },
    /// A token file that the platform keeps fresh, as Kubernetes does.
    WorkloadIdentity {
        /// Full path; the one in `AZURE_FEDERATED_TOKEN_FILE` if there is none.
        token_file: Option<String>,
    },
    /// The job's token of GitHub Actions.
    GitHubActions {},
    /// The job's token of Azure Pipelines.
    AzurePipelines {
        /// Service connection that the token is for.
        service_connection_id: String,
    },
}

impl Credential {
    /// Whether it is of use without an app that trusts it.
    fn stands_alone(&self) -> bool {
        matches!(self, Credential::ManagedIdentity { .. })
    }
}

/// Addresses in place of the cloud's own, for tests and private links.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Endpoints {
    /// Token endpoints.
    pub authority: Option<String>,
    /// Defender for Endpoint.
    pub defender: Option<String>,
    /// Defender XDR.
    pub xdr: Option<String>,
    /// Microsoft Graph.
    pub graph: Option<String>,
    /// Azure Resource Manager.
    pub arm: Option<String>,
    /// Instance metadata service.
    pub imds: Option<String>,
}

/// How often and how soon a failed request is sent again.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Retry {
    /// Times that a request may be sent again.
    pub attempts: u32,
    /// First pause; it doubles each time. A Retry-After of the service goes before it.
    pub base_delay_ms: u64,
}

impl Default for Retry {
    fn default() -> Self {
        Retry { attempts: 5, base_delay_ms: 500 }
    }
}

impl Retry {
    /// The first pause.
    pub fn base_delay(&self) -> Duration {
        Duration::from_millis(self.base_delay_ms)
    }
}

/// The settings document.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// Snapshot of the environment.
    #[serde(default)]
    pub environment: Environment,
    /// National cloud.
    #[serde(default)]
    pub cloud: Cloud,
    /// Tenants that a request without tenants means.
    #[serde(default)]
    pub tenants: Vec<String>,
    /// App whose federated credential trusts the identity; none to use the identity directly.
    pub client_id: Option<String>,
    /// The identity.
    pub credential: Credential,
    /// Addresses in place of the cloud's own.
    #[serde(default)]
    pub endpoints: Endpoints,
    /// Proxy in place of the environment's.
    pub proxy: Option<String>,
    /// Added to the User-Agent header.
    pub user_agent: Option<String>,
    /// Retries.
    #[serde(default)]
    pub retry: Retry,
}

impl Settings {
    /// Reads and checks a settings document.
    pub fn parse(document: &str) -> Result<Self> {
        let mut settings: Settings = parse_document(document, "settings")?;
        for tenant in &mut settings.tenants {
            *tenant = check_tenant(tenant)?;
        }
        if let Some(client) = &settings.client_id {
            settings.client_id =
                Some(check_id(client, "ClientId", "the Application (client) ID of the app registration")?);
        }
        settings.credential = check_credential(settings.credential)?;
        for (name, address) in settings.endpoints.all() {
            check_endpoint(name, address)?;
        }
        if settings.client_id.is_none() && !settings.credential.stands_alone() {
            return Err(Error::configuration(
                "Fdx.Settings.ClientIdMissing",
                "no app was named, and this identity's token is good for nothing but an exchange",
                "Name the app that trusts it: Connect-Fdx -ClientId <Application (client) ID>.",
            ));
        }
        if settings.client_id.is_some() && settings.tenants.is_empty() {
            return Err(Error::configuration(
                "Fdx.Settings.TenantMissing",
                "no tenant was named",
                "Name the tenant to read from: Connect-Fdx -TenantId <tenant id or domain>.",
            ));
        }
        Ok(settings)
    }

    /// Address of the token endpoints.
    pub fn authority(&self) -> &str {
        self.endpoints.authority.as_deref().unwrap_or(self.cloud.authority())
    }

    /// Base address of a family's API.
    pub fn base(&self, family: Family) -> &str {
        let endpoints = &self.endpoints;
        let given = match family {
            Family::Defender => &endpoints.defender,
            Family::Xdr => &endpoints.xdr,
            Family::Graph => &endpoints.graph,
            Family::Arm => &endpoints.arm,
        };
        given.as_deref().unwrap_or(self.cloud.api(family).base)
    }
}

impl Endpoints {
    fn all(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("authority", &self.authority),
            ("defender", &self.defender),
            ("xdr", &self.xdr),
            ("graph", &self.graph),
            ("arm", &self.arm),
            ("imds", &self.imds),
        ]
        .into_iter()
        .filter_map(|(name, address)| address.as_deref().map(|address| (name, address)))
    }
}

/// Reads a JSON document; unknown members are an error.
pub(crate) fn parse_document<'a, T: Deserialize<'a>>(document: &'a str, what: &str) -> Result<T> {
    serde_json::from_str(document).map_err(|e| {
        // serde_json quotes names, not values, and never the line: a secret in the document cannot leak through it.
        Error::invalid_argument(&format!("the {what} document does not fit: {}", describe(&e)))
    })
}

fn describe(error: &serde_json::Error) -> String {
    match error.classify() {
        serde_json::error::Category::Data => {
            let text = error.to_string();
            if text.starts_with("unknown field")
                || text.starts_with("missing field")
                || text.starts_with("unknown variant")
            {
                text
            } else {
                format!("a member has the wrong type (line {} column {})", error.line(), error.column())
            }
        }
        _ => format!("it is not JSON (line {} column {})", error.line(), error.column()),
    }
}

/// Checks a tenant id or domain and gives it in lower case. Only letters, digits, `.` and `-` may stand in a URL's path unseen.
pub(crate) fn check_tenant(tenant: &str) -> Result<String> {
    let malformed = |why: &str| {
        Error::configuration(
            "Fdx.Settings.InvalidTenantId",
            format!("the tenant '{}' {why}", crate::error::excerpt(tenant, 80)),
            "Give the tenant's id (Entra admin center > Overview > Tenant ID, without braces) or one of its domains, such as contoso.onmicrosoft.com.",
        )
    };
    if tenant.trim().is_empty() {
        return Err(malformed("is empty"));
    }
    let tenant_lower = tenant.to_ascii_lowercase();
    if ["common", "organizations", "consumers"].contains(&tenant_lower.as_str()) {
        return Err(malformed("names no single tenant: an app's own token needs one"));
    }
    if tenant.starts_with('{') || tenant.ends_with('}') {
        return Err(malformed("has braces around it"));
    }
    if !tenant.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-') {
        return Err(malformed("has characters that stand in no tenant id or domain"));
    }
    if !is_guid(tenant) && !tenant.contains('.') {
        return Err(malformed("is neither a GUID nor a domain"));
    }
    Ok(tenant_lower)
}

/// Checks an id that has to be a GUID and gives it in lower case.
pub(crate) fn check_id(id: &str, parameter: &str, what: &str) -> Result<String> {
    let plain = id.trim();
    if is_guid(plain) {
        return Ok(plain.to_ascii_lowercase());
    }
    Err(Error::configuration(
        "Fdx.Settings.InvalidId",
        format!("{parameter} '{}' is not a GUID", crate::error::excerpt(id, 80)),
        format!("Give {what}: a GUID such as 00000000-0000-0000-0000-000000000000, without braces."),
    ))
}

/// Whether `text` has the form 8-4-4-4-12 hexadecimal digits.
pub(crate) fn is_guid(text: &str) -> bool {
    let mut groups = text.split('-');
    [8, 4, 4, 4, 12].into_iter().all(|length| {
        groups.next().is_some_and(|g| g.len() == length && g.bytes().all(|b| b.is_ascii_hexdigit()))
    }) && groups.next().is_none()
}

fn check_credential(credential: Credential) -> Result<Credential> {
    match credential {
        Credential::ManagedIdentity { client_id, object_id, resource_id } => {
            let given = [&client_id, &object_id, &resource_id].into_iter().flatten().count();
            if given > 1 {
                return Err(Error::configuration(
                    "Fdx.Settings.IdentityAmbiguous",
                    "more than one of client id, object id and resource id was given for the managed identity",
                    "Give one of -ManagedIdentityClientId, -ManagedIdentityObjectId and -ManagedIdentityResourceId.",
                ));
            }
            if let Some(id) = &resource_id
                && !id.to_ascii_lowercase().starts_with("/subscriptions/")
            {
                return Err(Error::configuration(
                    "Fdx.Settings.InvalidResourceId",
                    format!("'{}' is not an Azure resource id", crate::error::excerpt(id, 120)),
                    "Give the identity's resource id: /subscriptions/…/resourceGroups/…/providers/Microsoft.ManagedIdentity/userAssignedIdentities/<name>.",
                ));
            }
            let checked = |id: Option<String>, parameter: &str, what: &str| {
                id.map(|id| check_id(&id, parameter, what)).transpose()
            };
            Ok(Credential::ManagedIdentity {
                client_id: checked(client_id, "ManagedIdentityClientId", "the managed identity's Client ID")?,
                object_id: checked(
                    object_id,
                    "ManagedIdentityObjectId",
                    "the managed identity's Object (principal) ID",
                )?,
                resource_id,
            })
        }
        Credential::AzurePipelines { service_connection_id } => Ok(Credential::AzurePipelines {
            service_connection_id: check_id(
                &service_connection_id,
                "ServiceConnectionId",
                "the service connection's id (the last part of its address in the project settings)",
            )?,
        }),
        other => Ok(other),
    }
}

/// An override must be https, or http on this machine: a token goes there.
fn check_endpoint(name: &str, address: &str) -> Result<()> {
    let advice = "Give an address such as https://host; plain http is for loopback addresses alone.";
    let url = Url::parse(address).map_err(|e| {
        Error::configuration(
            "Fdx.Settings.InvalidEndpoint",
            format!("the endpoint {name} is not a URL: {e}"),
            advice,
        )
    })?;
    if !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return Err(Error::configuration(
            "Fdx.Settings.InvalidEndpoint",
            // It may hold a password, so it is not repeated.
            format!("the endpoint {name} has more in it than a host and a path"),
            advice,
        ));
    }
    if !is_secure(&url) {
        return Err(Error::configuration(
            "Fdx.Settings.InvalidEndpoint",
            format!("the endpoint {name} is not https: {}", crate::error::excerpt(address, 120)),
            advice,
        ));
    }
    Ok(())
}

/// https, or http to this machine.
pub(crate) fn is_secure(url: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        },
        _ => false,
    }
}
