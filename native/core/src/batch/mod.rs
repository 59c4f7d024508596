//! Batches: rows by columns, in the binary form that `native/abi/README.md` describes.

pub mod tables;

use std::collections::HashMap;

use foldhash::fast::RandomState;
use zeroize::Zeroize;

use crate::coded::coded_enum;

coded_enum! {
    /// How a column's values cross the ABI. The numbers are part of the batch format.
    pub enum ColumnKind: u8 {
        /// Text that is mostly different in each row.
        Text = 1,
        /// Text with few distinct values: each crosses once and is then an index.
        Dictionary = 2,
        /// Whole number.
        Int = 3,
        /// Number with a fraction.
        Float = 4,
        /// True or false.
        Bool = 5,
        /// Point in time, UTC.
        Time = 6,
        /// List of texts.
        TextList = 7,
        /// Any JSON value.
        Variant = 8,
    }
}

/// Seconds from 0001-01-01 to 1970-01-01.
pub(crate) const EPOCH: i64 = 62_135_596_800;
/// Ticks of 100 ns.
pub(crate) const TICKS_PER_SECOND: i64 = 10_000_000;
/// First four bytes of a batch.
pub const MAGIC: u32 = 0x4258_4446;
/// Version of the format.
pub const VERSION: u16 = 1;
/// The batch begins with the schema of its stream.
pub const HAS_SCHEMA: u16 = 1;
const SECRET: u16 = 2;
/// Length that means null.
const NULL: u32 = u32::MAX;
/// Entries after which a dictionary starts anew with the next batch, so that a long query stays flat in memory.
const DICTIONARY_LIMIT: usize = 4096;
/// Rows of a batch at most.
pub(crate) const MAX_ROWS: u32 = 1024;
/// Bytes of a batch after which it is handed on.
pub(crate) const MAX_BYTES: usize = 256 * 1024;

/// Some rows, encoded.
pub struct Batch {
    bytes: Vec<u8>,
    secret: bool,
}

impl Batch {
    /// The encoded form.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        if self.secret {
            self.bytes.zeroize();
        }
    }
}

/// Values of one column, as they come in.
pub(crate) struct ColumnBuilder {
    name: String,
    kind: ColumnKind,
    data: Vec<u8>,
    dictionary: Dictionary,
}

#[derive(Default)]
struct Dictionary {
    indexes: HashMap<Box<str>, u32, RandomState>,
    added: Vec<u8>,
    added_count: u32,
    reset: bool,
    /// Rows of a machine follow each other, so the value is often the one before.
    last: Option<(Box<str>, u32)>,
}

impl Dictionary {
    fn index(&mut self, text: &str) -> u32 {
        if let Some((last, index)) = &self.last
            && &**last == text
        {
            return *index;
        }
        let index = if let Some(index) = self.indexes.get(text) {
            *index
        } else {
            put_text(&mut self.added, Some(text));
            self.added_count += 1;
            let index = length(self.indexes.len()) + 1;
            self.indexes.insert(text.into(), index);
            index
        };
        self.last = Some((text.into(), index));
        index
    }

    fn write(&mut self, out: &mut Vec<u8>) {
        out.push(u8::from(std::mem::take(&mut self.reset)));
        out.extend_from_slice(&self.added_count.to_le_bytes());
        out.append(&mut self.added);
        self.added_count = 0;
        if self.indexes.len() > DICTIONARY_LIMIT {
            self.indexes.clear();
            self.last = None;
            self.reset = true;
        }
    }
}

impl ColumnBuilder {
    pub(crate) fn new(name: &str, kind: ColumnKind) -> Self {
        ColumnBuilder { name: name.to_owned(), kind, data: Vec::new(), dictionary: Dictionary::default() }
    }

    pub(crate) fn kind(&self) -> ColumnKind {
        self.kind
    }

    /// Null, whatever the kind.
    pub(crate) fn null(&mut self) {
        match self.kind {
            ColumnKind::Text | ColumnKind::TextList => self.data.extend_from_slice(&NULL.to_le_bytes()),
            ColumnKind::Dictionary => self.data.extend_from_slice(&0_u32.to_le_bytes()),
            ColumnKind::Int | ColumnKind::Time => self.data.extend_from_slice(&i64::MIN.to_le_bytes()),
            ColumnKind::Float => self.data.extend_from_slice(&f64::NAN.to_le_bytes()),
            ColumnKind::Bool => self.data.push(2),
            ColumnKind::Variant => self.data.push(value::NULL),
        }
    }

    /// A text, for `Text` and `Dictionary`.
    pub(crate) fn text(&mut self, text: &str) {
        if self.kind == ColumnKind::Dictionary {
            let index = self.dictionary.index(text);
            self.data.extend_from_slice(&index.to_le_bytes());
        } else {
            put_text(&mut self.data, Some(text));
        }
    }

    /// A whole number, or ticks of a time.
    pub(crate) fn int(&mut self, number: i64) {
        self.data.extend_from_slice(&number.to_le_bytes());
    }

    pub(crate) fn float(&mut self, number: f64) {
        self.data.extend_from_slice(&number.to_le_bytes());
    }

    pub(crate) fn bool(&mut self, value: bool) {
        self.data.push(u8::from(value));
    }

    /// Begins a list; the result is for [`ColumnBuilder::end_list`].
    pub(crate) fn begin_list(&mut self) -> usize {
        self.data.extend_from_slice(&0_u32.to_le_bytes());
        self.data.len() - 4
    }

    /// One text of the list.
    pub(crate) fn item(&mut self, text: Option<&str>) {
        let index = text.map_or(0, |text| self.dictionary.index(text));
        self.data.extend_from_slice(&index.to_le_bytes());
    }

    pub(crate) fn end_list(&mut self, begun: usize, count: u32) {
        self.data[begun..begun + 4].copy_from_slice(&count.to_le_bytes());
    }

    /// Where a variant is written to.
    pub(crate) fn variant(&mut self) -> &mut Vec<u8> {
        &mut self.data
    }
}

/// The ticks of a point in time, from its seconds since 1970.
pub(crate) fn ticks(seconds: i64) -> i64 {
    (seconds + EPOCH) * TICKS_PER_SECOND
}

/// Tags and writers of variant values.
pub(crate) mod value {
    pub(crate) const NULL: u8 = 0;
    pub(crate) const FALSE: u8 = 1;
    pub(crate) const TRUE: u8 = 2;
    pub(crate) const INT: u8 = 3;
    pub(crate) const FLOAT: u8 = 4;
    pub(crate) const TEXT: u8 = 5;
    pub(crate) const LIST: u8 = 6;
    pub(crate) const OBJECT: u8 = 7;
    pub(crate) const UNSIGNED: u8 = 8;
}

/// Writes a text or null.
pub(crate) fn put_text(out: &mut Vec<u8>, text: Option<&str>) {
    match text {
        Some(text) => {
            out.extend_from_slice(&length(text.len()).to_le_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        None => out.extend_from_slice(&NULL.to_le_bytes()),
    }
}

/// A length as it is written. A row is far below 4 GB, for the window that it comes through is.
pub(crate) fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(NULL - 1)
}

/// Collects the rows of one stream and encodes them.
pub(crate) struct BatchBuilder {
    stream: u32,
    tenant: String,
    secret: bool,
    columns: Vec<ColumnBuilder>,
    rows: u32,
    schema_due: bool,
}

impl BatchBuilder {
    pub(crate) fn new(stream: u32, tenant: &str, columns: Vec<ColumnBuilder>) -> Self {
        BatchBuilder { stream, tenant: tenant.to_owned(), secret: false, columns, rows: 0, schema_due: true }
    }

    /// Changes the tenant's name; the next batch tells it.
    pub(crate) fn name(&mut self, tenant: &str) {
        if self.tenant != tenant {
            tenant.clone_into(&mut self.tenant);
            self.schema_due = true;
        }
    }

    /// Batches that are wiped when they are freed.
    pub(crate) fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    pub(crate) fn columns(&mut self) -> &mut [ColumnBuilder] {
        &mut self.columns
    }

    /// Adds a variant column at the end; the rows before have null in it.
    pub(crate) fn add_column(&mut self, name: &str) {
        let mut column = ColumnBuilder::new(name, ColumnKind::Variant);
        for _ in 0..self.rows {
            column.null();
        }
        self.columns.push(column);
        self.schema_due = true;
    }

    pub(crate) fn end_row(&mut self) {
        self.rows += 1;
    }

    pub(crate) fn rows(&self) -> u32 {
        self.rows
    }

    pub(crate) fn is_full(&self) -> bool {
        self.rows >= MAX_ROWS
            || (self.rows.is_multiple_of(16)
                && self.columns.iter().map(|c| c.data.len() + c.dictionary.added.len()).sum::<usize>()
                    >= MAX_BYTES)
    }

    /// The rows so far, if there are any.
    pub(crate) fn take(&mut self) -> Option<Batch> {
        if self.rows == 0 {
            return None;
        }
        let size =
            self.columns.iter().map(|c| c.data.len() + c.dictionary.added.len() + 16).sum::<usize>() + 1024;
        let mut out = Vec::with_capacity(size);
        let flags = if self.schema_due { HAS_SCHEMA } else { 0 } | if self.secret { SECRET } else { 0 };
        out.extend_from_slice(&MAGIC.to_le_bytes());
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&flags.to_le_bytes());
        out.extend_from_slice(&self.stream.to_le_bytes());
        out.extend_from_slice(&self.rows.to_le_bytes());
        let columns = u16::try_from(self.columns.len()).unwrap_or(u16::MAX);
        out.extend_from_slice(&columns.to_le_bytes());
        out.extend_from_slice(&0_u16.to_le_bytes());
        if std::mem::take(&mut self.schema_due) {
            put_text(&mut out, Some(&self.tenant));
            for column in &self.columns {
                out.push(column.kind as u8);
                put_text(&mut out, Some(&column.name));
            }
        }
        for column in &mut self.columns {
            let begun = out.len();
            out.extend_from_slice(&0_u32.to_le_bytes());
            if matches!(column.kind, ColumnKind::Dictionary | ColumnKind::TextList) {
                column.dictionary.write(&mut out);
            }
            out.extend_from_slice(&column.data);
            if self.secret {
                column.data.zeroize();
            }
            column.data.clear();
            let written = length(out.len() - begun - 4);
            out[begun..begun + 4].copy_from_slice(&written.to_le_bytes());
        }
        self.rows = 0;
        Some(Batch { bytes: out, secret: self.secret })
    }
}
