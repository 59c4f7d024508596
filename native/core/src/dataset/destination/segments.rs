//! The path of an address, part by part.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use url::Url;

use crate::errors::{DATASET_DESTINATION, Result};

/// The parts of a path, without empty ones.
pub(super) fn segments(url: &Url) -> Result<Vec<String>> {
    let parts = url.path_segments().into_iter().flatten().filter(|part| !part.is_empty());
    let decoded = parts.map(|part| percent_decode_str(part).decode_utf8().map(Cow::into_owned));
    decoded
        .collect::<Result<_, _>>()
        .map_err(|_| DATASET_DESTINATION.error("the address of the destination is not UTF-8"))
}

/// The address of what has this name below another address.
pub(super) fn below<'a>(base: &Url, names: impl IntoIterator<Item = &'a str>) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(names);
    }
    url
}
