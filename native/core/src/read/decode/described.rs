//! Rows whose columns the answer describes: names and types of the Kusto query language.
//! <https://learn.microsoft.com/graph/api/security-security-runhuntingquery>

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::value::{ColumnValue, VariantValue, begin_values, end_values};
use crate::batch::{ColumnKind, ValueTag, put_text};

/// Members beside the values say their types: `Col@odata.type`, or `@odata.type` in an object.
pub(super) fn is_annotation(name: &str) -> bool {
    name.contains("@odata.")
}

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DescribedColumn {
    pub(crate) name: Box<str>,
    pub(crate) kind: ColumnKind,
}

/// The columns of all answers of a query, in the order in which they became known: the rows of all tenants have the
/// same properties, in the same order.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedColumns(Arc<Mutex<Vec<DescribedColumn>>>);

impl SharedColumns {
    /// Adds the columns of one answer. Gives all columns so far, as that answer's rows fill them, and the names of
    /// those that have another type in it: any value fits them there.
    pub(crate) fn join(&self, answer: &[DescribedColumn]) -> (Vec<DescribedColumn>, Vec<String>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for column in answer {
            if !all.iter().any(|known| known.name == column.name) {
                all.push(column.clone());
            }
        }
        let mut columns = all.clone();
        let mut conflicts = Vec::new();
        for column in &mut columns {
            let other = answer.iter().find(|own| own.name == column.name && own.kind != column.kind);
            if other.is_some() {
                column.kind = ColumnKind::Variant;
                conflicts.push(column.name.to_string());
            }
        }
        (columns, conflicts)
    }
}

/// One item of a description. Some answers have its members in camel case, some in Pascal case.
#[derive(Deserialize)]
struct Item {
    #[serde(alias = "Name")]
    name: String,
    #[serde(alias = "Type")]
    r#type: Option<String>,
}

/// The columns that an answer describes; none if the description cannot be read.
pub(crate) fn columns(description: &str) -> Vec<DescribedColumn> {
    let items: Vec<Item> = serde_json::from_str(description).unwrap_or_default();
    let mut columns: Vec<DescribedColumn> = Vec::with_capacity(items.len());
    for item in items {
        if !columns.iter().any(|known| *known.name == *item.name) {
            let kind = kind(item.r#type.as_deref().unwrap_or_default());
            columns.push(DescribedColumn { name: item.name.into(), kind });
        }
    }
    columns
}

/// The kind for a type of .NET or of the query language; any value fits a type that is not known.
fn kind(of_service: &str) -> ColumnKind {
    match of_service.to_ascii_lowercase().trim_start_matches("system.").trim_start_matches("edm.") {
        // What repeats crosses once; what does not costs little more than as text.
        "string" => ColumnKind::Dictionary,
        "guid" | "uuid" | "uniqueid" | "timespan" | "time" | "duration" => ColumnKind::Text,
        "datetime" | "date" | "datetimeoffset" => ColumnKind::Time,
        "int" | "int16" | "int32" | "int64" | "long" | "uint16" | "uint32" | "byte" => ColumnKind::Int,
        "real" | "double" | "single" | "float" | "decimal" | "sqldecimal" => ColumnKind::Float,
        // The query language has no type of one byte: this is its bool.
        "sbyte" | "bool" | "boolean" => ColumnKind::Bool,
        _ => ColumnKind::Variant,
    }
}

/// A value of a described column. Its empty object is a null, its bool may be a number.
pub(super) struct DescribedValue<'a>(pub(super) ColumnValue<'a>);

impl<'de> DeserializeSeed<'de> for DescribedValue<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.0.column.kind() == ColumnKind::Variant {
            return DynamicValue::new(self.0.column.variant()).deserialize(deserializer);
        }
        deserializer.deserialize_any(self)
    }
}

impl DescribedValue<'_> {
    fn whole<E: serde::de::Error>(self, number: i64) -> Result<(), E> {
        match (self.0.column.kind(), number) {
            (ColumnKind::Bool, 0 | 1) => {
                self.0.column.bool(number == 1);
                Ok(())
            }
            _ => self.0.visit_i64(number),
        }
    }
}

impl<'de> Visitor<'de> for DescribedValue<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.column.null();
        Ok(())
    }

    fn visit_bool<E: serde::de::Error>(self, v: bool) -> Result<(), E> {
        self.0.visit_bool(v)
    }

    fn visit_i64<E: serde::de::Error>(self, v: i64) -> Result<(), E> {
        self.whole(v)
    }

    fn visit_u64<E: serde::de::Error>(self, v: u64) -> Result<(), E> {
        match i64::try_from(v) {
            Ok(v) => self.whole(v),
            Err(_) => self.0.visit_u64(v),
        }
    }

    fn visit_f64<E: serde::de::Error>(self, v: f64) -> Result<(), E> {
        self.0.visit_f64(v)
    }

    fn visit_str<E: serde::de::Error>(self, v: &str) -> Result<(), E> {
        let is_text = matches!(self.0.column.kind(), ColumnKind::Text | ColumnKind::Dictionary);
        let is_number = self.0.column.kind() == ColumnKind::Float;
        match v {
            "" if !is_text => self.0.column.null(),
            "NaN" if is_number => self.0.column.null(),
            "Infinity" if is_number => self.0.column.float(f64::INFINITY),
            "-Infinity" if is_number => self.0.column.float(f64::NEG_INFINITY),
            _ => self.0.visit_str(v)?,
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        self.0.column.null();
        DynamicValue::new(self.0.extras.name(self.0.name)).visit_seq(seq)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.0.column.null();
        let first = loop {
            match map.next_key::<String>()? {
                Some(name) if is_annotation(&name) => _ = map.next_value::<IgnoredAny>()?,
                other => break other,
            }
        };
        match first {
            // This is how the service writes null.
            None => Ok(()),
            Some(first) => DynamicValue::new(self.0.extras.name(self.0.name)).members(Some(first), map),
        }
    }
}

/// Any value, written as a variant: without the annotations, and with what is inside a text that holds JSON.
pub(super) struct DynamicValue<'a> {
    out: &'a mut Vec<u8>,
    /// The value is inside such a text: deeper ones stay texts.
    is_embedded: bool,
}

impl<'a> DynamicValue<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        DynamicValue { out, is_embedded: false }
    }

    /// The members of an object whose first name has been read.
    fn members<'de, A: MapAccess<'de>>(self, first: Option<String>, mut map: A) -> Result<(), A::Error> {
        self.out.push(ValueTag::Object as u8);
        let (begun, mut count) = (begin_values(self.out), 0_u32);
        let mut name = match first {
            Some(name) => Some(name),
            None => map.next_key::<String>()?,
        };
        while let Some(current) = name {
            if is_annotation(&current) {
                map.next_value::<IgnoredAny>()?;
            } else {
                put_text(self.out, Some(&current));
                map.next_value_seed(DynamicValue { out: &mut *self.out, is_embedded: self.is_embedded })?;
                count += 1;
            }
            name = map.next_key::<String>()?;
        }
        end_values(self.out, begun, count);
        Ok(())
    }

    /// Reads a text as JSON; false if it is not JSON.
    fn embedded(&mut self, text: &str) -> bool {
        let begun = self.out.len();
        let mut json = serde_json::Deserializer::from_str(text);
        let read = DynamicValue { out: &mut *self.out, is_embedded: true }.deserialize(&mut json);
        let is_json = read.and_then(|()| json.end()).is_ok();
        if !is_json {
            self.out.truncate(begun);
        }
        is_json
    }
}

impl<'de> DeserializeSeed<'de> for DynamicValue<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for DynamicValue<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        VariantValue(self.out).visit_unit()
    }

    fn visit_bool<E: serde::de::Error>(self, v: bool) -> Result<(), E> {
        VariantValue(self.out).visit_bool(v)
    }

    fn visit_i64<E: serde::de::Error>(self, v: i64) -> Result<(), E> {
        VariantValue(self.out).visit_i64(v)
    }

    fn visit_u64<E: serde::de::Error>(self, v: u64) -> Result<(), E> {
        VariantValue(self.out).visit_u64(v)
    }

    fn visit_f64<E: serde::de::Error>(self, v: f64) -> Result<(), E> {
        VariantValue(self.out).visit_f64(v)
    }

    fn visit_str<E: serde::de::Error>(mut self, v: &str) -> Result<(), E> {
        let may_be_json = !self.is_embedded && v.trim_start().starts_with(['{', '[']);
        if may_be_json && self.embedded(v) {
            return Ok(());
        }
        VariantValue(self.out).visit_str(v)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.out.push(ValueTag::List as u8);
        let (begun, mut count) = (begin_values(self.out), 0_u32);
        let is_embedded = self.is_embedded;
        while seq.next_element_seed(DynamicValue { out: &mut *self.out, is_embedded })?.is_some() {
            count += 1;
        }
        end_values(self.out, begun, count);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.members(None, map)
    }
}
