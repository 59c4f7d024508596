//! What there is of a tenant's dataset: its newest full list, and the changes since. That decides what the next run
//! reads.

use std::time::Duration;

use super::destination::Destination;
use super::document::Mode;
use super::format::time_text;
use super::manifest::{Manifest, PERIOD};
use super::stored::manifests::Manifests;
use super::stored::part::{self, Files};
use crate::batch::{TICKS_PER_SECOND, ticks};
use crate::catalog::{Dataset, Since};
use crate::errors::{
    DATASET_DAMAGED, DATASET_FORMAT, DATASET_NO_BASELINE, DATASET_PART_MISSING, Error, Result,
};
use crate::read::decode::time;
use crate::read::members::Unique;

const DAY: i64 = 24 * 3600 * TICKS_PER_SECOND;
/// How old a full list may be before `-Mode Auto` reads another one.
const WEEK: i64 = 7 * DAY;

/// From so many rows on, `-Mode Auto` reads the next list from files: they are received side by side, and do not count
/// against the quota of the pages.
const LARGE: u64 = 1_000_000;

/// Whether the newest list of a dataset was large.
pub(super) fn was_large(destination: &dyn Destination, dataset: &Dataset, tenant: &str) -> Result<bool> {
    match Manifests::of(destination, dataset.name, tenant)?.newest(None) {
        Err(error) if is_unusable(&error) || error.is(&DATASET_FORMAT) => Ok(false),
        newest => Ok(newest?.is_some_and(|newest| newest.rows >= LARGE)),
    }
}

/// A full list, and the changes that are not older.
pub(super) struct Chain {
    pub(super) full: Manifest,
    pub(super) changes: Vec<Manifest>,
}

impl Chain {
    /// What there is of the list with this name and of its changes, up to the end of a day, or all. `None` without a
    /// full list.
    pub(super) fn of(
        destination: &dyn Destination,
        (name, changes_of): (&str, Option<&Dataset>),
        tenant: &str,
        day: Option<&str>,
    ) -> Result<Option<Chain>> {
        let Some(full) = Manifests::of(destination, name, tenant)?.newest(day)? else {
            return Ok(None);
        };
        let mut changes = Vec::new();
        if let Some(of) = changes_of {
            // A list takes some hours to appear, and the changes of a period are told together.
            let from = full.taken() - PERIOD;
            let manifests = Manifests::of(destination, of.name, tenant)?;
            for manifest in manifests.between(&time_text(from - 2 * DAY)[..10], day) {
                let manifest = manifest?;
                if manifest.taken() >= from {
                    changes.push(manifest);
                }
            }
        }
        Ok(Some(Chain { full, changes }))
    }
}

/// What a run reads.
pub(super) struct Next {
    /// The changes since a time, in ticks, without those that came before; otherwise the whole list.
    pub(super) changes: Option<(i64, Unique)>,
    /// Changes that are not whole any more: what the run reads stands for them.
    pub(super) lost: Vec<Manifest>,
}

/// Where a dataset with changes is written to.
pub(super) struct Place<'a> {
    pub(super) destination: &'a dyn Destination,
    pub(super) dataset: &'static Dataset,
    pub(super) changes: &'static Dataset,
    pub(super) tenant: &'a str,
    /// The service that rows are sent to.
    pub(super) sent_to: Option<&'a str>,
}

impl Place<'_> {
    /// Decides what the next run reads.
    pub(super) fn next(&self, mode: Mode, now: Duration) -> Result<Next> {
        let dataset = (self.dataset.name, self.dataset.changes);
        let chain = match Chain::of(self.destination, dataset, self.tenant, None) {
            Err(error) if is_unusable(&error) || error.is(&DATASET_FORMAT) => None,
            chain => chain?,
        };
        // Another service has not got the list.
        let chain = chain.filter(|chain| chain.full.shape.sent_to.as_deref() == self.sent_to);
        let Some(Chain { full, mut changes }) = chain else {
            let why = "there is no full list to which changes could be added";
            return refuse(mode, why).map(|()| Next { changes: None, lost: Vec::new() });
        };
        changes.retain(|changes| changes.shape.sent_to.as_deref() == self.sent_to);
        let (since, seen, lost) = self.known(&full, changes)?;
        let Since::Query { days, .. } = self.changes.resource.since else {
            return Err(Error::internal("changes need a time"));
        };
        let now = ticks(i64::try_from(now.as_secs()).unwrap_or(i64::MAX / TICKS_PER_SECOND));
        let is_whole = usable(part::check_all(self.destination, &full))?;
        let why_not = if !is_whole {
            Some("files of the last full list are missing")
        } else if now - since > i64::from(days) * DAY {
            Some("the last run is so long ago that the service does not have all changes since")
        } else {
            None
        };
        if let Some(why) = why_not {
            refuse(mode, why)?;
        }
        let is_old = mode == Mode::Auto && now - full.taken() > WEEK;
        let reads_all = why_not.is_some() || is_old || mode == Mode::Full;
        Ok(Next { changes: (!reads_all).then_some((since, seen)), lost })
    }

    /// Up to when all changes are known, and those that may come again; and what of them is not whole any more.
    fn known(&self, full: &Manifest, mut changes: Vec<Manifest>) -> Result<(i64, Unique, Vec<Manifest>)> {
        let mut lost = Vec::new();
        let mut first_lost = i64::MAX;
        'again: loop {
            let mut seen = Unique::by(self.changes.resource.unique)
                .ok_or_else(|| Error::internal("nothing tells changes apart"))?;
            let until = changes.iter().map(Manifest::taken).fold(full.taken(), i64::max);
            let since = until.min(first_lost);
            for index in 0..changes.len() {
                let manifest = &changes[index];
                let mut read = part::check_all(self.destination, manifest);
                if read.is_ok() && manifest.taken() >= since - PERIOD {
                    read = self.note(manifest, &mut seen);
                }
                if !usable(read)? {
                    // What it had is read again.
                    let begun = manifest.delta.as_ref().and_then(|delta| time::ticks(&delta.since));
                    first_lost = first_lost.min(begun.unwrap_or_default());
                    lost.push(changes.swap_remove(index));
                    continue 'again;
                }
            }
            return Ok((since, seen, lost));
        }
    }

    /// Notes changes that came before. Those of a format that is not read here come again.
    fn note(&self, manifest: &Manifest, seen: &mut Unique) -> Result<()> {
        let mut files = Files::of(self.destination, manifest);
        loop {
            let file = match files.next_file() {
                Ok(Some(file)) => file,
                Err(error) if !error.is(&DATASET_FORMAT) => return Err(error),
                _ => return Ok(()),
            };
            file.read(|row| {
                seen.is_new(row);
                true
            })?;
        }
    }
}

/// Whether an error says that a dataset is not whole.
fn is_unusable(error: &Error) -> bool {
    error.is(&DATASET_DAMAGED) || error.is(&DATASET_PART_MISSING)
}

/// Whether what was read is whole.
fn usable(read: Result<()>) -> Result<bool> {
    match read {
        Err(error) if is_unusable(&error) => Ok(false),
        read => read.map(|()| true),
    }
}

/// The error of a run that may read changes only, and cannot.
fn refuse(mode: Mode, why: &str) -> Result<()> {
    if mode == Mode::Delta { Err(DATASET_NO_BASELINE.error(why)) } else { Ok(()) }
}
