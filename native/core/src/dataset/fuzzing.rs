//! What the fuzz targets check about files that are read back, and about the lists of a storage account.

use serde::de::IgnoredAny;

use super::destination::read_blob_lists;
use super::format::CsvRows;

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
