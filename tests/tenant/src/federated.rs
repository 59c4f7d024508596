//! Federated credentials: the issuers whose tokens Entra takes instead of a secret.
//! <https://learn.microsoft.com/entra/workload-id/workload-identity-federation>

use serde_json::Value;

use crate::aadsts::{Refusal, no, plain};
use crate::cloud::is_entra;
use crate::identity::EXCHANGE_APP;
use crate::jwt::{TokenError, audiences, seconds};
use crate::state::{State, now};
use crate::world::World;

/// How far the clocks of issuer and Entra may differ, in seconds.
const SKEW: u64 = 300;

/// Checks a token of another issuer.
pub(crate) fn check(state: &State, world: &World, token: &str) -> Result<(), Refusal> {
    let claims = state.signer.verify(token).map_err(|e| match e {
        TokenError::Malformed => plain(50027),
        TokenError::Signature => plain(900_384),
    })?;
    let claim = |name: &str| claims[name].as_str().unwrap_or_default();
    let (issuer, subject) = (claim("iss"), claim("sub"));
    let time = |name: &str| seconds(&claims[name]).unwrap_or(0);
    if now() >= time("exp") || now() + SKEW < time("nbf") {
        return Err(plain(700_024));
    }
    if is_entra(issuer) {
        entra_token(world, &claims, issuer)?;
    }
    let credentials = &world.app.federated_credentials;
    if credentials.is_empty() {
        let app = &world.app.client_id;
        return Err(no(
            70025,
            format!("The client '{app}' has no configured federated identity credentials."),
        ));
    }
    let unmatched = |code: u32, what: &str, value: &str| {
        let text = "No matching federated identity record found for presented assertion";
        no(code, format!("{text} {what} '{value}'."))
    };
    let issuers: Vec<_> = credentials.iter().filter(|c| c.issuer == issuer).collect();
    if issuers.is_empty() {
        return Err(unmatched(700_211, "issuer", issuer));
    }
    // In its own token Entra writes the resource as the id of its application. All other issuers write the name that
    // the credential has.
    let exchange = [world.cloud.exchange()];
    let presented = audiences(&claims["aud"]);
    let wanted: &[&str] = if is_entra(issuer) { &exchange } else { &presented };
    let matching: Vec<_> = issuers.iter().filter(|c| wanted.contains(&c.audience.as_str())).collect();
    if matching.is_empty() {
        if is_entra(issuer) && issuers.iter().any(|c| c.audience == EXCHANGE_APP) {
            return Err(plain(700_214));
        }
        return Err(unmatched(700_212, "audience", wanted.first().copied().unwrap_or_default()));
    }
    if matching.iter().any(|c| c.subject == subject) {
        return Ok(());
    }
    let in_another_case = matching.iter().any(|c| c.subject.eq_ignore_ascii_case(subject));
    let code = if in_another_case { 7_002_138 } else { 700_213 };
    let mut refusal = unmatched(code, "subject", subject);
    refusal.text.push_str(
        "\r\nCheck your federated identity credential Subject, Audience and Issuer against the presented \
         assertion.",
    );
    Err(refusal)
}

/// The rules for Entra's own tokens.
fn entra_token(world: &World, claims: &Value, issuer: &str) -> Result<(), Refusal> {
    if claims["idtyp"] != "app" {
        return Err(plain(700_229));
    }
    // A service connection of Azure DevOps.
    if claims["sub"].as_str().is_some_and(|subject| subject.contains("/sc/")) {
        return if world.app.multi_tenant { Err(plain(70052)) } else { Ok(()) };
    }
    if claims["aud"] != EXCHANGE_APP || !issuer.ends_with("/v2.0") {
        let text = format!("The audience {} is not allowed in federated identity flows.", claims["aud"]);
        return Err(no(700_227, text));
    }
    if claims["tid"] != world.app.home_tenant_id.as_str() {
        return Err(plain(700_236));
    }
    let subject = claims["oid"].as_str().unwrap_or_default();
    if !world.identities.iter().any(|identity| identity.object_id.eq_ignore_ascii_case(subject)) {
        return Err(plain(700_226));
    }
    if claims["xms_ficinfo"].is_string() {
        return Err(plain(700_231));
    }
    Ok(())
}
