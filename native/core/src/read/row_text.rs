//! Rows that become the text of a file at once, without columns in between.

/// Longest row that is read this way: a longer one is worth a thread of its own.
const LONGEST: usize = 1 << 20;

/// Turns rows into text.
pub(crate) trait RowFormat: Send + Sync {
    /// An empty buffer for text.
    fn buffer(&self) -> Vec<u8>;

    /// Adds the row that `json` begins with, which may be cut, and gives the length of its JSON. `None`, and nothing is
    /// added, for a row that needs the long way: over columns.
    fn add(&mut self, json: &str, text: &mut Vec<u8>) -> Option<usize>;
}

/// Text of rows, until it is handed on.
pub(crate) struct RowText {
    format: Box<dyn RowFormat>,
    text: Vec<u8>,
    /// Bytes of the rows that are kept, and how many rows those are.
    kept: usize,
    rows: u64,
}

impl RowText {
    pub(crate) fn new(format: Box<dyn RowFormat>) -> Self {
        RowText { format, text: Vec::new(), kept: 0, rows: 0 }
    }

    /// Adds the row that `json` begins with, until [`RowText::keep`] or [`RowText::forget`]. Gives the length of its
    /// JSON, or `None` if it is cut or needs the long way.
    pub(super) fn add(&mut self, json: &str) -> Option<usize> {
        if self.text.capacity() == 0 {
            self.text = self.format.buffer();
        }
        self.format.add(json, &mut self.text)
    }

    /// As [`RowText::add`], for a row that is whole.
    pub(super) fn add_whole(&mut self, json: &str) -> bool {
        if json.len() > LONGEST {
            return false;
        }
        let is_added = self.add(json) == Some(json.len());
        if !is_added {
            self.forget();
        }
        is_added
    }

    /// Keeps the row that was added. False if no row was added.
    pub(super) fn keep(&mut self) -> bool {
        let is_added = self.text.len() > self.kept;
        self.kept = self.text.len();
        self.rows += u64::from(is_added);
        is_added
    }

    /// Drops the row that was added, if there is one.
    pub(super) fn forget(&mut self) {
        self.text.truncate(self.kept);
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Whether another row may not fit into the buffer.
    pub(super) fn is_full(&self) -> bool {
        self.kept > self.text.capacity() / 8 * 7
    }

    /// The number and the text of the rows so far, if there are any.
    pub(super) fn take(&mut self) -> Option<(u64, Vec<u8>)> {
        self.forget();
        self.kept = 0;
        (self.rows > 0).then(|| (std::mem::take(&mut self.rows), std::mem::take(&mut self.text)))
    }
}
