//! The token endpoints of build services: GitHub Actions and Azure Pipelines.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::http::{Answer, Call, Service, answer, json_answer};
use crate::state::{Open, State, now};

/// Value of `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
pub(crate) const GITHUB_TOKEN: &str = "fake-github-request-token";
/// Value of `SYSTEM_ACCESSTOKEN`.
pub(crate) const PIPELINES_TOKEN: &str = "fake-pipelines-system-token";
/// The service connection that the pipeline may use.
pub(crate) const SERVICE_CONNECTION: &str = "5c000000-0000-4000-8000-000000000001";
/// Path of the pipeline's endpoint.
pub(crate) const PIPELINES_PATH: &str =
    "/org/project/_apis/distributedtask/hubs/build/plans/1/jobs/2/oidctoken";
/// Path and query of the GitHub job's endpoint.
pub(crate) const GITHUB_PATH: &str = "/github/token?api-version=2.0";

/// Both endpoints.
pub(crate) struct Builds;

/// A token that lives for five minutes, as the real ones do.
fn token(state: &State, issuer: &str, subject: &str, audience: &str) -> Option<String> {
    let claims = json!({
        "iss": issuer, "sub": subject, "aud": audience,
        "iat": now(), "nbf": now(), "exp": now() + 300, "jti": state.guid(),
    });
    let token = state.signer.sign(&claims).ok()?;
    state.keep_secret(&token);
    Some(token)
}

impl Service for Builds {
    const NAME: &'static str = "builds";

    async fn answer(state: Arc<State>, call: Call, _open: Open) -> Answer {
        match (call.method.as_str(), call.path.as_str()) {
            ("GET", "/github/token") => github(&state, &call),
            ("POST", PIPELINES_PATH) => pipelines(&state, &call),
            _ => {
                state.violation(format!("builds: {} {} is no endpoint", call.method, call.path));
                answer(404, "text/plain", "")
            }
        }
    }
}

fn github(state: &State, call: &Call) -> Answer {
    if call.header("authorization") != Some(&format!("Bearer {GITHUB_TOKEN}")) {
        return json_answer(401, &json!({"message": "Unauthorized"}));
    }
    if call.query.get("api-version").map(String::as_str) != Some("2.0") || !call.repeated.is_empty() {
        state.violation(format!("builds: the job's address was not kept ({})", call.query_text));
        return json_answer(400, &json!({"message": "Bad request"}));
    }
    let audience = call.query.get("audience").map_or("https://github.com/org", String::as_str);
    let issuer = "https://token.actions.githubusercontent.com";
    let token = token(state, issuer, "repo:org@1/collector@2:ref:refs/heads/main", audience);
    json_answer(200, &json!({"count": 1, "value": token}))
}

fn pipelines(state: &State, call: &Call) -> Answer {
    if call.header("authorization") != Some(&format!("Bearer {PIPELINES_TOKEN}")) {
        // Without this header a refusal is a redirect to a page where people sign in.
        let quiet = call.header("x-tfs-fedauthredirect") == Some("Suppress");
        return json_answer(if quiet { 401 } else { 302 }, &Value::Null);
    }
    if call.query.get("api-version").map(String::as_str) != Some("7.1")
        || call.header("content-type") != Some("application/json")
        || !call.body.is_empty()
    {
        state.violation(format!("builds: not a request for a token ({})", call.query_text));
        return json_answer(400, &json!({"message": "Bad request"}));
    }
    if call.query.get("serviceConnectionId").map(String::as_str) != Some(SERVICE_CONNECTION) {
        return json_answer(404, &json!({"message": "The service connection could not be found."}));
    }
    let issuer = "https://vstoken.dev.azure.com/0de00000-0000-4000-8000-000000000001";
    let token = token(state, issuer, "sc://org/project/collector", "api://AzureADTokenExchange");
    json_answer(200, &json!({"oidcToken": token}))
}
