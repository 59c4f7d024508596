//! Reads datasets back from the files that an export wrote, on a thread of its own. Only what has a manifest is whole,
//! and nothing else is read.

mod manifests;
mod part;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use serde::Deserialize;
use tokio::sync::mpsc;

use self::manifests::{Days, Manifests};
use self::part::Files;
use super::destination::Folder;
use super::document::known;
use super::format::TENANT_COLUMN;
use crate::batch::ColumnBuilder;
use crate::catalog::Dataset;
use crate::errors::{DATASET_SOURCE, Error, Result, catch_panic, excerpt};
use crate::read::decode::row::RowDecoder;

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
    path: String,
    date: Option<String>,
}

/// What is read back, and where from.
#[derive(Debug)]
pub(crate) struct ImportRequest {
    pub(crate) dataset: &'static Dataset,
    folder: PathBuf,
    days: Days,
    raw: bool,
}

impl ImportRequest {
    pub(crate) fn of(document: &ImportDocument) -> Result<Self> {
        if let Some(day) = &document.date
            && day.parse::<jiff::civil::Date>().is_err()
        {
            return Err(Error::invalid_argument("the member 'date' is not a day, such as 2026-11-24"));
        }
        Ok(ImportRequest {
            dataset: known(&document.dataset)?,
            folder: folder(&document.path)?,
            days: document.date.clone().map_or(Days::Newest, Days::One),
            raw: document.raw,
        })
    }

    /// Every day of a dataset that is in this folder.
    pub(crate) fn every_day(dataset: &'static Dataset, path: &str) -> Result<Self> {
        Ok(ImportRequest { dataset, folder: folder(path)?, days: Days::All, raw: true })
    }

    /// What reads the rows, and their columns.
    pub(crate) fn decoder(&self) -> (RowDecoder, Vec<ColumnBuilder>) {
        if self.raw { RowDecoder::raw() } else { RowDecoder::stored(self.dataset.resource, TENANT_COLUMN) }
    }
}

fn folder(path: &str) -> Result<PathBuf> {
    let folder = Path::new(path);
    if path.contains("://") || !folder.is_absolute() {
        let message = format!("'{}' is not the full path of a folder", excerpt(path, 200));
        return Err(DATASET_SOURCE.error(message));
    }
    Ok(folder.to_owned())
}

/// What the thread that reads tells, in this order: the tenants; of each of them its beginning, rows, files that were
/// read and perhaps why it failed; the end.
pub(crate) enum Stored {
    Tenants(Vec<String>),
    Begin(usize),
    /// The rows that follow are of the snapshot of this UTC day.
    Snapshot(String),
    /// Rows, each a line of JSON.
    Rows(String),
    /// A file was read to its end; so many bytes.
    File(u64),
    Failed(Error),
    End,
}

/// Begins to read the rows of these tenants, or of all that there are.
pub(crate) fn import(request: Arc<ImportRequest>, tenants: Vec<String>) -> Result<mpsc::Receiver<Stored>> {
    let (told, stored) = mpsc::channel(CHANNEL_CAPACITY);
    let work = move || {
        let reading = Reading { told: &told, request: &request, block: String::new() };
        let last = match catch_panic("the reading of a dataset", || reading.tenants(tenants)) {
            Ok(Ok(())) => Stored::End,
            Ok(Err(error)) | Err(error) => Stored::Failed(error),
        };
        // The reader may have had enough.
        let _ = told.blocking_send(last);
    };
    let thread = thread::Builder::new().name("fedxdr-import".to_owned()).spawn(work);
    thread.map_err(|e| Error::runtime(&e))?;
    Ok(stored)
}

/// The work of the thread.
struct Reading<'a> {
    told: &'a mpsc::Sender<Stored>,
    request: &'a ImportRequest,
    /// Rows that wait for others.
    block: String,
}

impl Reading<'_> {
    fn tenants(mut self, wanted: Vec<String>) -> Result<()> {
        let folder = Folder::new(self.request.folder.clone());
        let dataset = self.request.dataset.name;
        let known = manifests::tenants(&folder, dataset)?;
        let tenants = if wanted.is_empty() { known.clone() } else { wanted };
        if tenants.is_empty() {
            return Err(manifests::missing(&folder, &format!("no dataset {dataset}"), "the datasets", &[]));
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
                self.tenant(&folder, &tenant)
            } else {
                let what = format!("no dataset {dataset} of tenant {tenant}");
                Err(manifests::missing(&folder, &what, "the tenants", &known))
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

    /// Reads the rows of one tenant. False if nobody wants more.
    fn tenant(&mut self, folder: &Folder, tenant: &str) -> Result<bool> {
        let manifests = Manifests::of(folder, self.request.dataset.name, tenant)?;
        for day in manifests.wanted(&self.request.days)? {
            let manifest = manifests.read(&day)?;
            let mut files = Files::of(folder, &manifest)?;
            if !self.tell(Stored::Snapshot(day)) {
                return Ok(false);
            }
            while let Some(file) = files.next_file()? {
                let bytes = file.bytes();
                if !file.read(|row| self.row(row))? || !self.flush() || !self.tell(Stored::File(bytes)) {
                    return Ok(false);
                }
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
