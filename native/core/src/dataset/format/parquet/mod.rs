//! Parquet: row groups of columns, compressed with Snappy. A file depends on its rows only: not on the batches that
//! they come in, not on the time, and not on the version of this library.

mod column;
mod schema;
#[cfg(test)]
mod tests;

use std::mem;

use ::parquet::data_type::ByteArray;
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::WriterPropertiesPtr;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::types::{SchemaDescPtr, TypePtr};

use self::column::{Cells, Parquet};
use super::columns::{Columns, FileColumns};
use super::encoding::Encoding as _;
use super::rows::RowWriter;
use crate::batch::Batch;
use crate::errors::{Error, Result};

/// Rows of a group at most. Readers skip and read in groups; a writer keeps one in memory, encoded.
const GROUP_ROWS: usize = 20_000;
/// Bytes of a group's texts at most, before they are encoded. One row may exceed them.
const GROUP_BYTES: usize = 8 * 1024 * 1024;
/// Rows and bytes that are encoded at a time.
const ENCODED_ROWS: usize = 512;
const ENCODED_BYTES: usize = 128 * 1024;

pub(super) struct ParquetWriter {
    columns: Columns<ByteArray>,
    schema: TypePtr,
    descriptor: SchemaDescPtr,
    properties: WriterPropertiesPtr,
    tenant: ByteArray,
    file: Option<SerializedFileWriter<Vec<u8>>>,
    group: Option<Group>,
}

impl ParquetWriter {
    pub(super) fn new(columns: &FileColumns, tenant: &str) -> Result<Self> {
        let (schema, descriptor) = schema::of(columns).map_err(|e| defect(&e))?;
        Ok(ParquetWriter {
            columns: Columns::new(columns),
            schema,
            descriptor,
            properties: schema::properties(columns),
            tenant: Parquet.prepare(tenant),
            file: None,
            group: None,
        })
    }

    /// Ends the group that is begun, and hands on its bytes.
    fn end_group(&mut self, out: &mut Vec<u8>) -> Result<()> {
        if let (Some(group), Some(file)) = (self.group.take(), &mut self.file) {
            group.end(file).map_err(|e| defect(&e))?;
            out.append(file.inner_mut());
        }
        Ok(())
    }
}

impl RowWriter for ParquetWriter {
    fn begin(&mut self, _out: &mut Vec<u8>) -> Result<()> {
        let (schema, properties) = (self.schema.clone(), self.properties.clone());
        let file = SerializedFileWriter::new(Vec::new(), schema, properties);
        self.file = Some(file.map_err(|e| defect(&e))?);
        self.group = None;
        Ok(())
    }

    fn write(&mut self, batch: &Batch, out: &mut Vec<u8>) -> Result<u64> {
        let rows = self.columns.begin(batch, &Parquet)?;
        for _ in 0..rows {
            let new = || Group::new(&self.descriptor, &self.properties);
            let group = self.group.get_or_insert_with(new);
            if let Some((tenant, values)) = group.cells.split_first_mut() {
                Parquet.known(&self.tenant, tenant);
                for (column, cells) in values.iter_mut().enumerate() {
                    self.columns.value(column, batch, &Parquet, cells)?;
                }
            }
            if group.end_row().map_err(|e| defect(&e))? {
                self.end_group(out)?;
            }
        }
        Ok(u64::from(rows))
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.end_group(out)?;
        if let Some(mut file) = self.file.take() {
            file.finish().map_err(|e| defect(&e))?;
            out.append(file.inner_mut());
        }
        Ok(())
    }
}

/// The rows of a group: some that wait, and those before them encoded.
struct Group {
    cells: Vec<Cells>,
    rows: usize,
    bytes: usize,
    waiting: usize,
}

impl Group {
    fn new(descriptor: &SchemaDescPtr, properties: &WriterPropertiesPtr) -> Self {
        let cells = descriptor.columns().iter().map(|column| Cells::new(column, properties));
        Group { cells: cells.collect(), rows: 0, bytes: 0, waiting: 0 }
    }

    /// Counts a row, and encodes those that wait if they are enough. True if the group is full. Both depend on the rows
    /// only, so that the same rows make the same file.
    fn end_row(&mut self) -> Result<bool, ParquetError> {
        self.rows += 1;
        self.waiting += 1;
        let bytes: usize = self.cells.iter().map(Cells::bytes).sum();
        let is_full = self.rows >= GROUP_ROWS || self.bytes + bytes >= GROUP_BYTES;
        if self.waiting >= ENCODED_ROWS || bytes >= ENCODED_BYTES {
            self.encode()?;
            self.bytes += bytes;
        }
        Ok(is_full)
    }

    fn encode(&mut self) -> Result<(), ParquetError> {
        self.waiting = 0;
        self.cells.iter_mut().try_for_each(Cells::encode)
    }

    fn end(mut self, file: &mut SerializedFileWriter<Vec<u8>>) -> Result<(), ParquetError> {
        self.encode()?;
        let mut group = file.next_row_group()?;
        for cells in mem::take(&mut self.cells) {
            let (pages, closed) = cells.close()?;
            group.append_column(&pages, closed)?;
        }
        group.close()?;
        file.flush()?;
        Ok(())
    }
}

/// Everything goes to memory, so an error is a defect.
fn defect(error: &ParquetError) -> Error {
    Error::internal(&format!("Parquet could not be written: {error}"))
}
