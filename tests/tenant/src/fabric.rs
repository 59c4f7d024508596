//! The managed identity endpoint of Service Fabric.
//! <https://learn.microsoft.com/azure/service-fabric/how-to-managed-identity-service-fabric-app-code>

use std::sync::Arc;

use serde_json::json;

use crate::faults::Name;
use crate::http::{Answer, Call, Service, answer, json_answer};
use crate::identity::{Denial, LIFETIME, token};
use crate::state::{Open, State, now};

/// Path of the endpoint.
pub(crate) const PATH: &str = "/metadata/identity/oauth2/token";
/// Value of `IDENTITY_HEADER`.
pub(crate) const SECRET: &str = "fake-fabric-secret-0123456789";

/// The endpoint.
pub(crate) struct Fabric;

fn refuse(state: &State, status: u16, code: &str, message: &str) -> Answer {
    let body = json!({"error": {"correlationId": state.guid(), "code": code, "message": message}});
    json_answer(status, &body)
}

impl Service for Fabric {
    const NAME: &'static str = "fabric";

    async fn answer(state: Arc<State>, call: Call, _open: Open) -> Answer {
        if call.path != PATH || call.method != "GET" {
            state.violation(format!("fabric: {} {} is not the endpoint", call.method, call.path));
            return answer(404, "text/plain", "");
        }
        match call.header("secret") {
            None => {
                let text = "Secret is not found in the request headers.";
                return refuse(&state, 400, "SecretHeaderNotFound", text);
            }
            Some(secret) if secret != SECRET => {
                let text = "Managed identity not found for the specified application host.";
                return refuse(&state, 404, "ManagedIdentityNotFound", text);
            }
            Some(_) => {}
        }
        let version = call.query.get("api-version").map_or("", String::as_str);
        if !matches!(version, "2019-07-01-preview" | "2020-05-01") {
            let text = format!("The api-version '{version}' is not supported.");
            return refuse(&state, 400, "InvalidApiVersion", &text);
        }
        let Some(resource) = call.query.get("resource").filter(|resource| !resource.is_empty()) else {
            let text = "The parameter 'resource' should not be null or empty string.";
            return refuse(&state, 400, "ArgumentNullOrEmpty", text);
        };
        // The application's manifest says which identity it is. The request cannot. The last two names answer a
        // claims challenge.
        let known = ["api-version", "resource", "token_sha256_to_refresh", "xms_cc"];
        for name in call.query.keys().filter(|name| !known.contains(&name.as_str())) {
            state.violation(format!("fabric: the parameter {name} means nothing here"));
        }
        if !call.repeated.is_empty() {
            state.violation(format!("fabric: a parameter twice ({})", call.query_text));
        }
        grant(&state, &call, resource)
    }
}

fn grant(state: &State, call: &Call, resource: &str) -> Answer {
    let identity = {
        let world = state.world();
        let assigned = world.identities.iter().filter(|identity| !identity.system_assigned);
        assigned.map(|identity| identity.client_id.clone()).nth(world.fabric_identity)
    };
    let Some(identity) = identity else {
        return refuse(state, 404, "ManagedIdentityNotFound", "The application has no managed identity.");
    };
    let fault =
        state.strike("fabric", &call.path, None, |n| matches!(n, Name::IdentityMismatch | Name::EmptyToken));
    match token(state, Some(("client_id", &identity)), resource, fault.as_ref()) {
        Ok(mut body) => {
            if let Some(body) = body.as_object_mut() {
                body.remove("client_id");
            }
            // Only here it is a number, whatever the other endpoints write.
            body["expires_on"] = json!(now() + LIFETIME);
            json_answer(200, &body)
        }
        Err(Denial::UnknownIdentity) => {
            refuse(state, 404, "ManagedIdentityNotFound", "The managed identity is not found.")
        }
        Err(Denial::UnknownResource) => {
            let text = "An internal error occurred while the token was acquired.";
            refuse(state, 500, "InternalServerError", text)
        }
    }
}
