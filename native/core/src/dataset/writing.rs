//! A dataset that is being written: its hidden files, the note of where the list goes on, and how all of it appears.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::chain::{Next, Place, was_large};
use super::destination::{Destination, Hidden, io_error};
use super::document::{ExportRequest, Mode};
use super::format::{FileColumns, RowWriter, row_writer, time_text};
use super::manifest::{Delta, Manifest, Names, PartEntry, Shape, State, column_entries};
use super::part::Part;
use super::snapshot;
use super::stored::manifests::Manifests;
use super::stream::{Outlet, Sending};
use crate::batch::Batch;
use crate::catalog::Dataset;
use crate::clock::{Clock, random};
use crate::errors::{DATASET_OTHER_STATE, DATASET_SNAPSHOT_CHANGED, Error, Result};
use crate::read::decode::time::ticks;
use crate::read::members::Unique;

/// Room for what a format writes: the rows of a batch.
const WRITTEN: usize = 512 * 1024;

/// What a writer needs.
pub(super) struct Job {
    pub(super) destination: Box<dyn Destination>,
    /// The service that the rows are sent to, once the files are whole.
    pub(super) outlet: Option<Outlet>,
    /// Ends what the destination waits for.
    pub(super) stop: CancellationToken,
    pub(super) request: Arc<ExportRequest>,
    pub(super) dataset: &'static Dataset,
    pub(super) list: WholeList,
    pub(super) tenant: String,
    pub(super) clock: Arc<dyn Clock>,
    /// When the run began.
    pub(super) begun: Duration,
}

/// What a whole list is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WholeList {
    Pages,
    Files,
    /// Files, if the last list was large.
    BySize,
}

/// The changes that a run reads.
pub(super) struct Changes {
    pub(super) of: &'static Dataset,
    /// Since when, as files have it.
    pub(super) since: String,
    /// Those that came before.
    pub(super) seen: Unique,
}

/// A dataset that is being written.
pub(super) struct Writing {
    job: Rc<Job>,
    dataset: &'static Dataset,
    names: Names,
    rows: Box<dyn RowWriter>,
    /// What it has written, until that goes to the file.
    written: Vec<u8>,
    pub(super) state: State,
    /// The file that the rows go to, and what people call it.
    part: Option<(Part, String)>,
    /// Changes that what is written stands for.
    lost: Vec<Manifest>,
}

impl Writing {
    pub(super) fn new(job: &Rc<Job>, dataset: &'static Dataset, delta: Option<Delta>) -> Result<Self> {
        let (source, mode) = match &delta {
            Some(_) => ("Changes", Mode::Delta),
            None if dataset.is_hunting() => ("Query", Mode::Full),
            None => ("Pages", Mode::Full),
        };
        let now = utc(job.begun);
        Ok(Writing {
            rows: row_writer(job.request.format, &FileColumns::of(dataset.resource), &job.tenant)?,
            names: Names::new(&job.request, dataset, &job.tenant),
            state: State {
                shape: Shape::new(&job.request, dataset, &job.tenant, source, mode),
                run: format!("{:016x}", random()),
                day: day(&now),
                read_from: now,
                snapshot: None,
                delta,
                query: job.request.hunting(dataset).map(|hunting| hunting.asked.clone()),
                parts: Vec::new(),
                next: None,
            },
            written: Vec::new(),
            part: None,
            lost: Vec::new(),
            dataset,
            job: Rc::clone(job),
        })
    }

    /// Decides what the whole list is read from. True if it is read from files.
    pub(super) fn choose_list(&mut self) -> Result<bool> {
        let job = &self.job;
        let reads_files = self.dataset.files.is_some()
            && match job.list {
                WholeList::Pages => false,
                WholeList::Files => true,
                WholeList::BySize => was_large(job.destination.as_ref(), self.dataset, &job.tenant)?,
            };
        if reads_files {
            "Files".clone_into(&mut self.state.shape.source);
        }
        Ok(reads_files)
    }

    /// Writes changes instead, if they are what the run is to read.
    pub(super) fn go_on_with_changes(&mut self, of: &'static Dataset) -> Result<Option<Changes>> {
        let job = Rc::clone(&self.job);
        let destination = job.destination.as_ref();
        let none = Writing::new(&job, of, None)?;
        none.commit()?;
        let sent_to = self.state.shape.sent_to.as_deref();
        let place = Place { destination, dataset: job.dataset, changes: of, tenant: &job.tenant, sent_to };
        let Next { changes, lost } = place.next(job.request.mode, job.begun)?;
        let Some((since, seen)) = changes else {
            self.lost = lost;
            return Ok(None);
        };
        let since = time_text(since);
        let day = &none.state.day;
        // Others of the day are there already.
        let manifests = Manifests::of(destination, of.name, &job.tenant)?;
        let files = destination.list(&none.names.folder(day))?;
        let of_lost = lost.iter().filter(|lost| lost.day == *day).flat_map(|lost| &lost.parts);
        let files = files.iter().chain(of_lost.map(|part| &part.name)).map(String::as_str);
        let delta = Delta {
            until: since.clone(),
            since: since.clone(),
            number: next_number(manifests.of_day(day)),
            first_file: next_number(files),
        };
        *self = Writing { lost, ..Writing::new(&job, of, Some(delta))? };
        Ok(Some(Changes { of, since, seen }))
    }

    /// A document of the destination. One that is damaged, or that another version wrote, counts as missing.
    fn document<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let content = self.job.destination.read(name)?;
        Ok(content.and_then(|content| serde_json::from_slice(&content).ok()))
    }

    fn put<T: serde::Serialize>(&self, name: &str, document: &T) -> Result<()> {
        let content = serde_json::to_vec_pretty(document).map_err(|e| Error::internal(&e.to_string()))?;
        self.job.destination.write(name, &content)
    }

    pub(super) fn unfinished(&self) -> Result<Option<State>> {
        let state: Option<State> = self.document(&self.names.state())?;
        let Some(state) = state.filter(|state| state.shape == self.state.shape) else { return Ok(None) };
        // Somebody may have removed files, and a service keeps what is unfinished for a while only.
        for part in &state.parts {
            let name = self.names.part(&state.run, &state.day, &part.name);
            if !self.job.destination.waits(&name, part.bytes)? {
                return Ok(None);
            }
        }
        Ok(Some(state))
    }

    pub(super) fn whole(&self) -> Result<Option<Manifest>> {
        let manifest: Option<Manifest> = self.document(&self.names.manifest(&self.state.day, None))?;
        let Some(manifest) = manifest.filter(|manifest| manifest.shape == self.state.shape) else {
            return Ok(None);
        };
        // Somebody may have removed files.
        let files = self.job.destination.list(&manifest.folder)?;
        let is_whole = manifest.parts.iter().all(|part| files.contains(&part.name));
        Ok(is_whole.then_some(manifest))
    }

    /// Removes what an earlier run left.
    pub(super) fn clear(&self) -> Result<()> {
        // The state goes first: without it, nothing uses the files.
        self.job.destination.remove(&self.names.state())?;
        for name in self.job.destination.list(&self.names.unfinished())? {
            let name = self.names.hidden(&name);
            // What was sent is known until what is to be sent is forgotten.
            if name != self.names.commit() && name != self.names.sent() {
                self.job.destination.remove(&name)?;
            }
        }
        Ok(())
    }

    /// The name of the file that comes after those that are complete.
    fn next_file(&self) -> String {
        let first = self.state.delta.as_ref().map_or(0, |delta| delta.first_file);
        self.names.file(first + self.state.parts.len())
    }

    /// Notes when the latest change was noticed.
    pub(super) fn latest(&mut self, time: i64) {
        if let Some(delta) = &mut self.state.delta
            && ticks(&delta.until).is_none_or(|until| until < time)
        {
            delta.until = time_text(time);
        }
    }

    /// Takes the columns of the rows, which are known with the first answer.
    pub(super) fn columns(&mut self, columns: &FileColumns) -> Result<()> {
        self.rows = row_writer(self.job.request.format, columns, &self.job.tenant)?;
        self.state.shape.columns = column_entries(columns);
        Ok(())
    }

    pub(super) fn rows(&mut self, batch: &Batch) -> Result<()> {
        self.begin_part()?;
        let rows = self.rows.write(batch, &mut self.written)?;
        self.add_written(rows)
    }

    /// Takes rows that are text already.
    pub(super) fn text(&mut self, rows: u64, text: Vec<u8>) -> Result<()> {
        self.begin_part()?;
        self.add(rows, &text)?;
        self.job.request.buffers.put(text);
        Ok(())
    }

    /// Begins a file, unless there is one that rows can go to.
    fn begin_part(&mut self) -> Result<()> {
        if self.part.is_some() {
            return Ok(());
        }
        let name = self.names.part(&self.state.run, &self.state.day, &self.next_file());
        let file: Box<dyn Hidden> = self.job.destination.create(&name)?;
        let name = self.job.destination.full_name(&name.hidden);
        let part = Part::new(file, self.job.request.compression, &self.job.request.buffers);
        self.part = Some((part.map_err(|e| io_error(&name, &e))?, name));
        self.rows.begin(&mut self.written)
    }

    /// Adds what the format has written.
    fn add_written(&mut self, rows: u64) -> Result<()> {
        let mut written = std::mem::take(&mut self.written);
        self.add(rows, &written)?;
        written.clear();
        // The rows of a group of Parquet come out at once.
        written.shrink_to(WRITTEN);
        self.written = written;
        Ok(())
    }

    fn add(&mut self, rows: u64, text: &[u8]) -> Result<()> {
        let Some((part, name)) = &mut self.part else { return Ok(()) };
        part.add(rows, text).map_err(|e| io_error(name, &e))
    }

    pub(super) fn page_end(&mut self, next: &url::Url) -> Result<()> {
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
    pub(super) fn end_of_whole(&mut self, next: String) -> Result<()> {
        if self.end_full_part()? && self.dataset.is_snapshot {
            self.state.next = Some(next);
            self.put(&self.names.state(), &self.state)?;
        }
        Ok(())
    }

    /// Ends a file that has enough rows. False if it has not.
    pub(super) fn end_full_part(&mut self) -> Result<bool> {
        let is_full = self.part.as_ref().is_some_and(|(part, _)| part.rows >= self.job.request.rows_per_file);
        if is_full {
            self.end_part()?;
        }
        Ok(is_full)
    }

    fn end_part(&mut self) -> Result<()> {
        if self.part.is_some() {
            self.rows.end(&mut self.written)?;
            self.add_written(0)?;
        }
        let Some((part, name)) = self.part.take() else { return Ok(()) };
        let finished = part.finish().map_err(|e| io_error(&name, &e))?;
        self.state.parts.push(PartEntry {
            name: self.next_file(),
            rows: finished.rows,
            bytes: finished.bytes,
            sha256: finished.sha256,
        });
        Ok(())
    }

    pub(super) fn end(mut self) -> Result<Manifest> {
        self.end_part()?;
        let folder = self.names.folder(&self.state.day);
        let manifest = Manifest::new(self.state.clone(), folder, utc(self.job.clock.now()));
        if manifest.delta.is_some() && manifest.parts.is_empty() {
            // Nothing has changed, so there is nothing to add.
            self.clear()?;
        } else {
            self.put(&self.names.commit(), &manifest)?;
            self.commit()?;
        }
        self.forget_lost()?;
        Ok(manifest)
    }

    /// Removes changes that are not whole any more: by now, others stand for them.
    fn forget_lost(&self) -> Result<()> {
        let Some(of) = self.job.dataset.changes else { return Ok(()) };
        let names = Names::new(&self.job.request, of, &self.job.tenant);
        for lost in &self.lost {
            self.job.destination.remove(&names.manifest(&lost.day, lost.delta.as_ref()))?;
            for part in &lost.parts {
                self.job.destination.remove(&format!("{}/{}", lost.folder, part.name))?;
            }
        }
        Ok(())
    }

    /// Shows a dataset that is whole, from wherever an earlier run stopped doing so. Without a manifest, readers see
    /// that the files do not belong together.
    pub(super) fn commit(&self) -> Result<()> {
        let commit = self.names.commit();
        let Some(manifest): Option<Manifest> = self.document(&commit)? else { return self.forget_sent() };
        let destination = &self.job.destination;
        if manifest.shape.sent_to != self.state.shape.sent_to {
            let other = manifest.shape.sent_to.as_deref().unwrap_or("no service, but kept");
            let message = format!("the rows in {} are to be sent to {other}", destination.full_name(&commit));
            return Err(DATASET_OTHER_STATE.error(message));
        }
        let published = self.names.manifest(&manifest.day, manifest.delta.as_ref());
        destination.remove(&published)?;
        for part in &manifest.parts {
            if !destination.publish(&manifest.part(&self.names, part), part.bytes)? {
                // Somebody removed it, so there is nothing to finish.
                self.clear()?;
                return destination.remove(&commit);
            }
        }
        for name in destination.list(&manifest.folder)? {
            // The changes of a day add up; a full list replaces the one before.
            let is_of_another =
                manifest.delta.is_none() && !manifest.parts.iter().any(|part| part.name == name);
            if is_of_another {
                destination.remove(&format!("{}/{name}", manifest.folder))?;
            }
        }
        if let Some(outlet) = &self.job.outlet {
            let destination = destination.as_ref();
            outlet.send(&Sending { destination, manifest: &manifest, progress: self.names.sent() })?;
        }
        // What says that there is work to do goes last.
        self.clear()?;
        self.put(&published, &manifest)?;
        destination.remove(&commit)?;
        self.forget_sent()
    }

    /// Removes what says how far rows were sent.
    fn forget_sent(&self) -> Result<()> {
        match self.job.outlet {
            Some(_) => self.job.destination.remove(&self.names.sent()),
            None => Ok(()),
        }
    }
}

/// The day of a time.
fn day(time: &str) -> String {
    time.split('T').next().unwrap_or_default().to_owned()
}

/// The number after those in the names of files, or of manifests of changes.
fn next_number<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    let number = |name: &str| name.split('.').next()?.rsplit('-').next()?.parse::<usize>().ok();
    names.filter_map(number).max().map_or(0, |last| last + 1)
}

/// The time, to the second.
fn utc(time: Duration) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).unwrap_or_default().to_string()
}
