//! Reads a blob of any size, part by part. Only one part is in memory.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::service::is_absent;
use super::shared::{Shared, unreadable};
use crate::dataset::destination::remote::{Answer, Call};
use crate::errors::{DATASET_REPLACED, Result};
use crate::http::Method;

/// Bytes of a part.
const PART: u64 = 4 * 1024 * 1024;

/// A blob that is read. Every part is of the version that the first one was of.
pub(super) struct BlobFile {
    shared: Arc<Shared>,
    name: String,
    version: Option<String>,
    size: u64,
    /// Where the next byte is read from.
    at: u64,
    /// The part in memory, and where it begins.
    part: Zeroizing<Vec<u8>>,
    begins: u64,
}

impl BlobFile {
    /// Requests the first part; `None` if there is no such blob.
    pub(super) fn open(shared: &Arc<Shared>, name: &str) -> Result<Option<Self>> {
        let answer = shared.wait(shared.service.send(request(shared, name, 0)))?;
        let size = match answer.status() {
            206 => answer.header("content-range").and_then(size).ok_or_else(|| unreadable(name))?,
            // A blob without content has no part.
            416 => 0,
            _ if is_absent(&answer) => return Ok(None),
            _ => return Err(shared.service.refusal(&answer)),
        };
        let mut file = BlobFile {
            shared: Arc::clone(shared),
            name: name.to_owned(),
            version: answer.header("etag").map(str::to_owned),
            size,
            at: 0,
            part: Zeroizing::default(),
            begins: 0,
        };
        if size > 0 {
            file.keep(answer)?;
        }
        Ok(Some(file))
    }

    /// The version that is read.
    pub(super) fn version(self) -> Option<String> {
        self.version
    }

    /// Requests the part from the present position on.
    fn next_part(&mut self) -> Result<()> {
        let mut call = request(&self.shared, &self.name, self.at);
        if let Some(version) = &self.version {
            call = call.header("if-match", version.clone());
        }
        let answer = self.shared.wait(self.shared.service.send(call))?;
        match answer.status() {
            206 => self.keep(answer),
            304 | 404 | 412 => Err(DATASET_REPLACED
                .error(format!("{} was replaced while it was read", self.shared.address.blob(&self.name)))
                .with_status(answer.status())),
            _ => Err(self.shared.service.refusal(&answer)),
        }
    }

    fn keep(&mut self, answer: Answer) -> Result<()> {
        self.begins = self.at;
        self.part = answer.received.body;
        let is_whole = self.part.len() as u64 == PART.min(self.size - self.at);
        if is_whole { Ok(()) } else { Err(unreadable(&self.name)) }
    }

    /// What is in memory of what comes next.
    fn in_memory(&self) -> &[u8] {
        let from = self.at.checked_sub(self.begins).and_then(|from| usize::try_from(from).ok());
        from.and_then(|from| self.part.get(from..)).unwrap_or_default()
    }
}

fn request(shared: &Shared, name: &str, from: u64) -> Call {
    shared.call(Method::GET, name).header("range", format!("bytes={from}-{}", from + PART - 1))
}

/// The size of a blob, as the answer with a part of it says: `bytes 0-9/100`.
fn size(range: &str) -> Option<u64> {
    range.rsplit_once('/')?.1.parse().ok()
}

impl Read for BlobFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.size {
            return Ok(0);
        }
        if self.in_memory().is_empty() {
            self.next_part().map_err(io::Error::other)?;
        }
        let read = self.in_memory().read(buffer)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for BlobFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
