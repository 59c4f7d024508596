//! Federated credentials: whose tokens Entra takes in the place of a secret.
//! <https://learn.microsoft.com/entra/workload-id/workload-identity-federation>

use serde_json::Value;

use crate::cloud::is_entra;
use crate::entra::{Refusal, no};
use crate::identity::EXCHANGE_APP;
use crate::jwt::TokenError;
use crate::state::{State, now};
use crate::world::World;

/// What Entra checks of a managed identity's token before it trusts it.
pub(crate) fn check(state: &State, world: &World, token: &str) -> Result<(), Refusal> {
    let claims = state.signer.verify(token).map_err(|e| match e {
        TokenError::Malformed => no(50027, "invalid_request", "JWT token is invalid or malformed."),
        TokenError::Signature => no(900_384, "invalid_request", "JWT token failed signature validation."),
    })?;
    let claim = |name: &str| claims[name].as_str().unwrap_or_default().to_owned();
    let (issuer, subject, audience) = (claim("iss"), claim("sub"), claim("aud"));
    let time = |name: &str| claims[name].as_u64().unwrap_or(0);
    if now() >= time("exp") || now() + 300 < time("nbf") {
        return Err(no(700_024, "invalid_client", "Client assertion is not within its valid time range."));
    }
    let entra = is_entra(&issuer);
    if entra {
        managed_identity(world, &claims)?;
    }
    let credentials = &world.app.federated_credentials;
    if credentials.is_empty() {
        return Err(no(
            70025,
            "invalid_client",
            format!("The client '{}' has no configured federated identity credentials.", world.app.client_id),
        ));
    }
    let issuers: Vec<_> = credentials.iter().filter(|c| c.issuer == issuer).collect();
    if issuers.is_empty() {
        return Err(no(
            700_211,
            "invalid_client",
            format!("No matching federated identity record found for presented assertion issuer '{issuer}'."),
        ));
    }
    // Of a managed identity's token Entra knows the resource by its id; any other issuer names it as the credential
    // does.
    let wanted = if entra { world.cloud.exchange() } else { audience.as_str() };
    let audiences: Vec<_> = issuers.into_iter().filter(|c| c.audience == wanted).collect();
    if audiences.is_empty() {
        return Err(no(
            700_212,
            "invalid_client",
            format!(
                "No matching federated identity record found for presented assertion audience '{wanted}'."
            ),
        ));
    }
    if audiences.iter().any(|c| c.subject == subject) {
        return Ok(());
    }
    let code =
        if audiences.iter().any(|c| c.subject.eq_ignore_ascii_case(&subject)) { 7_002_138 } else { 700_213 };
    Err(no(
        code,
        "invalid_client",
        format!(
            "No matching federated identity record found for presented assertion subject \
             '{subject}'.\r\nCheck your federated identity credential Subject, Audience and Issuer against \
 the presented assertion."
        ),
    ))
}

/// What holds for Entra's own tokens alone.
fn managed_identity(world: &World, claims: &Value) -> Result<(), Refusal> {
    if claims["idtyp"] != "app" {
        return Err(no(
            700_229,
            "invalid_client",
            "Only app-only tokens can be used as Federated Identity Credentials.",
        ));
    }
    if claims["aud"] != EXCHANGE_APP {
        return Err(no(
            700_227,
            "invalid_client",
            format!("The audience {} is not allowed in federated identity flows.", claims["aud"]),
        ));
    }
    if claims["tid"] != world.app.home_tenant_id.as_str() {
        return Err(no(
            700_236,
            "invalid_client",
            "Entra ID tokens issued by another tenant may not be used for federated identity credentials.",
        ));
    }
    Ok(())
}
