//! JSON lines from the JSON of the service: values that both write alike are copied, which takes less time than columns
//! and no memory for them. A row with any other value goes over columns; its line is the same.

use std::collections::HashMap;
use std::ops::Range;

use foldhash::fast::RandomState;

use super::columns::{TENANT_COLUMN, file_columns};
use super::encoding::{Encoding, Lines};
use super::json::JsonLines;
use super::plain_values::{Plain, PlainValues, after_space};
use super::prefix::Prefix;
use crate::batch::ColumnKind;
use crate::catalog::{Column, Resource};
use crate::dataset::buffers::Buffers;
use crate::read::decode::row::SPELLINGS;
use crate::read::row_text::RowFormat;

/// The name that stands for the beginning of a row.
const BEGINNING: usize = 0;
/// The number of no name.
const NONE: usize = usize::MAX;

/// Turns the rows of a resource into JSON lines, if their values are plain.
pub(in crate::dataset) struct PlainRows {
    buffers: Buffers,
    /// What a line begins with: its tenant.
    tenant: Vec<u8>,
    /// In the order of a file.
    columns: Vec<PlainColumn>,
    /// Column by name in lower case.
    indexes: HashMap<Box<str>, usize, RandomState>,
    /// Names of members as they came.
    names: Vec<Name>,
    /// Number of each name, with its quotes.
    known: HashMap<Box<[u8]>, usize, RandomState>,
    values: PlainValues,
}

struct PlainColumn {
    kind: ColumnKind,
    /// Its name and null.
    null: Vec<u8>,
    value: Value,
}

/// A value of the row.
enum Value {
    Absent,
    Null,
    /// Where it stands in the row.
    Copied(Range<usize>),
    /// Where it stands in the row with its name, which is written there as in a line.
    Member(Range<usize>),
    /// Where it stands among the values that are not written as they came.
    Rewritten(Range<usize>),
}

struct Name {
    /// With quotes and colon.
    text: Prefix,
    column: usize,
    /// Whether lines have it like this.
    is_of_lines: bool,
    /// The name that came after it the last time: rows mostly have the same names in the same order.
    next: usize,
}

impl PlainRows {
    pub(in crate::dataset) fn new(resource: &'static Resource, tenant: &str, buffers: &Buffers) -> Self {
        let mut begin = vec![b'{'];
        begin.extend(JsonLines.label(TENANT_COLUMN));
        JsonLines.text(tenant, &mut begin);
        let columns = file_columns(resource);
        let mut indexes = HashMap::default();
        for (index, (_, column)) in columns.iter().enumerate() {
            for name in column.members() {
                indexes.insert(name.to_ascii_lowercase().into(), index);
            }
        }
        let plain = |(_, column): (usize, &'static Column)| PlainColumn {
            kind: column.kind,
            null: [b",", &*JsonLines.label(column.name), b"null"].concat(),
            value: Value::Absent,
        };
        PlainRows {
            buffers: buffers.clone(),
            tenant: begin,
            columns: columns.into_iter().map(plain).collect(),
            indexes,
            names: vec![Name { text: Prefix::new(Vec::new()), column: 0, is_of_lines: false, next: NONE }],
            known: HashMap::default(),
            values: PlainValues::default(),
        }
    }

    /// Finds the values of the row. Gives its length.
    fn read(&mut self, row: &str) -> Option<usize> {
        let json = row.as_bytes();
        let mut at = after_space(json, json.starts_with(b"{").then_some(1)?);
        if json.get(at) == Some(&b'}') {
            return Some(at + 1);
        }
        let (mut before, mut number) = (BEGINNING, self.names.get(BEGINNING)?.next);
        loop {
            let begun = at;
            if let Some(name) = self.names.get(number)
                && name.text.begins(json.get(at..)?)
            {
                at += name.text.len();
            } else {
                (number, at) = self.other_name(json, at, before)?;
            }
            let name = self.names.get(number)?;
            let column = self.columns.get_mut(name.column)?;
            if !matches!(column.value, Value::Absent) {
                // A name that repeats is for the column of what has no other.
                return None;
            }
            at = after_space(json, at);
            let (value, end) = self.values.value(row, at, column.kind)?;
            column.value = match value {
                Plain::Null => Value::Null,
                Plain::Same if name.is_of_lines && at == begun + name.text.len() => Value::Member(begun..end),
                Plain::Same => Value::Copied(at..end),
                Plain::Rewritten(range) => Value::Rewritten(range),
            };
            (before, number) = (number, name.next);
            at = after_space(json, end);
            match json.get(at)? {
                b',' => at = after_space(json, at + 1),
                b'}' => return Some(at + 1),
                _ => return None,
            }
        }
    }

    /// The name that stands here, and what is after its colon. `before` is the name of the member before, which had
    /// another one after it the last time.
    #[inline(never)]
    fn other_name(&mut self, json: &[u8], at: usize, before: usize) -> Option<(usize, usize)> {
        let (end, _) = self.values.text_end(json, at)?;
        let colon = after_space(json, end);
        json.get(colon).filter(|byte| **byte == b':')?;
        let number = self.number(json.get(at..end)?)?;
        self.names.get_mut(before)?.next = number;
        Some((number, colon + 1))
    }

    /// The number of a name, which has its quotes. `None` if it is that of no column.
    fn number(&mut self, name: &[u8]) -> Option<usize> {
        if let Some(number) = self.known.get(name) {
            return Some(*number);
        }
        let text = std::str::from_utf8(name).ok()?.trim_matches('"').to_ascii_lowercase();
        let column = *self.indexes.get(text.as_str())?;
        let number = self.names.len();
        if number > SPELLINGS * self.columns.len() {
            return None;
        }
        let text = [name, b":"].concat();
        let is_of_lines = self.columns.get(column)?.label().get(1..) == Some(&text);
        self.names.push(Name { text: Prefix::new(text), column, is_of_lines, next: NONE });
        self.known.insert(name.into(), number);
        Some(number)
    }

    /// Writes the line. Members that stand next to each other in the row too are copied at once.
    fn write(&self, row: &[u8], line: &mut Vec<u8>) {
        line.extend_from_slice(&self.tenant);
        let mut copied: Option<Range<usize>> = None;
        for column in &self.columns {
            if let (Value::Member(member), Some(before)) = (&column.value, &mut copied)
                && member.start == before.end + 1
            {
                before.end = member.end;
                continue;
            }
            if let Some(members) = copied.take() {
                copy(row, members, line);
            }
            let (text, value) = match &column.value {
                Value::Member(member) => {
                    copied = Some(member.clone());
                    continue;
                }
                Value::Absent | Value::Null => {
                    line.extend_from_slice(&column.null);
                    continue;
                }
                Value::Copied(range) => (row, range),
                Value::Rewritten(range) => (&*self.values.rewritten, range),
            };
            line.extend_from_slice(column.label());
            line.extend_from_slice(text.get(value.clone()).unwrap_or_default());
        }
        if let Some(members) = copied {
            copy(row, members, line);
        }
        JsonLines.end_row(line);
    }
}

/// Copies members of the row.
fn copy(row: &[u8], members: Range<usize>, line: &mut Vec<u8>) {
    line.push(b',');
    line.extend_from_slice(row.get(members).unwrap_or_default());
}

impl PlainColumn {
    /// Its name, as it comes before the value.
    fn label(&self) -> &[u8] {
        self.null.split_last_chunk::<4>().map_or(&[], |(label, _)| label)
    }
}

impl RowFormat for PlainRows {
    fn buffer(&self) -> Vec<u8> {
        self.buffers.take()
    }

    fn add(&mut self, json: &str, text: &mut Vec<u8>) -> Option<usize> {
        self.values.clear();
        self.columns.iter_mut().for_each(|column| column.value = Value::Absent);
        let length = self.read(json)?;
        self.write(json.as_bytes(), text);
        Some(length)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalog::DATASETS;
    use crate::dataset::fuzzing;

    /// Values as services write them, and as they do not.
    fn value() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("null".to_owned()),
            "true|false|\\[\\]|\\{\\}|\\[null\\]|nul|\\[ \"a\"\\]|\\[1\\]|\\{\"a\":1\\}",
            "-?[0-9]{1,20}",
            "-?(0|[1-9][0-9]{0,9})\\.[0-9]{1,9}",
            "0\\.0{0,8}[0-9]{1,4}",
            "[1-9][0-9]{0,16}(\\.[0-9]{1,17})?",
            "-?[0-9]\\.?[0-9]?[eE][+-]?[0-9]{1,2}",
            r#""([a-z é😀]|\\[nrtbf"\\/]|\\u00[0-9a-f]{2}|\\ud83d\\ude00|\\u[0-9a-f]{4}){0,9}""#,
            r#""[0-9]{4}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-5][0-9]:[0-6][0-9](\.[0-9]{0,10})?(Z|\+01:00)?""#,
            "\"0001-01-01[T ]00:00:00Z?\"",
            "\\[(\"[a-z]{0,3}\",|null,|\"\\\\\\\\|\\\\u0026\",){0,3}\"b\"\\]",
            "\"( ?-?[0-9.]{1,4}|True|false)\"",
        ]
    }

    fn space() -> impl Strategy<Value = &'static str> {
        prop_oneof![9 => Just(""), 1 => Just(" "), 1 => Just("\t")]
    }

    proptest! {
        #[test]
        fn a_line_is_the_same_over_columns(
            dataset in 0..DATASETS.len(),
            members in prop::collection::vec((0..40_usize, 0..9_u8, value(), space(), space()), 0..12),
        ) {
            let columns = DATASETS[dataset].resource.columns;
            let member = |(index, spelling, value, before, after): (usize, u8, String, &str, &str)| {
                let name = columns[index % columns.len()].name;
                let name = match spelling {
                    0 => name.to_ascii_uppercase(),
                    1 => format!("{}{}", name[..1].to_ascii_uppercase(), &name[1..]),
                    2 => format!("{name}@odata.type"),
                    _ => name.to_owned(),
                };
                format!("{before}\"{name}\"{after}:{before}{value}{after}")
            };
            let row = format!("{{{}}}", members.into_iter().map(member).collect::<Vec<_>>().join(","));
            // Twice, because the order of the names is known then.
            fuzzing::plain_rows(&[&[u8::try_from(dataset).unwrap()], row.as_bytes(), b"\n", row.as_bytes()].concat());
        }
    }

    #[test]
    fn the_rows_of_the_service_are_plain() {
        let mut rows = PlainRows::new(DATASETS[0].resource, "t", &Buffers::default());
        for row in [
            r#"{"id":"a","cvssScore":7.8,"diskPaths":["C:\\x"],"firstSeenTimestamp":"2026-11-03 10:13:34.8476880"}"#,
            r#"{"Id":"a","CvssScore":9,"DiskPaths":["M\u00fcller \u0026 Co"],"SecurityUpdateAvailable":true}"#,
            r#"{"id":"a","cvssScore":0.00043,"cveId":null,"rbacGroupId":0,"isOnboarded":false}"#,
        ] {
            assert_eq!(rows.add(row, &mut Vec::new()), Some(row.len()), "{row}");
        }
        for row in [
            r#"{"id":1}"#,
            r#"{"id":"a","new":1}"#,
            r#"{"id":"a","id":"b"}"#,
            r#"{"id":"a""#,
            "[]",
            r#"{"cvssScore":0.10000000000000001}"#,
            r#"{"cvssScore":0.000007}"#,
            r#"{"cvssScore":0.10}"#,
        ] {
            assert_eq!(rows.add(row, &mut Vec::new()), None, "{row}");
        }
    }
}
