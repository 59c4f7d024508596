//! What a page is requested with.

use bytes::Bytes;
use url::Url;

/// What a page is requested with.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) url: Url,
    pub(super) body: Option<Bytes>,
    /// How often rows of earlier pages have been requested again. In between, each page has an address of its own.
    pub(super) round: u32,
}

/// What comes after a page.
#[derive(Debug)]
pub(super) enum Next {
    Page(Target),
    End,
    /// The list may go on, but where is not known.
    Unknown,
}
