//! The Defender for Endpoint API: who may ask, what is where, and the refusals.
//! <https://learn.microsoft.com/defender-endpoint/api/exposed-apis-list>

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::cloud::Resource;
use crate::data;
use crate::faults::Name;
use crate::filter::Filter;
use crate::http::{Answer, Call, Service, answer, http_date, json_answer, with_header};
use crate::pages;
use crate::state::{Open, State, now};
use crate::world::{Customer, ROWS_PER_MACHINE};

const MACHINE_FIELDS: &[&str] = &[
    "computerDnsName",
    "id",
    "version",
    "deviceValue",
    "aadDeviceId",
    "machineTags",
    "lastSeen",
    "exposureLevel",
    "onboardingStatus",
    "lastIpAddress",
    "healthStatus",
    "osPlatform",
    "riskScore",
    "rbacGroupId",
];

/// Marks the refusal that asks for claims; the answer itself does not have it.
const INSUFFICIENT: &str = "insufficient_claims";

/// The API.
pub(crate) struct Defender;

/// Why a request is not served.
pub(crate) struct Refusal(pub u16, pub &'static str, pub String);

/// A refusal as the API writes it.
pub(crate) fn refuse(state: &State, Refusal(status, code, message): &Refusal) -> Answer {
    let challenge = *code == INSUFFICIENT;
    let code = if challenge { "Unauthorized" } else { code };
    let body = json!({"error": {"code": code, "message": message, "target": state.guid()}});
    let made = json_answer(*status, &body);
    match *status {
        401 if challenge => with_header(made, "www-authenticate", &claims_challenge(state)),
        401 => with_header(made, "www-authenticate", "Bearer error=\"invalid_token\""),
        _ => made,
    }
}

/// What continuous access evaluation sends: the claims that the next token has to be asked for with.
/// <https://learn.microsoft.com/entra/identity-platform/claims-challenge>
fn claims_challenge(state: &State) -> String {
    let claims = json!({"access_token": {"nbf": {"essential": true, "value": now().to_string()}}});
    let (claims, host) = (STANDARD.encode(claims.to_string()), state.world().cloud.host());
    format!(
        "Bearer realm=\"\", authorization_uri=\"https://{host}/common/oauth2/authorize\", \
         error=\"insufficient_claims\", claims=\"{claims}\""
    )
}

fn bearer(call: &Call) -> Option<&str> {
    call.header("authorization")?.strip_prefix("Bearer ")
}

impl Service for Defender {
    const NAME: &'static str = "defender";

    fn tenant(state: &Arc<State>, call: &Call) -> Option<String> {
        let claims = state.signer.verify(bearer(call)?).ok()?;
        claims["tid"].as_str().map(str::to_owned)
    }

    async fn answer(state: Arc<State>, call: Call, open: Open) -> Answer {
        match route(&state, &call, open) {
            Ok(made) => made,
            Err(refusal) => throttled(&state, refusal),
        }
    }
}

/// The API that a path belongs to: two share this host, each with an audience of its own.
fn family(parts: &[&str]) -> Resource {
    if matches!(parts, ["incidents" | "advancedhunting", ..]) { Resource::Xdr } else { Resource::Defender }
}

/// The tenant that the token is for, once the token is found good for `roles` of `family`.
fn authorize(state: &State, call: &Call, family: Resource, roles: &[&str]) -> Result<Customer, Refusal> {
    let unauthorized = |text: &str| Refusal(401, "Unauthorized", text.to_owned());
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
        return Err(Refusal(401, INSUFFICIENT, text.to_owned()));
    }
    let world = state.world().clone();
    if !world.cloud.is_audience(family, claims["aud"].as_str().unwrap_or_default()) {
        return Err(Refusal(403, "Forbidden", "The token's audience does not fit the resource.".to_owned()));
    }
    // A managed identity's own token is for its home tenant, where the data of the first customer stands.
    let known =
        world.tenant(&tenant).or(if tenant == world.home_tenant_id { world.tenants.first() } else { None });
    let customer =
        known.cloned().ok_or_else(|| unauthorized("Unauthorized request - Account is not provisioned."))?;
    let has: Vec<&str> = claims["roles"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !roles.is_empty() && !roles.iter().any(|role| has.contains(role)) {
        let text = format!(
            "Missing application roles. API required roles: {}, application roles: {}.",
            roles.join(","),
            has.join(",")
        );
        return Err(Refusal(403, "Forbidden", text));
    }
    if !customer.licensed && roles.contains(&"Vulnerability.Read.All") {
        return Err(unauthorized("Unauthorized request - reason of failure: No Tvm license"));
    }
    Ok(customer)
}

fn route(state: &Arc<State>, call: &Call, open: Open) -> Result<Answer, Refusal> {
    // The version in the path is optional.
    let path = call.path.strip_prefix("/api/v1.0/").or_else(|| call.path.strip_prefix("/api/")).unwrap_or("");
    let parts: Vec<&str> = path.split('/').collect();
    // Not in the `if let`: the world would be locked in its body.
    let extra = state.world().extra_responses.get(&format!("{} {}", call.method, call.path)).cloned();
    if let Some(extra) = extra {
        let customer = authorize(state, call, family(&parts), &[])?;
        let body = match extra.body {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let made = match extra.rows {
            Some(rows) => pages::document(state, call, &customer, (&body, rows), open),
            None => answer(extra.status, "application/json", body),
        };
        return Ok(extra.headers.iter().fold(made, |made, (name, value)| with_header(made, name, value)));
    }
    if call.method != "GET" {
        state.violation(format!("defender: {} {} was not expected", call.method, call.path));
        return Err(Refusal(405, "MethodNotAllowed", String::new()));
    }
    let machines: &[&str] = &["Machine.Read.All", "Machine.ReadWrite.All"];
    let vulnerabilities: &[&str] = &["Vulnerability.Read.All"];
    let roles = match parts.as_slice() {
        ["machines"] => machines,
        ["machines", last] if *last != "SoftwareVulnerabilitiesByMachine" => machines,
        ["machines", ..] => vulnerabilities,
        ["incidents"] => &["Incident.Read.All", "Incident.ReadWrite.All"],
        _ => &[],
    };
    let customer = authorize(state, call, family(&parts), roles)?;
    match parts.as_slice() {
        ["machines"] => {
            quota(state, &customer)?;
            list_machines(state, call, &customer)
        }
        ["machines", "SoftwareVulnerabilitiesByMachine"] => {
            quota(state, &customer)?;
            pages::by_machine(state, call, &customer, open)
        }
        ["machines", id] => {
            no_parameters(state, call)?;
            let number = machine_number(&customer, id)?;
            Ok(json_answer(200, &data::machine(&customer.tenant_id, number)))
        }
        ["machines", id, "vulnerabilities"] => {
            quota(state, &customer)?;
            no_parameters(state, call)?;
            machine_number(&customer, id)?;
            let rows: Vec<_> = (0..ROWS_PER_MACHINE.min(customer.vulnerability_rows))
                .map(data::machine_vulnerability)
                .collect();
            Ok(json_answer(
                200,
                &json!({"@odata.context": "https://api.security.microsoft.com/api/$metadata#Collection(PublicVulnerabilityDto)", "value": rows}),
            ))
        }
        ["incidents"] => {
            only(state, call, &["$filter", "$top", "$skip"])?;
            parameter(call, "$top", 100)?;
            Ok(json_answer(
                200,
                &json!({"@odata.context": "https://api.security.microsoft.com/api/$metadata#Incidents", "value": []}),
            ))
        }
        _ => {
            state.violation(format!("defender: {} was not expected", call.path));
            Err(Refusal(404, "NotFound", format!("No resource at {}.", call.path)))
        }
    }
}

fn quota(state: &State, customer: &Customer) -> Result<(), Refusal> {
    match state.take_quota(&customer.tenant_id, now()) {
        Ok(()) => Ok(()),
        Err((seconds, as_date)) => Err(Refusal(429, "429", retry_text(seconds, as_date))),
    }
}

/// The text carries the header's value through [`refuse`]; see [`throttled`].
fn retry_text(seconds: u64, as_date: bool) -> String {
    let header = if as_date { http_date(now() + seconds) } else { seconds.to_string() };
    format!("API calls quota exceeded! maximum allowed 45 per 00:01:00|{header}")
}

/// Moves the value that [`retry_text`] put into the message to its header.
pub(crate) fn throttled(state: &State, refusal: Refusal) -> Answer {
    let Refusal(status, code, message) = refusal;
    match message.split_once('|') {
        Some((text, header)) if status == 429 => {
            with_header(refuse(state, &Refusal(status, code, text.to_owned())), "retry-after", header)
        }
        _ => refuse(state, &Refusal(status, code, message)),
    }
}

fn no_parameters(state: &State, call: &Call) -> Result<(), Refusal> {
    if call.query.is_empty() {
        return Ok(());
    }
    state.violation(format!("defender: {} takes no parameters ({})", call.path, call.query_text));
    Err(Refusal(400, "BadRequest", "The query parameters are not supported.".to_owned()))
}

fn machine_number(customer: &Customer, id: &str) -> Result<usize, Refusal> {
    let seed = data::seed(&customer.tenant_id);
    let found = u64::from_str_radix(id.get(..8).unwrap_or_default(), 16).ok().filter(|number| {
        data::machine_id(seed, *number) == id.as_bytes() && *number < customer.machines as u64
    });
    found
        .and_then(|number| usize::try_from(number).ok())
        .ok_or_else(|| Refusal(404, "ResourceNotFound", format!("Machine {id} was not found")))
}

/// A number in a query.
pub(crate) fn parameter(call: &Call, name: &str, most: u64) -> Result<Option<u64>, Refusal> {
    let bad =
        || Refusal(400, "BadRequest", format!("The value of {name} must be a number of at most {most}."));
    let found = call.query.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
    found.map(|(_, text)| text.parse().ok().filter(|n| *n <= most).ok_or_else(bad)).transpose()
}

/// Refuses parameters that the API does not know.
pub(crate) fn only(state: &State, call: &Call, known: &[&str]) -> Result<(), Refusal> {
    let unknown = call.query.keys().find(|name| !known.iter().any(|k| k.eq_ignore_ascii_case(name)));
    match unknown.or(call.repeated.first()) {
        None => Ok(()),
        Some(name) => {
            state.violation(format!("defender: {} does not know the parameter {name}", call.path));
            Err(Refusal(400, "BadRequest", format!("The query parameter '{name}' is not supported.")))
        }
    }
}

/// The filter of a call.
pub(crate) fn filter(call: &Call, fields: &[&str]) -> Result<Option<Filter>, Refusal> {
    let bad = |text: String| {
        Refusal(400, "ODataError", format!("The query specified in the URI is not valid. {text}"))
    };
    call.query.get("$filter").map(|text| Filter::parse(text, fields).map_err(bad)).transpose()
}

fn list_machines(state: &Arc<State>, call: &Call, customer: &Customer) -> Result<Answer, Refusal> {
    only(state, call, &["$filter", "$top", "$skip"])?;
    let (top, skip) = (parameter(call, "$top", 10_000)?, parameter(call, "$skip", u64::MAX)?.unwrap_or(0));
    let filter = filter(call, MACHINE_FIELDS)?;
    let rows = (0..customer.machines).map(|number| data::machine(&customer.tenant_id, number));
    let all: Vec<Value> = rows.filter(|row| filter.as_ref().is_none_or(|filter| filter.fits(row))).collect();
    if customer.machines == 0 {
        return Err(Refusal(404, "ResourceNotFound", "No machines were found".to_owned()));
    }
    let size = top.unwrap_or(state.world().machine_page_size as u64);
    let from = usize::try_from(skip).unwrap_or(usize::MAX).min(all.len());
    let to = from.saturating_add(usize::try_from(size).unwrap_or(usize::MAX)).min(all.len());
    // The documented trap: with $top there is no link, however much is left.
    let next = (top.is_none() && to < all.len()).then(|| {
        let filter = call.query.get("$filter").map(|text| {
            let text: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
            format!("&$filter={text}")
        });
        format!("{}{}?$skip={to}{}", state.address("defender"), call.path, filter.unwrap_or_default())
    });
    let rows = all[from..to].iter().map(|row| row.to_string().into_bytes()).collect();
    Ok(pages::list(state, call, customer, "Machines", rows, next))
}
