//! The Defender for Endpoint API and the one list of Defender XDR on the same host: paths, quotas and refusals.
//! <https://learn.microsoft.com/defender-endpoint/api/exposed-apis-list>

use std::sync::Arc;

use serde_json::{Value, json};

use crate::authorize::{authorize, bearer, family};
use crate::data;
use crate::filter::{Field, Filter, Kind};
use crate::http::{Answer, Call, Service, answer, http_date, json_answer, with_header};
use crate::hunting::{self, Engine};
use crate::machine_lists;
use crate::pages;
use crate::state::{Open, State, now};
use crate::world::{Customer, ExtraResponse, Quota, ROWS_PER_MACHINE, Window};

/// <https://learn.microsoft.com/defender-xdr/api-list-incidents>
const INCIDENT_FIELDS: &[Field] = &[
    ("lastUpdateTime", Kind::Time),
    ("createdTime", Kind::Time),
    ("status", Kind::Text),
    ("assignedTo", Kind::Text),
];

/// The API.
pub(crate) struct Defender;

/// Why a request is not served.
pub(crate) struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Code of the error body.
    pub code: &'static str,
    /// Text of the error body.
    pub message: String,
    /// A header besides the body.
    pub header: Option<(&'static str, String)>,
}

/// A refusal without a special header.
pub(crate) fn no(status: u16, code: &'static str, message: impl Into<String>) -> Refusal {
    let challenge = || ("www-authenticate", "Bearer error=\"invalid_token\"".to_owned());
    Refusal { status, code, message: message.into(), header: (status == 401).then(challenge) }
}

/// A refusal as the API writes it.
fn refuse(state: &State, refusal: &Refusal) -> Answer {
    let Refusal { status, code, message, header } = refusal;
    let body = json!({"error": {"code": code, "message": message, "target": state.guid()}});
    let made = json_answer(*status, &body);
    match header {
        Some((name, value)) => with_header(made, name, value),
        None => made,
    }
}

impl Service for Defender {
    const NAME: &'static str = "defender";

    fn tenant(state: &Arc<State>, call: &Call) -> Option<String> {
        let claims = state.signer.verify(bearer(call)?).ok()?;
        claims["tid"].as_str().map(str::to_owned)
    }

    async fn answer(state: Arc<State>, call: Call, open: Open) -> Answer {
        route(&state, &call, open).unwrap_or_else(|refusal| refuse(&state, &refusal))
    }
}

fn route(state: &Arc<State>, call: &Call, open: Open) -> Result<Answer, Refusal> {
    // The version in the path is optional.
    let path = call.path.strip_prefix("/api/v1.0/").or_else(|| call.path.strip_prefix("/api/")).unwrap_or("");
    let parts: Vec<&str> = path.split('/').collect();
    // Not in the `if let`: that would lock the world in its body.
    let extra = state.world().extra_responses.get(&format!("{} {}", call.method, call.path)).cloned();
    if let Some(extra) = extra {
        let customer = authorize(state, call, family(&parts), &[])?;
        return Ok(extra_answer(state, call, &customer, extra, open));
    }
    let engine = match (call.method.as_str(), parts.as_slice()) {
        ("POST", ["advancedqueries", "run"]) => Some(Engine::Defender),
        ("POST", ["advancedhunting", "run"]) => Some(Engine::Xdr),
        _ => None,
    };
    if let Some(engine) = engine {
        let customer = authorize(state, call, family(&parts), &[engine.role()])?;
        quota(state, &customer, "hunting")?;
        only(state, call, &[])?;
        return hunting::respond(state, call, &customer, engine)
            .map_err(|(status, code, message)| no(status, code, message));
    }
    if call.method != "GET" {
        state.violation(format!("defender: {} {} was not expected", call.method, call.path));
        return Err(no(405, "MethodNotAllowed", ""));
    }
    let machines: &[&str] = &["Machine.Read.All", "Machine.ReadWrite.All"];
    let vulnerabilities: &[&str] = &["Vulnerability.Read.All"];
    let roles = match parts.as_slice() {
        ["machines" | "deviceavinfo"] => machines,
        ["machines", last] if *last != "SoftwareVulnerabilitiesByMachine" => machines,
        ["machines", ..] => vulnerabilities,
        ["incidents"] => &["Incident.Read.All", "Incident.ReadWrite.All"],
        _ => &[],
    };
    let customer = authorize(state, call, family(&parts), roles)?;
    match parts.as_slice() {
        ["machines"] => {
            quota(state, &customer, "machines")?;
            machine_lists::MACHINES.page(state, call, &customer)
        }
        ["deviceavinfo"] => {
            quota(state, &customer, "deviceavinfo")?;
            machine_lists::ANTIVIRUS.page(state, call, &customer)
        }
        ["machines", last @ "SoftwareVulnerabilitiesByMachine"] => {
            quota(state, &customer, last)?;
            pages::by_machine(state, call, &customer, open)
        }
        ["machines", id] => {
            only(state, call, &[])?;
            let number = machine_number(&customer, id)?;
            Ok(json_answer(200, &data::machine(&customer.tenant_id, number)))
        }
        ["machines", id, last @ "vulnerabilities"] => {
            quota(state, &customer, last)?;
            only(state, call, &[])?;
            machine_number(&customer, id)?;
            let rows = ROWS_PER_MACHINE.min(customer.vulnerability_rows);
            let rows: Vec<_> = (0..rows).map(data::machine_vulnerability).collect();
            Ok(small_list("Collection(PublicVulnerabilityDto)", &rows))
        }
        ["incidents"] => {
            quota(state, &customer, "incidents")?;
            only(state, call, &["$filter", "$top", "$skip"])?;
            parameter(call, "$top", 100)?;
            parameter(call, "$skip", u64::MAX)?;
            filter(call, INCIDENT_FIELDS)?;
            Ok(small_list("Incidents", &[]))
        }
        _ => {
            state.violation(format!("defender: {} was not expected", call.path));
            Err(no(404, "NotFound", format!("No resource at {}.", call.path)))
        }
    }
}

/// The answer that a test has set for this path.
fn extra_answer(state: &State, call: &Call, customer: &Customer, extra: ExtraResponse, open: Open) -> Answer {
    let body = match extra.body {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let made = match extra.rows {
        Some(rows) => pages::document(state, call, customer, (&body, rows), open),
        None => answer(extra.status, "application/json", body),
    };
    extra.headers.iter().fold(made, |made, (name, value)| with_header(made, name, value))
}

fn small_list(context: &str, rows: &[Value]) -> Answer {
    let context = format!("https://api.security.microsoft.com/api/$metadata#{context}");
    json_answer(200, &json!({"@odata.context": context, "value": rows}))
}

/// Counts a request. The service counts by endpoint, tenant and app.
fn quota(state: &State, customer: &Customer, endpoint: &str) -> Result<(), Refusal> {
    let Some(quota) = state.world().quota.clone() else { return Ok(()) };
    let key = format!("{endpoint} {}", customer.tenant_id);
    let taken = match quota.window {
        Window::Fixed => state.take(&key, quota.limit, quota.window_seconds),
        Window::Sliding => state.take_sliding(&key, quota.limit, quota.window_seconds),
    };
    match taken {
        (Some(_), _) => Ok(()),
        (None, left) => Err(exceeded(&quota, left)),
    }
}

/// The refusal of a request beyond the quota, in one of the two wordings that were seen.
fn exceeded(quota: &Quota, left: u64) -> Refusal {
    let (limit, window) = (quota.limit, quota.window_seconds);
    let window = format!("{:02}:{:02}:{:02}", window / 3600, window / 60 % 60, window % 60);
    let text = if quota.text_with_seconds {
        format!(
            "API calls quota exceeded! Maximum allowed {limit} per {window} for the key \
             Destination+TenantID+AppID. You can send requests again in {left} seconds."
        )
    } else {
        format!("API calls quota exceeded! maximum allowed {limit} per {window}")
    };
    let seconds = quota.retry_after_seconds;
    let value = if quota.retry_after_as_date { http_date(now() + seconds) } else { seconds.to_string() };
    let header = (!quota.without_retry_after).then_some(("retry-after", value));
    Refusal { header, ..no(429, "429", text) }
}

fn machine_number(customer: &Customer, id: &str) -> Result<usize, Refusal> {
    let seed = data::seed(&customer.tenant_id);
    let found = u64::from_str_radix(id.get(..8).unwrap_or_default(), 16).ok().filter(|number| {
        data::machine_id(seed, *number) == id.as_bytes() && *number < customer.machines as u64
    });
    found
        .and_then(|number| usize::try_from(number).ok())
        .ok_or_else(|| no(404, "ResourceNotFound", format!("Machine {id} was not found")))
}

/// A number in a query.
pub(crate) fn parameter(call: &Call, name: &str, most: u64) -> Result<Option<u64>, Refusal> {
    let bad = || no(400, "BadRequest", format!("The value of {name} must be a number of at most {most}."));
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
            Err(no(400, "BadRequest", format!("The query parameter '{name}' is not supported.")))
        }
    }
}

/// The filter of a call.
pub(crate) fn filter(call: &Call, fields: &[Field]) -> Result<Option<Filter>, Refusal> {
    let bad =
        |text: String| no(400, "ODataError", format!("The query specified in the URI is not valid. {text}"));
    call.query.get("$filter").map(|text| Filter::parse(text, fields).map_err(bad)).transpose()
}
