//! Entra: the token endpoint, as strict as the real one, and the metadata that client libraries read before it.
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::aadsts::{Refusal, THROTTLED, no, plain};
use crate::cloud::Resource;
use crate::credential::{self, Proof};
use crate::discovery;
use crate::faults::{Fault, Name};
use crate::http::{Answer, Call, Service, answer, json_answer, with_header};
use crate::identity::EXCHANGE_APP;
use crate::state::{Open, State, now};
use crate::token_request as request;
use crate::world::{Customer, World};

/// The sign-in service.
pub(crate) struct Entra;

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
        let world = state.world().clone();
        let document = discovery::find(&call.path).filter(|_| call.method == "GET");
        let made = match (document, tenant_of(&call.path).filter(|_| call.method == "POST")) {
            (Some(document), _) => document.body(&state, &world, &call),
            (None, Some(tenant)) => token(&state, &world, tenant, &call).await,
            (None, None) => {
                state.violation(format!("authority: {} {} is no endpoint", call.method, call.path));
                return answer(404, "text/html", "<html>Not found</html>");
            }
        };
        let made = match made {
            Ok(body) => with_header(json_answer(200, &body), "x-ms-request-id", &state.guid()),
            Err(refusal) => refuse(&state, &call, &refusal),
        };
        match call.header("client-request-id") {
            Some(id) => with_header(made, "client-request-id", id),
            None => made,
        }
    }
}

async fn token(state: &State, world: &World, tenant: &str, call: &Call) -> Result<Value, Refusal> {
    if let Some(customer) = world.tenant(tenant).filter(|customer| customer.slow_ms > 0) {
        tokio::time::sleep(Duration::from_millis(customer.slow_ms)).await;
    }
    let fault = state.strike("authority", &call.path, Some(tenant), |name| {
        matches!(name, Name::WrongAudience | Name::EmptyToken | Name::Refusal)
    });
    if let Some(code) = fault.as_ref().and_then(|fault| fault.aadsts) {
        return Err(plain(code));
    }
    grant(state, world, tenant, call, fault.as_ref())
}

/// Entra's error body. The text has the quotes and line breaks that the real ones have.
fn refuse(state: &State, call: &Call, Refusal { code, error, status, text }: &Refusal) -> Answer {
    let trace = state.guid();
    let correlation = call.header("client-request-id").map_or_else(|| state.guid(), str::to_owned);
    let at = jiff::Timestamp::from_second(i64::try_from(now()).unwrap_or(0)).unwrap_or_default();
    let at = at.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    let body = json!({
        "error": error,
        "error_description": format!(
            "AADSTS{code}: {text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {at}"
        ),
        "error_codes": [code], "timestamp": at, "trace_id": trace, "correlation_id": correlation,
        "error_uri": format!("https://{}/error?code={code}", state.world().cloud.host()),
    });
    // The real service writes quotes and ampersands as escapes.
    let text = body.to_string().replace('\'', "\\u0027").replace('&', "\\u0026");
    state.count(&format!("aadsts{code}"));
    let made = answer(*status, "application/json; charset=utf-8", text);
    let made = with_header(made, "x-ms-request-id", &trace);
    if *code == THROTTLED { with_header(made, "retry-after", "60") } else { made }
}

/// What a token is for.
struct Grant<'a> {
    customer: &'a Customer,
    audience: &'static str,
    kind: Resource,
    proof: Proof,
    /// Whether the request answers a claims challenge.
    challenged: bool,
}

fn grant(
    state: &State,
    world: &World,
    tenant: &str,
    call: &Call,
    fault: Option<&Fault>,
) -> Result<Value, Refusal> {
    let form = request::form(call)?;
    let customer = request::tenant(world, tenant)?;
    let (client, presented) = credential::presented(state, call, &form)?;
    let challenged = request::challenged(state, &form)?;
    if !client.eq_ignore_ascii_case(&world.app.client_id) {
        let name = &customer.name;
        let text = format!("Application with identifier '{client}' was not found in the directory '{name}'.");
        return Err(no(700_016, text));
    }
    let home = customer.tenant_id == world.app.home_tenant_id;
    if !home && !world.app.multi_tenant {
        let text = format!("Application '{client}' is not configured as a multi-tenant application.");
        return Err(no(50194, text));
    }
    let proof = credential::check(state, world, &call.path, presented)?;
    if !home && !customer.consented {
        let text = format!(
            "The client application '{client}' is missing service principal in the tenant '{}'.",
            customer.tenant_id
        );
        return Err(no(7_000_229, text));
    }
    if let Some(code) = customer.refusal {
        return Err(plain(code));
    }
    let (audience, kind) = request::resource(world.cloud, &form["scope"])?;
    if matches!(kind, Resource::Defender | Resource::Xdr) && !customer.defender_provisioned {
        let text = format!(
            "The resource principal named {audience} was not found in the tenant named {}.",
            customer.name
        );
        return Err(no(500_011, text));
    }
    let wrong = fault.is_some_and(|fault| fault.name == Name::WrongAudience);
    let graph = world.cloud.audience(Resource::Graph).filter(|_| wrong);
    let (audience, kind) = graph.map_or((audience, kind), |graph| (graph, Resource::Graph));
    let empty = fault.is_some_and(|fault| fault.name == Name::EmptyToken);
    issue(state, world, &Grant { customer, audience, kind, proof, challenged }, empty)
}

fn claims(state: &State, world: &World, grant: &Grant<'_>) -> Value {
    let tenant = &grant.customer.tenant_id;
    let principal = format!("5e000000-{}", &tenant[9..]);
    // The exchange takes v2.0 tokens, all the other resources v1.0 tokens.
    let exchange = grant.kind == Resource::Exchange;
    let mut claims = json!({
        "aud": if exchange { EXCHANGE_APP } else { grant.audience },
        "iss": if exchange { world.cloud.issuer(tenant) } else { world.cloud.v1_issuer(tenant) },
        "iat": now(), "nbf": now(), "exp": now() + grant.customer.token_lifetime,
        "idtyp": "app", "tid": tenant, "oid": principal, "sub": principal, "uti": state.guid(),
        "ver": if exchange { "2.0" } else { "1.0" },
    });
    claims[if exchange { "azp" } else { "appid" }] = json!(world.app.client_id);
    if grant.proof == Proof::Federated {
        claims["xms_ficinfo"] = json!("CAMQABgAIAAoBA");
    }
    // A token without any role is issued all the same, and has no roles claim.
    let roles = grant.customer.roles_for(grant.kind);
    if !roles.is_empty() {
        claims["roles"] = json!(roles);
    }
    // Not a claim of the real service: it shows the API here that the challenge was answered.
    if grant.challenged {
        claims["xms_challenge"] = json!(true);
    }
    claims
}

fn issue(state: &State, world: &World, grant: &Grant<'_>, empty: bool) -> Result<Value, Refusal> {
    let token = state.signer.sign(&claims(state, world, grant)).map_err(|_| plain(50033))?;
    state.keep_secret(&token);
    state.exchanged(&grant.customer.tenant_id);
    let lifetime = grant.customer.token_lifetime;
    let expires_in = if world.expires_in_as_text { json!(lifetime.to_string()) } else { json!(lifetime) };
    let mut body = json!({
        "token_type": "Bearer", "expires_in": expires_in, "ext_expires_in": expires_in,
        "access_token": if empty { "" } else { &token },
    });
    if let Some(seconds) = world.refresh_in {
        body["refresh_in"] = json!(seconds);
    }
    Ok(body)
}
