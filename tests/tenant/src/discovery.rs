//! Entra's metadata: the `OpenID` configuration of a tenant, the signing keys, and the list of authority hosts.
//! <https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc>

use serde_json::{Value, json};

use crate::aadsts::{Refusal, no, plain};
use crate::cloud::authority_hosts;
use crate::http::Call;
use crate::state::State;
use crate::token_request::customer;
use crate::world::World;

/// Which document a path asks for.
pub(crate) enum Document<'a> {
    /// The `OpenID` configuration of a tenant.
    Configuration(&'a str),
    /// The keys that sign tokens.
    Keys,
    /// The authority hosts.
    Instance,
}

/// The document at this path.
pub(crate) fn find(path: &str) -> Option<Document<'_>> {
    let (tenant, rest) = path.strip_prefix('/')?.split_once('/')?;
    match rest {
        "v2.0/.well-known/openid-configuration" => Some(Document::Configuration(tenant)),
        "discovery/v2.0/keys" => Some(Document::Keys),
        "discovery/instance" if tenant == "common" => Some(Document::Instance),
        _ => None,
    }
}

impl Document<'_> {
    /// The document.
    pub(crate) fn body(&self, state: &State, world: &World, call: &Call) -> Result<Value, Refusal> {
        match self {
            Document::Configuration(tenant) => configuration(state, world, tenant),
            Document::Keys => Ok(json!({"keys": [state.signer.public_key()]})),
            Document::Instance => instance(state, call),
        }
    }
}

fn configuration(state: &State, world: &World, tenant: &str) -> Result<Value, Refusal> {
    let shared = ["common", "organizations", "consumers"].contains(&tenant);
    let tenant_id = if shared { tenant } else { &customer(world, tenant)?.tenant_id };
    let base = format!("{}/{tenant_id}", state.address("authority"));
    Ok(json!({
        "token_endpoint": format!("{base}/oauth2/v2.0/token"),
        "token_endpoint_auth_methods_supported":
            ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": format!("{base}/discovery/v2.0/keys"),
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": world.cloud.issuer(if shared { "{tenantid}" } else { tenant_id }),
        "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
        "device_authorization_endpoint": format!("{base}/oauth2/v2.0/devicecode"),
        "end_session_endpoint": format!("{base}/oauth2/v2.0/logout"),
        "tenant_region_scope": "EU",
    }))
}

/// The answer names the hosts of one cloud. A host that is in no cloud is refused.
fn instance(state: &State, call: &Call) -> Result<Value, Refusal> {
    let asked = call.query.get("authorization_endpoint").ok_or_else(|| {
        no(900_144, "The request must contain the following parameter: 'authorization_endpoint'.")
    })?;
    let address = url::Url::parse(asked).map_err(|_| plain(50050))?;
    let own = state.address("authority");
    let host = address.host_str().unwrap_or_default();
    // Without the port: MSAL for Python leaves it out.
    let is_own = url::Url::parse(&own).is_ok_and(|own| own.host_str() == Some(host));
    let hosts = authority_hosts(host).or(is_own.then_some(&[]));
    let (hosts, Some(tenant)) = (hosts.ok_or_else(|| plain(50049))?, address.path().split('/').nth(1)) else {
        return Err(plain(50050));
    };
    let aliases = if is_own { vec![host] } else { hosts.to_vec() };
    let base = if is_own { own } else { format!("https://{}", hosts.first().copied().unwrap_or(host)) };
    Ok(json!({
        "tenant_discovery_endpoint": format!("{base}/{tenant}/v2.0/.well-known/openid-configuration"),
        "api-version": call.query.get("api-version").map_or("1.1", String::as_str),
        "metadata": [{
            "preferred_network": hosts.first().copied().unwrap_or(host),
            "preferred_cache": hosts.get(1).or(hosts.first()).copied().unwrap_or(host),
            "aliases": aliases,
        }],
    }))
}
