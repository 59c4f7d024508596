//! Buffers for the text of rows on its way to files.

use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of a buffer.
pub(super) const BLOCK: usize = 256 * 1024;

/// Empty buffers of all files of a run, to be used again. Otherwise a run of many small files would make them larger
/// step by step for each file, which leaves the memory in pieces.
#[derive(Clone, Debug, Default)]
pub(super) struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

impl Buffers {
    pub(super) fn take(&self) -> Vec<u8> {
        let spare = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        spare.unwrap_or_else(|| Vec::with_capacity(BLOCK))
    }

    /// Takes a buffer back. One that a long row made larger is not kept.
    pub(super) fn put(&self, mut buffer: Vec<u8>) {
        if buffer.capacity() == BLOCK {
            buffer.clear();
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
        }
    }
}
