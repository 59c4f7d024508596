//! The instance metadata service of Azure VMs.
//! <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>

use std::sync::Arc;

use serde_json::{Value, json};

use crate::faults::Name;
use crate::http::{Answer, Call, Service, answer, json_answer};
use crate::identity::{Denial, token};
use crate::state::{Open, State};

/// The endpoint.
pub(crate) struct Imds;

fn refuse(status: u16, error: &str, description: &str) -> Answer {
    json_answer(status, &json!({"error": error, "error_description": description}))
}

impl Service for Imds {
    const NAME: &'static str = "imds";

    async fn answer(state: Arc<State>, call: Call, _open: Open) -> Answer {
        if call.path != "/metadata/identity/oauth2/token" || call.method != "GET" {
            state.violation(format!("imds: {} {} is not the endpoint", call.method, call.path));
            return answer(404, "text/plain", "");
        }
        if call.header("metadata") != Some("true") {
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
        let fault = state
            .strike("imds", &call.path, None, |n| matches!(n, Name::IdentityMismatch | Name::EmptyToken));
        match token(&state, selectors.first().copied(), resource, fault.as_ref()) {
            Ok(mut body) => {
                body["expires_in"] = Value::String("86399".to_owned());
                body["not_before"] = Value::String(crate::state::now().to_string());
                body["refresh_token"] = Value::String(String::new());
                json_answer(200, &body)
            }
            Err(Denial::UnknownIdentity) => refuse(400, "invalid_request", "Identity not found"),
            Err(Denial::UnknownResource) => {
                let text = format!(
                    "AADSTS500011: The resource principal named {resource} was not found in the tenant."
                );
                refuse(400, "invalid_resource", &text)
            }
        }
    }
}
