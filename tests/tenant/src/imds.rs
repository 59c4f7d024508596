//! The instance metadata service of Azure VMs.
//! <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>

use std::sync::Arc;

use serde_json::{Value, json};

use crate::faults::Name;
use crate::http::{Answer, Call, Service, answer, json_answer};
use crate::identity::{Denial, OwnedSelector, Selector, token};
use crate::state::{Open, State, now};

/// The endpoint.
pub(crate) struct Imds;

const PATH: &str = "/metadata/identity/oauth2/token";
const SECOND_VERSION: &str = "/metadata/identity/getplatformmetadata";

fn refuse(status: u16, error: &str, description: &str) -> Answer {
    json_answer(status, &json!({"error": error, "error_description": description}))
}

impl Service for Imds {
    const NAME: &'static str = "imds";

    async fn answer(state: Arc<State>, call: Call, _open: Open) -> Answer {
        // MSAL for .NET looks for the second version of the service first. This machine does not have it.
        if call.path == SECOND_VERSION {
            return answer(404, "text/plain", "");
        }
        if call.path != PATH || call.method != "GET" {
            state.violation(format!("imds: {} {} is not the endpoint", call.method, call.path));
            return answer(404, "text/plain", "");
        }
        if !call.has_metadata_header() {
            return refuse(400, "bad_request_102", "Required metadata header not specified");
        }
        if call.header("x-forwarded-for").is_some() {
            state.violation("imds: the request came through a proxy".to_owned());
            return refuse(400, "bad_request_103", "Requests with X-Forwarded-For are not served");
        }
        if !matches!(call.query.get("api-version").map(String::as_str), Some("2018-02-01" | "2019-08-01")) {
            return refuse(400, "invalid_request", "The api-version is missing or not supported");
        }
        let Some(resource) = call.query.get("resource") else {
            return refuse(400, "invalid_request", "Required query variable 'resource' is missing");
        };
        let mut selectors = Vec::new();
        for (name, value) in &call.query {
            match name.as_str() {
                "api-version" | "resource" => {}
                "client_id" | "object_id" | "msi_res_id" => selectors.push((name.as_str(), value.as_str())),
                _ => state.violation(format!("imds: the parameter {name} means nothing here")),
            }
        }
        if selectors.len() > 1 {
            state.violation(format!("imds: several identities at once ({})", call.query_text));
            return refuse(400, "invalid_request", "Only one identity may be named");
        }
        match selected(&state, selectors.first().copied()) {
            Ok(selector) => grant(&state, &call, selector.as_ref(), resource),
            Err(why) => refuse(400, "invalid_request", why),
        }
    }
}

/// Without a selector, a machine that has no system-assigned identity answers for its only user-assigned one.
fn selected(state: &State, selector: Option<Selector<'_>>) -> Result<Option<OwnedSelector>, &'static str> {
    if let Some((name, id)) = selector {
        return Ok(Some((name.to_owned(), id.to_owned())));
    }
    let world = state.world();
    if world.identities.iter().any(|identity| identity.system_assigned) {
        return Ok(None);
    }
    match world.identities.as_slice() {
        [] => Ok(None),
        [only] => Ok(Some(("client_id".to_owned(), only.client_id.clone()))),
        _ => Err("Multiple user assigned identities exist, please specify the clientId / resourceId of the \
                  identity in the token request"),
    }
}

fn grant(state: &State, call: &Call, selector: Option<&OwnedSelector>, resource: &str) -> Answer {
    let selector = selector.map(|(name, id)| (name.as_str(), id.as_str()));
    let fault = state
        .strike("imds", &call.path, None, |name| matches!(name, Name::IdentityMismatch | Name::EmptyToken));
    match token(state, selector, resource, fault.as_ref()) {
        Ok(mut body) => {
            body["expires_in"] = Value::String("86399".to_owned());
            body["not_before"] = Value::String(now().to_string());
            body["refresh_token"] = Value::String(String::new());
            json_answer(200, &body)
        }
        Err(Denial::UnknownIdentity) => refuse(400, "invalid_request", "Identity not found"),
        Err(Denial::UnknownResource) => {
            let text = format!("AADSTS50001: The application named {resource} was not found in the tenant.");
            refuse(400, "invalid_resource", &text)
        }
    }
}
