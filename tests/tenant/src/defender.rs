//! The APIs of Defender for Endpoint and Defender XDR, which share a host: paths, quotas and refusals.
//! <https://learn.microsoft.com/defender-endpoint/api/exposed-apis-list>

use std::sync::Arc;

use serde_json::{Value, json};

use crate::authorize::{authorize, bearer, family};
use crate::data;
use crate::endpoints::{self, Endpoint, Own, Parent, Shape};
use crate::filter::{Field, Filter};
use crate::http::{Answer, Call, Service, answer, http_date, json_answer, with_header};
use crate::hunting::{self, Engine};
use crate::machine_lists;
use crate::pages;
use crate::state::{Open, State, now};
use crate::tables;
use crate::world::{Customer, ExtraResponse, Quota, ROWS_PER_MACHINE, Window};

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
    let own = format!("/api/{path}");
    let Some((endpoint, ids)) = endpoints::find(family(&parts), &call.method, &own) else {
        if call.method != "GET" {
            state.violation(format!("defender: {} {} was not expected", call.method, call.path));
            return Err(no(405, "MethodNotAllowed", ""));
        }
        authorize(state, call, family(&parts), &[])?;
        state.violation(format!("defender: {} was not expected", call.path));
        return Err(no(404, "NotFound", format!("No resource at {}.", call.path)));
    };
    let customer = authorize(state, call, family(&parts), endpoint.roles)?;
    quota(state, &customer, endpoint.path)?;
    endpoint.check_parent(state, call, &customer, &ids)?;
    match endpoint.shape {
        Shape::Own(own) => own_answer(state, call, &customer, endpoint, own, &ids, open),
        _ => endpoint.answer(state, call, &customer, &ids),
    }
}

/// The answer of an endpoint with code of its own.
fn own_answer(
    state: &Arc<State>,
    call: &Call,
    customer: &Customer,
    endpoint: &Endpoint,
    own: Own,
    ids: &[String],
    open: Open,
) -> Result<Answer, Refusal> {
    let id = ids.first().map_or("", String::as_str);
    let tenant = &customer.tenant_id;
    // Some machines, whatever the parent is.
    let some =
        || (0..customer.machines.min(3)).map(|number| data::machine(tenant, number)).collect::<Vec<_>>();
    match own {
        Own::Machines => machine_lists::MACHINES.page(state, call, customer),
        Own::Antivirus => machine_lists::ANTIVIRUS.page(state, call, customer),
        Own::Vulnerabilities => pages::by_machine(state, call, customer, open),
        Own::Machine => {
            only(state, call, &[])?;
            let number = if endpoint.parent == Parent::Machine { machine_number(customer, id)? } else { 0 };
            Ok(tables::entity("Machines", data::machine(tenant, number)))
        }
        Own::MachineVulnerabilities => {
            only(state, call, &[])?;
            let rows = ROWS_PER_MACHINE.min(customer.vulnerability_rows);
            let rows: Vec<_> = (0..rows).map(data::machine_vulnerability).collect();
            Ok(small_list("Collection(PublicVulnerabilityDto)", &rows))
        }
        Own::SomeMachines => {
            only(state, call, &[])?;
            Ok(small_list("Machines", &some()))
        }
        Own::MachineReferences => {
            only(state, call, &[])?;
            let names = ["id", "computerDnsName", "osPlatform", "rbacGroupName"];
            let reference = |machine: &Value| names.map(|name| (name.to_owned(), machine[name].clone()));
            let reference = |machine: &Value| Value::Object(reference(machine).into_iter().collect());
            Ok(small_list("MachineReferences", &some().iter().map(reference).collect::<Vec<_>>()))
        }
        Own::ByIp => {
            only(state, call, &[])?;
            let at = ids.get(1).and_then(|time| time.parse::<jiff::Timestamp>().ok());
            let age = at.map(|at| i64::try_from(now()).unwrap_or(0) - at.as_second());
            if !age.is_some_and(|age| (-60..=30 * 24 * 3600).contains(&age)) {
                return Err(no(400, "InvalidInput", "The timestamp is not of the last 30 days."));
            }
            if id.parse::<std::net::IpAddr>().is_err() {
                return Err(no(400, "InvalidIpAddress", "The IP address is not valid."));
            }
            let all = (0..customer.machines).map(|number| data::machine(tenant, number));
            let found: Vec<_> = all.filter(|machine| machine["lastIpAddress"] == id).collect();
            Ok(small_list("Machines", &found))
        }
        Own::ByTag => {
            only(state, call, &["tag", "useStartsWithFilter"])?;
            let tag = call.query.get("tag").filter(|tag| !tag.is_empty());
            let tag =
                tag.ok_or_else(|| no(400, "MissingRequiredParameter", "The parameter tag is needed."))?;
            let starts = call.query.get("useStartsWithFilter").is_some_and(|flag| flag == "true");
            let fits = |own: &str| if starts { own.starts_with(tag.as_str()) } else { own == tag };
            let all = (0..customer.machines).map(|number| data::machine(tenant, number));
            let has = |machine: &Value| {
                machine["machineTags"].as_array().into_iter().flatten().filter_map(Value::as_str).any(fits)
            };
            Ok(small_list("Machines", &all.filter(has).collect::<Vec<_>>()))
        }
        Own::Subscriptions | Own::ResourceGraph | Own::Hunting | Own::Customers => {
            Err(no(404, "NotFound", ""))
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

pub(crate) fn machine_number(customer: &Customer, id: &str) -> Result<usize, Refusal> {
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
