//! Buffers for the text of rows on its way to files.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of a buffer are a multiple of this.
pub(super) const UNIT: usize = 64 * 1024;
/// Bytes of a buffer while only one tenant is written: threads wake each other less often, and a file system takes
/// large pieces with less work. A power of two, so that each piece begins where it can take it whole.
const LARGE: usize = 8 * UNIT;

/// Empty buffers of all files of a run, to be used again. Otherwise a run of many small files would make them larger
/// step by step for each file, which leaves the memory in pieces.
#[derive(Clone, Debug)]
pub(super) struct Buffers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    size: AtomicUsize,
    spare: Mutex<Vec<Vec<u8>>>,
}

impl Default for Buffers {
    fn default() -> Self {
        Buffers(Arc::new(Shared { size: AtomicUsize::new(LARGE), spare: Mutex::default() }))
    }
}

impl Buffers {
    /// Takes less memory from now on, because several tenants are written at a time.
    pub(super) fn be_small(&self) {
        self.0.size.store(UNIT, Ordering::Relaxed);
    }

    /// Bytes of a buffer.
    pub(super) fn size(&self) -> usize {
        self.0.size.load(Ordering::Relaxed)
    }

    pub(super) fn take(&self) -> Vec<u8> {
        let spare = self.0.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        spare.unwrap_or_else(|| Vec::with_capacity(self.size()))
    }

    /// Takes a buffer back. One that a long row made larger is not kept.
    pub(super) fn put(&self, mut buffer: Vec<u8>) {
        if buffer.capacity() == self.size() {
            buffer.clear();
            self.0.spare.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
        }
    }
}
