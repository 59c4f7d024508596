//! The page says where the next one is. A page without a link is the last one; an empty page with a link is not.

use url::Url;

use crate::cloud::Family;
use crate::context::Context;
use crate::errors::{FILTER_LOST, Result};
use crate::read::address;

pub(super) fn next(context: &Context, family: Family, current: &Url, link: &str) -> Result<Url> {
    let next = address::next_page(&context.settings, family, current, link)?;
    // A token stands for the whole request. Without one, the link must repeat the filter.
    if has(current, "$filter") && !has(&next, "$filter") && !has(&next, "$skiptoken") {
        return Err(FILTER_LOST.error(FILTER_LOST.cause));
    }
    Ok(next)
}

/// Whether a link only says how many rows come before the next page.
pub(super) fn is_position(current: &Url, link: &str) -> bool {
    current.join(link).is_ok_and(|url| has(&url, "$skip") && !has(&url, "$skiptoken"))
}

fn has(url: &Url, parameter: &str) -> bool {
    address::parameter(url, parameter).is_some_and(|value| !value.is_empty())
}
