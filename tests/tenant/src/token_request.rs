//! What a token request says: its form, its tenant and its resource.
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>

use std::collections::HashMap;

use serde_json::Value;

use crate::aadsts::{Refusal, no, plain};
use crate::cloud::{Cloud, Resource};
use crate::http::{Call, pairs};
use crate::multipart;
use crate::state::State;
use crate::world::{Customer, World};

/// The type of a client's assertion.
pub(crate) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Parameters that a client credentials request may have. `client_info` comes from MSAL.
const PARAMETERS: &[&str] = &[
    "claims",
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_info",
    "client_secret",
    "fmi_path",
    "grant_type",
    "scope",
];
/// Telemetry, which MSAL for Node sends in the body and other libraries as headers.
const TELEMETRY: &[&str] =
    &["client-request-id", "return-client-request-id", "x-app-", "x-client-", "x-ms-lib-capability"];

/// The parameters of the body.
pub(crate) fn form(call: &Call) -> Result<HashMap<String, String>, Refusal> {
    let content_type = call.header("content-type").unwrap_or_default();
    if !call.is_form() {
        // Entra reads such a body as far as this refusal. Whether it would accept one is not documented.
        return Err(match multipart::field(content_type, &call.body, "client_assertion_type") {
            Some(other) if other != ASSERTION_TYPE => unexpected_assertion_type(&other),
            _ => plain(900_144),
        });
    }
    let (form, repeated) = pairs(&call.body);
    if let Some(name) = repeated.first() {
        return Err(no(9_002_313, format!("Invalid request. The parameter '{name}' is duplicated.")));
    }
    if form.contains_key("resource") {
        return Err(plain(901_002));
    }
    match form.get("grant_type").map(String::as_str) {
        Some("client_credentials") => {}
        None => return Err(plain(900_144)),
        Some("urn:ietf:params:oauth:grant-type:jwt-bearer") => return Err(plain(7_000_114)),
        Some(other) => {
            return Err(no(70003, format!("The app requested an unsupported grant type '{other}'.")));
        }
    }
    if form.get("scope").is_none_or(String::is_empty) {
        return Err(missing("scope"));
    }
    Ok(form)
}

/// The assertion has another type than a client's assertion.
pub(crate) fn unexpected_assertion_type(other: &str) -> Refusal {
    no(90023, format!("Invalid STS request. Unexpected client assertion type '{other}'."))
}

/// A parameter is missing.
pub(crate) fn missing(name: &str) -> Refusal {
    no(900_144, format!("The request body must contain the following parameter: '{name}'."))
}

/// Whether the request answers a claims challenge: `xms_cc` only says what the client can do. Parameters that
/// mean nothing here are violations.
pub(crate) fn challenged(state: &State, form: &HashMap<String, String>) -> Result<bool, Refusal> {
    let telemetry = |name: &str| TELEMETRY.iter().any(|known| name.to_ascii_lowercase().starts_with(known));
    for name in form.keys().filter(|name| !PARAMETERS.contains(&name.as_str()) && !telemetry(name)) {
        state.violation(format!("authority: the parameter {name} means nothing here"));
    }
    let Some(claims) = form.get("claims") else { return Ok(false) };
    let Ok(Value::Object(claims)) = serde_json::from_str(claims) else {
        return Err(no(9_002_313, "Invalid request. The 'claims' parameter is not JSON."));
    };
    state.count("claims");
    let asked = claims.get("access_token").and_then(Value::as_object);
    Ok(asked.is_some_and(|asked| asked.keys().any(|name| name != "xms_cc")))
}

/// The tenant of the path, if it can grant a token to an app.
pub(crate) fn tenant<'a>(world: &'a World, name: &str) -> Result<&'a Customer, Refusal> {
    if ["common", "organizations", "consumers"].contains(&name) {
        return Err(no(9_001_023, format!("The grant type is not supported over the /{name} endpoint.")));
    }
    customer(world, name)
}

/// The tenant with this id or domain.
pub(crate) fn customer<'a>(world: &'a World, name: &str) -> Result<&'a Customer, Refusal> {
    let is_id = name.len() == 36 && name.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    if !is_id && !name.contains('.') {
        let text = format!(
            "Specified tenant identifier '{name}' is neither a valid DNS name, nor a valid external domain."
        );
        return Err(no(900_023, text));
    }
    world.tenant(name).ok_or_else(|| {
        let advice =
            "Check to make sure you have the correct tenant ID and are signing into the correct cloud.";
        no(90002, format!("Tenant '{name}' not found. {advice}"))
    })
}

/// The audience that a scope asks for.
pub(crate) fn resource(cloud: Cloud, scope: &str) -> Result<(&'static str, Resource), Refusal> {
    let mut scopes = scope.split_whitespace();
    let (Some(first), None) = (scopes.next(), scopes.next()) else {
        return Err(plain(700_022));
    };
    let Some(name) = first.strip_suffix("/.default") else {
        let text = format!(
            "The provided value for scope {first} is not valid. Client credential flows must have a scope \
             value with /.default suffixed to the resource identifier."
        );
        return Err(no(1_002_012, text));
    };
    let unknown = || no(500_011, format!("The resource principal named {name} was not found in the tenant."));
    cloud.resource(name).ok_or_else(unknown)
}
