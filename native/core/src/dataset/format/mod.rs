//! The text formats of a dataset's files. Values are taken from the columns of a batch and written at once: no row is
//! assembled.

mod columns;
mod csv;
mod csv_rows;
mod encoding;
mod json;
mod time;

pub(super) use self::columns::{Columns, TENANT_COLUMN, file_columns};
use self::csv::Csv;
pub(super) use self::csv_rows::CsvRows;
use self::encoding::Encoding as _;
use self::json::JsonLines;
use super::document::Format;
use crate::batch::Batch;
use crate::errors::Result;

/// Writes the rows of one tenant's dataset in one format.
pub(super) struct RowWriter {
    format: Format,
    columns: Columns,
    /// The tenant, as the first cell of a row.
    tenant: Vec<u8>,
}

impl RowWriter {
    pub(super) fn new(format: Format, columns: Columns, tenant: &str) -> Self {
        let mut first = Vec::new();
        match format {
            Format::JsonLines => JsonLines.text(tenant, &mut first),
            Format::Csv => Csv.text(tenant, &mut first),
        }
        RowWriter { format, columns, tenant: first }
    }

    /// What a file begins with.
    pub(super) fn head(&self, out: &mut Vec<u8>) {
        if self.format == Format::Csv {
            Csv.header(self.columns.names(), out);
        }
    }

    /// Writes the rows of a batch, and gives their number.
    pub(super) fn write(&mut self, batch: &Batch, out: &mut Vec<u8>) -> Result<u64> {
        match self.format {
            Format::JsonLines => self.columns.write(batch, &JsonLines, &self.tenant, out),
            Format::Csv => self.columns.write(batch, &Csv, &self.tenant, out),
        }
    }
}
