//! The token endpoint of Cloud Shell. Its tokens are those of the person who signed in.
//! <https://learn.microsoft.com/azure/cloud-shell/msi-authorization>

use std::sync::Arc;

use serde_json::{Value, json};

use crate::cloud::Resource;
use crate::faults::Name;
use crate::http::{Answer, Call, Service, answer, json_answer, pairs};
use crate::identity::{EXCHANGE_APP, LIFETIME, expires_on};
use crate::state::{Open, State, now};

/// Path of the endpoint.
pub(crate) const PATH: &str = "/oauth2/token";
/// The person.
const PERSON: &str = "9e550000-0000-4000-8000-000000000001";
/// The application that people use.
const SHELL: &str = "5e110000-0000-4000-8000-000000000001";

/// The endpoint.
pub(crate) struct CloudShell;

fn refuse(code: &str, message: &str) -> Answer {
    json_answer(400, &json!({"error": {"code": code, "message": message}}))
}

impl Service for CloudShell {
    const NAME: &'static str = "cloudshell";

    async fn answer(state: Arc<State>, call: Call, _open: Open) -> Answer {
        if call.path != PATH || call.method != "POST" {
            state.violation(format!("cloudshell: {} {} is not the endpoint", call.method, call.path));
            return answer(404, "text/plain", "");
        }
        if !call.has_metadata_header() {
            return refuse("invalid_request", "Required metadata header not specified");
        }
        if !call.is_form() {
            return refuse("invalid_request", "The body is not a form");
        }
        let (form, repeated) = pairs(&call.body);
        let query = call.query.keys();
        for name in form.keys().chain(query).chain(&repeated).filter(|name| *name != "resource") {
            state.violation(format!("cloudshell: the parameter {name} means nothing here"));
        }
        let Some(resource) = form.get("resource").filter(|_| repeated.is_empty()) else {
            return refuse("invalid_request", "The resource is missing");
        };
        // Not in the pattern: that would lock the world while the token is made.
        let kind = state.world().cloud.identity_resource(resource);
        let Some(kind) = kind else { return refuse("invalid_resource", "The resource is not known") };
        let empty = state.strike("cloudshell", &call.path, None, |name| name == Name::EmptyToken).is_some();
        match token(&state, resource, kind == Resource::Exchange) {
            Some(_) if empty => json_answer(200, &body(&state, resource, "")),
            Some(token) => json_answer(200, &body(&state, resource, &token)),
            None => refuse("internal_error", "The token could not be made"),
        }
    }
}

fn body(state: &State, resource: &str, token: &str) -> Value {
    let format = state.world().expires_on_format.clone();
    json!({
        "access_token": token, "refresh_token": "", "token_type": "Bearer", "resource": resource,
        "expires_in": LIFETIME.to_string(), "expires_on": expires_on(&format, now() + LIFETIME),
        "not_before": now().to_string(),
    })
}

/// A person's token. The exchange refuses it, because it is not an app's token.
fn token(state: &State, resource: &str, exchange: bool) -> Option<String> {
    let (home, cloud) = {
        let world = state.world();
        (world.home_tenant_id.clone(), world.cloud)
    };
    let issuer = if exchange { cloud.issuer(&home) } else { cloud.v1_issuer(&home) };
    let mut claims = json!({
        "aud": if exchange { EXCHANGE_APP } else { resource }, "iss": issuer,
        "iat": now(), "nbf": now(), "exp": now() + LIFETIME,
        "sub": "fake-pairwise-subject-of-a-person", "oid": PERSON, "tid": home,
        "idtyp": "user", "scp": "user_impersonation",
        "name": "A Person", "upn": "person@home.example",
        "ver": if exchange { "2.0" } else { "1.0" }, "uti": state.guid(),
    });
    claims[if exchange { "azp" } else { "appid" }] = json!(SHELL);
    let token = state.signer.sign(&claims).ok()?;
    state.keep_secret(&token);
    Some(token)
}
