//! HTTP: the transport that requests go through, the pause before one is sent again.

mod client;
mod pinned;
pub(crate) mod retry;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use reqwest::header::HeaderMap;
use tokio::sync::OwnedSemaphorePermit;
use url::Url;
use zeroize::Zeroizing;

pub(crate) use client::{CONNECTIONS_PER_HOST, Connections, HttpSettings};
pub use reqwest::Method;
pub use reqwest::header;

/// A request.
#[derive(Clone)]
pub struct Request {
    /// Method.
    pub method: Method,
    /// Address.
    pub url: Url,
    /// Headers; values with secrets are marked sensitive.
    pub headers: HeaderMap,
    /// Body.
    pub body: Option<Bytes>,
    /// Identity endpoints are never asked through a proxy.
    pub direct: bool,
    /// SHA-1 thumbprint of the only certificate that the server may have; it is checked before anything is sent.
    pub pin: Option<Thumbprint>,
}

/// SHA-1 of a certificate's DER.
pub type Thumbprint = [u8; 20];

impl Request {
    /// A request without body.
    pub fn new(method: Method, url: Url) -> Self {
        Request { method, url, headers: HeaderMap::new(), body: None, direct: false, pin: None }
    }
}

impl fmt::Debug for Request {
    /// Without headers and body: they hold tokens and assertions.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.url.path())
            .finish_non_exhaustive()
    }
}

/// Why no answer, or not all of it, came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportError {
    /// What failed.
    pub kind: TransportErrorKind,
    /// Causes, outermost first; no address and no header in them.
    pub causes: Vec<String>,
}

/// Where it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportErrorKind {
    /// No connection: the request was not sent, so sending it again is safe whatever it does.
    Connect,
    /// No answer in time.
    Timeout,
    /// The connection broke while the request or answer was under way.
    Broken,
    /// The compressed body could not be decompressed.
    Decode,
    /// The server's certificate is not the pinned one; nothing was sent.
    WrongCertificate,
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            TransportErrorKind::Connect => "no connection could be made",
            TransportErrorKind::Timeout => "no answer came in time",
            TransportErrorKind::Broken => "the connection broke off",
            TransportErrorKind::Decode => "the compressed body is damaged",
            TransportErrorKind::WrongCertificate => "the server's certificate is not the expected one",
        })?;
        match self.causes.last() {
            Some(cause) => write!(f, ": {cause}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for TransportError {}

/// An answer whose body is still coming.
pub struct Response {
    /// Status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    body: BoxStream<'static, Result<Bytes, TransportError>>,
    slot: Option<OwnedSemaphorePermit>,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Response {
    /// An answer.
    pub fn new(
        status: u16,
        headers: HeaderMap,
        body: BoxStream<'static, Result<Bytes, TransportError>>,
    ) -> Self {
        Response { status, headers, body, slot: None }
    }

    /// The next part of the body; `None` at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, TransportError> {
        self.body.next().await.transpose()
    }

    /// Gives up the slot among the host's connections while nobody reads: a stalled pipeline must not keep others out,
    /// least of all the requests that it waits for itself.
    pub fn release_slot(&mut self) {
        self.slot = None;
    }

    /// The whole body, of which at most `limit` bytes are kept.
    pub async fn bytes(mut self, limit: usize) -> Result<Vec<u8>, TransportError> {
        let mut all = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            let room = limit.saturating_sub(all.len());
            all.extend_from_slice(&chunk[..chunk.len().min(room)]);
        }
        Ok(all)
    }

    /// The answer once all of it is there.
    pub(crate) async fn whole(mut self) -> Result<Received, TransportError> {
        let (status, headers) = (self.status, std::mem::take(&mut self.headers));
        let body = Zeroizing::new(self.bytes(RECEIVED_LIMIT).await?);
        Ok(Received { status, headers, body })
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        text_of(&self.headers, name)
    }
}

/// Most that is kept of an answer that is received as a whole; a token is a few KB.
const RECEIVED_LIMIT: usize = 1 << 20;

/// An answer that is there as a whole. It may hold a token, so its body is wiped.
pub(crate) struct Received {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

impl Received {
    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        text_of(&self.headers, name)
    }

    /// The body, as far as it is text.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }
}

fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// What requests go through; injected, so that a test can be the network.
pub trait Transport: Send + Sync + 'static {
    /// Sends a request; ends when the head of the answer is there.
    fn send(&self, request: Request) -> BoxFuture<'static, Result<Response, TransportError>>;
}

/// A transport to share.
pub type SharedTransport = Arc<dyn Transport>;

/// `text` without the sensitive values of these headers: some services quote what they refuse.
pub(crate) fn without_secrets(text: &str, headers: &HeaderMap) -> String {
    let secrets =
        headers.values().filter(|value| value.is_sensitive()).filter_map(|value| value.to_str().ok());
    secrets.fold(text.to_owned(), |text, secret| {
        let bare =
            ["Bearer ", "Basic "].iter().find_map(|scheme| secret.strip_prefix(scheme)).unwrap_or(secret);
        if bare.is_empty() { text } else { text.replace(bare, "***") }
    })
}

/// A sensitive header value: never printed by any layer below.
pub(crate) fn sensitive(value: &str) -> Option<header::HeaderValue> {
    let mut value = header::HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_service_quotes_of_a_secret_header_is_masked_with_and_without_its_scheme() {
        for (value, quoted) in [
            ("fake-plain-secret", "fake-plain-secret"),
            ("fake secret with spaces", "fake secret with spaces"),
            ("Bearer fake-token", "fake-token"),
            ("Basic fake-key", "fake-key"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("secret", sensitive(value).unwrap());
            headers.insert("accept", header::HeaderValue::from_static("told"));
            let text = without_secrets(&format!("'{quoted}' is not told"), &headers);
            assert_eq!(text, "'***' is not told", "{value}");
        }
    }
}
