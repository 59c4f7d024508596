//! What every format does.

use crate::batch::Batch;
use crate::errors::Result;

/// Writes the rows of one tenant's dataset in one format, file by file.
pub(in crate::dataset) trait RowWriter {
    /// Begins a file.
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<()>;

    /// Writes the rows of a batch, and gives their number. They may come out later.
    fn write(&mut self, batch: &Batch, out: &mut Vec<u8>) -> Result<u64>;

    /// Ends a file.
    fn end(&mut self, out: &mut Vec<u8>) -> Result<()>;
}
