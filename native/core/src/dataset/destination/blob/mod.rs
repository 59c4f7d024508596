//! A container of Azure Blob Storage, or of what has its API: Data Lake Storage Gen2 and `OneLake`.
//!
//! A file of rows is blocks that no reader sees until a list of them is committed. The ids of the blocks follow from
//! the run and their number, so a later run knows them. Small files are written at once, on condition that nobody else
//! changed them.

mod address;
mod lease;
mod reader;
mod service;
mod shared;
#[cfg(test)]
pub(in crate::dataset) mod tests;
mod xml;

use std::collections::HashMap;
use std::io::{self, Read as _, Write};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use md5::{Digest, Md5};
use tokio_util::sync::CancellationToken;

pub(super) use self::address::BlobAddress;
use self::lease::Lease;
use self::reader::BlobFile;
use self::service::{Service, is_absent};
use self::shared::{Shared, unreadable};
use self::xml::Names;
#[cfg(any(test, feature = "fuzzing"))]
pub(in crate::dataset) use self::xml::read_lists;
use super::remote::{Answer, Call, Waiter};
use super::{Destination, Hidden, Opened, PartName, read_error};
use crate::clock::random;
use crate::context::Context;
use crate::errors::{DATASET_LEASE_LOST, Result};
use crate::http::Method;

/// Size of all blocks but the last. Larger than 4 MiB, so that the service takes them at its full speed.
const BLOCK: usize = 8 * 1024 * 1024;
/// Names in one page of a list of blobs.
const PAGE: &str = "500";
/// Metadata that says which run, or which write, a blob is of.
const RUN: &str = "x-ms-meta-run";

/// The version of a blob, or none if it is not there.
type Version = Option<String>;

pub(in crate::dataset) struct Blob {
    shared: Arc<Shared>,
    /// What is known of small files.
    versions: Mutex<HashMap<String, Version>>,
}

impl Blob {
    pub(super) fn new(context: &Context, address: &BlobAddress, stop: &CancellationToken) -> Result<Self> {
        let service = Arc::new(Service::new(context.of_destination(), address.container()));
        let (address, waiter) = (address.clone(), Waiter::new(stop)?);
        let shared = Arc::new(Shared { service, address, waiter, lease: OnceLock::new() });
        Ok(Blob { shared, versions: Mutex::default() })
    }

    fn version(&self, name: &str) -> Option<Version> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn forget_version(&self, name: &str) {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    fn set_version(&self, name: &str, version: Version) {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), version);
    }
}

impl Shared {
    /// What a blob is, if it is there.
    async fn head(&self, name: &str) -> Result<Option<Answer>> {
        let answer = self.service.send(self.call(Method::HEAD, name)).await?;
        match answer.status() {
            200 => Ok(Some(answer)),
            _ if is_absent(&answer) => Ok(None),
            _ => Err(self.service.refusal(&answer)),
        }
    }

    /// Sends a write that makes a blob of a run. A repeat whose first answer was lost finds its own blob.
    async fn write(&self, name: &str, call: Call, run: &str) -> Result<Written> {
        let answer = self.service.send(call.header(RUN, run)).await?;
        match (answer.status(), answer.code()) {
            (201, _) => Ok(Written::Done(answer.header("etag").map(str::to_owned))),
            (409, "BlobAlreadyExists") | (412, _) => {
                let there = self.head(name).await?.filter(|there| there.header(RUN) == Some(run));
                let there = there.ok_or_else(|| {
                    let message = format!("another run has written {}", self.address.blob(name));
                    DATASET_LEASE_LOST.error(message).with_status(answer.status())
                })?;
                Ok(Written::Done(there.header("etag").map(str::to_owned)))
            }
            (400, "InvalidBlockList") => Ok(Written::NoBlocks),
            _ => Err(self.service.refusal(&answer)),
        }
    }

    /// The names of what is in a folder, without what is in folders of it. `wanted` chooses blobs or folders.
    async fn names(&self, folder: &str, wanted: fn(Names) -> Vec<String>) -> Result<Vec<String>> {
        let prefix = self.address.full_name(&format!("{folder}/"));
        let mut names = Vec::new();
        let mut marker: Option<String> = None;
        loop {
            let mut call = Call::new(Method::GET, self.address.container())
                .query("restype", "container")
                .query("comp", "list")
                .query("prefix", &prefix)
                .query("delimiter", "/")
                .query("maxresults", PAGE);
            if let Some(marker) = &marker {
                call = call.query("marker", marker);
            }
            let answer = self.service.expect(call, &[200]).await?;
            let mut page = xml::names(&answer.text()).ok_or_else(|| unreadable(folder))?;
            marker = page.next.take();
            let found = wanted(page).into_iter();
            names.extend(found.filter_map(|name| {
                name.strip_prefix(&prefix).map(|name| name.trim_end_matches('/').to_owned())
            }));
            if marker.is_none() {
                return Ok(names);
            }
        }
    }

    /// The ids of the blocks of a file, if all of them wait.
    async fn waiting(&self, part: &PartName, bytes: u64) -> Result<Option<Vec<String>>> {
        let call = self.call(Method::GET, &part.name);
        let call = call.query("comp", "blocklist").query("blocklisttype", "uncommitted");
        let answer = self.service.send(call).await?;
        match answer.status() {
            200 => {}
            _ if is_absent(&answer) => return Ok(None),
            _ => return Err(self.service.refusal(&answer)),
        }
        let blocks = xml::uncommitted(&answer.text()).ok_or_else(|| unreadable(&part.name))?;
        let sizes: HashMap<String, u64> = blocks.into_iter().collect();
        let expected = blocks_of(&part.run, bytes);
        let is_whole = expected.iter().all(|(id, size)| sizes.get(id) == Some(size));
        Ok(is_whole.then(|| expected.into_iter().map(|(id, _)| id).collect()))
    }
}

/// What became of a write.
enum Written {
    /// The blob is there, with this version.
    Done(Option<String>),
    /// Some of its blocks are gone.
    NoBlocks,
}

/// Id of a block. All ids of a blob must be equally long, also those that an earlier run left.
fn block_id(run: &str, number: u64) -> String {
    STANDARD.encode(format!("{run:0>16}-{number:06}"))
}

/// The blocks of a file of so many bytes, with their sizes.
fn blocks_of(run: &str, bytes: u64) -> Vec<(String, u64)> {
    let size = BLOCK as u64;
    (0..bytes.div_ceil(size)).map(|n| (block_id(run, n), size.min(bytes - n * size))).collect()
}

fn md5(bytes: &[u8]) -> String {
    STANDARD.encode(Md5::digest(bytes))
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("gz") => "application/gzip",
        Some("csv") => "text/csv; charset=utf-8",
        Some("json") => "application/json",
        Some("parquet") => "application/vnd.apache.parquet",
        _ => "application/octet-stream",
    }
}

/// The condition that a blob still has the version that is known of it.
fn unchanged(call: Call, version: Option<String>) -> Call {
    match version {
        Some(version) => call.header("if-match", version),
        None => call.header("if-none-match", "*"),
    }
}

impl Destination for Blob {
    fn lock(&self, name: &str) -> Result<Box<dyn Send>> {
        let shared = &self.shared;
        let taken = Lease::take(Arc::clone(&shared.service), shared.address.blob(name));
        let lease = Arc::new(shared.wait(taken)?);
        let guard = lease.keep(shared.waiter.handle());
        let _ = shared.lease.set(lease);
        Ok(Box::new(guard))
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let Some(mut file) = BlobFile::open(&self.shared, name)? else {
            self.set_version(name, None);
            return Ok(None);
        };
        let mut content = Vec::new();
        file.read_to_end(&mut content).map_err(|e| read_error(&self.full_name(name), &e))?;
        match file.version() {
            Some(version) => self.set_version(name, Some(version)),
            // The service does not say the version of a blob without content.
            None => self.forget_version(name),
        }
        Ok(Some(content))
    }

    fn open(&self, name: &str) -> Result<Option<Box<dyn Opened>>> {
        Ok(BlobFile::open(&self.shared, name)?.map(|file| Box::new(file) as Box<dyn Opened>))
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        let shared = &self.shared;
        let write = async {
            let known = match self.version(name) {
                Some(known) => known,
                None => shared.head(name).await?.and_then(|there| there.header("etag").map(str::to_owned)),
            };
            let call = shared
                .call(Method::PUT, name)
                .header("x-ms-blob-type", "BlockBlob")
                .header("x-ms-blob-content-type", content_type(name))
                .header("content-md5", md5(content))
                .body(Bytes::copy_from_slice(content));
            shared.write(name, unchanged(call, known), &format!("{:016x}", random())).await
        };
        match shared.wait(write)? {
            Written::Done(version) => {
                self.set_version(name, version);
                Ok(())
            }
            Written::NoBlocks => Err(unreadable(name)),
        }
    }

    fn create(&self, part: &PartName) -> Result<Box<dyn Hidden>> {
        let (shared, part) = (Arc::clone(&self.shared), part.clone());
        Ok(Box::new(HiddenBlob { shared, part, waiting: Vec::new(), blocks: 0 }))
    }

    fn waits(&self, part: &PartName, bytes: u64) -> Result<bool> {
        Ok(self.shared.wait(self.shared.waiting(part, bytes))?.is_some())
    }

    fn publish(&self, part: &PartName, bytes: u64) -> Result<bool> {
        let shared = &self.shared;
        shared.wait(async {
            let there = shared.head(&part.name).await?;
            let is_ours = |there: &Answer| there.header(RUN) == Some(part.run.as_str());
            if there.as_ref().is_some_and(is_ours) {
                return Ok(true);
            }
            let Some(ids) = shared.waiting(part, bytes).await? else { return Ok(false) };
            let version = there.and_then(|there| there.header("etag").map(str::to_owned));
            let call = shared
                .call(Method::PUT, &part.name)
                .query("comp", "blocklist")
                .header("x-ms-blob-content-type", content_type(&part.name))
                .body(Bytes::from(xml::block_list(&ids)));
            let written = shared.write(&part.name, unchanged(call, version), &part.run).await?;
            Ok(matches!(written, Written::Done(_)))
        })
    }

    fn remove(&self, name: &str) -> Result<()> {
        let shared = &self.shared;
        let answer = shared.wait(shared.service.send(shared.call(Method::DELETE, name)))?;
        if answer.status() != 202 && !is_absent(&answer) {
            return Err(shared.service.refusal(&answer));
        }
        self.set_version(name, None);
        Ok(())
    }

    fn list(&self, folder: &str) -> Result<Vec<String>> {
        self.shared.wait(self.shared.names(folder, |page| page.blobs))
    }

    fn folders(&self, folder: &str) -> Result<Vec<String>> {
        self.shared.wait(self.shared.names(folder, |page| page.folders))
    }

    fn full_name(&self, name: &str) -> String {
        self.shared.address.blob(name).to_string()
    }
}

/// A file of rows whose blocks are being uploaded.
struct HiddenBlob {
    shared: Arc<Shared>,
    part: PartName,
    waiting: Vec<u8>,
    blocks: u64,
}

impl HiddenBlob {
    fn upload(&mut self) -> Result<()> {
        let block = std::mem::take(&mut self.waiting);
        let call = self
            .shared
            .call(Method::PUT, &self.part.name)
            .query("comp", "block")
            .query("blockid", &block_id(&self.part.run, self.blocks))
            .header("content-md5", md5(&block))
            .body(Bytes::from(block));
        self.blocks += 1;
        self.shared.wait(self.shared.service.expect(call, &[201])).map(|_| ())
    }
}

impl Write for HiddenBlob {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(BLOCK - self.waiting.len());
        self.waiting.extend_from_slice(&bytes[..taken]);
        if self.waiting.len() == BLOCK {
            self.upload().map_err(io::Error::other)?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Hidden for HiddenBlob {
    fn finish(mut self: Box<Self>) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        self.upload().map_err(io::Error::other)
    }
}
