//! Writes rows as text, one after the other.

use super::columns::{Columns, FileColumns, TENANT_COLUMN};
use super::encoding::Lines;
use super::rows::RowWriter;
use crate::batch::Batch;
use crate::errors::Result;

/// Rows in a format of text.
pub(super) struct LineWriter<L: Lines> {
    lines: L,
    columns: Columns<L::Known>,
    /// What a row begins with: its tenant.
    tenant: Vec<u8>,
    names: Vec<String>,
    /// What comes before each value.
    labels: Vec<Vec<u8>>,
}

impl<L: Lines> LineWriter<L> {
    pub(super) fn new(lines: L, columns: &FileColumns, tenant: &str) -> Self {
        let mut first = lines.label(TENANT_COLUMN);
        lines.text(tenant, &mut first);
        let names: Vec<_> = columns.columns.iter().map(|column| column.name.to_string()).collect();
        let label = |name: &String| [&b","[..], &lines.label(name)].concat();
        LineWriter {
            labels: names.iter().map(label).collect(),
            names,
            columns: Columns::new(columns),
            tenant: first,
            lines,
        }
    }
}

impl<L: Lines> RowWriter for LineWriter<L> {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.lines.header(std::iter::once(TENANT_COLUMN).chain(self.names.iter().map(String::as_str)), out);
        Ok(())
    }

    fn write(&mut self, batch: &Batch, out: &mut Vec<u8>) -> Result<u64> {
        let rows = self.columns.begin(batch, &self.lines)?;
        for _ in 0..rows {
            self.lines.begin_row(out);
            out.extend_from_slice(&self.tenant);
            for (column, label) in self.labels.iter().enumerate() {
                out.extend_from_slice(label);
                self.columns.value(column, batch, &self.lines, out)?;
            }
            self.lines.end_row(out);
        }
        Ok(u64::from(rows))
    }

    fn end(&mut self, _out: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}
