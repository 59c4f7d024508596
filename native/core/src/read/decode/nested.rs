//! Columns whose value is inside a member of the row.

use std::collections::HashMap;

use serde::de::DeserializeSeed;
use serde_json::{Error, Value};

use super::value::{ColumnValue, Extras, VariantValue};
use crate::batch::ColumnBuilder;

/// Members of an object that columns are read from, by name in lower case.
#[derive(Default)]
pub(super) struct Nested {
    columns: HashMap<String, usize>,
    objects: HashMap<String, Nested>,
}

impl Nested {
    /// Adds the column whose value is at the end of `path`.
    pub(super) fn add(&mut self, path: &[&str], index: usize) {
        match path {
            [] => {}
            [name] => {
                self.columns.insert(name.to_ascii_lowercase(), index);
            }
            [name, rest @ ..] => self.objects.entry(name.to_ascii_lowercase()).or_default().add(rest, index),
        }
    }

    /// The object of this member, if columns are read from it.
    pub(super) fn object(&self, name: &str) -> Option<&Nested> {
        self.objects.get(&name.to_ascii_lowercase())
    }

    /// Reads a member's value. What no column takes becomes an extra with the path as its name.
    pub(super) fn read(
        &self,
        path: &str,
        value: Value,
        columns: &mut [ColumnBuilder],
        seen: &mut [bool],
        extras: &mut Extras,
    ) -> Result<(), Error> {
        let members = match value {
            Value::Object(members) => members,
            Value::Null => return Ok(()),
            other => return VariantValue(extras.name(path)).deserialize(other),
        };
        for (name, value) in members {
            let path = format!("{path}.{name}");
            let lower = name.to_ascii_lowercase();
            match (self.columns.get(&lower), self.objects.get(&lower)) {
                (Some(&index), _) if !seen[index] => {
                    seen[index] = true;
                    ColumnValue { column: &mut columns[index], name: &path, extras }.deserialize(value)?;
                }
                (_, Some(nested)) => nested.read(&path, value, columns, seen, extras)?,
                _ => VariantValue(extras.name(&path)).deserialize(value)?,
            }
        }
        Ok(())
    }
}
