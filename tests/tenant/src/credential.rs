//! How the app proves that it is the app: a secret, a certificate's assertion, or a token of someone it trusts.

use std::collections::HashMap;

use crate::entra::{Refusal, no};
use crate::state::State;
use crate::world::World;
use crate::{certificate, federated};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What a request brings as proof.
#[derive(Clone, Copy)]
pub(crate) enum Presented<'a> {
    /// A client secret.
    Secret(&'a str),
    /// A certificate's assertion, or another issuer's token.
    Assertion(&'a str),
}

/// The one proof of the request.
pub(crate) fn presented<'a>(
    state: &State,
    form: &'a HashMap<String, String>,
) -> Result<Presented<'a>, Refusal> {
    let some = |name: &str| form.get(name).filter(|value| !value.is_empty());
    if let Some(secret) = some("client_secret") {
        if form.contains_key("client_assertion") || form.contains_key("client_assertion_type") {
            state.violation("authority: a secret and an assertion at once".to_owned());
            // RFC 6749 §5.2: more than one mechanism is an invalid request.
            let text = "Invalid request. More than one credential was presented.";
            return Err(no(9_002_313, "invalid_request", text));
        }
        return Ok(Presented::Secret(secret));
    }
    match form.get("client_assertion_type").map(String::as_str) {
        Some(ASSERTION_TYPE) | None => {}
        Some(other) => {
            return Err(no(
                90023,
                "invalid_request",
                format!("Invalid STS request. Unexpected client assertion type '{other}'."),
            ));
        }
    }
    match (form.get("client_assertion_type"), some("client_assertion")) {
        (Some(_), Some(assertion)) => Ok(Presented::Assertion(assertion)),
        _ => Err(no(
            7_000_218,
            "invalid_client",
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
        )),
    }
}

/// Checks the proof. `path` is the request's, for the audience of a certificate's assertion.
pub(crate) fn check(
    state: &State,
    world: &World,
    path: &str,
    presented: Presented<'_>,
) -> Result<(), Refusal> {
    match presented {
        Presented::Secret(value) => secret(world, value),
        Presented::Assertion(assertion) => {
            match certificate::Assertion::of(&world.app.client_id, assertion) {
                Some(own) => own.check(state, world, path),
                None => federated::check(state, world, assertion),
            }
        }
    }
}

fn secret(world: &World, value: &str) -> Result<(), Refusal> {
    let app = &world.app.client_id;
    match world.app.secrets.iter().find(|secret| secret.value == value) {
        Some(secret) if secret.expired => Err(no(
            7_000_222,
            "invalid_client",
            format!("The provided client secret keys for app '{app}' are expired."),
        )),
        Some(_) => Ok(()),
        // The id of a secret is what people copy by mistake; it is as wrong as anything else.
        None => Err(no(
            7_000_215,
            "invalid_client",
            format!(
                "Invalid client secret provided. Ensure the secret being sent in the request is the client \
                 secret value, not the client secret ID, for a secret added to app '{app}'."
            ),
        )),
    }
}
