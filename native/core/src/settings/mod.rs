//! The settings document, the environment snapshot, and the checks that need no network.

mod credential;
mod endpoints;
mod environment;
mod ids;
mod tenant;
pub mod variables;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::error::Category;

use crate::cloud::{Cloud, Family, is_same_audience, resource_of};
use crate::errors::{API_NOT_IN_CLOUD, CLIENT_MISSING, INVALID_GEO, SAME_ID, SECRET_MISSING, TENANT_MISSING};
use crate::errors::{Error, Result};

pub(crate) use credential::{Credential, SigningAlgorithm};
pub use endpoints::ENDPOINT_NAMES;
pub(crate) use endpoints::Endpoints;
pub use environment::Environment;
pub(crate) use ids::{check_tenant, is_guid, is_loopback, is_secure};
pub use tenant::Tenant;
pub(crate) use tenant::each_once;

/// How often and how soon to retry a failed request.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Retry {
    /// Maximum number of retries.
    pub attempts: u32,
    /// First delay. It doubles with each retry. A Retry-After header takes precedence.
    pub base_delay_ms: u64,
    /// Longest time that all waits of one command take together. A longer one is an error that says when to try again.
    pub maximum_wait_ms: u64,
}

impl Default for Retry {
    fn default() -> Self {
        Retry { attempts: 5, base_delay_ms: 500, maximum_wait_ms: 3_600_000 }
    }
}

impl Retry {
    /// The first delay.
    pub fn base_delay(&self) -> Duration {
        Duration::from_millis(self.base_delay_ms)
    }

    /// The longest time of all waits.
    pub fn maximum_wait(&self) -> Duration {
        Duration::from_millis(self.maximum_wait_ms)
    }
}

/// Where tokens are cached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum TokenCaching {
    /// In the process, for all sessions with the same identity.
    #[default]
    Process,
    /// Only while a query runs.
    None,
}

impl TokenCaching {
    /// Every place; the first one is the default.
    pub const ALL: [TokenCaching; 2] = [TokenCaching::Process, TokenCaching::None];

    /// Name in the settings document.
    pub fn name(self) -> &'static str {
        match self {
            TokenCaching::Process => "Process",
            TokenCaching::None => "None",
        }
    }
}

/// The settings document.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// Snapshot of the environment variables.
    #[serde(default)]
    pub environment: Environment,
    /// National cloud.
    #[serde(default)]
    pub cloud: Cloud,
    /// Region of Defender's hosts. Every region returns the same data, a near one answers faster.
    pub geo: Option<String>,
    /// Tenants for requests that specify none.
    #[serde(default)]
    pub tenants: Vec<Tenant>,
    /// App that trusts the identity. `None` uses the identity directly.
    pub client_id: Option<String>,
    /// The identity.
    pub(crate) credential: Credential,
    /// Addresses that replace those of the cloud.
    #[serde(default)]
    pub(crate) endpoints: Endpoints,
    /// Proxy that replaces the environment's and the system's.
    pub proxy: Option<String>,
    /// The system's proxies by host, as the caller's runtime resolved them. `*` stands for every other host. They apply
    /// if the environment names no proxy.
    #[serde(default)]
    pub(crate) system_proxies: BTreeMap<String, String>,
    /// Added to the User-Agent header.
    pub user_agent: Option<String>,
    /// Retries.
    #[serde(default)]
    pub retry: Retry,
    /// Where tokens are cached.
    #[serde(default)]
    pub token_cache: TokenCaching,
}

/// Address and scope of an API family.
#[derive(Clone, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) base: Cow<'a, str>,
    pub(crate) scope: Cow<'a, str>,
    hosts: &'static [&'static str],
}

impl Target<'_> {
    /// Whether the family's token may be sent to `host`, in addition to the host of the base address.
    pub(crate) fn allows(&self, host: &str) -> bool {
        self.hosts
            .iter()
            .any(|allowed| if allowed.starts_with('.') { host.ends_with(allowed) } else { host == *allowed })
    }
}

impl Settings {
    /// Reads and checks a settings document.
    pub fn parse(document: &str) -> Result<Self> {
        let mut settings: Settings = parse_document(document, "settings")?;
        for tenant in &mut settings.tenants {
            *tenant = tenant.checked()?;
        }
        if let Some(client) = &settings.client_id {
            let what = "the Application (client) ID of the app registration";
            settings.client_id = Some(ids::check_id(client, "ClientId", what)?);
        }
        settings.credential = settings.credential.checked()?;
        settings.endpoints.check()?;
        settings.check_ids()?;
        if let Some(geo) = &settings.geo {
            let geo = geo.to_ascii_lowercase();
            if !settings.cloud.geos().contains(&geo.as_str()) {
                let message =
                    format!("Defender has no region '{}' in this cloud", crate::errors::excerpt(&geo, 40));
                return Err(INVALID_GEO.error(message));
            }
            settings.geo = Some(geo);
        }
        Ok(settings)
    }

    fn check_ids(&self) -> Result<()> {
        if self.client_id.is_none() && !self.credential.works_without_app() {
            return Err(CLIENT_MISSING.error(CLIENT_MISSING.cause));
        }
        if matches!(&self.credential, Credential::ClientSecret { secret } if secret.is_empty()) {
            return Err(SECRET_MISSING.error(SECRET_MISSING.cause));
        }
        let ready = matches!(self.credential, Credential::AccessToken { .. });
        if self.client_id.is_some() && self.tenants.is_empty() && !ready {
            return Err(TENANT_MISSING.error(TENANT_MISSING.cause));
        }
        if let Credential::ManagedIdentity { client_id: Some(identity), .. } = &self.credential
            && self.client_id.as_ref() == Some(identity)
        {
            return Err(
                SAME_ID.error(format!("the app and the managed identity have the same id, {identity}"))
            );
        }
        Ok(())
    }

    /// Address of the token endpoints.
    pub fn authority(&self) -> &str {
        self.endpoints.authority.as_deref().unwrap_or(self.cloud.authority())
    }

    /// Whether a token with this audience is for the family's API. The audience can be the resource of the scope, an
    /// older name of it, or the API's application id.
    pub(crate) fn is_audience_of(&self, family: Family, audience: &str) -> bool {
        let is = |known: &str| is_same_audience(audience, known);
        let older = self.cloud.api(family).map_or(&[][..], |api| api.other_audiences);
        is(family.app_id())
            || older.iter().any(|known| is(known))
            || self.target(family).is_ok_and(|target| is(resource_of(&target.scope)))
    }

    /// The family whose API a token with this audience is for.
    pub(crate) fn family_of(&self, audience: &str) -> Option<Family> {
        Family::ALL.into_iter().find(|family| self.is_audience_of(*family, audience))
    }

    /// Whether two audiences name the same API.
    pub(crate) fn is_same_api(&self, one: &str, other: &str) -> bool {
        let of_both = |family| self.is_audience_of(family, one) && self.is_audience_of(family, other);
        is_same_audience(one, other) || Family::ALL.into_iter().any(of_both)
    }

    /// Address and scope of a family's API.
    pub(crate) fn target(&self, family: Family) -> Result<Target<'_>> {
        let api = self.cloud.api(family);
        let given = self.endpoints.of(family).map(Cow::Borrowed);
        let near = self.geo.as_deref().and_then(|geo| self.cloud.near(family, geo)).map(Cow::Owned);
        let base = given.or(near).or(api.map(|api| Cow::Borrowed(api.base))).ok_or_else(|| {
            API_NOT_IN_CLOUD.error(format!(
                "the {} API does not exist in the cloud {}",
                family.name(),
                self.cloud.name()
            ))
        })?;
        let scope = match (self.endpoints.scope_of(family), api) {
            (Some(scope), _) => Cow::Borrowed(scope),
            (None, Some(api)) => Cow::Borrowed(api.scope),
            // This version does not know the API in this cloud. Its own address is the likely resource.
            (None, None) => Cow::Owned(format!("{}/.default", base.trim_end_matches('/'))),
        };
        Ok(Target { base, scope, hosts: api.map_or(&[], |api| api.hosts) })
    }
}

/// Parses a JSON document. Whether unknown members are an error depends on its type.
pub(crate) fn parse_document<'a, T: Deserialize<'a>>(document: &'a str, what: &str) -> Result<T> {
    serde_json::from_str(document).map_err(|e| misfit(&format!("{what} document"), &e))
}

/// The error for a document that is not valid. It quotes names but no values and no lines of the document, so it cannot
/// leak a secret.
pub(crate) fn misfit(what: &str, error: &serde_json::Error) -> Error {
    let position = match error.line() {
        0 => String::new(),
        line => format!(" (line {line} column {})", error.column()),
    };
    let text = error.to_string();
    let names_a_member = ["unknown field", "missing field", "duplicate field", "unknown variant"];
    let why = match error.classify() {
        Category::Data if names_a_member.iter().any(|known| text.starts_with(known)) => text,
        Category::Data => format!("a member has the wrong type{position}"),
        _ => format!("it is not JSON{position}"),
    };
    Error::invalid_argument(&format!("the {what} is not valid: {why}"))
}

#[cfg(test)]
mod tests;
