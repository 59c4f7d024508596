//! The request document of an export.

use std::time::Duration;

use serde::Deserialize;

use super::buffers::Buffers;
use super::destination::{Place, StreamAddress};
use crate::catalog::{DATASETS, Dataset, HUNTING, exported_datasets, stored_datasets};
use crate::cloud::Family;
use crate::errors::{
    DATASET_COMPRESSION, DATASET_FORMAT, DATASET_NAME, DATASET_NO_CHANGES, DATASET_ONE_STREAM, DATASET_QUERY,
    DATASET_STATE_PATH, DATASET_UNKNOWN, Error, Result, excerpt,
};
use crate::hunting::document::{Hunting, HuntingDocument};
use crate::settings::Settings;

/// A file ends with the page in which it gets this many rows.
const ROWS_PER_FILE: u64 = 200_000;
/// Characters of the name of a query's dataset at most.
const LONGEST_NAME: usize = 64;

macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $value:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$of])* $value,)* }

        impl $name {
            /// Every value. If one is the default, it is the first.
            pub const ALL: &[$name] = &[$($name::$value),*];

            /// Name, as the cmdlet has it.
            pub fn name(self) -> &'static str {
                match self { $($name::$value => $text),* }
            }

            /// The value of this name, without regard to case; without a name, the default.
            fn of(name: Option<&str>) -> Result<$name> {
                let Some(name) = name else { return Ok($name::ALL[0]) };
                let known = $name::ALL.iter().find(|known| known.name().eq_ignore_ascii_case(name));
                known.copied().ok_or_else(|| {
                    let what = stringify!($name);
                    Error::invalid_argument(&format!("there is no {what} '{}'", excerpt(name, 80)))
                })
            }
        }
    };
}

names! {
    /// Format of a dataset's files.
    Format {
        /// One JSON object per line.
        JsonLines = "JsonLines",
        /// Comma-separated values with a header.
        Csv = "Csv",
        /// The same for people who open it in Excel.
        CsvExcel = "CsvExcel",
        /// Apache Parquet.
        Parquet = "Parquet",
    }
}

names! {
    /// Compression of a dataset's files.
    Compression {
        /// gzip.
        Gzip = "Gzip",
        /// None.
        None = "None",
        /// Snappy, inside of the file.
        Snappy = "Snappy",
    }
}

impl Format {
    /// How files of this format can be compressed; the first one is the default.
    fn compressions(self) -> &'static [Compression] {
        match self {
            Format::JsonLines | Format::Csv => &[Compression::Gzip, Compression::None],
            // Excel opens no compressed file.
            Format::CsvExcel => &[Compression::None, Compression::Gzip],
            Format::Parquet => &[Compression::Snappy],
        }
    }
}

/// How the files are compressed.
fn compression(format: Format, name: Option<&str>) -> Result<Compression> {
    let known = format.compressions();
    let Some(name) = name else { return Ok(known[0]) };
    let compression = Compression::of(Some(name))?;
    if known.contains(&compression) {
        return Ok(compression);
    }
    let message = format!("{} files are not compressed with {}", format.name(), compression.name());
    let names: Vec<_> = known.iter().map(|known| known.name()).collect();
    Err(DATASET_COMPRESSION.error(message).fill("compressions", names.join(", ")))
}

names! {
    /// What an export reads.
    Mode {
        /// What is best for most tenants: the changes since the last run, where the service tells them, and the pages
        /// of the whole list every week; otherwise the pages of the list.
        Auto = "Auto",
        /// The whole snapshot as files, where the service has them.
        Full = "Full",
        /// The changes since the last run.
        Delta = "Delta",
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ExportDocument {
    pub(crate) throttle_limit: Option<usize>,
    datasets: Vec<String>,
    destination: String,
    state_path: Option<String>,
    format: Option<String>,
    compression: Option<String>,
    mode: Option<String>,
    rows_per_file: Option<u64>,
    time_limit_ms: Option<u64>,
    /// Of the dataset of a query.
    query: Option<HuntingDocument>,
    name: Option<String>,
}

/// What is exported, and where to.
#[derive(Debug)]
pub(crate) struct ExportRequest {
    pub(crate) datasets: Vec<&'static Dataset>,
    /// Where its files and its state are.
    pub(super) destination: Place,
    /// The service that the rows are sent to, from those files.
    pub(super) stream: Option<StreamAddress>,
    pub(super) format: Format,
    pub(super) compression: Compression,
    pub(super) mode: Mode,
    pub(super) rows_per_file: u64,
    /// For the files of all tenants.
    pub(super) buffers: Buffers,
    /// How long the command may take.
    pub(crate) time_limit: Option<Duration>,
    hunting: Option<Hunting>,
    /// Name of the dataset of a query.
    name: String,
}

impl ExportRequest {
    pub(crate) fn of(document: ExportDocument, settings: &Settings) -> Result<Self> {
        let mut datasets: Vec<&'static Dataset> = Vec::new();
        for name in &document.datasets {
            let dataset = known(name, exported_datasets())?;
            if !datasets.iter().any(|known| known.name == dataset.name) {
                datasets.push(dataset);
            }
        }
        if datasets.is_empty() {
            return Err(Error::invalid_argument("the member 'datasets' has no name"));
        }
        let mode = Mode::of(document.mode.as_deref())?;
        if let (Mode::Delta, Some(other)) = (mode, datasets.iter().find(|dataset| dataset.changes.is_none()))
        {
            return Err(DATASET_NO_CHANGES
                .error(format!("the service does not tell the changes of the dataset {}", other.name))
                .fill("datasets", names(DATASETS.iter().filter(|dataset| dataset.changes.is_some()))));
        }
        if document.query.is_some() != datasets.iter().any(|dataset| dataset.is_hunting()) {
            let message = match document.query {
                Some(_) => "there is a query without the dataset hunting",
                None => "there is no query for the dataset hunting",
            };
            return Err(DATASET_QUERY.error(message));
        }
        let format = Format::of(document.format.as_deref())?;
        let stream = StreamAddress::of(&document.destination, settings)?;
        if let Some(stream) = &stream {
            check_stream(stream, &datasets, mode, format)?;
        }
        Ok(ExportRequest {
            datasets,
            destination: place(&document, stream.as_ref(), settings)?,
            stream,
            format,
            mode,
            compression: compression(format, document.compression.as_deref())?,
            rows_per_file: document.rows_per_file.unwrap_or(ROWS_PER_FILE).max(1),
            buffers: Buffers::default(),
            time_limit: document.time_limit_ms.map(Duration::from_millis),
            name: folder_name(document.name, document.query.is_some())?,
            hunting: document.query.map(Hunting::of).transpose()?,
        })
    }

    /// The query whose rows are the dataset, if it is one of a query.
    pub(crate) fn hunting(&self, dataset: &Dataset) -> Option<&Hunting> {
        self.hunting.as_ref().filter(|_| dataset.is_hunting())
    }

    /// Prepares for several tenants.
    pub(crate) fn reads_several_tenants(&self) {
        self.buffers.be_small();
    }

    /// What must be said before it runs.
    pub(crate) fn notices(&self) -> &[String] {
        self.hunting.as_ref().map_or(&[], |hunting| &hunting.notices)
    }

    /// The name of a dataset, and of its folder.
    pub(crate) fn name_of<'a>(&'a self, dataset: &'a Dataset) -> &'a str {
        if dataset.is_hunting() { &self.name } else { dataset.name }
    }

    /// The API that a dataset is read from.
    pub(crate) fn family_of(&self, dataset: &Dataset) -> Family {
        self.hunting(dataset).map_or(dataset.resource.family, |hunting| hunting.engine.family())
    }
}

/// The name of a query's dataset.
pub(super) fn folder_name(given: Option<String>, has_query: bool) -> Result<String> {
    let Some(name) = given else { return Ok(HUNTING.name.to_owned()) };
    let shown = excerpt(&name, 80);
    if !has_query {
        return Err(DATASET_QUERY.error(format!("there is the name '{shown}' without the dataset hunting")));
    }
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let is_folder = name.len() <= LONGEST_NAME
        && name.bytes().all(is_word)
        && name.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric());
    let is_taken = stored_datasets().any(|dataset| dataset.name.eq_ignore_ascii_case(&name));
    if is_folder && !is_taken {
        return Ok(name);
    }
    Err(DATASET_NAME.error(format!("a dataset of a query cannot have the name '{shown}'")))
}

/// Where the files and the state of an export are.
fn place(document: &ExportDocument, stream: Option<&StreamAddress>, settings: &Settings) -> Result<Place> {
    match (stream, &document.state_path) {
        (None, None) => Place::of(&document.destination, settings),
        (Some(_), Some(path)) if StreamAddress::of(path, settings)?.is_none() => Place::of(path, settings),
        (Some(stream), None) => {
            let message = format!("{} keeps no files, and -StatePath is missing", stream.name());
            Err(DATASET_STATE_PATH.error(message))
        }
        (Some(_), Some(path)) => {
            let message = format!("'{}' keeps no files", excerpt(path, 200));
            Err(DATASET_STATE_PATH.error(message))
        }
        (None, Some(_)) => {
            let message = "the destination is a folder or a storage container, which has its own state";
            Err(DATASET_STATE_PATH.error(message))
        }
    }
}

/// Whether the rows of these datasets can be sent to a service.
fn check_stream(
    stream: &StreamAddress,
    datasets: &[&'static Dataset],
    mode: Mode,
    format: Format,
) -> Result<()> {
    if stream.is_one_stream() && (datasets.len() > 1 || mode == Mode::Delta) {
        let message = format!("{} would get rows with other columns too", stream.name());
        return Err(DATASET_ONE_STREAM.error(message));
    }
    if !matches!(format, Format::JsonLines | Format::Csv) {
        let message = format!("rows cannot be sent from {} files", format.name());
        return Err(DATASET_FORMAT.error(message));
    }
    Ok(())
}

/// The one of these datasets that has this name.
pub(super) fn known(
    name: &str,
    mut datasets: impl Iterator<Item = &'static Dataset> + Clone,
) -> Result<&'static Dataset> {
    let all = datasets.clone();
    datasets.find(|dataset| dataset.name.eq_ignore_ascii_case(name.trim())).ok_or_else(|| {
        DATASET_UNKNOWN
            .error(format!("there is no dataset '{}'", excerpt(name, 80)))
            .fill("datasets", names(all))
    })
}

fn names(datasets: impl Iterator<Item = &'static Dataset>) -> String {
    datasets.map(|dataset| dataset.name).collect::<Vec<_>>().join(", ")
}
