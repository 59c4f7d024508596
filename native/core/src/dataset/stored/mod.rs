//! Reads datasets back from the files that an export wrote, on a thread of its own. Only what has a manifest is whole,
//! and nothing else is read.

pub(super) mod manifests;
pub(super) mod part;
mod present;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::thread;

use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::manifests::{Days, Manifests};
use self::part::Files;
use self::present::{Became, Changes};
use super::chain::Chain;
use super::destination::{Destination, Place};
use super::document::{folder_name, known};
use super::format::TENANT_COLUMN;
use super::manifest::{Manifest, OWN};
use crate::batch::ColumnBuilder;
use crate::catalog::{Dataset, HUNTING, stored_datasets};
use crate::context::Context;
use crate::errors::{DATASET_MISSING, DATASET_SOURCE, Error, Result, catch_panic};
use crate::read::decode::described::{DescribedColumn, SharedColumns};
use crate::read::decode::row::RowDecoder;
use crate::settings::Settings;

/// Messages that wait for their reader at most.
const CHANNEL_CAPACITY: usize = 2;
/// Bytes of rows that are handed on at a time.
const BLOCK: usize = 64 * 1024;

/// The request document of an import.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ImportDocument {
    pub(crate) first: Option<u64>,
    #[serde(default)]
    raw: bool,
    dataset: String,
    /// What the dataset of a hunting query is called.
    name: Option<String>,
    path: String,
    date: Option<String>,
}

/// What is read back, and where from.
#[derive(Debug)]
pub(crate) struct ImportRequest {
    pub(crate) dataset: &'static Dataset,
    /// Name of its folder.
    name: String,
    source: Place,
    days: Days,
    raw: bool,
    /// The columns of the rows of a query, of all tenants.
    columns: SharedColumns,
}

impl ImportRequest {
    /// `settings` has the cloud of a storage account that the files are in.
    pub(crate) fn of(document: &ImportDocument, settings: &Settings) -> Result<Self> {
        if let Some(day) = &document.date
            && day.parse::<jiff::civil::Date>().is_err()
        {
            return Err(Error::invalid_argument("the member 'date' is not a day, such as 2026-11-24"));
        }
        let dataset = known(&document.dataset, stored_datasets().chain(std::iter::once(&HUNTING)))?;
        let name = folder_name(document.name.clone(), dataset.is_hunting())?;
        Ok(ImportRequest {
            dataset,
            name: if dataset.is_hunting() { name } else { dataset.name.to_owned() },
            source: source(&document.path, settings)?,
            days: document.date.clone().map_or(Days::Newest, Days::One),
            raw: document.raw,
            columns: SharedColumns::default(),
        })
    }

    /// Every day of a dataset that is in this folder or container.
    pub(crate) fn every_day(dataset: &'static Dataset, path: &str, settings: &Settings) -> Result<Self> {
        Ok(ImportRequest {
            dataset,
            name: dataset.name.to_owned(),
            source: source(path, settings)?,
            days: Days::All,
            raw: true,
            columns: SharedColumns::default(),
        })
    }

    /// What reads the rows, and their columns.
    pub(crate) fn decoder(&self) -> (RowDecoder, Vec<ColumnBuilder>) {
        match self.raw {
            true => RowDecoder::raw(),
            false if self.dataset.is_hunting() => {
                RowDecoder::stored_described(self.columns.clone(), TENANT_COLUMN)
            }
            false => RowDecoder::stored(self.dataset.resource, TENANT_COLUMN),
        }
    }
}

fn source(path: &str, settings: &Settings) -> Result<Place> {
    Place::of(path, settings).map_err(|error| DATASET_SOURCE.error(error.message.clone()))
}

/// What the thread that reads tells, in this order: the tenants; of each of them its beginning, rows, files that were
/// read and perhaps why it failed; the end.
pub(crate) enum Stored {
    Tenants(Vec<String>),
    Begin(usize),
    /// The rows that follow are of the snapshot of this UTC day.
    Snapshot(String),
    /// The columns of the rows that follow, where no catalog entry has them.
    Columns(Vec<DescribedColumn>),
    /// Rows, each a line of JSON.
    Rows(String),
    /// A file was read to its end; so many bytes.
    File(u64),
    Failed(Error),
    End,
}

/// Datasets that are being read. The reading stops when this is dropped.
pub(crate) struct Import {
    stored: mpsc::Receiver<Stored>,
    _stop: DropGuard,
}

impl Import {
    pub(crate) async fn next(&mut self) -> Option<Stored> {
        self.stored.recv().await
    }
}

/// Begins to read the rows of these tenants, or of all that there are.
pub(crate) fn import(context: &Context, request: Arc<ImportRequest>, tenants: Vec<String>) -> Result<Import> {
    let (told, stored) = mpsc::channel(CHANNEL_CAPACITY);
    let stop = CancellationToken::new();
    let source = request.source.open(context, &stop)?;
    let work = move || {
        let reading = Reading { told: &told, request: &request, block: String::new() };
        let read = || reading.tenants(source.as_ref(), tenants);
        let last = match catch_panic("the reading of a dataset", read) {
            Ok(Ok(())) => Stored::End,
            Ok(Err(error)) | Err(error) => Stored::Failed(error),
        };
        // The reader may have had enough.
        let _ = told.blocking_send(last);
    };
    let thread = thread::Builder::new().name("fedxdr-import".to_owned()).spawn(work);
    thread.map_err(|e| Error::runtime(&e))?;
    Ok(Import { stored, _stop: stop.drop_guard() })
}

/// The work of the thread.
struct Reading<'a> {
    told: &'a mpsc::Sender<Stored>,
    request: &'a ImportRequest,
    /// Rows that wait for others.
    block: String,
}

impl Reading<'_> {
    fn tenants(mut self, source: &dyn Destination, wanted: Vec<String>) -> Result<()> {
        let known = manifests::tenants(source, &self.request.name, &wanted)?;
        let tenants = if wanted.is_empty() { known.clone() } else { wanted };
        if tenants.is_empty() {
            let there = source.folders(OWN)?;
            return Err(self.missing(source, "", "the datasets", &there));
        }
        if !self.tell(Stored::Tenants(tenants.clone())) {
            return Ok(());
        }
        for (index, tenant) in tenants.iter().enumerate() {
            if !self.tell(Stored::Begin(index)) {
                return Ok(());
            }
            let tenant = tenant.to_ascii_lowercase();
            let read = if known.contains(&tenant) {
                self.tenant(source, &tenant)
            } else {
                manifests::tenants(source, &self.request.name, &[]).and_then(|all| {
                    Err(self.missing(source, &format!(" of tenant {tenant}"), "the tenants", &all))
                })
            };
            let goes_on = match read {
                Ok(goes_on) => goes_on,
                Err(error) => {
                    self.block.clear();
                    self.tell(Stored::Failed(error))
                }
            };
            if !goes_on {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The error of something that is not there. `there`: what is.
    fn missing(&self, source: &dyn Destination, of: &str, kind: &str, there: &[String]) -> Error {
        let available = if there.is_empty() {
            "another folder".to_owned()
        } else {
            format!("{kind} {}", there.join(", "))
        };
        let (name, source) = (&self.request.name, source.full_name(""));
        DATASET_MISSING
            .error(format!("there is no dataset {name}{of} in {source}"))
            .fill("available", available)
    }

    /// Reads the rows of one tenant. False if nobody wants more.
    fn tenant(&mut self, source: &dyn Destination, tenant: &str) -> Result<bool> {
        let dataset = self.request.dataset;
        let own = Manifests::of(source, &self.request.name, tenant)?;
        let mut days = own.days();
        if let Some(changes) = dataset.changes {
            days.extend(Manifests::of(source, changes.name, tenant)?.days());
            days.sort();
            days.dedup();
            // Changes of days before the first full list say nothing of the state.
            let first = own.days().into_iter().next();
            days.retain(|day| first.as_ref().is_some_and(|first| day >= first));
        }
        let wanted = match &self.request.days {
            Days::All => days.clone(),
            // Changes add up.
            Days::Newest if dataset.is_changes() => days.clone(),
            Days::Newest => days.last().cloned().into_iter().collect(),
            Days::One(day) => days.iter().filter(|known| *known == day).cloned().collect(),
        };
        if let (Days::One(day), []) = (&self.request.days, wanted.as_slice()) {
            return Err(self.missing(source, &format!(" of tenant {tenant} and {day}"), "the days", &days));
        }
        for day in wanted {
            if !self.tell(Stored::Snapshot(day.clone())) || !self.day(source, tenant, &own, &day)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads the changes of a day, or the state at its end. False if nobody wants more.
    fn day(
        &mut self,
        source: &dyn Destination,
        tenant: &str,
        own: &Manifests<'_>,
        day: &str,
    ) -> Result<bool> {
        if self.request.dataset.is_changes() {
            for manifest in own.between(day, Some(day)) {
                let manifest = manifest?;
                part::check_all(source, &manifest)?;
                if !self.files(source, &manifest, None)? {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
        let list = (self.request.name.as_str(), self.request.dataset.changes);
        let chain = Chain::of(source, list, tenant, Some(day))?;
        let of = || format!(" of tenant {tenant} and {day}");
        let chain = chain.ok_or_else(|| self.missing(source, &of(), "the days", &own.days()))?;
        if self.request.dataset.is_hunting() && !self.tell(Stored::Columns(chain.full.described())) {
            return Ok(false);
        }
        self.present(source, &chain)
    }

    /// Reads a full list with the changes since. False if nobody wants more.
    fn present(&mut self, source: &dyn Destination, chain: &Chain) -> Result<bool> {
        for manifest in std::iter::once(&chain.full).chain(&chain.changes) {
            part::check_all(source, manifest)?;
        }
        let mut changes = Changes::since(self.request.dataset, chain.full.taken());
        for manifest in &chain.changes {
            let mut files = Files::of(source, manifest);
            while let Some(file) = files.next_file()? {
                file.read(|row| {
                    changes.note(row);
                    true
                })?;
            }
        }
        if !self.files(source, &chain.full, Some(&mut changes))? {
            return Ok(false);
        }
        for row in changes.rest() {
            if !self.row(&row) {
                return Ok(false);
            }
        }
        Ok(self.flush())
    }

    /// Reads the files of a manifest, with what became of their rows since. False if nobody wants more.
    fn files(
        &mut self,
        source: &dyn Destination,
        manifest: &Manifest,
        mut changes: Option<&mut Changes>,
    ) -> Result<bool> {
        let mut files = Files::of(source, manifest);
        while let Some(file) = files.next_file()? {
            let bytes = file.bytes();
            let goes_on = file.read(|row| match changes.as_mut().map_or(Became::Same, |c| c.apply(row)) {
                Became::Same => self.row(row),
                Became::Other(row) => self.row(&row),
                Became::Gone => true,
            })?;
            if !goes_on || !self.flush() || !self.tell(Stored::File(bytes)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn row(&mut self, row: &str) -> bool {
        self.block.push_str(row);
        self.block.push('\n');
        self.block.len() < BLOCK || self.flush()
    }

    fn flush(&mut self) -> bool {
        let rows = std::mem::take(&mut self.block);
        rows.is_empty() || self.tell(Stored::Rows(rows))
    }

    fn tell(&self, what: Stored) -> bool {
        self.told.blocking_send(what).is_ok()
    }
}
