//! Decodes a row into columns. One decoder for every resource: names without regard to case, absent members, numbers in
//! quotes, every date form. What fits no column is kept beside them.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};

use super::described::{self, DescribedColumn, DescribedValue, DynamicValue, SharedColumns, is_annotation};
use super::nested::Nested;
use super::surrogates::replace_lone_surrogates;
use super::value::{ColumnValue, ExtraMembers, Extras, VariantValue};
use crate::batch::{BatchBuilder, ColumnBuilder};
use crate::catalog::{ADDITIONAL, ColumnKind, Resource};

/// Columns of rows that no catalog entry describes, at most: beyond it the names are data.
const DYNAMIC_LIMIT: usize = 4096;
/// Spellings of a column's name that are remembered, on average: hostile rows may have any number of them.
pub(crate) const SPELLINGS: usize = 4;
/// Name of the column of described rows that holds what no other column does.
const ADDITIONAL_OF_DESCRIBED: &str = "AdditionalProperties";

/// Decodes the rows of one stream.
pub(crate) struct RowDecoder {
    layout: Layout,
    /// Column by name: as the catalog has it and in lower case, or as it came.
    indexes: HashMap<Box<str>, usize, RandomState>,
    /// Name of the member that each column is read from; empty for a column inside a member.
    names: Vec<Box<str>>,
    nested: Nested,
    seen: Vec<bool>,
    /// By column, the number of the last member of the row that repeats its name.
    repeated: HashMap<usize, u32, RandomState>,
    extras: Extras,
    /// The columns of the whole query, where answers describe them.
    shared: SharedColumns,
    /// The column of the extras of described rows, once there are any.
    additional: Option<usize>,
    /// Whether the first description holds for all answers: files have the same columns from their first row on.
    is_fixed: bool,
    /// Rows that were written to files: a member that says nothing about the row.
    label: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// The catalog's columns; how many of them there are.
    Typed(&'static Resource),
    /// The columns that the answer describes; before it has, no row can be read.
    Described { is_ready: bool },
    /// Columns as they turn up.
    Dynamic,
    /// The JSON itself.
    Raw,
}

impl PartialEq for Resource {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Resource {}

impl RowDecoder {
    /// For a resource of the catalog, and its columns.
    pub(crate) fn typed(resource: &'static Resource) -> (Self, Vec<ColumnBuilder>) {
        let mut decoder = Self::new(Layout::Typed(resource));
        for (index, column) in resource.columns.iter().enumerate() {
            if column.path.len() > 1 {
                decoder.nested.add(column.path, index);
            }
            let mut members = column.members().peekable();
            if let Some(member) = members.peek() {
                decoder.indexes.insert((*member).into(), index);
            }
            decoder.names.push(members.peek().copied().unwrap_or_default().into());
            for name in members {
                decoder.indexes.insert(name.to_ascii_lowercase().into(), index);
            }
        }
        decoder.seen = vec![false; resource.columns.len()];
        (decoder, resource.columns.iter().map(|c| ColumnBuilder::new(c.name, c.kind)).collect())
    }

    /// For rows of a resource that were written to files, by column: the members have the names of the columns, and one
    /// of them holds what no column does. `label` is the member that says whose row it is.
    pub(crate) fn stored(resource: &'static Resource, label: &'static str) -> (Self, Vec<ColumnBuilder>) {
        let mut decoder = RowDecoder { label: Some(label), ..Self::new(Layout::Typed(resource)) };
        for (index, column) in resource.columns.iter().enumerate() {
            if !column.from_request && column.name != ADDITIONAL {
                decoder.indexes.insert(column.name.into(), index);
                decoder.indexes.insert(column.name.to_ascii_lowercase().into(), index);
            }
            decoder.names.push(column.name.into());
        }
        decoder.seen = vec![false; resource.columns.len()];
        (decoder, resource.columns.iter().map(|c| ColumnBuilder::new(c.name, c.kind)).collect())
    }

    /// As [`RowDecoder::stored`], for rows whose columns the manifest of their files describes.
    pub(crate) fn stored_described(shared: SharedColumns, label: &'static str) -> (Self, Vec<ColumnBuilder>) {
        (RowDecoder { label: Some(label), ..Self::described(shared).0 }, Vec::new())
    }

    /// For rows of unknown columns.
    pub(crate) fn dynamic() -> (Self, Vec<ColumnBuilder>) {
        (Self::new(Layout::Dynamic), Vec::new())
    }

    /// For rows whose columns the answer describes.
    pub(crate) fn described(shared: SharedColumns) -> (Self, Vec<ColumnBuilder>) {
        (RowDecoder { shared, ..Self::new(Layout::Described { is_ready: false }) }, Vec::new())
    }

    /// For rows whose columns the first answer describes, and which are written to files. What fits none of them is in
    /// the last one.
    pub(crate) fn described_once() -> (Self, Vec<ColumnBuilder>) {
        (RowDecoder { is_fixed: true, ..Self::described(SharedColumns::default()).0 }, Vec::new())
    }

    /// Whether rows must wait for the description of their columns.
    pub(crate) fn awaits_description(&self) -> bool {
        self.layout == Layout::Described { is_ready: false }
    }

    /// Reads rows as they come, because the answer does not describe them.
    pub(crate) fn do_without_description(&mut self, builder: &mut BatchBuilder) {
        if self.is_fixed {
            self.layout = Layout::Described { is_ready: true };
            self.add_additional(builder);
            builder.keep_columns();
        } else {
            self.layout = Layout::Dynamic;
        }
    }

    /// Takes the description of the columns. The builder must have no rows. Gives the columns whose type differs from
    /// that in the answers before.
    pub(crate) fn describe(&mut self, description: &str, builder: &mut BatchBuilder) -> Vec<String> {
        self.describe_as(&described::columns(description), builder)
    }

    /// As [`RowDecoder::describe`], with columns that are known.
    pub(crate) fn describe_as(
        &mut self,
        columns: &[DescribedColumn],
        builder: &mut BatchBuilder,
    ) -> Vec<String> {
        let is_done = self.is_fixed && !self.awaits_description();
        if is_done || columns.is_empty() || !matches!(self.layout, Layout::Described { .. }) {
            return Vec::new();
        }
        self.layout = Layout::Described { is_ready: true };
        let (columns, conflicts) = self.shared.join(columns);
        for column in columns {
            let is_known = self.names.contains(&column.name);
            if is_known {
                continue;
            }
            builder.add_column(&column.name, column.kind);
            let index = self.names.len();
            // A name that differs in case only is another column, so the exact name comes first.
            self.indexes.entry(column.name.to_ascii_lowercase().into()).or_insert(index);
            self.indexes.insert(column.name.clone(), index);
            self.names.push(column.name);
            self.seen.push(false);
        }
        if self.is_fixed {
            self.add_additional(builder);
        }
        builder.keep_columns();
        conflicts
    }

    /// For rows that are handed on as they are.
    pub(crate) fn raw() -> (Self, Vec<ColumnBuilder>) {
        (Self::new(Layout::Raw), vec![ColumnBuilder::new("json", ColumnKind::Text)])
    }

    fn new(layout: Layout) -> Self {
        RowDecoder {
            layout,
            indexes: HashMap::default(),
            names: Vec::new(),
            nested: Nested::default(),
            seen: Vec::new(),
            repeated: HashMap::default(),
            extras: Extras::default(),
            shared: SharedColumns::default(),
            additional: None,
            is_fixed: false,
            label: None,
        }
    }

    /// Reads one row into the columns; [`BatchBuilder::end_row`] then keeps it. A row that cannot be read leaves
    /// nothing behind. `from_request` is the value of the columns that the request knows.
    pub(crate) fn decode(
        &mut self,
        json: &str,
        from_request: Option<&str>,
        builder: &mut BatchBuilder,
    ) -> Result<(), Unreadable> {
        if self.layout == Layout::Raw {
            builder.columns()[0].text(json);
            return Ok(());
        }
        let mut read = self.value(json, builder);
        if read.is_err()
            && let Some(text) = replace_lone_surrogates(json)
        {
            self.roll_back(builder);
            read = self.value(&text, builder);
        }
        if let Err(reason) = read {
            self.roll_back(builder);
            return Err(reason);
        }
        self.complete(from_request, builder);
        Ok(())
    }

    fn value(&mut self, json: &str, builder: &mut BatchBuilder) -> Result<(), Unreadable> {
        let read = match self.layout {
            Layout::Dynamic if !json.starts_with('{') => self.scalar(json, builder),
            _ if !json.starts_with('{') => return Err(Unreadable::NotAnObject),
            _ => self.object(json, builder).map(|_| ()),
        };
        read.map_err(|e| if e.is_data() { Unreadable::TooManyMembers } else { Unreadable::OutOfRange })
    }

    /// As [`RowDecoder::decode`], from text that begins with an object and may be cut. Gives the object's length, or
    /// `None` if it is not whole and sound.
    pub(crate) fn attempt(
        &mut self,
        text: &str,
        from_request: Option<&str>,
        builder: &mut BatchBuilder,
    ) -> Option<usize> {
        if self.layout == Layout::Raw || self.awaits_description() {
            return None;
        }
        let Ok(length) = self.object(text, builder) else {
            self.roll_back(builder);
            return None;
        };
        self.complete(from_request, builder);
        Some(length)
    }

    /// Forgets a row that is not kept.
    pub(crate) fn roll_back(&mut self, builder: &mut BatchBuilder) {
        builder.roll_back();
        if self.layout == Layout::Dynamic {
            let kept = builder.columns().len();
            for name in self.names.drain(kept..) {
                self.indexes.remove(&name);
            }
            self.seen.truncate(kept);
        }
        if self.additional.is_some_and(|index| index >= builder.columns().len()) {
            self.forget_additional();
        }
        self.seen.fill(false);
        self.repeated.clear();
        self.extras.clear();
    }

    fn forget_additional(&mut self) {
        self.additional = None;
        self.names.pop();
        self.seen.pop();
    }

    /// Reads an object, and says how long it is.
    fn object(&mut self, text: &str, builder: &mut BatchBuilder) -> serde_json::Result<usize> {
        let mut json = serde_json::Deserializer::from_str(text);
        json.deserialize_map(RowVisitor { decoder: self, builder })?;
        Ok(json.into_iter::<IgnoredAny>().byte_offset())
    }

    /// An element that is no object: a row of one column.
    fn scalar(&mut self, json: &str, builder: &mut BatchBuilder) -> serde_json::Result<()> {
        let index = self.column("value", builder).ok_or_else(too_many)?;
        self.seen[index] = true;
        VariantValue(builder.columns()[index].variant())
            .deserialize(&mut serde_json::Deserializer::from_str(json))
    }

    /// Fills the columns that the row did not name.
    fn complete(&mut self, from_request: Option<&str>, builder: &mut BatchBuilder) {
        match self.layout {
            Layout::Raw => {}
            Layout::Typed(resource) => self.fill(resource, from_request, builder.columns()),
            Layout::Described { .. } => self.fill_described(builder),
            Layout::Dynamic => {
                for (column, seen) in builder.columns().iter_mut().zip(&mut self.seen) {
                    if !std::mem::take(seen) {
                        column.null();
                    }
                }
                if !self.repeated.is_empty() {
                    self.repeated.clear();
                }
            }
        }
    }

    /// What the row did not say, and the last column.
    fn fill(&mut self, resource: &Resource, from_request: Option<&str>, columns: &mut [ColumnBuilder]) {
        let additional = columns.len() - 1;
        for (index, column) in columns.iter_mut().enumerate() {
            if index == additional {
                self.extras.write(column);
            } else if !std::mem::take(&mut self.seen[index]) {
                match from_request {
                    Some(text) if resource.is_from_parent(&resource.columns[index]) => column.text(text),
                    _ => column.null(),
                }
            }
        }
    }

    fn add_additional(&mut self, builder: &mut BatchBuilder) {
        self.additional = Some(self.names.len());
        builder.add_column(ADDITIONAL_OF_DESCRIBED, ColumnKind::Variant);
        self.names.push(Box::default());
        self.seen.push(false);
    }

    /// Null in the columns that the row did not name. What fits no column has one of its own from the first such row
    /// on.
    fn fill_described(&mut self, builder: &mut BatchBuilder) {
        if self.additional.is_none() && !self.extras.is_empty() {
            self.add_additional(builder);
        }
        for (index, column) in builder.columns().iter_mut().enumerate() {
            if self.additional == Some(index) {
                self.extras.write(column);
            } else if !std::mem::take(&mut self.seen[index]) {
                column.null();
            }
        }
    }

    /// The column of a member of a dynamic row; a new one while there is room.
    fn column(&mut self, name: &str, builder: &mut BatchBuilder) -> Option<usize> {
        if let Some(index) = self.indexes.get(name) {
            return Some(*index);
        }
        if self.names.len() >= DYNAMIC_LIMIT {
            return None;
        }
        let index = self.names.len();
        builder.add_column(name, ColumnKind::Variant);
        self.indexes.insert(name.into(), index);
        self.names.push(name.into());
        self.seen.push(false);
        Some(index)
    }
}

/// Why a row that is JSON cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    NotAnObject,
    TooManyMembers,
    OutOfRange,
}

impl Unreadable {
    /// For messages.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Unreadable::NotAnObject => "it is not an object",
            Unreadable::TooManyMembers => "its members have too many different names",
            Unreadable::OutOfRange => "it has a number that is too large",
        }
    }
}

fn too_many<E: serde::de::Error>() -> E {
    E::custom("too many different members")
}

/// Where a member goes.
enum Member {
    ColumnBuilder(usize),
    Extra(String),
    /// Says a type and no value.
    Annotation,
    /// Holds members that no column does.
    Additional,
}

struct RowVisitor<'a> {
    decoder: &'a mut RowDecoder,
    builder: &'a mut BatchBuilder,
}

impl<'de> Visitor<'de> for RowVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let RowVisitor { decoder, builder } = self;
        let mut expected = 0;
        while let Some(member) = map.next_key_seed(MemberName { decoder, expected })? {
            let index = match member {
                Member::ColumnBuilder(index) => index,
                Member::Extra(name) if decoder.layout == Layout::Dynamic => {
                    decoder.unseen_column(&name, builder).ok_or_else(too_many)?
                }
                Member::Annotation => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
                Member::Additional => {
                    map.next_value_seed(ExtraMembers(&mut decoder.extras))?;
                    continue;
                }
                Member::Extra(name) if decoder.is_described() => {
                    map.next_value_seed(DynamicValue::new(decoder.extras.name(&name)))?;
                    continue;
                }
                Member::Extra(name) if decoder.nested.object(&name).is_some() => {
                    let value = map.next_value()?;
                    let RowDecoder { nested, seen, extras, .. } = &mut *decoder;
                    if let Some(nested) = nested.object(&name) {
                        nested
                            .read(&name, value, builder.columns(), seen, extras)
                            .map_err(serde::de::Error::custom)?;
                    }
                    continue;
                }
                Member::Extra(name) => {
                    map.next_value_seed(VariantValue(decoder.extras.name(&name)))?;
                    continue;
                }
            };
            let column = &mut builder.columns()[index];
            let name = &decoder.names[index];
            let value = ColumnValue { column, name, extras: &mut decoder.extras };
            match decoder.layout {
                // What was written to a file has its kind.
                Layout::Described { .. } if decoder.label.is_none() => {
                    map.next_value_seed(DescribedValue(value))?;
                }
                _ => map.next_value_seed(value)?,
            }
            decoder.seen[index] = true;
            expected = index + 1;
        }
        Ok(())
    }
}

impl RowDecoder {
    fn is_described(&self) -> bool {
        matches!(self.layout, Layout::Described { .. })
    }

    /// The last column and those of the request have names too, but are not read from the row.
    fn readable(&self, index: usize) -> bool {
        match self.layout {
            Layout::Typed(resource) => {
                let column = &resource.columns[index];
                !column.from_request && column.path.len() < 2 && index + 1 < resource.columns.len()
            }
            Layout::Described { .. } => self.additional != Some(index),
            _ => true,
        }
    }

    /// The column whose name differs in letter case only. It is found by this spelling from then on: the files of a
    /// service have other spellings than its lists, in every row.
    fn in_other_case(&mut self, name: &str) -> Option<usize> {
        if self.layout == Layout::Dynamic {
            return None;
        }
        let index = *self.indexes.get(name.to_ascii_lowercase().as_str())?;
        if self.indexes.len() < SPELLINGS * self.names.len() {
            self.indexes.insert(name.into(), index);
        }
        Some(index)
    }

    /// As [`RowDecoder::column`]; a name that the row has had already gets a number, so that nothing is dropped.
    fn unseen_column(&mut self, name: &str, builder: &mut BatchBuilder) -> Option<usize> {
        let first = self.column(name, builder)?;
        let mut index = first;
        while self.seen[index] {
            let number = self.repeated.entry(first).or_insert(1);
            *number += 1;
            let numbered = format!("{name}#{number}");
            index = self.column(&numbered, builder)?;
        }
        Some(index)
    }
}

/// Reads a member's name as the column that it means.
struct MemberName<'a> {
    decoder: &'a mut RowDecoder,
    /// The column after the last one: rows mostly come in the same order.
    expected: usize,
}

impl<'de> DeserializeSeed<'de> for MemberName<'_> {
    type Value = Member;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Member, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for MemberName<'_> {
    type Value = Member;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Member, E> {
        let decoder = self.decoder;
        let expected = self.expected;
        if decoder.names.get(expected).is_some_and(|n| &**n == name)
            && decoder.readable(expected)
            && !decoder.seen[expected]
        {
            return Ok(Member::ColumnBuilder(expected));
        }
        if decoder.is_described() && is_annotation(name) || decoder.label == Some(name) {
            return Ok(Member::Annotation);
        }
        if decoder.label.is_some() && name == ADDITIONAL {
            return Ok(Member::Additional);
        }
        let found = decoder.indexes.get(name).copied().or_else(|| decoder.in_other_case(name));
        Ok(match found {
            Some(index) if !decoder.seen[index] => Member::ColumnBuilder(index),
            _ if matches!(decoder.layout, Layout::Typed(_)) && is_annotation(name) => Member::Annotation,
            _ => Member::Extra(name.to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch_reader::BatchReader;
    use crate::catalog::resource;

    #[test]
    fn every_spelling_of_a_name_is_its_column_and_few_are_remembered() {
        let (mut decoder, columns) = RowDecoder::typed(resource("machines").unwrap());
        let mut builder = BatchBuilder::new(0, "t", columns);
        let mut reader = BatchReader::default();
        for spelling in 0..1 << "osPlatform".len() {
            let upper_or_not = |(bit, letter): (usize, char)| {
                if spelling >> bit & 1 == 1 {
                    letter.to_ascii_uppercase()
                } else {
                    letter.to_ascii_lowercase()
                }
            };
            let name: String = "osPlatform".chars().enumerate().map(upper_or_not).collect();
            decoder.decode(&format!(r#"{{"{name}":"{name}"}}"#), None, &mut builder).unwrap();
            builder.end_row();
            let rows = reader.read(builder.take().unwrap().bytes()).unwrap().rows;
            assert_eq!(rows[0]["osPlatform"], name);
        }
        assert!(decoder.indexes.len() <= SPELLINGS * decoder.names.len());
    }
}
