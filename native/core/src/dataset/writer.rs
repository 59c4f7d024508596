//! Writes a dataset on a thread of its own: rows into hidden files, each with a note of where the list goes on; at the
//! end all of them appear, and then the manifest. Whatever happens to the process, a later run goes on from the note.

use std::io;
use std::sync::Arc;
use std::thread;

use tokio::sync::{mpsc, oneshot};

use super::destination::{Destination, Hidden, io_error};
use super::document::ExportRequest;
use super::format::{RowWriter, row_writer};
use super::manifest::{Manifest, Names, PartEntry, Shape, State};
use super::part::Part;
use super::snapshot;
use crate::batch::Batch;
use crate::catalog::Dataset;
use crate::clock::Clock;
use crate::errors::{DATASET_SNAPSHOT_CHANGED, Error, Result, catch_panic};
use crate::read::sink::Piece;

/// Batches that wait for the writer at most.
const CHANNEL_CAPACITY: usize = 4;

/// What a writer needs.
pub(super) struct Job {
    pub(super) destination: Box<dyn Destination>,
    pub(super) request: Arc<ExportRequest>,
    pub(super) dataset: &'static Dataset,
    /// Where its rows come from.
    pub(super) source: &'static str,
    pub(super) tenant: String,
    pub(super) clock: Arc<dyn Clock>,
}

/// What a destination has of a dataset already.
pub(super) struct Opened {
    /// A run that did not come to its end.
    pub(super) unfinished: Option<State>,
    /// What is whole, of today.
    pub(super) whole: Option<Manifest>,
}

/// Where a run begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// After the last file of the unfinished run.
    Continued,
    /// With the snapshot, if it is known before its rows are.
    Anew(Option<String>),
}

/// A writer at work. It stops when this is dropped.
pub(super) struct Writer {
    begin: Option<oneshot::Sender<Begin>>,
    pub(super) pieces: mpsc::Sender<Piece>,
    done: oneshot::Receiver<Result<Option<Manifest>>>,
}

impl Writer {
    /// Starts a writer; it keeps other runs away from then on.
    pub(super) async fn open(job: Job) -> Result<(Writer, Opened)> {
        let (opened, has_opened) = oneshot::channel();
        let (begin, begins) = oneshot::channel();
        let (pieces, next) = mpsc::channel(CHANNEL_CAPACITY);
        let (ended, done) = oneshot::channel();
        let work = move || {
            let written = catch_panic("the writing of a dataset", || write(job, opened, begins, next));
            let _ = ended.send(written.and_then(|written| written));
        };
        let thread = thread::Builder::new().name("fedxdr-export".to_owned()).spawn(work);
        thread.map_err(|e| Error::runtime(&e))?;
        let mut writer = Writer { begin: Some(begin), pieces, done };
        match has_opened.await {
            Ok(opened) => Ok((writer, opened)),
            Err(_) => Err(writer.failed().await),
        }
    }

    pub(super) fn begin(&mut self, begin: Begin) {
        if let Some(told) = self.begin.take() {
            let _ = told.send(begin);
        }
    }

    /// The error that ends the writer before its time.
    pub(super) async fn failed(&mut self) -> Error {
        match (&mut self.done).await {
            Ok(Err(error)) => error,
            _ => Error::internal("a writer of a dataset stopped without an error"),
        }
    }

    /// Ends the writing: everything was handed to it.
    pub(super) async fn finish(self) -> Result<Manifest> {
        let Writer { pieces, done, .. } = self;
        let _ = pieces.send(Piece::End).await;
        drop(pieces);
        let stopped = || Error::internal("a writer of a dataset stopped without a manifest");
        done.await.map_err(|_| stopped())??.ok_or_else(stopped)
    }

    /// Stops the writing, and waits until others may write.
    pub(super) async fn stop(self) -> Result<()> {
        let Writer { begin, pieces, done } = self;
        drop((begin, pieces));
        done.await.map_or(Ok(()), |done| done.map(|_| ()))
    }
}

/// The work of the thread. Gives no manifest if it was stopped.
fn write(
    job: Job,
    opened: oneshot::Sender<Opened>,
    begins: oneshot::Receiver<Begin>,
    mut pieces: mpsc::Receiver<Piece>,
) -> Result<Option<Manifest>> {
    let names = Names::new(&job.request, job.dataset, &job.tenant);
    let shape = Shape::new(&job.request, job.dataset, &job.tenant, job.source);
    let _lock = job.destination.lock(&names.lock())?;
    let mut writing = Writing::new(job, names, shape)?;
    writing.commit()?;
    let unfinished = writing.unfinished()?;
    let whole = writing.whole()?;
    if opened.send(Opened { unfinished: unfinished.clone(), whole }).is_err() {
        return Ok(None);
    }
    let Ok(begin) = begins.blocking_recv() else { return Ok(None) };
    match (begin, unfinished) {
        (Begin::Continued, Some(state)) => writing.state = state,
        (Begin::Anew(snapshot), _) => {
            writing.clear()?;
            writing.state.snapshot = snapshot;
        }
        (Begin::Continued, None) => return Err(Error::internal("there is no run to continue")),
    }
    while let Some(piece) = pieces.blocking_recv() {
        match piece {
            Piece::Batch(batch) => writing.rows(&batch)?,
            Piece::PageEnd(next) => writing.page_end(&next)?,
            Piece::FileEnd(next) => writing.end_of_whole(next)?,
            Piece::End => return writing.end().map(Some),
        }
    }
    Ok(None)
}

/// A dataset that is being written.
struct Writing {
    job: Job,
    names: Names,
    rows: Box<dyn RowWriter>,
    state: State,
    /// The file that the rows go to, and its name.
    part: Option<(Part, String)>,
}

impl Writing {
    fn new(job: Job, names: Names, shape: Shape) -> Result<Self> {
        let now = utc(job.clock.as_ref());
        let day = now.split('T').next().unwrap_or_default().to_owned();
        Ok(Writing {
            rows: row_writer(job.request.format, job.dataset.resource, &job.tenant)?,
            names,
            state: State { shape, day, read_from: now, snapshot: None, parts: Vec::new(), next: None },
            part: None,
            job,
        })
    }

    /// A document of the destination. One that is damaged, or that another version wrote, is none.
    fn document<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let content = self.job.destination.read(name)?;
        Ok(content.and_then(|content| serde_json::from_slice(&content).ok()))
    }

    fn put<T: serde::Serialize>(&self, name: &str, document: &T) -> Result<()> {
        let content = serde_json::to_vec_pretty(document).map_err(|e| Error::internal(&e.to_string()))?;
        self.job.destination.write(name, &content)
    }

    fn unfinished(&self) -> Result<Option<State>> {
        let state: Option<State> = self.document(&self.names.state())?;
        Ok(state.filter(|state| state.shape == self.state.shape))
    }

    fn whole(&self) -> Result<Option<Manifest>> {
        let manifest: Option<Manifest> = self.document(&self.names.manifest(&self.state.day))?;
        let Some(manifest) = manifest.filter(|manifest| manifest.shape == self.state.shape) else {
            return Ok(None);
        };
        // Somebody may have removed files.
        let files = self.job.destination.list(&manifest.folder)?;
        let is_whole = manifest.parts.iter().all(|part| files.contains(&part.name));
        Ok(is_whole.then_some(manifest))
    }

    /// Removes what an earlier run left.
    fn clear(&self) -> Result<()> {
        // The state goes first: without it, nothing uses the files.
        self.job.destination.remove(&self.names.state())?;
        for name in self.job.destination.list(&self.names.unfinished())? {
            let name = self.names.hidden(&name);
            if name != self.names.commit() {
                self.job.destination.remove(&name)?;
            }
        }
        Ok(())
    }

    fn rows(&mut self, batch: &Batch) -> Result<()> {
        let (part, name) = match &mut self.part {
            Some((part, name)) => (part, &*name),
            none => {
                let name = self.names.hidden(&self.names.file(self.state.parts.len()));
                let file: Box<dyn Hidden> = self.job.destination.create(&name)?;
                let (part, name) = none.insert((Part::new(file, self.job.request.compression), name));
                self.rows.begin(part.buffer())?;
                (part, &*name)
            }
        };
        let rows = self.rows.write(batch, part.buffer())?;
        part.added(rows).map_err(|e| unwritten(self.job.destination.as_ref(), name, &e))
    }

    fn page_end(&mut self, next: &url::Url) -> Result<()> {
        let snapshot = snapshot::of_link(next);
        if let (Some(known), Some(now)) = (&self.state.snapshot, &snapshot)
            && known != now
        {
            self.clear()?;
            let message = format!("the pages so far are of the snapshot {known}, the next one is of {now}");
            return Err(DATASET_SNAPSHOT_CHANGED.error(message));
        }
        self.state.snapshot = self.state.snapshot.take().or(snapshot);
        self.end_of_whole(next.to_string())
    }

    /// The rows so far are all of those before `next`: a file that is large enough ends here.
    fn end_of_whole(&mut self, next: String) -> Result<()> {
        let is_full = self.part.as_ref().is_some_and(|(part, _)| part.rows >= self.job.request.rows_per_file);
        if is_full {
            self.end_part()?;
            if self.job.dataset.is_snapshot() {
                self.state.next = Some(next);
                self.put(&self.names.state(), &self.state)?;
            }
        }
        Ok(())
    }

    fn end_part(&mut self) -> Result<()> {
        let Some((mut part, name)) = self.part.take() else { return Ok(()) };
        self.rows.end(part.buffer())?;
        let finished = part.finish().map_err(|e| unwritten(self.job.destination.as_ref(), &name, &e))?;
        self.state.parts.push(PartEntry {
            name: self.names.file(self.state.parts.len()),
            rows: finished.rows,
            bytes: finished.bytes,
            sha256: finished.sha256,
        });
        Ok(())
    }

    fn end(mut self) -> Result<Manifest> {
        self.end_part()?;
        let folder = self.names.folder(&self.state.day);
        let manifest = Manifest::new(self.state.clone(), folder, utc(self.job.clock.as_ref()));
        self.put(&self.names.commit(), &manifest)?;
        self.commit()?;
        Ok(manifest)
    }

    /// Shows a dataset that is whole, from wherever an earlier run stopped doing so. Without a manifest, readers see
    /// that the files do not belong together.
    fn commit(&self) -> Result<()> {
        let commit = self.names.commit();
        let Some(manifest): Option<Manifest> = self.document(&commit)? else { return Ok(()) };
        let destination = &self.job.destination;
        let published = self.names.manifest(&manifest.day);
        destination.remove(&published)?;
        for part in &manifest.parts {
            let name = format!("{}/{}", manifest.folder, part.name);
            destination.publish(&self.names.hidden(&part.name), &name)?;
        }
        for name in destination.list(&manifest.folder)? {
            let is_of_another = !manifest.parts.iter().any(|part| part.name == name);
            if is_of_another {
                destination.remove(&format!("{}/{name}", manifest.folder))?;
            }
        }
        // What says that there is work to do goes last.
        self.clear()?;
        destination.publish(&commit, &published)
    }
}

fn unwritten(destination: &dyn Destination, name: &str, error: &io::Error) -> Error {
    io_error(&destination.full_name(name), error)
}

/// The time, to the second.
fn utc(clock: &dyn Clock) -> String {
    let seconds = i64::try_from(clock.now().as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).unwrap_or_default().to_string()
}
