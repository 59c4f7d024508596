//! What a list of pages is read by.

use bytes::Bytes;
use reqwest::Method;
use url::Url;

use super::splitter::Shape;
use crate::cloud::Family;

/// What is to be read.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) family: Family,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) body: Option<Bytes>,
    pub(crate) shape: Shape,
    /// Whether links to further pages are followed.
    pub(crate) follow: bool,
    pub(crate) not_found_is_empty: bool,
    /// Permissions, any of which is enough; empty when not known.
    pub(crate) permissions: &'static [&'static str],
    /// Fields that a filter may use, when there is one.
    pub(crate) filter_fields: Option<&'static [&'static str]>,
}
