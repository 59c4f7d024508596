//! The values of one column, as they come in.

use zeroize::Zeroize;

use super::dictionary::Dictionary;
use super::{ColumnKind, NULL, ValueTag, length, put_text};

/// Bytes of a column that are moved rather than copied.
const LARGE: usize = 1 << 20;
/// Bytes that a column with a large text has room for: what stands before it in a batch.
const ROOM_BEFORE: usize = 4096;

/// Values of one column, as they come in.
pub(crate) struct ColumnBuilder {
    name: String,
    kind: ColumnKind,
    data: Vec<u8>,
    dictionary: Dictionary,
    /// Bytes of the rows that are complete.
    kept: usize,
    /// Text that the row in progress has here, if somebody wants to know. Empty if it has none.
    watched: Option<String>,
}

impl ColumnBuilder {
    pub(crate) fn new(name: &str, kind: ColumnKind) -> Self {
        ColumnBuilder {
            name: name.to_owned(),
            kind,
            data: Vec::new(),
            dictionary: Dictionary::default(),
            kept: 0,
            watched: None,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
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
            ColumnKind::Variant => self.data.push(ValueTag::Null as u8),
        }
    }

    /// A text, for `Text` and `Dictionary`.
    pub(crate) fn text(&mut self, text: &str) {
        if self.kind == ColumnKind::Dictionary {
            let index = self.dictionary.index(text);
            self.data.extend_from_slice(&index.to_le_bytes());
        } else {
            if text.len() >= LARGE {
                self.data.reserve_exact(text.len() + ROOM_BEFORE);
            }
            put_text(&mut self.data, Some(text));
        }
    }

    /// Begins to note the text that each row has here, for [`ColumnBuilder::watched`].
    pub(crate) fn watch(&mut self) {
        self.watched.get_or_insert_default();
    }

    /// The row in progress has this text here.
    pub(crate) fn note(&mut self, text: &str) {
        if let Some(watched) = &mut self.watched {
            text.clone_into(watched);
        }
    }

    /// The text that the row in progress has here, if it has one and is watched.
    pub(crate) fn watched(&self) -> Option<&str> {
        self.watched.as_deref().filter(|text| !text.is_empty())
    }

    fn forget_watched(&mut self) {
        if let Some(watched) = &mut self.watched {
            watched.clear();
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

    fn has_dictionary(&self) -> bool {
        matches!(self.kind, ColumnKind::Dictionary | ColumnKind::TextList)
    }

    /// Keeps the values of a row that is complete. Gives the bytes that the column takes in the next batch, about.
    pub(super) fn keep(&mut self) -> usize {
        self.kept = self.data.len();
        self.forget_watched();
        if self.has_dictionary() {
            self.dictionary.keep();
        }
        self.kept + self.dictionary.new_bytes()
    }

    /// Bytes that the column adds to a batch, about, without those that become the batch.
    pub(super) fn copied(&self) -> usize {
        let data = if self.is_large() { 0 } else { self.data.len() };
        data + self.dictionary.new_bytes()
    }

    fn is_large(&self) -> bool {
        self.data.len() >= LARGE
    }

    /// Drops what came after the last complete row.
    pub(super) fn roll_back(&mut self) {
        self.data.truncate(self.kept);
        self.forget_watched();
        if self.has_dictionary() {
            self.dictionary.roll_back();
        }
    }

    pub(super) fn write_schema(&self, out: &mut Vec<u8>) {
        out.push(self.kind as u8);
        put_text(out, Some(&self.name));
    }

    /// Writes the column of a batch and begins the next one.
    pub(super) fn write(&mut self, out: &mut Vec<u8>, secret: bool) {
        let begun = out.len();
        out.extend_from_slice(&0_u32.to_le_bytes());
        if self.has_dictionary() {
            self.dictionary.write(out);
        }
        if self.is_large() && out.len() <= ROOM_BEFORE {
            // A large text has room for what was written before it, so the column's memory becomes the batch.
            self.data.splice(..0, out.drain(..));
            *out = std::mem::take(&mut self.data);
        } else {
            out.extend_from_slice(&self.data);
        }
        if secret {
            self.data.zeroize();
        }
        self.data.clear();
        self.kept = 0;
        let written = length(out.len() - begun - 4);
        out[begun..begun + 4].copy_from_slice(&written.to_le_bytes());
    }
}
