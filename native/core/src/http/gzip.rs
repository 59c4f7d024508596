//! Decompresses gzip (RFC 1952). A body may have several members, one after the other.

use std::io;
use std::pin::Pin;

use async_compression::tokio::bufread::GzipDecoder;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use tokio_util::io::{ReaderStream, StreamReader};

use super::error::{TransportError, TransportErrorKind};

/// Bytes that one step decompresses at most.
const STEP: usize = 32 * 1024;

/// First byte of a gzip file.
const FIRST_BYTE: u8 = 0x1f;

type Body = BoxStream<'static, Result<Bytes, TransportError>>;

/// Whether the body is compressed with gzip.
pub(super) fn is_gzip(headers: &HeaderMap) -> bool {
    let encoding = headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok());
    encoding.is_some_and(|text| ["gzip", "x-gzip"].iter().any(|name| text.trim().eq_ignore_ascii_case(name)))
}

/// The decompressed body.
pub(super) fn decompress(body: Body) -> Body {
    stream::once(async {
        let mut body = body.peekable();
        if Pin::new(&mut body).peek().await.is_none() {
            // No body at all, as with a 204.
            return stream::empty().boxed();
        }
        let mut decoder = GzipDecoder::new(StreamReader::new(body.map_err(io::Error::other)));
        decoder.multiple_members(true);
        ReaderStream::with_capacity(decoder, STEP).map_err(transport_error).boxed()
    })
    .flatten()
    .boxed()
}

/// The content of a file that may be compressed, whatever its headers say. No JSON begins like a gzip file.
pub(super) fn unpack(body: Body) -> Body {
    stream::once(async {
        let mut body = body.peekable();
        match Pin::new(&mut body).peek().await {
            Some(Ok(first)) if first.first() == Some(&FIRST_BYTE) => decompress(body.boxed()),
            _ => body.boxed(),
        }
    })
    .flatten()
    .boxed()
}

/// The error of the connection, or else the damage that the decoder found.
fn transport_error(error: io::Error) -> TransportError {
    let cause = error.to_string();
    // What was lost before it could be decompressed.
    let lost = error.into_inner().and_then(|inner| inner.downcast::<TransportError>().ok());
    lost.map_or(TransportError { kind: TransportErrorKind::Decode, causes: vec![cause] }, |lost| *lost)
}
