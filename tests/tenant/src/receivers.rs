//! What takes rows: the Logs Ingestion API of Azure Monitor, and Event Hubs over REST.
//! <https://learn.microsoft.com/azure/azure-monitor/logs/logs-ingestion-api-overview>
//! <https://learn.microsoft.com/rest/api/eventhub/send-batch-events>

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::apis::{claims, is_for};
use crate::cloud::Resource;
use crate::faults::Name;
use crate::http::{Answer, Call, Service, answer, json_answer};
use crate::state::{Open, State};

/// Bytes of a body, as it is sent and unpacked.
const LIMIT: usize = 1 << 20;
/// Bytes of a value that is stored whole.
const FIELD_LIMIT: usize = 64 * 1024;
/// Types of a stream's columns.
const TYPES: [&str; 7] = ["string", "int", "long", "real", "boolean", "dynamic", "datetime"];
/// Columns that a table cannot have of its own.
const RESERVED: [&str; 7] = ["TenantId", "Type", "id", "Title", "UniqueId", "_ResourceId", "_SubscriptionId"];

/// Status, code and text of a refusal.
type Refusal = (u16, &'static str, String);

fn refuse((status, code, message): Refusal) -> Answer {
    json_answer(status, &json!({"error": {"code": code, "message": message}}))
}

/// What is wrong with who sends.
fn authorize(state: &State, call: &Call, resource: Resource) -> Result<(), Refusal> {
    let invalid = |why: &str| (401, "InvalidToken", why.to_owned());
    let claims = claims(state, call).ok_or_else(|| invalid("the token is missing, expired or not signed"))?;
    if !is_for(state, resource, &claims) {
        return Err(invalid("the audience of the token is wrong"));
    }
    let world = state.world();
    if claims["tid"] != world.home_tenant_id.as_str() {
        return Err(invalid("the token is of another tenant"));
    }
    let app = world.app.client_id.clone();
    if world.without_sender_role.iter().any(|id| claims["oid"] == id.as_str()) {
        let text = "The authentication token provided does not have access to ingest data for the data collection rule";
        return Err((403, "OperationFailed", text.to_owned()));
    }
    drop(world);
    if claims["appid"] == app.as_str() {
        state.violation(format!("{}: the app of the customers sends rows", call.path));
    }
    Ok(())
}

/// The answer to a request whose rows were kept, or not. Ends the connection after they were, if a test wants that.
fn said(state: &State, service: &str, call: &Call, taken: Result<(), Refusal>, done: Answer) -> Answer {
    match taken {
        Err(refusal) => refuse(refusal),
        Ok(()) if state.strike(service, &call.path, None, |name| name == Name::LostAnswer).is_some() => {
            std::panic::resume_unwind(Box::new("the answer is lost"))
        }
        Ok(()) => done,
    }
}

fn is_query(call: &Call, wanted: &[(&str, &str)]) -> bool {
    call.query.len() == wanted.len()
        && wanted.iter().all(|(name, value)| call.query.get(*name).is_some_and(|given| given == value))
}

/// The Logs Ingestion API.
pub(crate) struct Ingestion;

impl Service for Ingestion {
    const NAME: &'static str = "ingestion";

    async fn answer(state: Arc<State>, call: Call, _open: Open) -> Answer {
        let taken = Ingestion::take(&state, &call);
        said(&state, Self::NAME, &call, taken, answer(204, "application/json", ""))
    }
}

impl Ingestion {
    fn take(state: &State, call: &Call) -> Result<(), Refusal> {
        let missing = |what: &str| (404, "NotFound", format!("{what} was not found"));
        let parts: Vec<&str> = call.path.split('/').collect();
        let ["", "dataCollectionRules", rule, "streams", stream] = parts[..] else {
            state.violation(format!("ingestion: {} is no stream", call.path));
            return Err(missing("the path"));
        };
        if call.method != "POST" || !is_query(call, &[("api-version", "2023-01-01")]) {
            state.violation(format!("ingestion: {} {}?{}", call.method, call.path, call.query_text));
            return Err((400, "InvalidApiVersion", "the method or the version is not supported".to_owned()));
        }
        authorize(state, call, Resource::Ingestion)?;
        let streams = state.world().rules.get(rule).cloned().ok_or_else(|| missing("the rule"))?;
        let columns = streams.get(stream).ok_or_else(|| missing("the stream"))?;
        if let Some((name, kind)) = columns.iter().find(|(_, kind)| !TYPES.contains(&kind.as_str())) {
            return Err((400, "InvalidStream", format!("the column {name} has the unknown type {kind}")));
        }
        let rows = Ingestion::rows(state, call)?;
        for row in &rows {
            check(row, columns).map_err(|why| {
                state.violation(format!("ingestion: {stream}: {why}"));
                (400, "InvalidPayload", why)
            })?;
        }
        state.count("ingestions");
        state.receive(stream, rows);
        Ok(())
    }

    fn rows(state: &State, call: &Call) -> Result<Vec<Value>, Refusal> {
        if call.header("content-type") != Some("application/json") {
            return Err((
                415,
                "UnsupportedMediaType",
                "the content type must be application/json".to_owned(),
            ));
        }
        if call.body.is_empty() {
            state.violation("ingestion: an empty body".to_owned());
            return Err((500, "InternalServerError", String::new()));
        }
        let too_large =
            || (413, "ContentLengthLimitExceeded", "Maximum allowed content length: 1048576".to_owned());
        if call.body.len() > LIMIT {
            return Err(too_large());
        }
        let mut text = Vec::new();
        if call.header("content-encoding") == Some("gzip") {
            let unpacked = GzDecoder::new(&call.body[..]).take(64 << 20).read_to_end(&mut text);
            unpacked.map_err(|e| (400, "InvalidPayload", e.to_string()))?;
        } else {
            state.violation("ingestion: the body is not compressed".to_owned());
            text.extend_from_slice(&call.body);
        }
        if text.len() > LIMIT {
            state.violation(format!("ingestion: {} bytes of JSON", text.len()));
            return Err(too_large());
        }
        match serde_json::from_slice(&text) {
            Ok(Value::Array(rows)) if !rows.is_empty() => Ok(rows),
            _ => Err((400, "InvalidPayload", "the body is not an array of JSON objects".to_owned())),
        }
    }
}

/// What is wrong with a row of a stream with these columns.
fn check(row: &Value, columns: &BTreeMap<String, String>) -> Result<(), String> {
    let Value::Object(members) = row else { return Err("a row is no object".to_owned()) };
    for (name, value) in members {
        if RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
            return Err(format!("the name {name} is reserved"));
        }
        // The service drops it, and nobody notices.
        let kind = columns.get(name).ok_or_else(|| format!("the stream has no column {name}"))?;
        let fits = match kind.as_str() {
            "string" => value.is_string(),
            "datetime" => value.as_str().is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()),
            "boolean" => value.is_boolean(),
            "int" | "long" => value.is_i64() || value.is_u64(),
            "real" => value.is_number(),
            _ => true,
        };
        if !fits && !value.is_null() {
            return Err(format!("{name} is no {kind}: {value}"));
        }
        let size = value.as_str().map_or_else(|| value.to_string().len(), str::len);
        if size > FIELD_LIMIT {
            return Err(format!("{name} has {size} bytes and would be cut"));
        }
    }
    let is_new = columns.contains_key("TimeGenerated") && !members.contains_key("TimeGenerated");
    if is_new { Err("the time is missing".to_owned()) } else { Ok(()) }
}

/// Event Hubs.
pub(crate) struct EventHubs;

impl Service for EventHubs {
    const NAME: &'static str = "eventHubs";

    async fn answer(state: Arc<State>, call: Call, _open: Open) -> Answer {
        let taken = EventHubs::take(&state, &call);
        said(&state, Self::NAME, &call, taken, answer(201, "application/xml", ""))
    }
}

impl EventHubs {
    fn take(state: &State, call: &Call) -> Result<(), Refusal> {
        let hub = call.path.strip_prefix('/').and_then(|path| path.strip_suffix("/messages"));
        let hub = hub.filter(|hub| !hub.is_empty() && !hub.contains('/'));
        let Some(hub) = hub.filter(|_| call.method == "POST") else {
            state.violation(format!("eventHubs: {} {}", call.method, call.path));
            return Err((404, "NotFound", "no such entity".to_owned()));
        };
        if !is_query(call, &[("timeout", "60"), ("api-version", "2014-01")]) {
            state.violation(format!("eventHubs: {}", call.query_text));
        }
        authorize(state, call, Resource::EventHubs)?;
        let limit = state.world().event_hubs.get(hub).copied();
        let limit =
            limit.ok_or_else(|| (404, "NotFound", format!("the messaging entity {hub} was not found")))?;
        if call.header("content-type") != Some("application/vnd.microsoft.servicebus.json") {
            state.violation("eventHubs: a batch needs its content type".to_owned());
        }
        if call.header("content-encoding").is_some() {
            state.violation("eventHubs: a compressed body".to_owned());
        }
        if call.body.len() > limit {
            let text = format!("The received message is too large: {} of {limit} bytes", call.body.len());
            return Err((413, "MessageSizeExceeded", text));
        }
        let invalid = || (400, "BadRequest", "the body is not an array of events".to_owned());
        let events: Vec<Value> = serde_json::from_slice(&call.body).map_err(|_| invalid())?;
        for event in &events {
            let is_known = |(name, _): (&String, &Value)| matches!(name.as_str(), "Body" | "UserProperties");
            let is_event = event.as_object().is_some_and(|event| event.iter().all(is_known));
            if !is_event || !event["Body"].is_string() || !event["UserProperties"].is_object() {
                state.violation(format!("eventHubs: an event is {event:.80}"));
                return Err(invalid());
            }
        }
        state.count("publications");
        state.receive(hub, events);
        Ok(())
    }
}
