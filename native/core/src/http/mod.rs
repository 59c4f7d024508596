//! HTTP: requests, answers, the transport and retries.

mod client;
mod error;
mod error_body;
mod governor;
mod gzip;
pub(crate) mod limits;
mod pinned;
pub(crate) mod retry;
mod slots;
#[cfg(test)]
mod tests;
pub(crate) mod waits;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream};
use reqwest::header::HeaderMap;
use tokio::sync::OwnedSemaphorePermit;
use url::Url;
use zeroize::Zeroizing;

use crate::clock::{Clock, within};
use crate::errors::Quoter;
pub(crate) use client::{Connections, HttpSettings};
pub use error::{TransportError, TransportErrorKind};
pub(crate) use error_body::{ErrorBody, without_mark};
pub(crate) use governor::{Class, Key, Place, Turn, UnderWay};
pub use governor::{Governor, Limit};
pub use reqwest::Method;
pub use reqwest::header;
pub(crate) use slots::{CONNECTIONS_PER_HOST, Slots};

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

/// An answer whose body is still being received.
pub struct Response {
    /// Status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    body: BoxStream<'static, Result<Bytes, TransportError>>,
    slot: Option<OwnedSemaphorePermit>,
    under_way: Option<UnderWay>,
    pace: Option<limits::Pace>,
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
        Response { status, headers, body, slot: None, under_way: None, pace: None }
    }

    /// The answer with the slot that it occupies, and with the least speed of its body.
    pub(crate) fn governed(mut self, slot: Option<OwnedSemaphorePermit>, clock: Arc<dyn Clock>) -> Self {
        self.slot = slot;
        self.pace = Some(limits::Pace::new(clock));
        self
    }

    /// The answer to a request that the governor counts.
    pub(crate) fn counted(mut self, under_way: Option<UnderWay>) -> Self {
        self.under_way = under_way;
        self
    }

    /// The content of a file, decompressed if it is compressed.
    pub(crate) fn unpacked(mut self) -> Self {
        self.body = gzip::unpack(self.body);
        self
    }

    /// The answer with what was received of its body, and perhaps with the rest.
    pub(crate) fn begun_with(mut self, parts: Vec<Result<Bytes, TransportError>>, has_more: bool) -> Self {
        let parts = stream::iter(parts);
        self.body = if has_more { parts.chain(self.body).boxed() } else { parts.boxed() };
        self
    }

    /// The next part of the body, or `None` at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, TransportError> {
        match &mut self.pace {
            Some(pace) => pace.next(&mut self.body).await,
            None => self.body.next().await.transpose(),
        }
    }

    /// Releases the slot of the host's connections while nobody reads, and the place among the requests that are under
    /// way. A stalled pipeline must not block other requests, especially those that it waits for itself.
    pub fn release_slot(&mut self) {
        self.slot = None;
        self.under_way = None;
    }

    /// The first `limit` bytes of the body. The rest is not received: it may be endless.
    pub async fn bytes(mut self, limit: usize) -> Result<Vec<u8>, TransportError> {
        let mut all = Vec::new();
        while all.len() < limit
            && let Some(chunk) = self.chunk().await?
        {
            let room = limit - all.len();
            all.extend_from_slice(&chunk[..chunk.len().min(room)]);
        }
        Ok(all)
    }

    /// What arrives of an error's text within a moment. The error is known without it.
    pub(crate) async fn error_text(self, clock: &dyn Clock) -> Vec<u8> {
        let mut all = Vec::new();
        let mut response = self;
        let received = async {
            while all.len() < limits::ERROR_TEXT_SIZE
                && let Ok(Some(chunk)) = response.chunk().await
            {
                all.extend_from_slice(&chunk);
            }
        };
        let _ = within(clock, limits::ERROR_TEXT_TIME, received).await;
        all.truncate(limits::ERROR_TEXT_SIZE);
        all
    }

    /// Receives the whole answer: the first `limit` bytes of its body.
    pub(crate) async fn whole(mut self, limit: usize) -> Result<Received, TransportError> {
        let (status, headers) = (self.status, std::mem::take(&mut self.headers));
        let body = Zeroizing::new(self.bytes(limit).await?);
        Ok(Received { status, headers, body })
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        text_of(&self.headers, name)
    }
}

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

    /// The body without a byte order mark.
    pub(crate) fn json(&self) -> &[u8] {
        without_mark(&self.body)
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

/// Quotes texts without the sensitive values of these headers: some services quote what they reject.
pub(crate) fn quoter(headers: &HeaderMap) -> Quoter {
    let secrets =
        headers.values().filter(|value| value.is_sensitive()).filter_map(|value| value.to_str().ok());
    Quoter::new(secrets.map(|secret| {
        ["Bearer ", "Basic "].iter().find_map(|scheme| secret.strip_prefix(scheme)).unwrap_or(secret)
    }))
}

/// A header value that no layer below prints.
pub(crate) fn sensitive(value: &str) -> Option<header::HeaderValue> {
    let mut value = header::HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}
