//! HTTP: requests, answers, the transport and retries.

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
    /// Bypasses the proxy, as identity endpoints require.
    pub direct: bool,
    /// SHA-1 thumbprint of the only accepted server certificate, checked before anything is sent.
    pub pin: Option<Thumbprint>,
}

/// SHA-1 of a certificate's DER.
pub type Thumbprint = [u8; 20];

impl Request {
    /// A request without a body.
    pub fn new(method: Method, url: Url) -> Self {
        Request { method, url, headers: HeaderMap::new(), body: None, direct: false, pin: None }
    }
}

impl fmt::Debug for Request {
    /// Omits headers and body, which contain tokens and assertions.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.url.path())
            .finish_non_exhaustive()
    }
}

/// Why there is no complete answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportError {
    /// What failed.
    pub kind: TransportErrorKind,
    /// Causes, outermost first. They contain no addresses and no headers.
    pub causes: Vec<String>,
}

/// Kind of a transport error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportErrorKind {
    /// No connection. The request was not sent, so a retry is always safe.
    Connect,
    /// No answer in time.
    Timeout,
    /// The connection was lost during the request or the answer.
    Broken,
    /// The compressed body could not be decompressed.
    Decode,
    /// The server's certificate is not the pinned one. Nothing was sent.
    WrongCertificate,
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            TransportErrorKind::Connect => "no connection could be established",
            TransportErrorKind::Timeout => "no answer came in time",
            TransportErrorKind::Broken => "the connection was lost",
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

/// An answer whose body is still being received.
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

    /// The next part of the body, or `None` at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, TransportError> {
        self.body.next().await.transpose()
    }

    /// Releases the slot of the host's connections while nobody reads. A stalled pipeline must not block other
    /// requests, especially those that it waits for itself.
    pub fn release_slot(&mut self) {
        self.slot = None;
    }

    /// The body, truncated to `limit` bytes.
    pub async fn bytes(mut self, limit: usize) -> Result<Vec<u8>, TransportError> {
        let mut all = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            let room = limit.saturating_sub(all.len());
            all.extend_from_slice(&chunk[..chunk.len().min(room)]);
        }
        Ok(all)
    }

    /// Receives the whole answer.
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

/// Largest body that is received as a whole. A token has a few KB.
const RECEIVED_LIMIT: usize = 1 << 20;

/// A complete answer. It can contain a token, so its body is wiped.
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

    /// The body as text.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }
}

fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Sends requests. Tests inject their own.
pub trait Transport: Send + Sync + 'static {
    /// Sends a request and returns when the headers of the answer have arrived.
    fn send(&self, request: Request) -> BoxFuture<'static, Result<Response, TransportError>>;
}

/// A shared transport.
pub type SharedTransport = Arc<dyn Transport>;

/// Masks the sensitive values of these headers in `text`: some services quote what they reject.
pub(crate) fn without_secrets(text: &str, headers: &HeaderMap) -> String {
    let secrets =
        headers.values().filter(|value| value.is_sensitive()).filter_map(|value| value.to_str().ok());
    secrets.fold(text.to_owned(), |text, secret| {
        let bare =
            ["Bearer ", "Basic "].iter().find_map(|scheme| secret.strip_prefix(scheme)).unwrap_or(secret);
        if bare.is_empty() { text } else { text.replace(bare, "***") }
    })
}

/// A header value that no layer below prints.
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
            headers.insert("accept", header::HeaderValue::from_static("valid"));
            let text = without_secrets(&format!("'{quoted}' is not valid"), &headers);
            assert_eq!(text, "'***' is not valid", "{value}");
        }
    }
}
