//! One column of a row group: values that wait, and pages.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::basic::Type as PhysicalType;
use parquet::column::page::{CompressedPage, PageWriteSpec, PageWriter};
use parquet::column::writer::{ColumnCloseResult, ColumnWriterImpl};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::Result;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use crate::batch::{EPOCH, TICKS_PER_SECOND};
use crate::dataset::format::encoding::Encoding;
use crate::dataset::format::json::JsonLines;

/// Ticks of a microsecond.
const TICKS_PER_MICROSECOND: i64 = TICKS_PER_SECOND / 1_000_000;

/// The cells of one column.
pub(super) struct Cells {
    /// Of each cell that waits: 1 if it has a value, 0 if it is null.
    levels: Vec<i16>,
    /// The texts that wait and are of no dictionary, one after the other, and where each of them ends.
    texts: Vec<u8>,
    ends: Vec<usize>,
    values: Values,
    pages: Pages,
}

enum Values {
    Text(Typed<ByteArrayType>),
    Int(Typed<Int64Type>),
    Float(Typed<DoubleType>),
    Bool(Typed<BoolType>),
}

/// The values that wait, and what encodes them.
struct Typed<T: DataType> {
    waiting: Vec<T::T>,
    writer: ColumnWriterImpl<'static, T>,
}

impl<T: DataType> Typed<T> {
    fn new(column: &ColumnDescPtr, properties: &WriterPropertiesPtr, pages: &Pages) -> Self {
        let writer = ColumnWriterImpl::new(column.clone(), properties.clone(), Box::new(pages.clone()));
        Typed { waiting: Vec::new(), writer }
    }

    fn encode(&mut self, levels: &[i16]) -> Result<()> {
        self.writer.write_batch(&self.waiting, Some(levels), None)?;
        self.waiting.clear();
        Ok(())
    }
}

impl Cells {
    pub(super) fn new(column: &ColumnDescPtr, properties: &WriterPropertiesPtr) -> Self {
        let pages = Pages::default();
        let values = match column.physical_type() {
            PhysicalType::BOOLEAN => Values::Bool(Typed::new(column, properties, &pages)),
            PhysicalType::INT64 => Values::Int(Typed::new(column, properties, &pages)),
            PhysicalType::DOUBLE => Values::Float(Typed::new(column, properties, &pages)),
            _ => Values::Text(Typed::new(column, properties, &pages)),
        };
        Cells { levels: Vec::new(), texts: Vec::new(), ends: Vec::new(), values, pages }
    }

    /// Bytes of the texts that wait.
    pub(super) fn bytes(&self) -> usize {
        self.texts.len()
    }

    /// Writes a text that is of no dictionary.
    fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.texts);
        self.ends.push(self.texts.len());
        self.levels.push(1);
    }

    /// Encodes what waits.
    pub(super) fn encode(&mut self) -> Result<()> {
        match &mut self.values {
            Values::Text(typed) => {
                if !self.ends.is_empty() {
                    let room = Vec::with_capacity(self.texts.len());
                    let texts = Bytes::from(mem::replace(&mut self.texts, room));
                    let mut start = 0;
                    typed.waiting.extend(
                        self.ends
                            .drain(..)
                            .map(|end| ByteArray::from(texts.slice(mem::replace(&mut start, end)..end))),
                    );
                }
                typed.encode(&self.levels)?;
            }
            Values::Int(typed) => typed.encode(&self.levels)?,
            Values::Float(typed) => typed.encode(&self.levels)?,
            Values::Bool(typed) => typed.encode(&self.levels)?,
        }
        self.levels.clear();
        Ok(())
    }

    /// The pages of the column, and what the file has to say about them.
    pub(super) fn close(self) -> Result<(Bytes, ColumnCloseResult)> {
        let closed = match self.values {
            Values::Text(typed) => typed.writer.close(),
            Values::Int(typed) => typed.writer.close(),
            Values::Float(typed) => typed.writer.close(),
            Values::Bool(typed) => typed.writer.close(),
        }?;
        Ok((Bytes::from(self.pages.take()), closed))
    }
}

/// Writes values into the columns of a group. A value that is not of its column's type adds no cell, which the writer
/// of the group notices.
pub(super) struct Parquet;

impl Encoding for Parquet {
    type Out = Cells;
    type Known = ByteArray;

    fn prepare(&self, text: &str) -> ByteArray {
        ByteArray::from(text)
    }

    fn known(&self, known: &ByteArray, out: &mut Cells) {
        if let Values::Text(typed) = &mut out.values {
            typed.waiting.push(known.clone());
            out.levels.push(1);
        }
    }

    fn null(&self, out: &mut Cells) {
        out.levels.push(0);
    }

    fn text(&self, text: &str, out: &mut Cells) {
        out.add(|texts| texts.extend_from_slice(text.as_bytes()));
    }

    fn int(&self, number: i64, out: &mut Cells) {
        if let Values::Int(typed) = &mut out.values {
            typed.waiting.push(number);
            out.levels.push(1);
        }
    }

    fn float(&self, number: f64, out: &mut Cells) {
        if let Values::Float(typed) = &mut out.values {
            typed.waiting.push(number);
            out.levels.push(1);
        }
    }

    fn bool(&self, value: bool, out: &mut Cells) {
        if let Values::Bool(typed) = &mut out.values {
            typed.waiting.push(value);
            out.levels.push(1);
        }
    }

    fn time(&self, ticks: i64, out: &mut Cells) {
        self.int((ticks - EPOCH * TICKS_PER_SECOND).div_euclid(TICKS_PER_MICROSECOND), out);
    }

    fn list<'a>(&self, items: impl Iterator<Item = Option<&'a str>>, out: &mut Cells) {
        out.add(|texts| JsonLines.list(items, texts));
    }

    fn json(&self, json: &[u8], out: &mut Cells) {
        out.add(|texts| texts.extend_from_slice(json));
    }
}

/// The pages of a column, one after the other. They are kept until the group ends, because a file has its columns one
/// after the other.
#[derive(Clone, Default)]
struct Pages(Arc<Mutex<Vec<u8>>>);

impl Pages {
    fn take(&self) -> Vec<u8> {
        mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl PageWriter for Pages {
    fn write_page(&mut self, page: CompressedPage) -> Result<PageWriteSpec> {
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let offset = pages.len();
        let mut sink = TrackedWrite::new(&mut *pages);
        let mut written = SerializedPageWriter::new(&mut sink).write_page(page)?;
        sink.into_inner()?;
        written.offset = offset as u64;
        Ok(written)
    }

    fn close(&mut self) -> Result<()> {
        Ok(())
    }
}
