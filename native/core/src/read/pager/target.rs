//! What a page is requested with.

use bytes::Bytes;
use url::Url;

/// What a page is requested with.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) url: Url,
    pub(super) body: Option<Bytes>,
}
