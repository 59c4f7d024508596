//! Entra's token endpoint, as strict as the real one about what makes an exchange.
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cloud::{Cloud, Resource};
use crate::credential;
use crate::faults::{Fault, Name};
use crate::http::{Answer, Call, Service, answer, json_answer, pairs, with_header};
use crate::state::{Open, State, now};
use crate::world::{Customer, World};

/// The token endpoint.
pub(crate) struct Entra;

/// A refusal: AADSTS code, OAuth error, status, text.
pub(crate) struct Refusal(u32, &'static str, u16, String);

/// A refusal with the status that belongs to its OAuth error.
pub(crate) fn no(code: u32, error: &'static str, text: impl Into<String>) -> Refusal {
    let status = if matches!(error, "invalid_client" | "unauthorized_client") { 401 } else { 400 };
    Refusal(code, error, status, text.into())
}

fn tenant_of(path: &str) -> Option<&str> {
    path.strip_prefix('/')?.strip_suffix("/oauth2/v2.0/token")
}

impl Service for Entra {
    const NAME: &'static str = "authority";

    fn tenant(state: &Arc<State>, call: &Call) -> Option<String> {
        let name = tenant_of(&call.path)?;
        Some(state.world().tenant(name).map_or_else(|| name.to_owned(), |t| t.tenant_id.clone()))
    }

    async fn answer(state: Arc<State>, call: Call, _open: Open) -> Answer {
        let Some(tenant) = tenant_of(&call.path).filter(|_| call.method == "POST") else {
            state.violation(format!("authority: {} {} is no token request", call.method, call.path));
            return answer(404, "text/html", "<html>Not found</html>");
        };
        let world = state.world().clone();
        if let Some(customer) = world.tenant(tenant).filter(|customer| customer.slow_ms > 0) {
            tokio::time::sleep(Duration::from_millis(customer.slow_ms)).await;
        }
        let fault = state.strike("authority", &call.path, Some(tenant), |n| {
            matches!(n, Name::WrongAudience | Name::EmptyToken)
        });
        let made = match grant(&state, &world, tenant, &call, fault.as_ref()) {
            Ok(body) => json_answer(200, &body),
            Err(refusal) => refuse(&state, &refusal),
        };
        match call.header("client-request-id") {
            Some(id) => with_header(made, "client-request-id", id),
            None => made,
        }
    }
}

/// Entra's error body; the text has the quotes and line breaks that the real ones have.
fn refuse(state: &State, Refusal(code, error, status, text): &Refusal) -> Answer {
    let (trace, correlation) = (state.guid(), state.guid());
    let at = jiff::Timestamp::from_second(i64::try_from(now()).unwrap_or(0)).unwrap_or_default();
    let at = at.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    let body = json!({
        "error": error,
        "error_description": format!("AADSTS{code}: {text} Trace ID: {trace} Correlation ID: {correlation} \
         Timestamp: {at}"),
        "error_codes": [code], "timestamp": at, "trace_id": trace, "correlation_id": correlation,
        "error_uri": format!("https://{}/error?code={code}", state.world().cloud.host()),
    });
    // The real service writes quotes and ampersands as escapes.
    let text = body.to_string().replace('\'', "\\u0027").replace('&', "\\u0026");
    state.count(&format!("aadsts{code}"));
    answer(*status, "application/json; charset=utf-8", text)
}

fn grant(
    state: &State,
    world: &World,
    tenant: &str,
    call: &Call,
    fault: Option<&Fault>,
) -> Result<Value, Refusal> {
    let form = form(call)?;
    let customer = tenant_checked(world, tenant)?;
    let presented = credential::presented(state, &form)?;
    let challenged = challenged(state, &form)?;
    let client = &form["client_id"];
    if !client.eq_ignore_ascii_case(&world.app.client_id) {
        return Err(no(
            700_016,
            "unauthorized_client",
            format!(
                "Application with identifier '{client}' was not found in the directory '{}'.",
                customer.name
            ),
        ));
    }
    let home = customer.tenant_id == world.app.home_tenant_id;
    if !home && !world.app.multi_tenant {
        return Err(no(
            50194,
            "invalid_request",
            format!("Application '{client}' is not configured as a multi-tenant application."),
        ));
    }
    credential::check(state, world, &call.path, presented)?;
    if !home && !customer.consented {
        return Err(no(
            7_000_229,
            "invalid_client",
            format!(
                "The client application '{client}' is missing service principal in the tenant '{}'.",
                customer.tenant_id
            ),
        ));
    }
    let (resource, kind) = resource(world.cloud, &form["scope"])?;
    if matches!(kind, Resource::Defender | Resource::Xdr) && !customer.defender_provisioned {
        return Err(no(
            500_011,
            "invalid_resource",
            format!(
                "The resource principal named {resource} was not found in the tenant named {}.",
                customer.name
            ),
        ));
    }
    let wrong = fault.is_some_and(|f| f.name == Name::WrongAudience);
    let graph = world.cloud.audience(Resource::Graph).map(|graph| (graph, Resource::Graph));
    let resource = graph.filter(|_| wrong).unwrap_or((resource, kind));
    issue(state, world, customer, resource, challenged, fault)
}

/// Parameters that a client credentials request may have.
const PARAMETERS: &[&str] = &[
    "claims",
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_secret",
    "grant_type",
    "scope",
];

/// Whether the request answers a claims challenge; notes parameters that mean nothing here.
fn challenged(state: &State, form: &HashMap<String, String>) -> Result<bool, Refusal> {
    for name in form.keys().filter(|name| !PARAMETERS.contains(&name.as_str())) {
        state.violation(format!("authority: the parameter {name} means nothing here"));
    }
    let Some(claims) = form.get("claims") else { return Ok(false) };
    if !serde_json::from_str::<Value>(claims).is_ok_and(|claims| claims.is_object()) {
        return Err(no(9_002_313, "invalid_request", "Invalid request. The 'claims' parameter is not JSON."));
    }
    state.count("claims");
    Ok(true)
}

fn form(call: &Call) -> Result<HashMap<String, String>, Refusal> {
    let content_type = call.header("content-type").unwrap_or_default();
    if !content_type.starts_with("application/x-www-form-urlencoded") {
        return Err(no(
            900_144,
            "invalid_request",
            "The request body must contain the following parameter: 'grant_type'.",
        ));
    }
    let (form, repeated) = pairs(&call.body);
    if let Some(name) = repeated.first() {
        return Err(no(
            9_002_313,
            "invalid_request",
            format!("Invalid request. The parameter '{name}' is duplicated."),
        ));
    }
    if form.contains_key("resource") {
        return Err(no(901_002, "invalid_request", "The 'resource' request parameter is not supported."));
    }
    match form.get("grant_type").map(String::as_str) {
        Some("client_credentials") => {}
        None => {
            return Err(no(
                900_144,
                "invalid_request",
                "The request body must contain the following parameter: 'grant_type'.",
            ));
        }
        Some("urn:ietf:params:oauth:grant-type:jwt-bearer") => {
            return Err(no(
                7_000_114,
                "invalid_request",
                "Application is not allowed to make application on-behalf-of calls.",
            ));
        }
        Some(other) => {
            return Err(no(
                70003,
                "unsupported_grant_type",
                format!("The app requested an unsupported grant type '{other}'."),
            ));
        }
    }
    for name in ["client_id", "scope"] {
        if form.get(name).is_none_or(String::is_empty) {
            return Err(no(
                900_144,
                "invalid_request",
                format!("The request body must contain the following parameter: '{name}'."),
            ));
        }
    }
    Ok(form)
}

fn tenant_checked<'a>(world: &'a World, tenant: &str) -> Result<&'a Customer, Refusal> {
    if ["common", "organizations", "consumers"].contains(&tenant) {
        return Err(no(
            9_001_023,
            "invalid_request",
            format!("The grant type is not supported over the /{tenant} endpoints."),
        ));
    }
    let wellformed = tenant.contains('.')
        || (tenant.len() == 36 && tenant.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-'));
    if !wellformed {
        return Err(no(
            900_023,
            "invalid_request",
            format!(
                "Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain."
            ),
        ));
    }
    world.tenant(tenant).ok_or_else(|| {
        no(
            90002,
            "invalid_request",
            format!(
                "Tenant '{tenant}' not found. \
        Check to make sure you have the correct tenant ID and are signing into the correct cloud."
            ),
        )
    })
}

fn resource(cloud: Cloud, scope: &str) -> Result<(&'static str, Resource), Refusal> {
    let mut scopes = scope.split_whitespace();
    let (Some(first), None) = (scopes.next(), scopes.next()) else {
        return Err(no(
            700_022,
            "invalid_request",
            "Multiple resources are not supported in a single request.",
        ));
    };
    let Some(name) = first.strip_suffix("/.default") else {
        return Err(no(
            1_002_012,
            "invalid_scope",
            format!(
                "The provided value for scope {first} is not valid. Client credential flows must have a \
                 scope value with /.default suffixed to the resource identifier."
            ),
        ));
    };
    cloud.resource(name).ok_or_else(|| {
        no(
            500_011,
            "invalid_resource",
            format!("The resource principal named {name} was not found in the tenant."),
        )
    })
}

fn issue(
    state: &State,
    world: &World,
    customer: &Customer,
    (resource, kind): (&str, Resource),
    challenged: bool,
    fault: Option<&Fault>,
) -> Result<Value, Refusal> {
    let mut claims = json!({
        "aud": resource, "iss": world.cloud.v1_issuer(&customer.tenant_id),
        "iat": now(), "nbf": now(), "exp": now() + customer.token_lifetime,
        "appid": world.app.client_id, "idtyp": "app", "tid": customer.tenant_id, "oid": format!("5e000000-{}", &customer.tenant_id[9..]),
        "sub": format!("5e000000-{}", &customer.tenant_id[9..]), "uti": state.guid(), "ver": "1.0",
    });
    // A token without any role is issued all the same, and has no roles claim.
    let roles = customer.roles_for(kind);
    if !roles.is_empty() {
        claims["roles"] = json!(roles);
    }
    // Not a claim of the real service: it shows the API here that the challenge was answered.
    if challenged {
        claims["xms_challenge"] = json!(true);
    }
    let token = state.signer.sign(&claims).map_err(|_| no(50033, "server_error", "A transient error."))?;
    state.keep_secret(&token);
    state.exchanged(&customer.tenant_id);
    let lifetime = customer.token_lifetime;
    let expires_in = if world.expires_in_as_text { json!(lifetime.to_string()) } else { json!(lifetime) };
    let mut body = json!({"token_type": "Bearer", "expires_in": expires_in, "ext_expires_in": expires_in, "access_token": token});
    if let Some(seconds) = world.refresh_in {
        body["refresh_in"] = json!(seconds);
    }
    if fault.is_some_and(|f| f.name == Name::EmptyToken) {
        body["access_token"] = json!("");
    }
    Ok(body)
}
