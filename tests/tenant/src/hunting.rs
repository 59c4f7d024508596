//! Advanced hunting of Microsoft Graph, Defender for Endpoint and Defender XDR.
//! <https://learn.microsoft.com/graph/api/security-security-runhuntingquery>

mod lexer;
mod query;
mod tables;
mod value;

use std::fmt::Write as _;

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{Span, Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::http::{Answer, Call, answer};
use crate::state::{State, now};
use crate::world::Customer;
use query::{Outcome, Source, run, ticks};
use tables::{Rows, SECOND};

/// Path at Microsoft Graph.
pub(crate) const GRAPH_PATH: &str = "/v1.0/security/runHuntingQuery";
/// Days that are read unless the query or the body says otherwise.
const DEFAULT_DAYS: i64 = 30;

/// Which service runs the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Graph,
    Defender,
    Xdr,
}

impl Engine {
    /// The permission that it needs.
    pub(crate) fn role(self) -> &'static str {
        match self {
            Engine::Graph => "ThreatHunting.Read.All",
            Engine::Defender => "AdvancedQuery.Read.All",
            Engine::Xdr => "AdvancedHunting.Read.All",
        }
    }
}

/// Why a query is not answered: status, code, message.
pub(crate) type Refusal = (u16, &'static str, String);

/// Runs the query of a call.
pub(crate) fn respond(
    state: &State,
    call: &Call,
    customer: &Customer,
    engine: Engine,
) -> Result<Answer, Refusal> {
    let (text, timespan) = body(state, call, engine)?;
    let settings = state.world().hunting.clone();
    if settings.cpu_exhausted {
        let text = "You have exceeded processing resources allocated to this tenant. You can run queries again in \
                    00:07:00.";
        return Err((429, "TooManyRequests", text.to_owned()));
    }
    state.count("hunting");
    state.count("pages");
    let now = i64::try_from(now()).unwrap_or(0) * SECOND;
    let rows = Rows::new(&customer.tenant_id, customer.hunting_rows, customer.machines, state.started());
    let (start, end) = window(timespan.as_deref(), now).ok_or_else(|| {
        bad("The value of the parameter Timespan is not a valid ISO 8601 interval.".to_owned())
    })?;
    // Whether the end belongs to the window is not documented.
    let end = if settings.open_end { end - 1 } else { end };
    let source = Source { rows: &rows, window: (start, end), now };
    let mut outcome = run(&text, &source).map_err(bad)?;
    // Without a word to the client.
    outcome.rows.truncate(settings.row_limit);
    let body = if engine == Engine::Graph {
        of_graph(&outcome, settings.schema_in_pascal)
    } else {
        of_older(&outcome)
    };
    if body.len() > settings.byte_limit {
        return Err(bad(
            "Query execution has exceeded the allowed result size. Optimize your query by limiting the number of \
             results, and try again."
                .to_owned(),
        ));
    }
    Ok(answer(200, "application/json", body))
}

fn bad(text: String) -> Refusal {
    (400, "BadRequest", text)
}

/// The query, and the window of time.
fn body(state: &State, call: &Call, engine: Engine) -> Result<(String, Option<String>), Refusal> {
    let content_type = call.header("content-type").unwrap_or_default().to_ascii_lowercase();
    if !content_type.starts_with("application/json") {
        return Err((415, "UnsupportedMediaType", "The content type must be application/json.".to_owned()));
    }
    if !content_type.contains("charset=utf-8") && !call.body.is_ascii() {
        // The service then reads other letters.
        state.violation(format!("{engine:?} hunting: text beyond ASCII without a charset"));
    }
    let invalid = |text: &str| (400, "InvalidRequestBody", text.to_owned());
    let Ok(Value::Object(members)) = serde_json::from_slice(&call.body) else {
        return Err(invalid("Request body is incorrect"));
    };
    let (mut text, mut timespan) = (None, None);
    for (name, value) in members {
        let value = value.as_str().map(str::to_owned);
        match (name.as_str(), engine) {
            ("Query", _) | ("query", Engine::Graph) => text = value,
            ("Timespan" | "timespan", Engine::Graph) => timespan = value,
            _ => {
                state.violation(format!("{engine:?} hunting: the member {name} is not known"));
                return Err(invalid("Request body is incorrect"));
            }
        }
    }
    text.map(|text| (text, timespan)).ok_or_else(|| invalid("Query is missing"))
}

/// First and last tick of a window: `a/b`, a duration and one of them, a duration back from now, or a start.
fn window(text: Option<&str>, now: i64) -> Option<(i64, i64)> {
    let Some(text) = text else { return Some((moved(now, (-DEFAULT_DAYS).days())?, now)) };
    let duration = |text: &str| text.starts_with('P').then(|| text.parse::<Span>().ok()).flatten();
    Some(match text.split_once('/') {
        None => match duration(text) {
            Some(span) => (moved(now, span.negate())?, now),
            None => (ticks(text)?, now),
        },
        Some((from, to)) => match (duration(from), duration(to)) {
            (Some(span), None) => (moved(ticks(to)?, span.negate())?, ticks(to)?),
            (None, Some(span)) => (ticks(from)?, moved(ticks(from)?, span)?),
            (None, None) => (ticks(from)?, ticks(to)?),
            (Some(_), Some(_)) => return None,
        },
    })
}

fn moved(at: i64, span: Span) -> Option<i64> {
    let time = Timestamp::from_second(at.div_euclid(SECOND)).ok()?;
    let civil: DateTime = Offset::UTC.to_datetime(time).checked_add(span).ok()?;
    Some(Offset::UTC.to_timestamp(civil).ok()?.as_second() * SECOND + at.rem_euclid(SECOND))
}

const CONTEXT: &str =
    "https://graph.microsoft.com/v1.0/$metadata#microsoft.graph.security.huntingQueryResults";

fn of_graph(outcome: &Outcome, in_pascal: bool) -> String {
    let (name_key, type_key) = if in_pascal { ("Name", "Type") } else { ("name", "type") };
    let schema: Vec<_> =
        outcome.columns.iter().map(|(name, kind)| json!({name_key: name, type_key: kind.name()})).collect();
    let mut out = format!(r#"{{"@odata.context":"{CONTEXT}","schema":{},"results":["#, Value::Array(schema));
    for (index, row) in outcome.rows.iter().enumerate() {
        out.push_str(if index == 0 { "{" } else { ",{" });
        for (column, (cell, (name, _))) in row.iter().zip(&outcome.columns).enumerate() {
            let (value, annotation) = cell.graph();
            let name = json!(name).to_string();
            if column > 0 {
                out.push(',');
            }
            if let Some(annotation) = annotation {
                let bare = name.trim_matches('"');
                let _ = write!(out, "\"{bare}@odata.type\":\"{annotation}\",");
            }
            let _ = write!(out, "{name}:{value}");
        }
        out.push('}');
    }
    out + "]}"
}

fn of_older(outcome: &Outcome) -> String {
    let schema: Vec<_> =
        outcome.columns.iter().map(|(name, kind)| json!({"Name": name, "Type": kind.name()})).collect();
    let rows: Vec<_> = outcome
        .rows
        .iter()
        .map(|row| {
            let cells = row.iter().zip(&outcome.columns);
            Value::Object(cells.map(|(cell, (name, _))| (name.clone(), cell.plain())).collect())
        })
        .collect();
    let stats = json!({"ExecutionTime": 0.04, "resource_usage": {"cpu": {"total cpu": "00:00:00.0156250"}}});
    // The schema comes before the rows.
    format!(r#"{{"Stats":{stats},"Schema":{},"Results":{}}}"#, Value::Array(schema), Value::Array(rows))
}
