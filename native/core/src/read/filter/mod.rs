//! An OData `$filter` that is applied here, for lists whose service takes none. Rows are tested before they are
//! decoded.
//!
//! The syntax is that of the services: comparisons, `and`, `or`, `not`, brackets, `in`, `startswith`, `endswith`,
//! `contains`, and `any` and `all` over lists. Text is compared without regard to case, and times as points in time.
//! A comparison of null with `gt`, `ge`, `lt` or `le` is false.
//! <https://docs.oasis-open.org/odata/odata/v4.01/odata-v4.01-part2-url-conventions.html#sec_SystemQueryOptionfilter>

mod expression;
mod parse;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::Deserializer;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use self::expression::Expression;
use super::decode::surrogates::replace_lone_surrogates;

/// A filter of rows.
#[derive(Clone, Debug)]
pub(crate) struct RowFilter {
    expression: Expression,
    /// Members that it names, in lower case.
    fields: Vec<String>,
}

impl RowFilter {
    /// Reads a filter that may name these fields. An error says what is wrong with it.
    pub(crate) fn parse(text: &str, fields: &[&str]) -> Result<Self, String> {
        let (expression, fields) = parse::parse(text, fields)?;
        Ok(RowFilter { expression, fields })
    }

    /// Whether a row passes; `None` if it cannot be read.
    pub(crate) fn matches(&self, json: &str) -> Option<bool> {
        let values = match self.pick(json) {
            Some(values) => values,
            None => self.pick(&replace_lone_surrogates(json)?)?,
        };
        Some(self.expression.passes(&values, None))
    }

    fn pick(&self, json: &str) -> Option<Vec<Value>> {
        serde_json::Deserializer::from_str(json).deserialize_map(Pick(&self.fields)).ok()
    }
}

/// Reads the values of some members; those that are absent are null.
struct Pick<'a>(&'a [String]);

impl<'de> Visitor<'de> for Pick<'_> {
    type Value = Vec<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Value>, A::Error> {
        let mut values = vec![Value::Null; self.0.len()];
        while let Some(name) = map.next_key::<String>()? {
            match self.0.iter().position(|field| field.eq_ignore_ascii_case(&name)) {
                Some(index) => values[index] = map.next_value()?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(values)
    }
}
