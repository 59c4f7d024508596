//! The members of a document that only some resources have: `options`, and the time of `since`.

use serde_json::{Map, Value};

use crate::catalog::{Filter, ParameterKind, Resource, Since};
use crate::errors::{Error, PARAMETER_MISFIT, Result, excerpt};
use crate::read::decode::time::{ParsedTime, parse_time};

/// What the options of a resource add to its requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) query: Vec<(&'static str, String)>,
    /// The time in the path, if one was given.
    pub(crate) time: Option<String>,
    /// Whether the rows come from files.
    pub(crate) reads_files: bool,
}

impl Options {
    pub(super) fn read(given: &Map<String, Value>, resource: &Resource) -> Result<Self> {
        let mut options = Options::default();
        for (name, value) in given {
            let invalid = || {
                let value = excerpt(&value.to_string(), 80);
                Error::invalid_argument(&format!("the option '{name}' cannot be {value}"))
            };
            let known = resource.options().iter().find(|known| known.name.eq_ignore_ascii_case(name));
            let known = known.ok_or_else(|| {
                PARAMETER_MISFIT.error(format!("'{name}' does not apply to the resource '{}'", resource.name))
            })?;
            match (known.kind, value) {
                (ParameterKind::Switch(parameter, text), Value::Bool(is_on)) => {
                    options.query.extend(is_on.then(|| (parameter, text.to_owned())));
                }
                (ParameterKind::Files, Value::Bool(is_on)) => options.reads_files = *is_on,
                (ParameterKind::Number { query, max }, Value::Number(number)) => {
                    let number = number.as_u64().filter(|number| (1..=u64::from(max)).contains(number));
                    options.query.push((query, number.ok_or_else(invalid)?.to_string()));
                }
                (ParameterKind::Time, Value::String(time)) if is_time(time) => {
                    options.time = Some(time.clone());
                }
                _ => return Err(invalid()),
            }
        }
        Ok(options)
    }
}

fn is_time(text: &str) -> bool {
    matches!(parse_time(text), ParsedTime::Ticks(_))
}

/// The filter with the condition of `since`, where that is a condition.
pub(super) fn with_since(
    filter: Option<String>,
    since: Option<&str>,
    resource: &Resource,
) -> Result<Option<String>> {
    let Some(since) = since else { return Ok(filter) };
    if !is_time(since) {
        return Err(Error::invalid_argument(&format!("'{}' is not a time", excerpt(since, 80))));
    }
    let Since::Field(field) = resource.since else { return Ok(filter) };
    debug_assert!(resource.filter != Filter::None, "a test of the catalog checks that");
    let condition = format!("{field} ge {since}");
    Ok(Some(match filter {
        Some(filter) => format!("({filter}) and {condition}"),
        None => condition,
    }))
}
