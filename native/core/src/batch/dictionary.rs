//! The texts of a column that come again and again: each crosses once, and is an index from then on.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::{length, put_text};

/// A dictionary with more entries than this starts anew with the next batch, so that a long query stays flat in memory.
pub(super) const ENTRY_LIMIT: usize = 4096;
/// So does one with more bytes of text.
pub(super) const TEXT_LIMIT: usize = 1 << 20;

/// The texts of one column so far, and those that the next batch has to tell.
#[derive(Default)]
pub(super) struct Dictionary {
    /// The index of a text; 0 means null, so the first one is 1.
    indexes: HashMap<Arc<str>, u32, RandomState>,
    texts: Vec<Arc<str>>,
    /// Bytes of the texts.
    bytes: usize,
    /// How many texts the consumer knows, and their bytes.
    told: usize,
    told_bytes: usize,
    /// How many there were at the end of the last row.
    kept: usize,
    reset: bool,
    /// Index of the text before: rows of a machine follow each other, so it often comes again.
    last: u32,
}

impl Dictionary {
    pub(super) fn index(&mut self, text: &str) -> u32 {
        let last = self.last.checked_sub(1).and_then(|last| self.texts.get(last as usize));
        if last.is_none_or(|last| **last != *text) {
            self.last = match self.indexes.get(text) {
                Some(index) => *index,
                None => self.add(text),
            };
        }
        self.last
    }

    fn add(&mut self, text: &str) -> u32 {
        let text: Arc<str> = text.into();
        self.bytes += text.len();
        self.texts.push(Arc::clone(&text));
        let index = length(self.texts.len());
        self.indexes.insert(text, index);
        index
    }

    /// Bytes of the texts that the next batch has to tell.
    pub(super) fn new_bytes(&self) -> usize {
        self.bytes - self.told_bytes
    }

    /// Keeps the texts of a row that is complete.
    pub(super) fn keep(&mut self) {
        self.kept = self.texts.len();
    }

    /// Forgets the texts that came after the last complete row.
    pub(super) fn roll_back(&mut self) {
        for text in self.texts.drain(self.kept..) {
            self.bytes -= text.len();
            self.indexes.remove(&text);
        }
        self.last = self.last.min(length(self.kept));
    }

    /// Writes the head of the column's data: the new texts.
    pub(super) fn write(&mut self, out: &mut Vec<u8>) {
        out.push(u8::from(std::mem::take(&mut self.reset)));
        let new = &self.texts[self.told..];
        out.extend_from_slice(&length(new.len()).to_le_bytes());
        for text in new {
            put_text(out, Some(text));
        }
        (self.told, self.told_bytes) = (self.texts.len(), self.bytes);
        if self.texts.len() > ENTRY_LIMIT || self.bytes > TEXT_LIMIT {
            *self = Dictionary { reset: true, ..Dictionary::default() };
        }
    }
}
