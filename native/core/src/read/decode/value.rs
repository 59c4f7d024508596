//! Reads one JSON value into a column, or as a variant.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};

use super::time::{ParsedTime, parse_time};
use crate::batch::ColumnKind;
use crate::batch::{ColumnBuilder, ValueTag, length, put_text};

/// Members without a column of their own, as the inside of a variant object.
#[derive(Default)]
pub(crate) struct Extras {
    data: Vec<u8>,
    count: u32,
}

impl Extras {
    /// Begins a member; its value is to be written to the result.
    pub(crate) fn name(&mut self, name: &str) -> &mut Vec<u8> {
        put_text(&mut self.data, Some(name));
        self.count += 1;
        &mut self.data
    }

    /// Whether the row has no such members.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Forgets the members of a row that is not kept.
    pub(crate) fn clear(&mut self) {
        self.data.clear();
        self.count = 0;
    }

    /// Writes the members of a row into its last column.
    pub(crate) fn write(&mut self, column: &mut ColumnBuilder) {
        if self.count == 0 {
            column.null();
            return;
        }
        let out = column.variant();
        out.push(ValueTag::Object as u8);
        let begun = begin_values(out);
        out.append(&mut self.data);
        end_values(out, begun, self.count);
        self.count = 0;
    }
}

/// Reads an object of members that no column holds. Null does not count.
pub(crate) struct ExtraMembers<'a>(pub(crate) &'a mut Extras);

impl<'de> DeserializeSeed<'de> for ExtraMembers<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ExtraMembers<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or null")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            map.next_value_seed(VariantValue(self.0.name(&name)))?;
        }
        Ok(())
    }
}

/// A member's value on its way into its column. A value of another kind goes to the extras, under the member's name.
pub(crate) struct ColumnValue<'a> {
    pub(crate) column: &'a mut ColumnBuilder,
    pub(crate) name: &'a str,
    pub(crate) extras: &'a mut Extras,
}

impl<'a> ColumnValue<'a> {
    /// Null in the column, and the place for the value among the extras.
    fn misfit(self) -> VariantValue<'a> {
        self.column.null();
        VariantValue(self.extras.name(self.name))
    }

    fn number<E: serde::de::Error>(
        self,
        as_int: Option<i64>,
        as_float: f64,
        text: impl fmt::Display,
    ) -> Result<(), E> {
        match (self.column.kind(), as_int) {
            (ColumnKind::Int, Some(number)) => self.column.int(number),
            (ColumnKind::Float, _) => self.column.float(as_float),
            (ColumnKind::Text | ColumnKind::Dictionary, _) => self.column.text(&text.to_string()),
            _ => match as_int {
                Some(number) => self.misfit().visit_i64::<E>(number)?,
                None => self.misfit().visit_f64::<E>(as_float)?,
            },
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for ColumnValue<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.column.kind() == ColumnKind::Variant {
            return VariantValue(self.column.variant()).deserialize(deserializer);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ColumnValue<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.column.null();
        Ok(())
    }

    fn visit_bool<E: serde::de::Error>(self, v: bool) -> Result<(), E> {
        match self.column.kind() {
            ColumnKind::Bool => self.column.bool(v),
            ColumnKind::Text | ColumnKind::Dictionary => self.column.text(if v { "true" } else { "false" }),
            _ => self.misfit().visit_bool::<E>(v)?,
        }
        Ok(())
    }

    fn visit_i64<E: serde::de::Error>(self, v: i64) -> Result<(), E> {
        #[expect(clippy::cast_precision_loss, reason = "the column holds floating numbers")]
        self.number(Some(v), v as f64, v)
    }

    fn visit_u64<E: serde::de::Error>(self, v: u64) -> Result<(), E> {
        match i64::try_from(v) {
            Ok(v) => self.visit_i64(v),
            Err(_) if self.column.kind() == ColumnKind::Int => self.misfit().visit_u64(v),
            #[expect(clippy::cast_precision_loss, reason = "the column holds floating numbers")]
            Err(_) => self.number(None, v as f64, v),
        }
    }

    fn visit_f64<E: serde::de::Error>(self, v: f64) -> Result<(), E> {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "checked: no fraction, and small enough to be exact"
        )]
        let whole = (v.fract() == 0.0 && v.abs() < 9e15).then_some(v as i64);
        match self.column.kind() {
            ColumnKind::Int => self.number(whole, v, v),
            _ => self.number(None, v, v),
        }
    }

    fn visit_str<E: serde::de::Error>(self, v: &str) -> Result<(), E> {
        self.column.note(v);
        match self.column.kind() {
            ColumnKind::Text | ColumnKind::Dictionary => self.column.text(v),
            ColumnKind::Int => match v.trim().parse() {
                Ok(number) => self.column.int(number),
                Err(_) => self.misfit().visit_str::<E>(v)?,
            },
            ColumnKind::Float => match v.trim().parse::<f64>() {
                Ok(number) if number.is_finite() => self.column.float(number),
                _ => self.misfit().visit_str::<E>(v)?,
            },
            ColumnKind::Bool if v.eq_ignore_ascii_case("true") => self.column.bool(true),
            ColumnKind::Bool if v.eq_ignore_ascii_case("false") => self.column.bool(false),
            ColumnKind::Time => match parse_time(v) {
                ParsedTime::Ticks(ticks) => self.column.int(ticks),
                ParsedTime::Never => self.column.null(),
                ParsedTime::Unreadable => self.misfit().visit_str::<E>(v)?,
            },
            _ => self.misfit().visit_str::<E>(v)?,
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        if self.column.kind() != ColumnKind::TextList {
            return self.misfit().visit_seq(seq);
        }
        let begun = self.column.begin_list();
        let mut count = 0;
        while seq.next_element_seed(ListItem(self.column))?.is_some() {
            count += 1;
        }
        self.column.end_list(begun, count);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.misfit().visit_map(map)
    }
}

/// One item of a list of texts; what is no text is kept as its JSON.
struct ListItem<'a>(&'a mut ColumnBuilder);

impl<'de> DeserializeSeed<'de> for ListItem<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ListItem<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.item(None);
        Ok(())
    }

    fn visit_bool<E>(self, v: bool) -> Result<(), E> {
        self.0.item(Some(if v { "true" } else { "false" }));
        Ok(())
    }

    fn visit_i64<E>(self, v: i64) -> Result<(), E> {
        self.0.item(Some(&v.to_string()));
        Ok(())
    }

    fn visit_u64<E>(self, v: u64) -> Result<(), E> {
        self.0.item(Some(&v.to_string()));
        Ok(())
    }

    fn visit_f64<E>(self, v: f64) -> Result<(), E> {
        self.0.item(Some(&v.to_string()));
        Ok(())
    }

    fn visit_str<E>(self, v: &str) -> Result<(), E> {
        self.0.item(Some(v));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element::<serde_json::Value>()? {
            items.push(item);
        }
        self.0.item(Some(&serde_json::Value::Array(items).to_string()));
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut members = serde_json::Map::new();
        while let Some((name, member)) = map.next_entry::<String, serde_json::Value>()? {
            members.insert(name, member);
        }
        self.0.item(Some(&serde_json::Value::Object(members).to_string()));
        Ok(())
    }
}

/// Any value, written as a variant.
pub(crate) struct VariantValue<'a>(pub(crate) &'a mut Vec<u8>);

impl<'de> DeserializeSeed<'de> for VariantValue<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for VariantValue<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.push(ValueTag::Null as u8);
        Ok(())
    }

    fn visit_bool<E>(self, v: bool) -> Result<(), E> {
        self.0.push(if v { ValueTag::True as u8 } else { ValueTag::False as u8 });
        Ok(())
    }

    fn visit_i64<E>(self, v: i64) -> Result<(), E> {
        self.0.push(ValueTag::Int as u8);
        self.0.extend_from_slice(&v.to_le_bytes());
        Ok(())
    }

    fn visit_u64<E: serde::de::Error>(self, v: u64) -> Result<(), E> {
        if let Ok(v) = i64::try_from(v) {
            return self.visit_i64(v);
        }
        self.0.push(ValueTag::Unsigned as u8);
        self.0.extend_from_slice(&v.to_le_bytes());
        Ok(())
    }

    fn visit_f64<E>(self, v: f64) -> Result<(), E> {
        self.0.push(ValueTag::Float as u8);
        self.0.extend_from_slice(&v.to_le_bytes());
        Ok(())
    }

    fn visit_str<E>(self, v: &str) -> Result<(), E> {
        self.0.push(ValueTag::Text as u8);
        put_text(self.0, Some(v));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.0.push(ValueTag::List as u8);
        let (begun, mut count) = (begin_values(self.0), 0_u32);
        while seq.next_element_seed(VariantValue(self.0))?.is_some() {
            count += 1;
        }
        end_values(self.0, begun, count);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.0.push(ValueTag::Object as u8);
        let (begun, mut count) = (begin_values(self.0), 0_u32);
        while map.next_key_seed(VariantName(self.0))?.is_some() {
            map.next_value_seed(VariantValue(self.0))?;
            count += 1;
        }
        end_values(self.0, begun, count);
        Ok(())
    }
}

/// The name of a member, written without a string of its own.
struct VariantName<'a>(&'a mut Vec<u8>);

impl<'de> DeserializeSeed<'de> for VariantName<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for VariantName<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, v: &str) -> Result<(), E> {
        put_text(self.0, Some(v));
        Ok(())
    }
}

/// Begins the values of a list or an object: leaves room for their bytes and their number.
pub(super) fn begin_values(out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(&[0; 8]);
    out.len() - 8
}

/// Ends what [`begin_values`] began.
pub(super) fn end_values(out: &mut [u8], begun: usize, count: u32) {
    let bytes = length(out.len() - begun - 4);
    out[begun..begun + 4].copy_from_slice(&bytes.to_le_bytes());
    out[begun + 4..begun + 8].copy_from_slice(&count.to_le_bytes());
}
