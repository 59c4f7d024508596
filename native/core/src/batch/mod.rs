//! Batches: rows by columns, in the binary form that `native/abi/README.md` describes.

mod column;
mod dictionary;
pub mod tables;
#[cfg(test)]
mod tests;

use zeroize::Zeroize;

pub(crate) use column::ColumnBuilder;

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
/// End of the year 9999.
const LAST_TICK: i64 = 3_155_378_975_999_999_999;
/// First four bytes of a batch.
pub const MAGIC: u32 = 0x4258_4446;
/// Version of the format.
pub const VERSION: u16 = 3;
/// The batch begins with the schema of its stream.
pub const HAS_SCHEMA: u16 = 1;
const SECRET: u16 = 2;
/// Nothing follows on the stream.
pub const LAST: u16 = 4;
/// Length that means null.
const NULL: u32 = u32::MAX;
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

impl From<&str> for Batch {
    /// A text for the consumer in place of rows.
    fn from(text: &str) -> Self {
        Batch { bytes: text.as_bytes().to_vec(), secret: false }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        if self.secret {
            self.bytes.zeroize();
        }
    }
}

/// The ticks of a point in time, from its seconds since 1970.
/// A time outside the years 1 to 9999, which no reader of a batch could show, becomes the nearest one inside.
pub(crate) fn ticks(seconds: i64) -> i64 {
    seconds.saturating_add(EPOCH).saturating_mul(TICKS_PER_SECOND).clamp(0, LAST_TICK)
}

coded_enum! {
    /// Kind of a variant value: the byte before it.
    pub enum ValueTag: u8 {
        /// Null.
        Null = 0,
        /// False.
        False = 1,
        /// True.
        True = 2,
        /// Whole number.
        Int = 3,
        /// Number with a fraction.
        Float = 4,
        /// Text.
        Text = 5,
        /// List: the bytes that follow, the number of values, the values.
        List = 6,
        /// Members: the bytes that follow, the number of members, names and values.
        Object = 7,
        /// Whole number that needs the sign's bit.
        Unsigned = 8,
    }
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
    /// Domain of the tenant, if that is how it was asked for.
    tenant_name: Option<String>,
    secret: bool,
    columns: Vec<ColumnBuilder>,
    rows: u32,
    /// Bytes of those rows.
    bytes: usize,
    /// Columns at the end of the last complete row.
    kept_columns: usize,
    schema_due: bool,
    /// The consumer has had a batch of the stream.
    begun: bool,
}

impl BatchBuilder {
    pub(crate) fn new(stream: u32, tenant: &str, columns: Vec<ColumnBuilder>) -> Self {
        BatchBuilder {
            stream,
            tenant: tenant.to_owned(),
            tenant_name: None,
            secret: false,
            kept_columns: columns.len(),
            columns,
            rows: 0,
            bytes: 0,
            schema_due: true,
            begun: false,
        }
    }

    /// Says which tenant the rows are from; the next batch tells it.
    pub(crate) fn label(&mut self, tenant: &str, name: Option<&str>) {
        if self.tenant != tenant || self.tenant_name.as_deref() != name {
            tenant.clone_into(&mut self.tenant);
            self.tenant_name = name.map(str::to_owned);
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

    /// Adds a column at the end; the rows before have null in it.
    pub(crate) fn add_column(&mut self, name: &str, kind: ColumnKind) {
        let mut column = ColumnBuilder::new(name, kind);
        for _ in 0..self.rows {
            column.null();
        }
        self.columns.push(column);
    }

    /// Keeps the columns that were added, also if no row follows.
    pub(crate) fn keep_columns(&mut self) {
        if self.kept_columns != self.columns.len() {
            self.kept_columns = self.columns.len();
            self.schema_due = true;
        }
    }

    /// Ends a row. Every column must have its value.
    pub(crate) fn end_row(&mut self) {
        self.bytes = self.columns.iter_mut().map(ColumnBuilder::keep).sum();
        self.keep_columns();
        self.rows += 1;
    }

    /// Drops what came after the last complete row.
    pub(crate) fn roll_back(&mut self) {
        self.columns.truncate(self.kept_columns);
        for column in &mut self.columns {
            column.roll_back();
        }
    }

    pub(crate) fn rows(&self) -> u32 {
        self.rows
    }

    /// Bytes of the rows so far, about.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_full(&self) -> bool {
        self.rows >= MAX_ROWS || self.bytes >= MAX_BYTES
    }

    /// The rows so far, if there are any. Half a row is dropped.
    pub(crate) fn take(&mut self) -> Option<Batch> {
        (self.rows > 0).then(|| self.encode(0))
    }

    /// The last batch of the stream, with the rows that are left: its reader may forget the stream. `None` if the
    /// stream never had a row.
    pub(crate) fn finish(mut self) -> Option<Batch> {
        (self.begun || self.rows > 0).then(|| self.encode(LAST))
    }

    fn encode(&mut self, mut flags: u16) -> Batch {
        self.roll_back();
        let copied: usize = self.columns.iter().map(ColumnBuilder::copied).sum();
        let mut out = Vec::with_capacity(copied + self.columns.len() * 32 + 1024);
        if self.schema_due {
            flags |= HAS_SCHEMA;
        }
        if self.secret {
            flags |= SECRET;
        }
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
            put_text(&mut out, self.tenant_name.as_deref());
            for column in &self.columns {
                column.write_schema(&mut out);
            }
        }
        for column in &mut self.columns {
            column.write(&mut out, self.secret);
        }
        (self.rows, self.bytes, self.begun) = (0, 0, true);
        Batch { bytes: out, secret: self.secret }
    }
}
