//! The files of an export assessment: a list of addresses, each with a signature that lets anybody read it for an hour.
//! So they are secrets, and they get no token.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::ahead::{self, Ahead, Sent};
use super::lines::{Lines, text};
use crate::catalog::{Dataset, Quota};
use crate::context::Context;
use crate::digest;
use crate::errors::{
    DATASET_FILE, DATASET_SNAPSHOT_CHANGED, Error, NETWORK_BROKEN, NETWORK_DAMAGED, Result, TRUNCATED,
    UNEXPECTED_SHAPE, UNREADABLE_ROW,
};
use crate::http::retry::{Attempt, Outcome, Policy, is_transient, retry_after};
use crate::http::{Class, Key, Method, Response, TransportError, TransportErrorKind, limits};
use crate::read::pager;
use crate::read::plan::Plan;
use crate::read::sink::{Pushed, Sink};
use crate::read::{YIELD_AFTER, address};
use crate::settings::{is_loopback, is_secure};

/// An address that ends sooner is replaced before it is used.
const NEAR_END: Duration = Duration::from_secs(120);
/// How often the address of one file is replaced.
const NEW_ADDRESSES: u32 = 3;

/// Makes a sink of a dataset's rows.
pub(crate) type NewSink<'a> = dyn Fn(&'static Dataset) -> Sink + Send + Sync + 'a;

/// The files of one snapshot.
#[derive(Clone)]
pub(super) struct Listing {
    /// When the service made the snapshot, as it writes it.
    pub(super) generated: String,
    files: Vec<Url>,
}

impl Listing {
    /// The number of the file with this name.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.files.iter().position(|file| file.path() == name)
    }

    fn is_same(&self, other: &Listing) -> bool {
        let names = |listing: &Listing| listing.files.iter().map(|f| f.path().to_owned()).collect::<Vec<_>>();
        self.generated == other.generated && names(self) == names(other)
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "exportFiles", alias = "ExportFiles", default)]
    files: Vec<String>,
    #[serde(rename = "generatedTime", alias = "GeneratedTime")]
    generated: String,
}

/// A dataset of one tenant whose rows are read from files.
#[derive(Clone, Copy)]
pub(super) struct Files<'a> {
    pub(super) context: &'a Context,
    pub(super) tenant: &'a str,
    pub(super) dataset: &'static Dataset,
    /// Path of the list.
    pub(super) path: &'static str,
}

/// Reads the rows of the newest snapshot into a sink. `new_sink` is for lists of files.
pub(crate) async fn read(
    context: &Context,
    tenant: &str,
    dataset: &'static Dataset,
    sink: &mut Sink,
    new_sink: &NewSink<'_>,
) -> Result<()> {
    let path = dataset.files.ok_or_else(|| Error::internal("the dataset has no files"))?;
    let files = Files { context, tenant, dataset, path };
    let listing = files.list(new_sink(dataset)).await?;
    let (count, generated) = (listing.files.len(), &listing.generated);
    context.reporter.verbose(format!(
        "Tenant {tenant}: {count} files of {} have the snapshot of {generated}.",
        dataset.name
    ));
    files.read(listing, 0, sink, new_sink).await
}

impl Files<'_> {
    /// Asks for the files of the newest snapshot.
    pub(super) async fn list(&self, mut sink: Sink) -> Result<Listing> {
        let (settings, resource) = (&self.context.settings, self.dataset.resource);
        let url = address::build(settings, resource.family, self.path, &[])?;
        let plan = Plan {
            quota: Quota::DefenderFiles,
            permissions: resource.permissions,
            ..Plan::of_address(resource.family, Method::GET, url, None, false)
        };
        sink.texts = Some(Vec::new());
        pager::read(self.context, self.tenant, &plan, &mut sink).await?;
        let answers = sink.texts.take().unwrap_or_default();
        let answer = answers.first().and_then(|text| serde_json::from_str::<Answer>(text).ok());
        let unexpected = |why: &str| UNEXPECTED_SHAPE.error(format!("{} {why}", self.path));
        let answer = answer.ok_or_else(|| unexpected("did not answer with a list of files"))?;
        let files = answer.files.iter().map(|text| Url::parse(text).ok().filter(is_secure));
        let files = files.collect::<Option<_>>();
        let files = files.ok_or_else(|| unexpected("lists a file without an https address"))?;
        Ok(Listing { generated: answer.generated, files })
    }

    /// Reads the files from this one on. `new_sink` is for listing them again.
    pub(super) async fn read(
        &self,
        mut listing: Listing,
        first: usize,
        sink: &mut Sink,
        new_sink: &NewSink<'_>,
    ) -> Result<()> {
        let mut ahead = Ahead::default();
        for index in first..listing.files.len() {
            let mut progress = Progress::default();
            let mut attempts = 0;
            while !self.file(&listing, index, sink, &mut progress, &mut ahead).await? {
                attempts += 1;
                if attempts > NEW_ADDRESSES {
                    let message =
                        format!("{} was refused, also with a new address", self.name(&listing, index));
                    return Err(DATASET_FILE.error(message).with_status(403));
                }
                let again = self.list(new_sink(self.dataset)).await?;
                if !again.is_same(&listing) {
                    let (before, now) = (&listing.generated, &again.generated);
                    let message =
                        format!("the files so far are of the snapshot of {before}, the list is of {now}");
                    return Err(DATASET_SNAPSHOT_CHANGED.error(message));
                }
                listing = again;
            }
            self.context.reporter.page();
            sink.flush(None).await;
            if sink.is_satisfied() {
                return Ok(());
            }
            if let Some(next) = listing.files.get(index + 1)
                && !sink.file_ended(next.path()).await
            {
                return Ok(());
            }
        }
        Ok(())
    }

    fn name(&self, listing: &Listing, index: usize) -> String {
        format!("file {} of {} of {}", index + 1, listing.files.len(), self.dataset.name)
    }

    /// Reads one file to its end. False if its address is refused, or soon will be.
    async fn file(
        &self,
        listing: &Listing,
        index: usize,
        sink: &mut Sink,
        progress: &mut Progress,
        ahead: &mut Ahead,
    ) -> Result<bool> {
        let url = &listing.files[index];
        if ends_soon(url, self.context.clock.now()) {
            return Ok(false);
        }
        let name = self.name(listing, index);
        self.context.reporter.verbose(format!("Request: GET {name}, tenant {}.", self.tenant));
        let what = format!("{name}, tenant {}", self.tenant);
        let next = listing.files.get(index + 1..).unwrap_or_default();
        let download = Download { files: self, url, name, next, ahead, sink, progress };
        self.context.retry(&what, &Policy::of(&self.context.settings.retry), download).await
    }
}

impl Files<'_> {
    /// What the requests to the host of a file are counted with.
    fn class(&self, url: &Url) -> Arc<Class> {
        let key = Key {
            app: String::new(),
            tenant: url.host_str().unwrap_or_default().to_owned(),
            family: self.dataset.resource.family,
            quota: Quota::Unpublished as u8,
        };
        self.context.governor.class(key, &[], None, self.context.clock.now())
    }

    async fn send(&self, url: &Url) -> Result<Sent> {
        let class = self.class(url);
        let mut place = class.place(&self.context.clock, self.context.caller, |_| Ok::<_, Error>(())).await?;
        Ok(self.context.send(ahead::request(url.clone()), limits::ANSWER, &mut place).await)
    }
}

/// Whether an address ends within a moment: `se` is its end. On this machine clocks are the test's.
fn ends_soon(url: &Url, now: Duration) -> bool {
    let end = address::parameter(url, "se").and_then(|end| end.parse::<jiff::Timestamp>().ok());
    let end = end.and_then(|end| u64::try_from(end.as_second()).ok()).map(Duration::from_secs);
    end.is_some_and(|end| now + if is_loopback(url) { Duration::ZERO } else { NEAR_END } >= end)
}

/// The rows of a file that were delivered, and the digest of their text: they are not delivered again.
#[derive(Default)]
struct Progress {
    rows: u64,
    digest: u64,
    /// Whether the file once came whole and undamaged: a row that cannot be read is then what the service has.
    is_sound: bool,
}

struct Download<'a> {
    files: &'a Files<'a>,
    url: &'a Url,
    name: String,
    /// The files after it.
    next: &'a [Url],
    ahead: &'a mut Ahead,
    sink: &'a mut Sink,
    progress: &'a mut Progress,
}

/// Why a download did not come to its end.
enum Failure {
    Passing(Error),
    Final(Error),
    /// A row cannot be read. A damaged compressed file shows so before its checksum is reached.
    Doubtful,
}

impl Attempt for Download<'_> {
    type Answer = bool;

    const IS_TOKEN: bool = false;

    async fn attempt(&mut self) -> Result<Outcome<bool>> {
        let before = self.progress.rows;
        let context = self.files.context;
        let _request = self.sink.request().await;
        let sent = match self.ahead.take(self.url).await {
            Some(sent) => sent,
            None => self.files.send(self.url).await?,
        };
        let error = match sent {
            Ok(response) if response.status == 200 => match self.checked_body(response).await {
                Ok(()) => return Ok(Outcome::Done(true)),
                Err(Failure::Doubtful) => return Ok(Outcome::Renewed),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing(error)) => error,
            },
            Ok(response) if matches!(response.status, 401 | 403 | 404 | 410) => {
                return Ok(Outcome::Done(false));
            }
            Ok(response) => {
                let status = response.status;
                let message = format!("{} was answered with HTTP {status}", self.name);
                let mut error = DATASET_FILE.error(message).with_status(status);
                error.retry_after = retry_after(response.header("retry-after"), context.clock.now());
                if !is_transient(status) {
                    return Err(error);
                }
                error
            }
            Err(e) if e.kind.may_pass() => self.broken(&e),
            Err(e) => return Err(self.broken(&e)),
        };
        let progressed = self.progress.rows > before;
        self.sink.flush(None).await;
        Ok(Outcome::transient(error).progressed(progressed))
    }
}

impl Download<'_> {
    /// Reads the rows of the file. If one of them cannot be read, the rest of the file shows whether it is damaged.
    async fn checked_body(&mut self, response: Response) -> Result<(), Failure> {
        let has_length = response.header("content-length").is_some_and(|length| length != "0");
        let mut response = response.unpacked();
        let _reader = self.sink.begin(&mut response).await;
        // While other tenants wait, they use the time. A few rows seldom need a second file.
        if self.sink.wants_every_row() && self.sink.has_reader_to_spare() {
            let context = self.files.context;
            let now = context.clock.now();
            for next in self.next.iter().take(ahead::FILES).filter(|next| !ends_soon(next, now)) {
                self.ahead.begin(context, self.files.class(next), next);
            }
        }
        let read = self.body(&mut response, has_length).await;
        if matches!(read, Err(Failure::Doubtful)) {
            while response.chunk().await.map_err(|e| self.failure(&e))?.is_some() {}
            self.progress.is_sound = true;
        }
        read
    }

    /// Reads the rows of the file, and hands on those that no earlier attempt did.
    async fn body(&mut self, response: &mut Response, has_length: bool) -> Result<(), Failure> {
        self.files.context.reporter.reading();
        let (mut lines, mut seen) = (Lines::default(), Progress::default());
        let (mut received, mut unyielded) = (0, 0);
        while let Some(chunk) = self.sink.chunk(response).await.map_err(|e| self.failure(&e))? {
            self.files.context.reporter.received(chunk.len());
            received += chunk.len();
            unyielded += chunk.len();
            lines.feed(&chunk);
            while let Some(line) = lines.next_line() {
                self.row(line, false, &mut seen, response).await?;
                if self.sink.is_satisfied() {
                    return Ok(());
                }
            }
            if unyielded >= YIELD_AFTER {
                unyielded = 0;
                tokio::task::yield_now().await;
            }
        }
        if received == 0 && !has_length {
            return Err(Failure::Passing(TRUNCATED.error(format!("{} came without content", self.name))));
        }
        if let Some(line) = lines.rest() {
            self.row(line, true, &mut seen, response).await?;
        }
        if seen.rows < self.progress.rows {
            return Err(Failure::Final(self.changed()));
        }
        Ok(())
    }

    async fn row(
        &mut self,
        line: &[u8],
        is_cut: bool,
        seen: &mut Progress,
        response: &mut Response,
    ) -> Result<(), Failure> {
        let line = text(line.trim_ascii());
        if line.is_empty() {
            return Ok(());
        }
        seen.rows += 1;
        seen.digest = digest::with_row(seen.digest, &line);
        if seen.rows <= self.progress.rows {
            return if seen.rows == self.progress.rows && seen.digest != self.progress.digest {
                Err(Failure::Final(self.changed()))
            } else {
                Ok(())
            };
        }
        if let Pushed::Unreadable(reason) = self.sink.push(&line, false, Some(response)).await {
            if is_cut {
                return Err(Failure::Passing(TRUNCATED.error(format!("{} ends within a row", self.name))));
            }
            if !self.progress.is_sound {
                return Err(Failure::Doubtful);
            }
            let message = format!("row {} of {} cannot be read: {}", seen.rows, self.name, reason.text());
            self.sink.refuse(self.files.tenant, UNREADABLE_ROW.error(message)).await;
        }
        (self.progress.rows, self.progress.digest) = (seen.rows, seen.digest);
        Ok(())
    }

    fn changed(&self) -> Error {
        let message = format!("{} broke off and was different when it was asked for again", self.name);
        DATASET_SNAPSHOT_CHANGED.error(message)
    }

    fn failure(&self, e: &TransportError) -> Failure {
        let error = self.broken(e);
        if e.kind.may_pass() { Failure::Passing(error) } else { Failure::Final(error) }
    }

    fn broken(&self, e: &TransportError) -> Error {
        let (entry, what) = match e.kind {
            TransportErrorKind::Decode => (&NETWORK_DAMAGED, "came damaged"),
            kind if kind.is_unsent() => (&DATASET_FILE, "cannot be reached"),
            _ => (&NETWORK_BROKEN, "broke off"),
        };
        e.cause_of(entry.error(format!("{} {what}", self.name)))
    }
}
