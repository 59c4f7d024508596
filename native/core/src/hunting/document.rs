//! The request document of a hunting query, and the checks that need no network.

use std::collections::HashSet;
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::json;

use super::engine::Engine;
use super::literal::Value;
use super::parts::{ROW_LIMIT, Split};
use super::syntax;
use super::timespan::Timespan;
use crate::errors::{
    Error, HUNTING_CANNOT_SPLIT, HUNTING_INVALID_PARAMETER, HUNTING_INVALID_QUERY, HUNTING_INVALID_TIMESPAN,
    Result, excerpt,
};
use crate::read::decode::described::SharedColumns;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct HuntingDocument {
    pub(crate) throttle_limit: Option<usize>,
    pub(crate) first: Option<u64>,
    #[serde(default)]
    raw: bool,
    query: String,
    #[serde(default)]
    parameters: Vec<Parameter>,
    timespan: Option<String>,
    split_by: Option<SplitBy>,
    #[serde(default)]
    engine: Engine,
}

#[derive(Deserialize)]
struct Parameter {
    name: String,
    #[serde(flatten)]
    value: Value,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum SplitBy {
    Time,
}

/// A hunting query after its checks.
#[derive(Clone, Debug)]
pub(crate) struct Hunting {
    /// What of it may be written down. The values of parameters stay out: nobody says that they are no secrets.
    pub(crate) asked: serde_json::Value,
    pub(crate) engine: Engine,
    /// What is sent: the parameters and the query.
    pub(super) text: String,
    pub(super) timespan: Option<Timespan>,
    pub(super) split: Option<Split>,
    /// An answer with so many rows was cut off.
    pub(super) row_limit: u64,
    pub(crate) raw: bool,
    /// What users must know before it runs.
    pub(crate) notices: Vec<String>,
    /// The columns of the answers of all tenants.
    pub(crate) columns: SharedColumns,
}

impl Hunting {
    pub(crate) fn of(document: HuntingDocument) -> Result<Self> {
        let HuntingDocument { raw, query, parameters, timespan, split_by, engine, .. } = document;
        let query = query.trim_start_matches('\u{feff}').trim();
        if syntax::is_empty(query) {
            return Err(HUNTING_INVALID_QUERY.error("the query is empty"));
        }
        let given = parameters_as_text(&parameters)?;
        let timespan = timespan.map(|text| Timespan::parse(&text)).transpose()?;
        if timespan.is_some() && engine != Engine::Graph {
            return Err(HUNTING_INVALID_TIMESPAN.error("this engine takes no -Timespan"));
        }
        let mut notices: Vec<String> = engine.notice().into_iter().collect();
        let split = match split_by {
            None => None,
            Some(SplitBy::Time) => Some(split(query, &given, engine, &mut notices)?),
        };
        Ok(Hunting {
            asked: json!({
                "query": query,
                "parameters": parameters.iter().map(|parameter| &parameter.name).collect::<Vec<_>>(),
                "timespan": timespan.as_ref().map(|timespan| &timespan.text),
                "engine": engine.family().name(),
                "isSplit": split.is_some(),
            }),
            engine,
            text: format!("{given}{query}"),
            timespan,
            split,
            row_limit: ROW_LIMIT,
            raw,
            notices,
            columns: SharedColumns::default(),
        })
    }
}

/// The `let` statements of the parameters, in one line: the query's own lines then begin in the second one.
fn parameters_as_text(parameters: &[Parameter]) -> Result<String> {
    let (mut out, mut known) = (String::new(), HashSet::new());
    for Parameter { name, value } in parameters {
        let refuse = |why: &str| {
            HUNTING_INVALID_PARAMETER.error(format!("the parameter '{}' {why}", excerpt(name, 80)))
        };
        if let Some(why) = syntax::why_no_name(name) {
            return Err(refuse(why));
        }
        if !known.insert(name.as_str()) {
            return Err(refuse("is there twice"));
        }
        let literal = value.literal().map_err(|why| refuse(&why))?;
        if !out.is_empty() {
            out.push(' ');
        }
        let _ = write!(out, "let {name} = {literal};");
    }
    if !out.is_empty() {
        out.push('\n');
    }
    Ok(out)
}

/// How the query is split.
fn split(query: &str, given: &str, engine: Engine, notices: &mut Vec<String>) -> Result<Split> {
    let shape = syntax::row_wise(query).map_err(cannot_split)?;
    if shape.sorts {
        notices.push("A query that is split sorts the rows within each of its parts only.".to_owned());
    }
    if shape.looks_up {
        notices.push(
            "The time window of each part of a query that is split also holds for the table that lookup reads."
                .to_owned(),
        );
    }
    match shape.key {
        Some((key, after)) => {
            let (before, rest) = query.split_at(after);
            Ok(Split::ByKey { before: format!("{given}{before}"), key, after: rest.to_owned() })
        }
        None if engine != Engine::Graph => Err(cannot_split(
            "this engine takes no time window, which the parts of this query need".to_owned(),
        )),
        None => Ok(Split::ByTime),
    }
}

fn cannot_split(why: String) -> Error {
    HUNTING_CANNOT_SPLIT.error(why)
}
