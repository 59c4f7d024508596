//! The report: the vulnerabilities of any number of tenants as one HTML page. Rows are counted as they come, and are
//! not kept.

mod chart;
mod html;
mod page;
mod summary;
mod tally;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;

use self::page::About;
use self::summary::Summary;
use self::tally::Tally;
use crate::catalog::{self, Dataset};
use crate::dataset::{self, ImportRequest};
use crate::errors::{Error, REPORT_PATH, Result, excerpt};
use crate::read::sink::EachRow;
use crate::settings::Settings;

/// What a report is about.
const DATASET: &str = "vulnerabilities";
const TITLE: &str = "Vulnerabilities";

/// The request document of a report.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ReportDocument {
    pub(crate) throttle_limit: Option<usize>,
    path: String,
    title: Option<String>,
    dataset_path: Option<String>,
}

/// A report that is being made.
pub(crate) struct Report {
    pub(crate) dataset: &'static Dataset,
    /// The files that are read, in place of the service.
    pub(crate) source: Option<Arc<ImportRequest>>,
    path: PathBuf,
    title: String,
    /// What people call the source.
    from: String,
    summary: Mutex<Summary>,
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Report({})", self.path.display())
    }
}

impl Report {
    /// `settings` has the cloud of a storage account that the files are in.
    pub(crate) fn of(document: &ReportDocument, settings: &Settings) -> Result<Self> {
        let path = dataset::local_path(&document.path).filter(|path| path.file_name().is_some());
        let path = path.ok_or_else(|| {
            let shown = excerpt(&document.path, 200);
            REPORT_PATH.error(format!("'{shown}' is not the full path of a file"))
        })?;
        let dataset = catalog::dataset(DATASET).ok_or_else(|| Error::internal("there is no such dataset"))?;
        let files = document.dataset_path.as_deref();
        let source = files.map(|path| ImportRequest::every_day(dataset, path, settings)).transpose()?;
        Ok(Report {
            dataset,
            from: files.unwrap_or("Microsoft Defender").to_owned(),
            source: source.map(Arc::new),
            path: path.to_owned(),
            title: document.title.clone().unwrap_or_else(|| TITLE.to_owned()),
            summary: Mutex::default(),
        })
    }

    /// Adds a tenant that was read to its end.
    pub(crate) fn add(&self, id: &str, name: Option<&str>, counter: &Counter) {
        let mut tally = std::mem::replace(&mut *counter.tally(), Tally::new());
        tally.end();
        self.summary().add(id, name, tally);
    }

    /// Adds a tenant that could not be read.
    pub(crate) fn add_failure(&self, tenant: &str, error: &Error) {
        self.summary().add_failure(tenant, error);
    }

    /// Writes the page. `written`: when, UTC. It waits for the disk.
    pub(crate) fn write(&self, written: &str) -> Result<()> {
        let mut summary = self.summary();
        summary.complete();
        let about = About { title: &self.title, written, source: &self.from };
        let page = page::page(&about, &summary).map_err(|e| Error::internal(&e.to_string()))?;
        dataset::write_file(&self.path, page.as_bytes())
    }

    fn summary(&self) -> MutexGuard<'_, Summary> {
        self.summary.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts the rows of one tenant.
#[derive(Clone)]
pub(crate) struct Counter(Arc<Mutex<Tally>>);

impl Counter {
    pub(crate) fn new() -> Self {
        Counter(Arc::new(Mutex::new(Tally::new())))
    }

    /// Begins the snapshot of a UTC day, which is newer than those before, and ends that before it.
    pub(crate) fn begin(&self, day: &str) {
        let mut tally = self.tally();
        tally.end();
        tally.begin(day);
    }

    /// What counts a row.
    pub(crate) fn taker(&self) -> EachRow {
        let counter = self.clone();
        Box::new(move |row| counter.row(row))
    }

    pub(crate) fn row(&self, json: &str) {
        self.tally().row(json);
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
