//! Microsoft Graph and Azure Resource Manager: their lists, and what a test told them to answer.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::cloud::Resource;
use crate::http::{Answer, Call, Service, answer, json_answer, with_header};
use crate::lists::{self, List};
use crate::state::{Open, State, now};

/// The claims of the call's token, if this world signed it and it still holds.
fn claims(state: &State, call: &Call) -> Option<Value> {
    let token = call.header("authorization")?.strip_prefix("Bearer ")?;
    let claims = state.signer.verify(token).ok()?;
    (claims["exp"].as_u64().unwrap_or(0) > now() && !state.is_revoked(token)).then_some(claims)
}

fn is_for(state: &State, resource: Resource, claims: &Value) -> bool {
    let cloud = state.world().cloud;
    cloud.is_audience(resource, claims["aud"].as_str().unwrap_or_default())
}

fn tenant(state: &State, call: &Call) -> Option<String> {
    claims(state, call)?["tid"].as_str().map(str::to_owned)
}

/// What a test wants to be answered here.
fn extra(state: &State, call: &Call) -> Option<Answer> {
    let extra = state.world().extra_responses.get(&format!("{} {}", call.method, call.path)).cloned()?;
    let made = answer(extra.status, "application/json", extra.body.to_string());
    Some(extra.headers.iter().fold(made, |made, (name, value)| with_header(made, name, value)))
}

/// Microsoft Graph.
pub(crate) struct Graph;

impl Graph {
    fn refuse(state: &State, status: u16, code: &str, message: &str) -> Answer {
        let inner = json!({"request-id": state.guid(), "client-request-id": state.guid()});
        let body = json!({"error": {"code": code, "message": message, "innerError": inner}});
        json_answer(status, &body)
    }

    fn list(state: &State, call: &Call, claims: &Value, list: &List, id: Option<&str>) -> Answer {
        let roles: Vec<_> =
            claims["roles"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if !roles.iter().any(|role| list.roles.contains(role)) {
            let (needed, roles) = (list.roles.join(","), roles.join(","));
            let text = format!(
                "Missing application roles. API required roles: {needed}, application roles: {roles}."
            );
            return Graph::refuse(state, 403, "Forbidden", &text);
        }
        let tenant = claims["tid"].as_str().unwrap_or_default();
        let made = match id {
            Some(id) => list.item(state, call, tenant, id),
            None => list.page(state, call, tenant),
        };
        made.unwrap_or_else(|(status, code, message)| Graph::refuse(state, status, code, &message))
    }
}

impl Service for Graph {
    const NAME: &'static str = "graph";

    fn tenant(state: &Arc<State>, call: &Call) -> Option<String> {
        tenant(state, call)
    }

    async fn answer(state: Arc<State>, call: Call, _open: Open) -> Answer {
        let claims = claims(&state, &call).filter(|claims| is_for(&state, Resource::Graph, claims));
        let Some(claims) = claims else {
            let text = "Access token validation failure. Invalid audience.";
            return Graph::refuse(&state, 401, "InvalidAuthenticationToken", text);
        };
        if let Some(extra) = extra(&state, &call) {
            return extra;
        }
        if let ("GET", Some((list, id))) = (call.method.as_str(), lists::find(&call.path)) {
            return Graph::list(&state, &call, &claims, list, id);
        }
        state.violation(format!("graph: {} {} was not expected", call.method, call.path));
        Graph::refuse(&state, 404, "UnknownError", "")
    }
}

/// Azure Resource Manager.
pub(crate) struct Arm;

impl Arm {
    fn refuse(status: u16, code: &str, message: &str) -> Answer {
        json_answer(status, &json!({"error": {"code": code, "message": message}}))
    }
}

impl Service for Arm {
    const NAME: &'static str = "arm";

    fn tenant(state: &Arc<State>, call: &Call) -> Option<String> {
        tenant(state, call)
    }

    async fn answer(state: Arc<State>, call: Call, _open: Open) -> Answer {
        let Some(claims) = claims(&state, &call) else {
            let text =
                "Authentication failed. The 'Authorization' header is missing or its token is invalid.";
            return Arm::refuse(401, "AuthenticationFailed", text);
        };
        if !is_for(&state, Resource::Arm, &claims) {
            let text = "The access token has been obtained for wrong audience or resource.";
            return Arm::refuse(401, "InvalidAuthenticationTokenAudience", text);
        }
        if let Some(extra) = extra(&state, &call) {
            return extra;
        }
        if call.method != "GET" || call.path != "/subscriptions" {
            state.violation(format!("arm: {} {} was not expected", call.method, call.path));
            return Arm::refuse(404, "NotFound", "No resource is there.");
        }
        for name in call.query.keys().chain(&call.repeated).filter(|name| *name != "api-version") {
            state.violation(format!("arm: the parameter {name} means nothing here"));
        }
        let version = call.query.get("api-version").map_or("", String::as_str);
        if version.is_empty() {
            let text = "The api-version query parameter (?api-version=) is required for all requests.";
            return Arm::refuse(400, "MissingApiVersionParameter", text);
        }
        let date = version.strip_suffix("-preview").unwrap_or(version);
        if date.parse::<jiff::civil::Date>().is_err() {
            let text = format!("The api-version '{version}' is invalid.");
            return Arm::refuse(400, "InvalidApiVersionParameter", &text);
        }
        json_answer(200, &json!({"value": []}))
    }
}
