//! Values of the query language, and how the services write them.

use jiff::Timestamp;
use serde_json::{Value, json};

/// Ticks from the year 1 to 1970 are left out: all times here count from 1970.
const SECOND: i64 = 10_000_000;

/// A type of the query language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Int,
    Long,
    Real,
    Decimal,
    Bool,
    Time,
    Span,
    Guid,
    Dynamic,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Null,
    Text(String),
    Int(i64),
    Long(i64),
    Real(f64),
    Decimal(String),
    Bool(bool),
    /// Ticks of 100 ns since 1970.
    Time(i64),
    Span(i64),
    Guid(String),
    Dynamic(Value),
}

impl Type {
    /// The name in an answer's schema.
    pub(super) fn name(self) -> &'static str {
        match self {
            Type::Text => "String",
            Type::Int => "Int32",
            Type::Long => "Int64",
            Type::Real => "Double",
            Type::Decimal => "SqlDecimal",
            // As the services write it.
            Type::Bool => "SByte",
            Type::Time => "DateTime",
            Type::Span => "TimeSpan",
            Type::Guid => "Guid",
            Type::Dynamic => "Object",
        }
    }
}

impl Cell {
    pub(super) fn kind(&self) -> Type {
        match self {
            Cell::Null | Cell::Text(_) => Type::Text,
            Cell::Int(_) => Type::Int,
            Cell::Long(_) => Type::Long,
            Cell::Real(_) => Type::Real,
            Cell::Decimal(_) => Type::Decimal,
            Cell::Bool(_) => Type::Bool,
            Cell::Time(_) => Type::Time,
            Cell::Span(_) => Type::Span,
            Cell::Guid(_) => Type::Guid,
            Cell::Dynamic(_) => Type::Dynamic,
        }
    }

    /// The value in an answer of Graph, and the type beside it, if it has one.
    pub(super) fn graph(&self) -> (Value, Option<&'static str>) {
        match self {
            Cell::Null => (json!({}), None),
            Cell::Long(number) => (json!(number), Some("#Int64")),
            Cell::Bool(value) => (json!(i32::from(*value)), Some("#SByte")),
            Cell::Dynamic(Value::Array(items)) => {
                // Objects in an array are texts.
                let items: Vec<_> = items
                    .iter()
                    .map(|item| if item.is_object() { item.to_string().into() } else { item.clone() })
                    .collect();
                (Value::Array(items), Some("#Collection(String)"))
            }
            Cell::Dynamic(value) => (annotated(value), None),
            other => (other.plain(), None),
        }
    }

    /// The value in an answer of the older APIs.
    pub(super) fn plain(&self) -> Value {
        match self {
            Cell::Null => Value::Null,
            Cell::Text(text) | Cell::Guid(text) | Cell::Decimal(text) => json!(text),
            Cell::Int(number) | Cell::Long(number) => json!(number),
            Cell::Real(number) if number.is_nan() => json!("NaN"),
            Cell::Real(number) if number.is_infinite() => {
                json!(if *number > 0.0 { "Infinity" } else { "-Infinity" })
            }
            Cell::Real(number) => json!(number),
            Cell::Bool(value) => json!(i32::from(*value)),
            Cell::Time(ticks) => json!(time_text(*ticks)),
            Cell::Span(ticks) => json!(span_text(*ticks)),
            Cell::Dynamic(value) => json!(value.to_string()),
        }
    }
}

/// An object with its type, at every level.
fn annotated(value: &Value) -> Value {
    let Value::Object(members) = value else { return value.clone() };
    let mut out = json!({"@odata.type": "#microsoft.graph.security.dynamicColumnValue"});
    for (name, value) in members {
        out[name.as_str()] = annotated(value);
    }
    out
}

/// A time without the zeros at its end.
pub(super) fn time_text(ticks: i64) -> String {
    let at = Timestamp::from_second(ticks.div_euclid(SECOND)).unwrap_or_default();
    let fraction = format!("{:07}", ticks.rem_euclid(SECOND));
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{point}{fraction}Z", at.strftime("%Y-%m-%dT%H:%M:%S"))
}

fn span_text(ticks: i64) -> String {
    let (sign, all) = (if ticks < 0 { "-" } else { "" }, ticks.unsigned_abs());
    let (seconds, fraction) = (all / 10_000_000, all % 10_000_000);
    let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
    let days = if days > 0 { format!("{days}.") } else { String::new() };
    let fraction = if fraction > 0 { format!(".{fraction:07}") } else { String::new() };
    format!("{sign}{days}{hours:02}:{:02}:{:02}{fraction}", seconds / 60 % 60, seconds % 60)
}
