//! Reads the columns of batches and hands their values to a format, row by row. A text of a dictionary is encoded once.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use super::encoding::Encoding;
use super::json;
use crate::batch::{Batch, ColumnKind, HAS_SCHEMA, ValueTag};
use crate::catalog::{ADDITIONAL, Column, Resource};
use crate::errors::{Error, Result};
use crate::read::decode::described::DescribedColumn;

/// Bytes of a batch's head before its schema.
const HEAD: usize = 20;
/// Length that means null.
const NULL: u32 = u32::MAX;

/// The column of every file that says whose row it is. The folders have the same id as `tenant`: a column of that name,
/// in any letter case, would be another one to some readers.
pub(in crate::dataset) const TENANT_COLUMN: &str = "tenantId";

/// The keys that the folders of a dataset have.
const KEYS: [&str; 2] = ["tenant", "date"];

/// The columns of a dataset's files, in their order. New columns of the catalog come before the last one, which holds
/// what no other column does: it is the first one here, so that a file only ever gets columns at its end.
pub(in crate::dataset) fn file_columns(resource: &Resource) -> Vec<(usize, &'static Column)> {
    let is_written = |column: &Column| !column.from_request && column.name != ADDITIONAL;
    let all = || resource.columns.iter().enumerate();
    let additional = all().filter(|(_, column)| column.name == ADDITIONAL);
    additional.chain(all().filter(|(_, column)| is_written(column))).collect()
}

/// A column of a dataset's files.
#[derive(Clone, Debug)]
pub(in crate::dataset) struct FileColumn {
    pub(in crate::dataset) name: Cow<'static, str>,
    pub(in crate::dataset) kind: ColumnKind,
    /// Its number among the columns of a batch.
    index: usize,
}

/// The columns of a dataset's files, after that of the tenant.
#[derive(Clone, Debug)]
pub(in crate::dataset) struct FileColumns {
    pub(in crate::dataset) columns: Vec<FileColumn>,
    /// Kinds of the columns of batches.
    kinds: Vec<ColumnKind>,
}

impl FileColumns {
    /// Those of a resource.
    pub(in crate::dataset) fn of(resource: &'static Resource) -> Self {
        let column = |(index, column): (usize, &'static Column)| FileColumn {
            name: Cow::Borrowed(column.name),
            kind: column.kind,
            index,
        };
        FileColumns {
            columns: file_columns(resource).into_iter().map(column).collect(),
            kinds: resource.columns.iter().map(|column| column.kind).collect(),
        }
    }

    /// Those that an answer describes; the last one holds what no other column does. Names that differ in letter case
    /// only, or that a folder has, are one column to some readers, so the later one gets a number.
    pub(in crate::dataset) fn described(columns: &[DescribedColumn]) -> Self {
        let (last, described) = columns.split_last().map_or((None, &[][..]), |(last, all)| (Some(last), all));
        let mut taken: HashSet<String> =
            [TENANT_COLUMN, ADDITIONAL].iter().chain(&KEYS).map(|name| name.to_ascii_lowercase()).collect();
        let mut free = |name: &str| {
            let numbered = (2..).map(|number| format!("{name}{number}"));
            let mut names = std::iter::once(name.to_owned()).chain(numbered);
            names.find(|name| taken.insert(name.to_ascii_lowercase())).unwrap_or_default()
        };
        let additional = last.map(|column| FileColumn {
            name: Cow::Borrowed(ADDITIONAL),
            kind: column.kind,
            index: described.len(),
        });
        let described = described.iter().enumerate().map(|(index, column)| FileColumn {
            name: Cow::Owned(free(&column.name)),
            kind: column.kind,
            index,
        });
        FileColumns {
            columns: additional.into_iter().chain(described).collect(),
            kinds: columns.iter().map(|column| column.kind).collect(),
        }
    }
}

/// The columns of one stream. `K` is a text of a dictionary, as a format prepares it.
pub(super) struct Columns<K> {
    /// One for each column of the batches.
    sources: Vec<Source<K>>,
    /// The columns of a file, as indexes.
    order: Vec<usize>,
}

struct Source<K> {
    kind: ColumnKind,
    /// The texts of the items of lists.
    texts: Vec<String>,
    /// The texts of the dictionary.
    known: Vec<K>,
    /// What is left of the column in the present batch.
    data: Range<usize>,
}

impl<K> Columns<K> {
    pub(super) fn new(columns: &FileColumns) -> Self {
        let source =
            |kind: &ColumnKind| Source { kind: *kind, texts: Vec::new(), known: Vec::new(), data: 0..0 };
        Columns {
            sources: columns.kinds.iter().map(source).collect(),
            order: columns.columns.iter().map(|column| column.index).collect(),
        }
    }

    /// Begins a batch: its values are read from now on, row by row. Gives the number of its rows.
    pub(super) fn begin(&mut self, batch: &Batch, encoding: &impl Encoding<Known = K>) -> Result<u32> {
        self.read_head(batch.bytes(), encoding).ok_or_else(unreadable)
    }

    /// Writes the next value of a column of the file.
    pub(super) fn value<E: Encoding<Known = K>>(
        &mut self,
        column: usize,
        batch: &Batch,
        encoding: &E,
        out: &mut E::Out,
    ) -> Result<()> {
        let source = self.order.get(column).and_then(|index| self.sources.get_mut(*index));
        source.and_then(|source| source.write(batch.bytes(), encoding, out)).ok_or_else(unreadable)
    }

    /// Finds the columns of a batch and reads their new texts. Gives the number of rows.
    fn read_head(&mut self, bytes: &[u8], encoding: &impl Encoding<Known = K>) -> Option<u32> {
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

fn unreadable() -> Error {
    Error::internal("a batch could not be read back")
}

impl<K> Source<K> {
    /// Reads the texts that a batch adds to the dictionary.
    fn read_texts(&mut self, bytes: &[u8], encoding: &impl Encoding<Known = K>) -> Option<()> {
        if !matches!(self.kind, ColumnKind::Dictionary | ColumnKind::TextList) {
            return Some(());
        }
        let [reset] = take(bytes, &mut self.data)?;
        if reset != 0 {
            self.texts.clear();
            self.known.clear();
        }
        for _ in 0..number(bytes, &mut self.data)? {
            let text = text(bytes, &mut self.data)??;
            if self.kind == ColumnKind::Dictionary {
                self.known.push(encoding.prepare(text));
            } else {
                self.texts.push(text.to_owned());
            }
        }
        Some(())
    }

    /// Writes the next value.
    fn write<E: Encoding<Known = K>>(&mut self, bytes: &[u8], encoding: &E, out: &mut E::Out) -> Option<()> {
        let data = &mut self.data;
        match self.kind {
            ColumnKind::Text => match text(bytes, data)? {
                Some(text) => encoding.text(text, out),
                None => encoding.null(out),
            },
            ColumnKind::Dictionary => match number(bytes, data)?.checked_sub(1) {
                Some(index) => encoding.known(self.known.get(index as usize)?, out),
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

    fn list<E: Encoding>(&mut self, bytes: &[u8], count: u32, encoding: &E, out: &mut E::Out) -> Option<()> {
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
            let _bytes = number(bytes, at)?;
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
            let _bytes = number(bytes, at)?;
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
