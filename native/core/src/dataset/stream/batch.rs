//! The rows of a request: as many as the service takes at once.

use std::io::Write as _;
use std::ops::Range;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use url::Url;

use super::row::put;
use super::service::{Service, is_too_large};
use crate::dataset::destination::Kind;
use crate::dataset::destination::remote::{Call, Remote};
use crate::dataset::lines::text;
use crate::errors::{Error, INGESTION_ROW, Result};
use crate::http::Method;

/// Bytes of a body before it is compressed.
pub(super) const LIMIT: usize = 1_000_000;
/// Fast, and still a sixth of the size.
const LEVEL: u32 = 2;

/// Rows that are sent together.
pub(super) struct Batch {
    kind: Kind,
    url: Url,
    /// What a body begins with, and ends with.
    around: (String, String),
    /// The rows, as the body has them.
    text: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
    /// Rows that were sent already.
    taken: usize,
    /// Bytes that the service takes, as far as it said.
    limit: usize,
    pub(super) bytes: u64,
    pub(super) requests: u64,
}

impl Batch {
    /// `properties`: what an event says of its rows, as a JSON object.
    pub(super) fn new(kind: Kind, url: Url, properties: &str) -> Self {
        let around = match kind {
            Kind::LogAnalytics => ("[".to_owned(), "]".to_owned()),
            Kind::EventHubs => (r#"[{"Body":""#.to_owned(), format!(r#"","UserProperties":{properties}}}]"#)),
        };
        Batch {
            kind,
            url,
            around,
            text: Vec::new(),
            ends: Vec::new(),
            taken: 0,
            limit: LIMIT,
            bytes: 0,
            requests: 0,
        }
    }

    /// The largest row.
    pub(super) fn room(&self) -> usize {
        self.limit - self.around.0.len() - self.around.1.len()
    }

    /// Adds a row, if there is room for it. The first one always has.
    pub(super) fn add(&mut self, row: &[u8]) -> bool {
        let begun = self.text.len();
        match self.kind {
            Kind::LogAnalytics => {
                self.text.extend_from_slice(row);
                self.text.push(b',');
            }
            // The body is a text, in which every row is a line.
            Kind::EventHubs => {
                let row = text(row);
                put(&row, &mut self.text);
                self.text.remove(begun);
                self.text.pop();
                self.text.extend_from_slice(b"\\n");
            }
        }
        if !self.ends.is_empty() && self.text.len() > self.room() {
            self.text.truncate(begun);
            return false;
        }
        self.ends.push(self.text.len());
        true
    }

    /// Sends the next rows, and gives their number; `None` when all were sent, and others can be added.
    pub(super) async fn next(&mut self, remote: &Remote, service: &Service) -> Result<Option<u64>> {
        let from = self.taken;
        let begun = self.begin_of(from);
        let left = &self.ends[from..];
        let Some(first) = left.first() else {
            self.text.clear();
            self.ends.clear();
            self.taken = 0;
            return Ok(None);
        };
        let mut count = left.partition_point(|end| end - begun <= self.room()).max(1);
        let mut bytes = self.ends[from + count - 1] - begun;
        loop {
            let answer = remote.send(service, self.call(begun..begun + bytes)?).await?;
            if (200..300).contains(&answer.status()) {
                self.taken += count;
                self.bytes += bytes as u64;
                self.requests += 1;
                return Ok(Some(count as u64));
            }
            let refusal = remote.refusal(service, &answer);
            if !is_too_large(&answer) {
                return Err(refusal);
            }
            if count == 1 {
                let message = format!("a row of {} bytes is too large for {}", first - begun, service.url);
                return Err(INGESTION_ROW.error(message).with_status(answer.status()));
            }
            // The tier of the namespace may take less, so the next requests are as small.
            count /= 2;
            bytes = self.ends[from + count - 1] - begun;
            self.limit = bytes + self.around.0.len() + self.around.1.len();
        }
    }

    fn begin_of(&self, row: usize) -> usize {
        row.checked_sub(1).map_or(0, |before| self.ends[before])
    }

    /// The request with these bytes of the rows.
    fn call(&self, range: Range<usize>) -> Result<Call> {
        let (before, after) = &self.around;
        let call = Call::new(Method::POST, self.url.clone());
        let rows = &self.text[range];
        match self.kind {
            Kind::LogAnalytics => {
                let rows = rows.strip_suffix(b",").unwrap_or(rows);
                let mut packed = GzEncoder::new(Vec::new(), Compression::new(LEVEL));
                let written = [before.as_bytes(), rows, after.as_bytes()]
                    .iter()
                    .try_for_each(|part| packed.write_all(part));
                let body = written.and_then(|()| packed.finish());
                let body = body.map_err(|e| Error::internal(&e.to_string()))?;
                let call = call.header("content-type", "application/json").header("content-encoding", "gzip");
                Ok(call.body(Bytes::from(body)))
            }
            Kind::EventHubs => {
                let body = [before.as_bytes(), rows, after.as_bytes()].concat();
                let call = call.header("content-type", "application/vnd.microsoft.servicebus.json");
                Ok(call.header("x-ms-retrypolicy", "NoRetry").body(Bytes::from(body)))
            }
        }
    }
}
