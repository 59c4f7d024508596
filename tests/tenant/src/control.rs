//! The listener through which a test changes the world and reads the report.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::app_certificate::AppCertificate;
use crate::http::{Answer, Call, Service, json_answer};
use crate::state::{Open, State};
use crate::world::World;

/// The control listener.
pub(crate) struct Control;

impl Service for Control {
    const NAME: &'static str = "control";

    async fn answer(state: Arc<State>, call: Call, open: Open) -> Answer {
        // A request for the report does not count as a request under way.
        drop(open);
        match (call.method.as_str(), call.path.as_str()) {
            ("POST", "/reset") => {
                state.reset();
                json_answer(200, &json!({}))
            }
            ("POST", "/faults") => match serde_json::from_slice(&call.body) {
                Ok(fault) => {
                    state.fault(fault);
                    json_answer(200, &json!({}))
                }
                Err(e) => json_answer(400, &json!({"error": e.to_string()})),
            },
            ("POST", "/mint") => mint(&state, &call.body),
            ("POST", "/certificate") => certificate(&state, &call.body),
            ("GET", "/world") => json_answer(200, &serde_json::to_value(&*state.world()).unwrap_or_default()),
            ("PATCH", "/world") => patch(&state, &call.body),
            ("GET", "/report") => json_answer(200, &serde_json::to_value(state.report()).unwrap_or_default()),
            ("GET", "/endpoints") => json_answer(200, &json!(crate::endpoints::endpoints())),
            // What was sent to the stream or event hub that the query names.
            ("GET", "/received") => {
                json_answer(200, &json!(state.received(call.query.get("of").map_or("", String::as_str))))
            }
            ("GET", "/secrets") => json_answer(200, &json!(state.secrets())),
            _ => json_answer(404, &json!({"error": "no such control"})),
        }
    }
}

/// A token with the claims of the body, for issuers that have no listener here.
fn mint(state: &State, body: &[u8]) -> Answer {
    let token = serde_json::from_slice::<Value>(body).ok().and_then(|claims| state.signer.sign(&claims).ok());
    let Some(token) = token else { return json_answer(400, &json!({"error": "no claims"})) };
    state.keep_secret(&token);
    json_answer(200, &json!({"token": token}))
}

/// A new certificate with its key in every form of file. Not every system that runs the tests can make or export one.
fn certificate(state: &State, body: &[u8]) -> Answer {
    let password = serde_json::from_slice::<Value>(body).unwrap_or_default();
    match AppCertificate::new(&state.guid(), password["password"].as_str().unwrap_or_default()) {
        Ok(made) => json_answer(
            200,
            &json!({
                "certificate": STANDARD.encode(&made.der), "pem": made.pem, "keyPem": made.key_pem,
                "pfx": STANDARD.encode(&made.pfx),
            }),
        ),
        Err(e) => json_answer(500, &json!({"error": e.to_string()})),
    }
}

/// A JSON merge patch (RFC 7386).
fn patch(state: &State, body: &[u8]) -> Answer {
    let mut world = state.world();
    let Ok(change) = serde_json::from_slice::<Value>(body) else {
        return json_answer(400, &json!({"error": "the patch is not JSON"}));
    };
    let mut merged = serde_json::to_value(&*world).unwrap_or_default();
    let own_credentials = change["app"].get("federatedCredentials").is_some();
    merge(&mut merged, change);
    match serde_json::from_value::<World>(merged) {
        Ok(mut changed) => {
            if !own_credentials {
                changed.follow_cloud(&world);
            }
            *world = changed;
            json_answer(200, &json!({}))
        }
        Err(e) => json_answer(400, &json!({"error": e.to_string()})),
    }
}

fn merge(target: &mut Value, change: Value) {
    let Value::Object(members) = change else {
        *target = change;
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (name, value) in members {
        if value.is_null() {
            if let Some(object) = target.as_object_mut() {
                object.remove(&name);
            }
        } else {
            merge(&mut target[name.as_str()], value);
        }
    }
}

/// The host that no token may reach.
pub(crate) struct Foreign;

impl Service for Foreign {
    const NAME: &'static str = "foreign";

    async fn answer(state: Arc<State>, call: Call, _open: Open) -> Answer {
        let with = if call.header("authorization").is_some() { "with a token" } else { "without a token" };
        state.foreign(format!("{} {with}", call.path));
        state.violation(format!("foreign: {} was asked {with}", call.path));
        json_answer(200, &json!({"value": []}))
    }
}
