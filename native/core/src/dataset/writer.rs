//! Writes a dataset on a thread of its own: rows into hidden files, each with a note of where the list goes on; at the
//! end all of them appear, and then the manifest. Whatever happens to the process, a later run goes on from the note.

use std::rc::Rc;
use std::thread;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::DropGuard;

use super::destination::StreamAddress;
use super::format::FileColumns;
use super::manifest::{Manifest, Names, State};
use super::writing::{Changes, Job, Writing};
use crate::errors::{Error, Result, catch_panic};
use crate::read::sink::Piece;

/// Batches that wait for the writer at most.
const CHANNEL_CAPACITY: usize = 2;

/// What a destination has of a dataset already.
pub(super) struct Opened {
    /// A run that did not come to its end.
    pub(super) unfinished: Option<State>,
    /// What is whole, of today.
    pub(super) whole: Option<Manifest>,
    /// What the run reads in place of the whole list.
    pub(super) changes: Option<Changes>,
    /// The whole list is read from its files, not in pages.
    pub(super) reads_files: bool,
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
    /// Nobody waits for a writer that is dropped.
    stop: DropGuard,
}

impl Writer {
    /// Starts a writer; it keeps other runs away from then on.
    pub(super) async fn open(job: Job) -> Result<(Writer, Opened)> {
        let (opened, has_opened) = oneshot::channel();
        let (begin, begins) = oneshot::channel();
        let (pieces, next) = mpsc::channel(CHANNEL_CAPACITY);
        let (ended, done) = oneshot::channel();
        let stop = job.stop.clone().drop_guard();
        let work = move || {
            let written = catch_panic("the writing of a dataset", || write(job, opened, begins, next));
            let _ = ended.send(written.and_then(|written| written));
        };
        let thread = thread::Builder::new().name("fedxdr-export".to_owned()).spawn(work);
        thread.map_err(|e| Error::runtime(&e))?;
        let mut writer = Writer { begin: Some(begin), pieces, done, stop };
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
        let Writer { begin: _, pieces, done, stop } = self;
        let _ = pieces.send(Piece::End).await;
        drop(pieces);
        let stopped = || Error::internal("a writer of a dataset stopped without a manifest");
        let manifest = done.await.map_err(|_| stopped())??.ok_or_else(stopped);
        drop(stop);
        manifest
    }

    /// Stops the writing, and waits until others may write.
    pub(super) async fn stop(self) -> Result<()> {
        let Writer { begin, pieces, done, stop } = self;
        drop((begin, pieces));
        let ended = done.await.map_or(Ok(()), |done| done.map(|_| ()));
        drop(stop);
        ended
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
    // Of the list and of its changes.
    let _lock = job.destination.lock(&names.lock())?;
    let job = Rc::new(job);
    let mut writing = Writing::new(&job, job.dataset, None)?;
    writing.commit()?;
    let mut changes = None;
    // Changes have other columns than the list.
    let is_one_stream = job.request.stream.as_ref().is_some_and(StreamAddress::is_one_stream);
    if let Some(of) = job.dataset.changes.filter(|_| !is_one_stream) {
        changes = writing.go_on_with_changes(of)?;
    }
    let reads_files = changes.is_none() && writing.choose_list()?;
    let unfinished = writing.unfinished()?;
    let whole = if changes.is_none() { writing.whole()? } else { None };
    if opened.send(Opened { unfinished: unfinished.clone(), whole, changes, reads_files }).is_err() {
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
    let mut is_cut = false;
    while let Some(piece) = pieces.blocking_recv() {
        match piece {
            Piece::Batch(batch) => writing.rows(&batch)?,
            Piece::Text(rows, text) => writing.text(rows, text)?,
            Piece::Columns(columns) => writing.columns(&FileColumns::described(&columns))?,
            Piece::Cut => is_cut = true,
            Piece::AnswerEnd => _ = writing.end_full_part()?,
            Piece::Latest(time) => writing.latest(time),
            Piece::PageEnd(next) => writing.page_end(&next)?,
            Piece::FileEnd(next) => writing.end_of_whole(next)?,
            Piece::End => {
                writing.state.query.iter_mut().for_each(|query| query["isCut"] = is_cut.into());
                return writing.end().map(Some);
            }
        }
    }
    Ok(None)
}
