//! The same request with a larger `$skip`. A page with fewer rows than `$top` is the last one.

use url::Url;

use super::page::PageEnd;
use crate::read::address;

/// `rows`: number of rows of all pages so far.
pub(super) fn next(current: &Url, top: u32, rows: u64, end: &PageEnd) -> Option<Url> {
    (end.rows >= u64::from(top)).then(|| address::with_parameter(current, "$skip", &rows.to_string()))
}
