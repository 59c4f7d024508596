//! Values as literals of the Kusto query language. A text becomes exactly one token, whatever is in it, so that a value
//! is never read as a part of the query.
//! <https://learn.microsoft.com/kusto/query/scalar-data-types>

use std::fmt::Write as _;

use serde::Deserialize;

use crate::batch::TICKS_PER_SECOND;
use crate::read::decode::time::{date, ticks};
use crate::settings::is_guid;

/// Lists in lists beyond this depth are a mistake.
const MAX_DEPTH: usize = 8;
/// Digits of a decimal, before the point and after it.
const DECIMAL_DIGITS: usize = 34;
const TICKS_PER_DAY: u64 = 864_000_000_000;

/// A value with its type.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "camelCase")]
pub(crate) enum Value {
    String(String),
    Bool(bool),
    Int(i32),
    Long(i64),
    /// As text: JSON has no infinity.
    Real(String),
    Decimal(String),
    /// ISO 8601, UTC.
    Datetime(String),
    /// Ticks of 100 ns.
    Timespan(i64),
    Guid(String),
    List(Vec<Value>),
}

impl Value {
    /// The literal, or why the value cannot be written.
    pub(crate) fn literal(&self) -> Result<String, String> {
        let mut out = String::new();
        match self {
            Value::String(text) => put_text(&mut out, text, '\''),
            Value::List(items) => {
                out.push_str("dynamic(");
                put_list(&mut out, items, 0)?;
                out.push(')');
            }
            scalar => out = scalar.scalar()?,
        }
        Ok(out)
    }

    fn scalar(&self) -> Result<String, String> {
        Ok(match self {
            Value::Bool(value) => value.to_string(),
            Value::Int(number) => format!("int({number})"),
            Value::Long(number) => format!("long({number})"),
            Value::Real(text) => real(text)?,
            Value::Decimal(text) => decimal(text)?,
            Value::Datetime(text) => {
                let ticks = ticks(text).ok_or("is no date")?;
                format!("datetime({})", time(ticks).ok_or("is a date outside the years 1 to 9999")?)
            }
            Value::Timespan(ticks) => format!("timespan({})", span(*ticks)),
            Value::Guid(text) if is_guid(text) => format!("guid({})", text.to_ascii_lowercase()),
            Value::Guid(_) => return Err("is no GUID".to_owned()),
            Value::String(_) | Value::List(_) => return Err("is no scalar".to_owned()),
        })
    }
}

/// A text in quotes. What the language does not read as itself is escaped; what may hide text from people too.
fn put_text(out: &mut String, text: &str, quote: char) {
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if c.is_control() || is_format(c) => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    let _ = write!(out, "\\u{unit:04X}");
                }
            }
            c => out.push(c),
        }
    }
    out.push(quote);
}

/// Separators of lines, marks of direction, and characters without a width.
fn is_format(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The inside of a `dynamic`, which is JSON whose values may be literals of other types.
fn put_list(out: &mut String, items: &[Value], depth: usize) -> Result<(), String> {
    if depth == MAX_DEPTH {
        return Err("has arrays in arrays that are nested too deeply".to_owned());
    }
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        match item {
            Value::String(text) => put_text(out, text, '"'),
            Value::List(items) => put_list(out, items, depth + 1)?,
            Value::Int(number) => _ = write!(out, "{number}"),
            Value::Long(number) => _ = write!(out, "{number}"),
            // The type dynamic holds none.
            Value::Decimal(_) => return Err("is an array with a decimal; use doubles".to_owned()),
            scalar => out.push_str(&scalar.scalar()?),
        }
    }
    out.push(']');
    Ok(())
}

fn real(text: &str) -> Result<String, String> {
    let number: f64 = text.parse().map_err(|_| "is no number".to_owned())?;
    Ok(match number {
        n if n.is_nan() => "real(nan)".to_owned(),
        f64::INFINITY => "real(+inf)".to_owned(),
        f64::NEG_INFINITY => "real(-inf)".to_owned(),
        n => format!("real({n:?})"),
    })
}

fn decimal(text: &str) -> Result<String, String> {
    let digits = |text: &str| {
        (1..=DECIMAL_DIGITS).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_digit())
    };
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let is_number = digits(whole.strip_prefix('-').unwrap_or(whole)) && fraction.is_none_or(digits);
    if is_number { Ok(format!("decimal({text})")) } else { Err("is no decimal number".to_owned()) }
}

/// A point in time with all seven digits; `None` if .NET has none.
pub(super) fn time(ticks: i64) -> Option<String> {
    let (seconds, fraction) = (ticks.div_euclid(TICKS_PER_SECOND), ticks.rem_euclid(TICKS_PER_SECOND));
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date(days);
    if !(1..=9999).contains(&year) {
        return None;
    }
    let (hours, minutes) = (second / 3600, second / 60 % 60);
    Some(format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{:02}.{fraction:07}Z", second % 60))
}

/// `d.hh:mm:ss.fffffff`.
fn span(ticks: i64) -> String {
    let (sign, all) = (if ticks < 0 { "-" } else { "" }, ticks.unsigned_abs());
    let (days, rest) = (all / TICKS_PER_DAY, all % TICKS_PER_DAY);
    let (seconds, fraction) = (rest / 10_000_000, rest % 10_000_000);
    format!("{sign}{days}.{:02}:{:02}:{:02}.{fraction:07}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests;
