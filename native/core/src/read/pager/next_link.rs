//! The page says where the next one is. A page without a link is the last one; an empty page with a link is not.

use url::Url;

use super::page::PageEnd;
use crate::cloud::Family;
use crate::context::Context;
use crate::errors::Result;
use crate::read::address;

pub(super) fn next(context: &Context, family: Family, current: &Url, end: &PageEnd) -> Result<Option<Url>> {
    let link = end.link.as_deref();
    link.map(|link| address::next_page(&context.settings, family, current, link)).transpose()
}
