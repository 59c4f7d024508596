//! Which token the Defender APIs take.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::cloud::Resource;
use crate::defender::{Refusal, no};
use crate::faults::Name;
use crate::http::Call;
use crate::state::{State, now};
use crate::world::Customer;

/// The token of a call.
pub(crate) fn bearer(call: &Call) -> Option<&str> {
    call.header("authorization")?.strip_prefix("Bearer ")
}

/// The API that a path belongs to: two share this host, each with an audience of its own.
pub(crate) fn family(parts: &[&str]) -> Resource {
    if matches!(parts, ["incidents" | "advancedhunting", ..]) { Resource::Xdr } else { Resource::Defender }
}

/// The tenant that the token is for, if the token is valid and has one of the `roles` of `family`.
pub(crate) fn authorize(
    state: &State,
    call: &Call,
    family: Resource,
    roles: &[&str],
) -> Result<Customer, Refusal> {
    let unauthorized = |text: &str| no(401, "Unauthorized", text);
    let Some(token) = bearer(call) else {
        state.violation(format!("defender: {} without a token", call.path));
        return Err(unauthorized("Unauthorized"));
    };
    let claims = state.signer.verify(token).map_err(|_| unauthorized("The token is not valid."))?;
    let tenant = claims["tid"].as_str().unwrap_or_default().to_owned();
    let strikes =
        |wanted: Name| state.strike("defender", &call.path, Some(&tenant), |name| name == wanted).is_some();
    if strikes(Name::RevokeTokens) {
        state.revoke_all();
    }
    if strikes(Name::Unauthorized) || state.is_revoked(token) {
        return Err(unauthorized("The token was revoked."));
    }
    if claims["exp"].as_u64().unwrap_or(0) <= now() {
        return Err(unauthorized("The token has expired."));
    }
    // A token that answers the challenge does not use the fault up.
    if claims["xms_challenge"] != true && strikes(Name::ClaimsChallenge) {
        let text = "Continuous access evaluation resulted in a claims challenge.";
        return Err(Refusal { header: Some(challenge(state)), ..unauthorized(text) });
    }
    let world = state.world().clone();
    if !world.cloud.is_audience(family, claims["aud"].as_str().unwrap_or_default()) {
        return Err(no(403, "Forbidden", "The token's audience does not fit the resource."));
    }
    // A managed identity's own token is for its home tenant, which has the data of the first customer.
    let known =
        world.tenant(&tenant).or(if tenant == world.home_tenant_id { world.tenants.first() } else { None });
    let customer =
        known.cloned().ok_or_else(|| unauthorized("Unauthorized request - Account is not provisioned."))?;
    let has: Vec<&str> = claims["roles"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !roles.is_empty() && !roles.iter().any(|role| has.contains(role)) {
        let (needed, has) = (roles.join(","), has.join(","));
        let text =
            format!("Missing application roles. API required roles: {needed}, application roles: {has}.");
        return Err(no(403, "Forbidden", text));
    }
    if !customer.licensed && roles.contains(&"Vulnerability.Read.All") {
        return Err(unauthorized("Unauthorized request - reason of failure: No Tvm license"));
    }
    Ok(customer)
}

/// The header of continuous access evaluation: the claims that the next token request must send.
/// <https://learn.microsoft.com/entra/identity-platform/claims-challenge>
fn challenge(state: &State) -> (&'static str, String) {
    let claims = json!({"access_token": {"nbf": {"essential": true, "value": now().to_string()}}});
    let (claims, host) = (STANDARD.encode(claims.to_string()), state.world().cloud.host());
    let value = format!(
        "Bearer realm=\"\", authorization_uri=\"https://{host}/common/oauth2/authorize\", \
         error=\"insufficient_claims\", claims=\"{claims}\""
    );
    ("www-authenticate", value)
}
