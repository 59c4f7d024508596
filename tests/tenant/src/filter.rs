//! The part of OData's `$filter` that the services document: comparisons, `and`, `or`, `not`, brackets, `startswith`,
//! and `any` over a list of texts.

use std::cmp::Ordering;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use serde_json::Value;

/// Type of a field, which decides the literals that it can be compared with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text, or the name of a member of an enumeration, in quotes.
    Text,
    /// A list of texts, for `any`.
    Texts,
    /// A time, without quotes.
    Time,
    /// A GUID, with or without quotes.
    Guid,
    /// A number that the documentation calls text: with or without quotes.
    Id,
    /// `true` or `false`.
    Flag,
}

/// Name and type of a field that can be filtered.
pub(crate) type Field = (&'static str, Kind);

/// A filter that was understood.
pub(crate) enum Filter {
    /// Both.
    And(Box<Filter>, Box<Filter>),
    /// At least one.
    Or(Box<Filter>, Box<Filter>),
    /// The opposite.
    Not(Box<Filter>),
    /// Field, operator, literal.
    Compare(&'static str, String, Literal),
    /// Field, beginning.
    StartsWith(&'static str, String),
    /// Field, operator, literal: at least one element.
    Any(&'static str, String, Literal),
}

/// A value in a filter.
#[derive(Clone, PartialEq)]
pub(crate) enum Literal {
    /// In quotes.
    Text(String),
    /// A time.
    Time(Timestamp),
    /// A number.
    Number(f64),
    /// A GUID without quotes.
    Guid(String),
    /// `true` or `false`.
    Flag(bool),
    /// `null`.
    Null,
}

struct Parser<'a> {
    tokens: Vec<String>,
    at: usize,
    fields: &'a [Field],
}

impl Filter {
    /// Reads a filter that uses only `fields`.
    pub(crate) fn parse(text: &str, fields: &[Field]) -> Result<Self, String> {
        let mut parser = Parser { tokens: tokens(text)?, at: 0, fields };
        let filter = parser.or()?;
        match parser.tokens.get(parser.at) {
            None => Ok(filter),
            Some(token) => Err(format!("Syntax error at '{token}'.")),
        }
    }

    /// Whether the filter lets a row through.
    pub(crate) fn fits(&self, row: &Value) -> bool {
        match self {
            Filter::And(a, b) => a.fits(row) && b.fits(row),
            Filter::Or(a, b) => a.fits(row) || b.fits(row),
            Filter::Not(a) => !a.fits(row),
            Filter::StartsWith(field, beginning) => {
                row[field].as_str().is_some_and(|text| text.starts_with(beginning))
            }
            Filter::Compare(field, operator, literal) => compare(&row[field], operator, literal),
            Filter::Any(field, operator, literal) => {
                row[field].as_array().into_iter().flatten().any(|value| compare(value, operator, literal))
            }
        }
    }
}

/// The time of a row's value: text, of which one without a zone is UTC, or the result of [`read_time`].
pub(crate) fn time(value: &Value) -> Option<Timestamp> {
    if let Some(nanoseconds) = value.as_i64() {
        return Timestamp::from_nanosecond(nanoseconds.into()).ok();
    }
    let text = value.as_str()?;
    text.parse().ok().or_else(|| {
        let local: DateTime = text.parse().ok()?;
        local.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    })
}

/// Reads the time of a value that is looked at more often than once.
pub(crate) fn read_time(value: &mut Value) {
    if let Some(nanoseconds) = time(value).and_then(|time| i64::try_from(time.as_nanosecond()).ok()) {
        *value = nanoseconds.into();
    }
}

fn compare(value: &Value, operator: &str, literal: &Literal) -> bool {
    let order = match (value, literal) {
        (Value::Null, Literal::Null) => Some(Ordering::Equal),
        (Value::String(text), Literal::Text(wanted)) => Some(text.as_str().cmp(wanted)),
        (Value::String(text), Literal::Guid(wanted)) => {
            Some(text.to_ascii_lowercase().cmp(&wanted.to_ascii_lowercase()))
        }
        (value, Literal::Time(wanted)) => time(value).map(|time| time.cmp(wanted)),
        (Value::Number(number), Literal::Number(wanted)) => {
            number.as_f64().and_then(|n| n.partial_cmp(wanted))
        }
        (Value::Number(number), Literal::Text(wanted)) => Some(number.to_string().as_str().cmp(wanted)),
        (Value::Bool(flag), Literal::Flag(wanted)) => Some(flag.cmp(wanted)),
        _ => None,
    };
    match (operator, order) {
        ("eq", Some(order)) => order.is_eq(),
        ("ne", order) => order.is_none_or(Ordering::is_ne),
        ("gt", Some(order)) => order.is_gt(),
        ("ge", Some(order)) => order.is_ge(),
        ("lt", Some(order)) => order.is_lt(),
        ("le", Some(order)) => order.is_le(),
        _ => false,
    }
}

fn tokens(text: &str) -> Result<Vec<String>, String> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => {}
            '(' | ')' | ',' => tokens.push(c.to_string()),
            '\'' => {
                let mut literal = String::from("'");
                loop {
                    match chars.next() {
                        Some('\'') if chars.peek() == Some(&'\'') => {
                            literal.push(chars.next().unwrap_or('\''));
                        }
                        Some('\'') => break,
                        Some(c) => literal.push(c),
                        None => return Err("Unterminated string literal.".to_owned()),
                    }
                }
                tokens.push(literal);
            }
            _ => {
                let mut word = c.to_string();
                while let Some(c) = chars.next_if(|c| !c.is_whitespace() && !"(),'".contains(*c)) {
                    word.push(c);
                }
                tokens.push(word);
            }
        }
    }
    Ok(tokens)
}

impl Parser<'_> {
    fn or(&mut self) -> Result<Filter, String> {
        let mut left = self.and()?;
        while self.take("or") {
            left = Filter::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Filter, String> {
        let mut left = self.term()?;
        while self.take("and") {
            left = Filter::And(Box::new(left), Box::new(self.term()?));
        }
        Ok(left)
    }

    fn term(&mut self) -> Result<Filter, String> {
        if self.take("not") {
            return Ok(Filter::Not(Box::new(self.term()?)));
        }
        if self.take("(") {
            let inner = self.or()?;
            return if self.take(")") { Ok(inner) } else { Err("A bracket is not closed.".to_owned()) };
        }
        if self.take("startswith") {
            return self.starts_with();
        }
        let name = self.next()?;
        if let Some(name) = name.strip_suffix("/any") {
            return self.any(name);
        }
        let (field, kind) = self.field(&name)?;
        let operator = self.operator()?;
        Ok(Filter::Compare(field, operator, self.literal(kind)?))
    }

    fn starts_with(&mut self) -> Result<Filter, String> {
        let bad = "Syntax error in startswith.";
        self.expect("(", bad)?;
        let name = self.next()?;
        let (field, _) = self.field(&name)?;
        self.expect(",", bad)?;
        let Literal::Text(beginning) = self.literal(Kind::Text)? else { return Err(bad.to_owned()) };
        self.expect(")", bad)?;
        Ok(Filter::StartsWith(field, beginning))
    }

    /// `machineTags/any(tag: tag eq 'x')`, behind the name.
    fn any(&mut self, name: &str) -> Result<Filter, String> {
        let bad = "Syntax error in any.";
        let (field, kind) = self.field(name)?;
        if kind != Kind::Texts {
            return Err(format!("'{field}' is not a collection."));
        }
        self.expect("(", bad)?;
        // `tag: tag` or `tag:tag`.
        let word = self.next()?;
        let (variable, used) = word.split_once(':').ok_or(bad)?;
        if used.is_empty() {
            self.expect(variable, bad)?;
        } else if used != variable {
            return Err(bad.to_owned());
        }
        let operator = self.operator()?;
        let literal = self.literal(Kind::Text)?;
        self.expect(")", bad)?;
        Ok(Filter::Any(field, operator, literal))
    }

    fn operator(&mut self) -> Result<String, String> {
        let operator = self.next()?;
        if ["eq", "ne", "gt", "ge", "lt", "le"].contains(&operator.as_str()) {
            Ok(operator)
        } else {
            Err(format!("'{operator}' is not an operator."))
        }
    }

    /// The services compare names without case.
    fn field(&mut self, name: &str) -> Result<Field, String> {
        let found = self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.copied().ok_or_else(|| format!("Could not find a property named '{name}'."))
    }

    fn literal(&mut self, kind: Kind) -> Result<Literal, String> {
        let token = self.next()?;
        let literal = literal(&token).ok_or_else(|| format!("'{token}' is not a literal."))?;
        let fits = match (kind, &literal) {
            (_, Literal::Null) => kind != Kind::Texts,
            (Kind::Text, Literal::Text(_)) | (Kind::Time, Literal::Time(_)) => true,
            (Kind::Guid, literal) => matches!(literal, Literal::Text(_) | Literal::Guid(_)),
            (Kind::Flag, literal) => matches!(literal, Literal::Flag(_)),
            (Kind::Id, literal) => matches!(literal, Literal::Number(_) | Literal::Text(_)),
            _ => false,
        };
        if fits {
            Ok(literal)
        } else {
            Err(format!("A binary operator with incompatible types was detected at '{token}'."))
        }
    }

    fn take(&mut self, wanted: &str) -> bool {
        let found = self.tokens.get(self.at).is_some_and(|token| token == wanted);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, wanted: &str, complaint: &str) -> Result<(), String> {
        if self.take(wanted) { Ok(()) } else { Err(complaint.to_owned()) }
    }

    fn next(&mut self) -> Result<String, String> {
        self.at += 1;
        self.tokens.get(self.at - 1).cloned().ok_or_else(|| "The filter ends too early.".to_owned())
    }
}

fn literal(token: &str) -> Option<Literal> {
    if let Some(text) = token.strip_prefix('\'') {
        return Some(Literal::Text(text.to_owned()));
    }
    match token {
        "null" => return Some(Literal::Null),
        "true" | "false" => return Some(Literal::Flag(token == "true")),
        _ => {}
    }
    let is_guid = token.len() == 36 && token.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    if is_guid {
        return Some(Literal::Guid(token.to_owned()));
    }
    if let Ok(time) = token.parse() {
        return Some(Literal::Time(time));
    }
    // The documentation also writes a date with the letter of its zone.
    if let Some(date) = token.strip_suffix('Z').and_then(|date| date.parse::<Date>().ok()) {
        let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        return Some(Literal::Time(midnight.timestamp()));
    }
    let begins_as_number = token.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    begins_as_number.then(|| token.parse().ok().map(Literal::Number)).flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FIELDS: &[Field] = &[
        ("name", Kind::Text),
        ("tags", Kind::Texts),
        ("seen", Kind::Time),
        ("score", Kind::Id),
        ("device", Kind::Guid),
        ("group", Kind::Id),
    ];

    #[test]
    fn every_documented_form_is_understood() {
        let row = json!({
            "name": "O'Brien", "tags": ["vip", "x"], "seen": "2026-11-20T08:15:30.1234567Z", "score": 7.5,
            "device": "de000000-0000-4000-8000-0000000000aa", "group": 140, "missing": null,
        });
        let fits =
            |text: &str| Filter::parse(text, FIELDS).unwrap_or_else(|e| panic!("{text}: {e}")).fits(&row);
        for text in [
            "name eq 'O''Brien'",
            "Name ne 'x'",
            "startswith(name,'O''')",
            "tags/any(tag: tag eq 'vip')",
            "tags/any(t:t eq 'x')",
            "seen gt 2026-11-20Z",
            "seen lt 2026-11-21Z",
            "seen ge 2026-11-20T08:15:30.1234567Z and seen le 2026-11-20T08:15:30.1234567Z",
            "score ge 7.5 and not score gt 8",
            "device eq DE000000-0000-4000-8000-0000000000AA",
            "group eq 140 and group eq '140'",
            "name eq 'x' and name eq 'y' or group eq 140",
            "not (name eq 'x' or name eq null)",
        ] {
            assert!(fits(text), "{text}");
        }
        for text in ["tags/any(tag: tag eq 'other')", "seen gt 2026-11-20T08:15:30.1234567Z", "name gt null"]
        {
            assert!(!fits(text), "{text}");
        }
    }

    #[test]
    fn what_the_services_do_not_have_is_refused() {
        for text in [
            "contains(name,'x')",
            "endswith(name,'x')",
            "tolower(name) eq 'x'",
            "name in ('x','y')",
            "colour eq 'red'",
            "name eq",
            "name eq x",
            "name = 'x'",
            "seen gt '2026-11-20Z'",
            "name/any(tag: tag eq 'x')",
            "tags eq 'vip'",
            "(name eq 'x'",
            "name eq 'x",
            "name eq 'x' 'y'",
        ] {
            assert!(Filter::parse(text, FIELDS).is_err(), "{text}");
        }
    }
}
