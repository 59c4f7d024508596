//! How the app proves that it is the app: a secret, a certificate's assertion, or a token of an issuer that it trusts.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::aadsts::{Refusal, no, plain};
use crate::http::Call;
use crate::state::State;
use crate::token_request::{ASSERTION_TYPE, missing, unexpected_assertion_type};
use crate::world::World;
use crate::{certificate, federated};

/// The proof that a request contains.
pub(crate) enum Presented {
    /// A client secret.
    Secret(String),
    /// A certificate's assertion, or another issuer's token.
    Assertion(String),
}

/// The kind of a proof that was accepted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// A secret or a certificate of the app.
    Own,
    /// A token of an issuer that a federated credential names.
    Federated,
}

/// The client id and the one proof of the request.
pub(crate) fn presented(
    state: &State,
    call: &Call,
    form: &HashMap<String, String>,
) -> Result<(String, Presented), Refusal> {
    let some = |name: &str| form.get(name).filter(|value| !value.is_empty()).cloned();
    let basic = basic(call)?;
    let client = some("client_id").or_else(|| basic.as_ref().map(|(id, _)| id.clone()));
    let client = client.ok_or_else(|| missing("client_id"))?;
    let asserted = form.contains_key("client_assertion") || form.contains_key("client_assertion_type");
    let secret = some("client_secret");
    // RFC 6749 §5.2: more than one mechanism is an invalid request.
    if usize::from(basic.is_some()) + usize::from(secret.is_some()) + usize::from(asserted) > 1 {
        state.violation("authority: more than one credential at once".to_owned());
        return Err(no(9_002_313, "Invalid request. More than one credential was presented."));
    }
    if let Some(secret) = secret.or(basic.map(|(_, secret)| secret)) {
        return Ok((client, Presented::Secret(secret)));
    }
    match form.get("client_assertion_type").map(String::as_str) {
        Some(ASSERTION_TYPE) | None => {}
        Some(other) => return Err(unexpected_assertion_type(other)),
    }
    match (form.get("client_assertion_type"), some("client_assertion")) {
        (Some(_), Some(assertion)) => Ok((client, Presented::Assertion(assertion))),
        _ => Err(plain(7_000_218)),
    }
}

/// Id and secret of the `Authorization` header, each form-encoded (RFC 6749 §2.3.1).
fn basic(call: &Call) -> Result<Option<(String, String)>, Refusal> {
    let Some(text) = call.header("authorization") else { return Ok(None) };
    let decoded = text.strip_prefix("Basic ").and_then(|text| STANDARD.decode(text).ok());
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    let Some((id, secret)) = decoded.as_deref().and_then(|text| text.split_once(':')) else {
        return Err(no(9_002_313, "Invalid request. The Authorization header is malformed."));
    };
    let plain = |text: &str| {
        let pair = url::form_urlencoded::parse(text.as_bytes()).next();
        pair.map(|(name, _)| name.into_owned()).unwrap_or_default()
    };
    Ok(Some((plain(id), plain(secret))))
}

/// Checks the proof. `path` is the request's, for the audience of a certificate's assertion.
pub(crate) fn check(
    state: &State,
    world: &World,
    path: &str,
    presented: Presented,
) -> Result<Proof, Refusal> {
    match presented {
        Presented::Secret(value) => secret(world, &value).map(|()| Proof::Own),
        Presented::Assertion(assertion) => {
            match certificate::Assertion::of(&world.app.client_id, &assertion) {
                Some(own) => own.check(state, world, path).map(|()| Proof::Own),
                None => federated::check(state, world, &assertion).map(|()| Proof::Federated),
            }
        }
    }
}

fn secret(world: &World, value: &str) -> Result<(), Refusal> {
    let app = &world.app.client_id;
    match world.app.secrets.iter().find(|secret| secret.value == value) {
        Some(secret) if secret.expired => {
            Err(no(7_000_222, format!("The provided client secret keys for app '{app}' are expired.")))
        }
        Some(_) => Ok(()),
        // People copy the id of a secret by mistake. It gets the same answer as any other wrong value.
        None => Err(no(
            7_000_215,
            format!(
                "Invalid client secret provided. Ensure the secret being sent in the request is the client \
                 secret value, not the client secret ID, for a secret added to app '{app}'."
            ),
        )),
    }
}
