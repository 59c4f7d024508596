//! Reads the columns of batches and hands their values to a format, row by row. A text of a dictionary is encoded once.

use std::ops::Range;

use super::encoding::Encoding;
use super::json;
use crate::batch::{Batch, ColumnKind, HAS_SCHEMA, ValueTag};
use crate::catalog::{ADDITIONAL, Column, Resource};
use crate::errors::{Error, Result};

/// Bytes of a batch's head before its schema.
const HEAD: usize = 20;
/// Length that means null.
const NULL: u32 = u32::MAX;

/// The column of every file that says whose row it is. The folders have the same id as `tenant`: a column of that name,
/// in any letter case, would be another one to some readers.
pub(in crate::dataset) const TENANT_COLUMN: &str = "tenantId";

/// The columns of a dataset's files, in their order. New columns of the catalog come before the last one, which holds
/// what no other column does: it is the first one here, so that a file only ever gets columns at its end.
pub(in crate::dataset) fn file_columns(resource: &Resource) -> Vec<(usize, &'static Column)> {
    let is_written = |column: &Column| !column.from_request && column.name != ADDITIONAL;
    let all = || resource.columns.iter().enumerate();
    let additional = all().filter(|(_, column)| column.name == ADDITIONAL);
    additional.chain(all().filter(|(_, column)| is_written(column))).collect()
}

/// The columns of one stream, and how their values are written.
pub(in crate::dataset) struct Columns {
    /// One for each column of the batches.
    sources: Vec<Source>,
    /// The columns of a file, as indexes.
    order: Vec<usize>,
    names: Vec<&'static str>,
}

struct Source {
    kind: ColumnKind,
    /// What comes before a value, once a format has said so.
    label: Vec<u8>,
    /// The texts of the dictionary.
    texts: Vec<String>,
    /// The texts as the format writes them.
    encoded: Vec<Vec<u8>>,
    /// What is left of the column in the present batch.
    data: Range<usize>,
}

impl Columns {
    pub(in crate::dataset) fn new(resource: &'static Resource) -> Self {
        let source = |column: &Column| Source {
            kind: column.kind,
            label: Vec::new(),
            texts: Vec::new(),
            encoded: Vec::new(),
            data: 0..0,
        };
        let written = file_columns(resource);
        Columns {
            sources: resource.columns.iter().map(source).collect(),
            order: written.iter().map(|(index, _)| *index).collect(),
            names: written.iter().map(|(_, column)| column.name).collect(),
        }
    }

    /// The names of a file's columns.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(TENANT_COLUMN).chain(self.names.iter().copied())
    }

    /// Writes every row of a batch.
    pub(super) fn write<E: Encoding>(
        &mut self,
        batch: &Batch,
        encoding: &E,
        tenant: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<u64> {
        self.write_rows(batch.bytes(), encoding, tenant, out)
            .ok_or_else(|| Error::internal("a batch could not be read back"))
    }

    fn write_rows<E: Encoding>(
        &mut self,
        bytes: &[u8],
        encoding: &E,
        tenant: &[u8],
        out: &mut Vec<u8>,
    ) -> Option<u64> {
        let rows = self.begin(bytes, encoding)?;
        let first = encoding.label(TENANT_COLUMN);
        for _ in 0..rows {
            encoding.begin_row(out);
            out.extend_from_slice(&first);
            out.extend_from_slice(tenant);
            for &index in &self.order {
                out.push(b',');
                let source = self.sources.get_mut(index)?;
                out.extend_from_slice(&source.label);
                source.write(bytes, encoding, out)?;
            }
            encoding.end_row(out);
        }
        Some(u64::from(rows))
    }

    /// Finds the columns of a batch and reads their new texts. Gives the number of rows.
    fn begin<E: Encoding>(&mut self, bytes: &[u8], encoding: &E) -> Option<u32> {
        let flags = u16::from_le_bytes(*bytes.get(6..)?.first_chunk()?);
        let rows = u32::from_le_bytes(*bytes.get(12..)?.first_chunk()?);
        let mut at = HEAD..bytes.len();
        if flags & HAS_SCHEMA != 0 {
            for _ in ["tenant", "name"] {
                text(bytes, &mut at)?;
            }
            for _ in &self.sources {
                at.start += 1;
                text(bytes, &mut at)?;
            }
            for (name, index) in self.names.iter().zip(&self.order) {
                self.sources.get_mut(*index)?.label = encoding.label(name);
            }
        }
        for source in &mut self.sources {
            let length = number(bytes, &mut at)? as usize;
            source.data = at.start..at.start.checked_add(length).filter(|end| *end <= bytes.len())?;
            at.start = source.data.end;
            source.read_texts(bytes, encoding)?;
        }
        Some(rows)
    }
}

impl Source {
    /// Reads the texts that a batch adds to the dictionary.
    fn read_texts<E: Encoding>(&mut self, bytes: &[u8], encoding: &E) -> Option<()> {
        if !matches!(self.kind, ColumnKind::Dictionary | ColumnKind::TextList) {
            return Some(());
        }
        let [reset] = take(bytes, &mut self.data)?;
        if reset != 0 {
            self.texts.clear();
            self.encoded.clear();
        }
        for _ in 0..number(bytes, &mut self.data)? {
            let text = text(bytes, &mut self.data)??;
            if self.kind == ColumnKind::Dictionary {
                let mut encoded = Vec::new();
                encoding.text(text, &mut encoded);
                self.encoded.push(encoded);
            } else {
                self.texts.push(text.to_owned());
            }
        }
        Some(())
    }

    /// Writes the next value.
    fn write<E: Encoding>(&mut self, bytes: &[u8], encoding: &E, out: &mut Vec<u8>) -> Option<()> {
        let data = &mut self.data;
        match self.kind {
            ColumnKind::Text => match text(bytes, data)? {
                Some(text) => encoding.text(text, out),
                None => encoding.null(out),
            },
            ColumnKind::Dictionary => match number(bytes, data)?.checked_sub(1) {
                Some(index) => out.extend_from_slice(self.encoded.get(index as usize)?),
                None => encoding.null(out),
            },
            ColumnKind::Int => match i64::from_le_bytes(take(bytes, data)?) {
                i64::MIN => encoding.null(out),
                number => encoding.int(number, out),
            },
            ColumnKind::Time => match i64::from_le_bytes(take(bytes, data)?) {
                i64::MIN => encoding.null(out),
                ticks => encoding.time(ticks, out),
            },
            ColumnKind::Float => match f64::from_le_bytes(take(bytes, data)?) {
                number if number.is_nan() => encoding.null(out),
                number => encoding.float(number, out),
            },
            ColumnKind::Bool => match take(bytes, data)? {
                [0] => encoding.bool(false, out),
                [1] => encoding.bool(true, out),
                _ => encoding.null(out),
            },
            ColumnKind::TextList => match number(bytes, data)? {
                NULL => encoding.null(out),
                count => self.list(bytes, count, encoding, out)?,
            },
            ColumnKind::Variant => {
                let mut value = Vec::new();
                variant(bytes, data, &mut value)?;
                if value == b"null" {
                    encoding.null(out);
                } else {
                    encoding.json(&value, out);
                }
            }
        }
        Some(())
    }

    fn list<E: Encoding>(&mut self, bytes: &[u8], count: u32, encoding: &E, out: &mut Vec<u8>) -> Option<()> {
        let indexes = bytes.get(self.data.start..self.data.start.checked_add(count as usize * 4)?)?;
        self.data.start += indexes.len();
        let texts = &self.texts;
        let items = indexes.chunks_exact(4).map(|index| {
            let index = index.first_chunk().map_or(0, |index| u32::from_le_bytes(*index));
            texts.get((index as usize).checked_sub(1)?).map(String::as_str)
        });
        encoding.list(items, out);
        Some(())
    }
}

fn take<const N: usize>(bytes: &[u8], at: &mut Range<usize>) -> Option<[u8; N]> {
    let taken = *bytes.get(at.clone())?.first_chunk::<N>()?;
    at.start += N;
    Some(taken)
}

fn number(bytes: &[u8], at: &mut Range<usize>) -> Option<u32> {
    take(bytes, at).map(u32::from_le_bytes)
}

/// A text; the inner `None` is null.
#[expect(clippy::option_option, reason = "a text that cannot be read is not a text that is null")]
fn text<'a>(bytes: &'a [u8], at: &mut Range<usize>) -> Option<Option<&'a str>> {
    let length = number(bytes, at)?;
    if length == NULL {
        return Some(None);
    }
    let text = bytes.get(at.start..at.start.checked_add(length as usize)?)?;
    at.start += text.len();
    std::str::from_utf8(text).ok().map(Some)
}

/// Writes a value of any kind as JSON.
fn variant(bytes: &[u8], at: &mut Range<usize>, out: &mut Vec<u8>) -> Option<()> {
    let [tag] = take(bytes, at)?;
    let (tag, _) = ValueTag::ALL.iter().find(|(known, _)| *known as u8 == tag)?;
    match tag {
        ValueTag::Null => out.extend_from_slice(b"null"),
        ValueTag::False => out.extend_from_slice(b"false"),
        ValueTag::True => out.extend_from_slice(b"true"),
        ValueTag::Int => json::put(&i64::from_le_bytes(take(bytes, at)?), out),
        ValueTag::Unsigned => json::put(&u64::from_le_bytes(take(bytes, at)?), out),
        ValueTag::Float => json::put(&f64::from_le_bytes(take(bytes, at)?), out),
        ValueTag::Text => json::put(text(bytes, at)??, out),
        ValueTag::List => {
            out.push(b'[');
            for index in 0..number(bytes, at)? {
                if index > 0 {
                    out.push(b',');
                }
                variant(bytes, at, out)?;
            }
            out.push(b']');
        }
        ValueTag::Object => {
            out.push(b'{');
            for index in 0..number(bytes, at)? {
                if index > 0 {
                    out.push(b',');
                }
                json::put(text(bytes, at)??, out);
                out.push(b':');
                variant(bytes, at, out)?;
            }
            out.push(b'}');
        }
    }
    Some(())
}
