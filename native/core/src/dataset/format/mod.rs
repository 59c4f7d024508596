//! The formats of a dataset's files. Values are taken from the columns of a batch and written at once: no row is
//! assembled.

mod columns;
mod csv;
mod csv_rows;
mod encoding;
mod json;
mod lines;
mod parquet;
mod plain_rows;
mod plain_values;
mod prefix;
mod rows;
mod specials;
mod time;

pub(super) use self::columns::{FileColumns, TENANT_COLUMN, file_columns};
use self::csv::Csv;
pub(super) use self::csv_rows::CsvRows;
use self::json::JsonLines;
use self::lines::LineWriter;
use self::parquet::ParquetWriter;
pub(super) use self::plain_rows::PlainRows;
pub(super) use self::rows::RowWriter;
use super::document::Format;
use crate::errors::Result;

/// A time as files have it.
pub(super) fn time_text(ticks: i64) -> String {
    let mut text = Vec::new();
    time::write(ticks, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

/// The writer of a format.
pub(super) fn row_writer(format: Format, columns: &FileColumns, tenant: &str) -> Result<Box<dyn RowWriter>> {
    Ok(match format {
        Format::JsonLines => Box::new(LineWriter::new(JsonLines, columns, tenant)),
        Format::Csv => Box::new(LineWriter::new(Csv { for_excel: false }, columns, tenant)),
        Format::CsvExcel => Box::new(LineWriter::new(Csv { for_excel: true }, columns, tenant)),
        Format::Parquet => Box::new(ParquetWriter::new(columns, tenant)?),
    })
}
