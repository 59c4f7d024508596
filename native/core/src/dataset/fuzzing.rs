//! What the fuzz targets check about files that are written and read back, and about the lists of a storage account.

use serde::de::IgnoredAny;

use super::buffers::Buffers;
use super::destination::read_blob_lists;
use super::document::Format;
use super::format::{CsvRows, FileColumns, PlainRows, row_writer};
use crate::batch::BatchBuilder;
use crate::catalog::{DATASETS, Dataset};
use crate::read::decode::row::RowDecoder;
use crate::read::row_text::RowFormat as _;

/// A column of each kind that is read in a way of its own.
const KINDS: [(&str, &str); 5] =
    [("id", "Text"), ("n", "Int"), ("ok", "Bool"), ("paths", "TextList"), ("more", "Variant")];

/// However a text arrives, its records and its end are the same, and each record is one line of JSON. The first byte
/// says how the text is cut.
pub(crate) fn csv(data: &[u8]) {
    let [seed, text @ ..] = data else { return };
    let whole = records(text, text.len().max(1));
    for size in [1, usize::from(*seed) + 2] {
        assert_eq!(whole, records(text, size), "parts of {size} bytes");
    }
    for record in whole.iter().flatten() {
        assert!(!record.contains(&b'\n'), "a record of several lines");
        assert!(serde_json::from_slice::<IgnoredAny>(record).is_ok(), "a record that is not JSON");
    }
}

fn records(text: &[u8], size: usize) -> Vec<Result<Vec<u8>, &'static str>> {
    let kinds = KINDS.map(|(name, kind)| (name.to_owned(), kind.to_owned()));
    let mut rows = CsvRows::new(kinds.to_vec());
    let mut found = Vec::new();
    for part in text.chunks(size) {
        rows.feed(part);
        while let Some(row) = rows.next_row() {
            found.push(row.map(<[u8]>::to_vec));
            if found.last().is_some_and(Result::is_err) {
                return found;
            }
        }
    }
    found
}

/// A list of blocks or blobs is read, or refused.
pub(crate) fn blob_lists(data: &[u8]) {
    read_blob_lists(&String::from_utf8_lossy(data));
}

/// A line that is copied from a row is the line that the row becomes over columns, whatever comes behind the row. The
/// first byte says the dataset; each line is a row.
pub(crate) fn plain_rows(data: &[u8]) {
    let [dataset, text @ ..] = data else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let dataset = &DATASETS[usize::from(*dataset) % DATASETS.len()];
    let mut rows = PlainRows::new(dataset.resource, TENANT, &Buffers::default());
    for row in text.lines() {
        let mut line = b"before".to_vec();
        let Some(length) = rows.add(row, &mut line) else {
            assert_eq!(line, b"before", "{row}: half a line");
            continue;
        };
        let expected = over_columns(dataset, &row[..length]);
        assert_eq!(String::from_utf8_lossy(&line[6..]), expected, "{row}");
        let mut again = Vec::new();
        let cut = rows.add(&row[..length - 1], &mut again);
        assert!(cut.is_none() && again.is_empty(), "{row}: read although it is cut");
        assert_eq!(rows.add(&format!("{},{{", &row[..length]), &mut again), Some(length), "{row}");
        assert_eq!(line[6..], again);
    }
}

const TENANT: &str = "00000000-0000-0000-0000-000000000001";

/// The line of a row, over columns. It has an error in place of the row if that cannot be read.
fn over_columns(dataset: &Dataset, row: &str) -> String {
    let (mut decoder, columns) = RowDecoder::typed(dataset.resource);
    let mut builder = BatchBuilder::new(0, TENANT, columns);
    if let Err(reason) = decoder.decode(row, None, &mut builder) {
        return format!("{reason:?}");
    }
    builder.end_row();
    let mut line = Vec::new();
    let writer = row_writer(Format::JsonLines, &FileColumns::of(dataset.resource), TENANT);
    if let (Ok(mut writer), Some(batch)) = (writer, builder.take()) {
        let written = writer.write(&batch, &mut line);
        assert!(written.is_ok(), "{row}: a batch that cannot be written");
    }
    String::from_utf8_lossy(&line).into_owned()
}
