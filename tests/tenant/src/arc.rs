//! The agent of Azure Arc: an instance metadata service for clients that may read its key files.
//! <https://learn.microsoft.com/azure/azure-arc/servers/managed-identity-authentication>

use std::sync::Arc;

use serde_json::{Value, json};

use crate::faults::Name;
use crate::http::{Answer, Call, Service, answer, json_answer, with_header};
use crate::identity::{Denial, token};
use crate::keys::LARGEST;
use crate::state::{Open, State, now};

/// Path of the endpoint.
pub(crate) const PATH: &str = "/metadata/identity/oauth2/token";

/// The agent.
pub(crate) struct Agent;

fn refuse(status: u16, error: &str, description: &str) -> Answer {
    let body = json!({
        "error": error, "error_description": description, "error_codes": [status],
        "trace_id": "", "correlation_id": "",
    });
    json_answer(status, &body)
}

impl Service for Agent {
    const NAME: &'static str = "arc";

    async fn answer(state: Arc<State>, call: Call, _open: Open) -> Answer {
        if call.path != PATH || call.method != "GET" {
            state.violation(format!("arc: {} {} is not the endpoint", call.method, call.path));
            return answer(404, "text/plain", "");
        }
        if !call.has_metadata_header() {
            return refuse(400, "bad_request_102", "Required metadata header not specified");
        }
        let version = call.query.get("api-version").map(String::as_str);
        if !matches!(version, Some("2019-11-01" | "2020-06-01" | "2021-02-01")) {
            return refuse(400, "invalid_request", "The api-version is missing or not supported");
        }
        let Some(resource) = call.query.get("resource").filter(|resource| !resource.is_empty()) else {
            return refuse(400, "invalid_request", "Required query variable 'resource' is missing");
        };
        let mut selectors = Vec::new();
        for (name, value) in &call.query {
            match name.as_str() {
                "api-version" | "resource" => {}
                "client_id" | "object_id" | "msi_res_id" => selectors.push((name.as_str(), value.as_str())),
                _ => state.violation(format!("arc: the parameter {name} means nothing here")),
            }
        }
        if selectors.len() > 1 || !call.repeated.is_empty() {
            state.violation(format!("arc: several identities or resources at once ({})", call.query_text));
            return refuse(400, "invalid_request", "Only one identity may be named");
        }
        match call.header("authorization") {
            None => challenge(&state, &call),
            Some(proof) => match redeem(&state, proof) {
                None => grant(&state, &call, resource, selectors.first().copied()),
                Some(refused) => refused,
            },
        }
    }
}

/// Names a key file that the client has to read.
fn challenge(state: &State, call: &Call) -> Answer {
    let big = state.strike("arc", &call.path, None, |name| name == Name::BigKey).is_some();
    let Ok((key, path)) = state.keys.issue(&state.guid(), if big { 5000 } else { 0 }) else {
        return refuse(500, "server_error", "The key file could not be written");
    };
    state.keep_secret(&key);
    let made = refuse(401, "unauthorized_client", "Missing Basic Authorization header");
    let path = path.to_string_lossy();
    let value = match state.strike("arc", &call.path, None, |name| name == Name::Challenge) {
        None => format!("Basic realm={path}"),
        Some(fault) => {
            let text = fault.body.as_ref().and_then(Value::as_str).unwrap_or_default();
            text.replace("{key}", &path).replace("{directory}", &state.keys.directory().to_string_lossy())
        }
    };
    if value.is_empty() { made } else { with_header(made, "www-authenticate", &value) }
}

/// Takes the content of a key file, once. Returns the refusal of anything else.
fn redeem(state: &State, proof: &str) -> Option<Answer> {
    let Some(key) = proof.strip_prefix("Basic ") else {
        state.violation("arc: the authorization is not Basic".to_owned());
        return Some(refuse(400, "invalid_request", "The Authorization header is not Basic"));
    };
    if !state.keys.redeem(key) {
        state.violation("arc: a key of no file was sent".to_owned());
        return Some(refuse(401, "unauthorized_client", "The key is not valid"));
    }
    if key.len() > LARGEST {
        state.violation(format!("arc: a key of {} bytes was sent", key.len()));
        return Some(refuse(401, "unauthorized_client", "The key is not valid"));
    }
    None
}

fn grant(state: &State, call: &Call, resource: &str, selector: Option<(&str, &str)>) -> Answer {
    let agent = state.world().arc.clone();
    // An agent without support for user-assigned identities ignores the parameter.
    let selector = selector.filter(|_| agent.honours_selector);
    let fault =
        state.strike("arc", &call.path, None, |n| matches!(n, Name::IdentityMismatch | Name::EmptyToken));
    match token(state, selector, resource, fault.as_ref()) {
        Ok(mut body) => {
            if let Some(body) = body.as_object_mut() {
                body.remove("client_id");
            }
            body["expires_in"] = Value::String("86399".to_owned());
            body["not_before"] = Value::String(now().to_string());
            body["refresh_token"] = Value::String(String::new());
            if let Some((name, value)) = selector.filter(|_| agent.echo) {
                body[name] = json!(value);
            }
            json_answer(200, &body)
        }
        Err(Denial::UnknownIdentity) => refuse(400, "invalid_request", "Identity not found"),
        Err(Denial::UnknownResource) => {
            let text =
                format!("AADSTS500011: The resource principal named {resource} was not found in the tenant.");
            refuse(400, "invalid_resource", &text)
        }
    }
}
