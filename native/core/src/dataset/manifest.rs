//! What is written about a dataset: the manifest of one that is whole, and the state of one that is not. Both are in a
//! folder beside the data, because readers take every file below a dataset for rows.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::destination::{PartName, StreamAddress};
use super::document::{Compression, ExportRequest, Format, Mode};
use super::format::{FileColumns, TENANT_COLUMN};
use super::snapshot;
use crate::batch::TICKS_PER_SECOND;
use crate::catalog::{ADDITIONAL, ColumnKind, Dataset};
use crate::read::decode::described::DescribedColumn;
use crate::read::decode::time::ticks;

/// Folder of manifests and of what is not whole yet. Readers skip names that begin like this.
pub(super) const OWN: &str = "_fedxdr";
/// What follows the day in the name of a manifest.
pub(super) const MANIFEST: &str = ".json";
/// What the name of a tenant's folder begins with.
pub(super) const TENANT_KEY: &str = "tenant=";
/// The service makes a snapshot and tells changes every six hours. In ticks.
pub(super) const PERIOD: i64 = 6 * 3600 * TICKS_PER_SECOND;
/// Version of the manifest and of the layout.
pub(super) const SCHEMA_VERSION: u32 = 1;

/// Names of the files of one tenant's dataset, relative to the destination.
pub(super) struct Names {
    dataset: String,
    tenant: String,
    extension: &'static str,
}

impl Names {
    pub(super) fn new(request: &ExportRequest, dataset: &Dataset, tenant: &str) -> Self {
        let extension = match (request.format, request.compression) {
            (Format::JsonLines, Compression::Gzip) => "json.gz",
            (Format::JsonLines, _) => "json",
            (Format::Csv | Format::CsvExcel, Compression::Gzip) => "csv.gz",
            (Format::Csv | Format::CsvExcel, _) => "csv",
            (Format::Parquet, _) => "parquet",
        };
        Names { dataset: request.name_of(dataset).to_owned(), tenant: tenant.to_owned(), extension }
    }

    /// The folder that readers see.
    pub(super) fn folder(&self, day: &str) -> String {
        format!("{}/{TENANT_KEY}{}/date={day}", self.dataset, self.tenant)
    }

    /// The name of a file, in any folder.
    pub(super) fn file(&self, number: usize) -> String {
        format!("part-{number:05}.{}", self.extension)
    }

    /// The names of a file of a run.
    pub(super) fn part(&self, run: &str, day: &str, file: &str) -> PartName {
        let name = format!("{}/{file}", self.folder(day));
        PartName { run: run.to_owned(), hidden: self.hidden(file), name }
    }

    /// Where a file is until the dataset is whole.
    pub(super) fn hidden(&self, file: &str) -> String {
        self.own(&format!("unfinished/{file}"))
    }

    pub(super) fn manifest(&self, day: &str, delta: Option<&Delta>) -> String {
        match delta {
            Some(Delta { number, .. }) => self.own(&format!("{day}-{number:05}{MANIFEST}")),
            None => self.own(&format!("{day}{MANIFEST}")),
        }
    }

    pub(super) fn state(&self) -> String {
        self.own("unfinished/state.json")
    }

    /// The manifest of a dataset that is whole, until all its files are where readers see them.
    pub(super) fn commit(&self) -> String {
        self.own("unfinished/commit.json")
    }

    /// How far the rows were sent to a service that keeps no files.
    pub(super) fn sent(&self) -> String {
        self.own("unfinished/sent.json")
    }

    pub(super) fn lock(&self) -> String {
        self.own("lock")
    }

    pub(super) fn unfinished(&self) -> String {
        self.own("unfinished")
    }

    fn own(&self, name: &str) -> String {
        format!("{}/{name}", manifests(&self.dataset, &self.tenant))
    }
}

/// The folder with a folder for each tenant that a dataset is there of.
pub(super) fn tenants(dataset: &str) -> String {
    format!("{OWN}/{dataset}")
}

/// The folder of the manifests of a tenant's dataset.
pub(super) fn manifests(dataset: &str, tenant: &str) -> String {
    format!("{}/{TENANT_KEY}{tenant}", tenants(dataset))
}

/// A file of a dataset.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PartEntry {
    pub(super) name: String,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

/// A column of a dataset's files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ColumnEntry {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
}

/// What a run of changes says besides. There may be several of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Delta {
    /// The time that the service was asked for changes since.
    pub(super) since: String,
    /// When the latest change was noticed: the next run asks for changes since then.
    pub(super) until: String,
    /// Its number among those of its day.
    pub(super) number: usize,
    /// Number of its first file: those of a day follow each other.
    pub(super) first_file: usize,
}

/// What makes two runs write the same files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shape {
    pub(super) schema_version: u32,
    pub(super) dataset: String,
    pub(super) tenant_id: String,
    pub(super) mode: String,
    pub(super) source: String,
    pub(super) format: String,
    pub(super) compression: String,
    rows_per_file: u64,
    /// The service that the rows were sent to, if these files are not all that was wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sent_to: Option<String>,
    pub(super) columns: Vec<ColumnEntry>,
}

/// What kind of values a column of a file has. Whether a text crosses the ABI as an index is no matter of a file.
pub(super) fn file_kind(kind: ColumnKind) -> String {
    match kind {
        ColumnKind::Dictionary => "Text".to_owned(),
        kind => format!("{kind:?}"),
    }
}

/// The kind of a column in memory: texts of few values are the rule. Any value fits what is not known.
fn memory_kind(of_file: &str) -> ColumnKind {
    let mut kinds = ColumnKind::ALL.iter().map(|(kind, _)| *kind);
    match kinds.find(|kind| file_kind(*kind) == of_file) {
        Some(ColumnKind::Text) => ColumnKind::Dictionary,
        kind => kind.unwrap_or(ColumnKind::Variant),
    }
}

/// The columns of files, with that of the tenant.
pub(super) fn column_entries(columns: &FileColumns) -> Vec<ColumnEntry> {
    let tenant_column = ColumnEntry { name: TENANT_COLUMN.to_owned(), kind: "Text".to_owned() };
    let columns = columns
        .columns
        .iter()
        .map(|column| ColumnEntry { name: column.name.to_string(), kind: file_kind(column.kind) });
    std::iter::once(tenant_column).chain(columns).collect()
}

impl Shape {
    pub(super) fn new(
        request: &ExportRequest,
        dataset: &Dataset,
        tenant: &str,
        source: &str,
        mode: Mode,
    ) -> Self {
        Shape {
            schema_version: SCHEMA_VERSION,
            dataset: request.name_of(dataset).to_owned(),
            tenant_id: tenant.to_owned(),
            mode: mode.name().to_owned(),
            source: source.to_owned(),
            format: request.format.name().to_owned(),
            compression: request.compression.name().to_owned(),
            rows_per_file: request.rows_per_file,
            sent_to: request.stream.as_ref().map(StreamAddress::name),
            columns: column_entries(&FileColumns::of(dataset.resource)),
        }
    }
}

/// How far a run has come.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct State {
    pub(super) shape: Shape,
    /// Id of the run. A run that goes on keeps it.
    pub(super) run: String,
    /// UTC day of the folder.
    pub(super) day: String,
    pub(super) read_from: String,
    /// The snapshot of the service that the rows are of, as the service names it.
    pub(super) snapshot: Option<String>,
    /// Of changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) delta: Option<Delta>,
    /// Of a query: what was asked, and whether the service left rows out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) query: Option<Value>,
    pub(super) parts: Vec<PartEntry>,
    /// Where the list goes on.
    pub(super) next: Option<String>,
}

/// What is known of a dataset that is whole.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    #[serde(flatten)]
    pub(super) shape: Shape,
    tool: String,
    /// Id of the run.
    pub(super) run: String,
    pub(super) day: String,
    pub(super) snapshot: Option<String>,
    pub(super) snapshot_time: Option<String>,
    pub(super) read_from: String,
    read_to: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) delta: Option<Delta>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    query: Option<Value>,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) folder: String,
    pub(super) parts: Vec<PartEntry>,
}

impl Manifest {
    /// The columns of the rows, without those that say the tenant and hold what has no column.
    pub(super) fn described(&self) -> Vec<DescribedColumn> {
        let columns = self.shape.columns.iter();
        let own = columns.filter(|column| ![TENANT_COLUMN, ADDITIONAL].contains(&column.name.as_str()));
        let described = own.map(|column| DescribedColumn {
            name: column.name.as_str().into(),
            kind: memory_kind(&column.kind),
        });
        described.collect()
    }

    /// The name of a file of these rows.
    pub(super) fn part(&self, names: &Names, part: &PartEntry) -> PartName {
        names.part(&self.run, &self.day, &part.name)
    }

    /// Up to when it has everything, in ticks.
    pub(super) fn taken(&self) -> i64 {
        let text = self.delta.as_ref().map(|delta| &delta.until).or(self.snapshot_time.as_ref());
        let known = text.and_then(|text| ticks(text));
        // A list of one page does not say which snapshot it is of.
        known.or_else(|| ticks(&self.read_from).map(|read| read - 2 * PERIOD)).unwrap_or_default()
    }

    pub(super) fn new(state: State, folder: String, read_to: String) -> Self {
        Manifest {
            tool: concat!("FedXdr ", env!("CARGO_PKG_VERSION")).to_owned(),
            snapshot_time: state.snapshot.as_deref().and_then(snapshot::time),
            rows: state.parts.iter().map(|part| part.rows).sum(),
            bytes: state.parts.iter().map(|part| part.bytes).sum(),
            shape: state.shape,
            run: state.run,
            day: state.day,
            snapshot: state.snapshot,
            delta: state.delta,
            query: state.query,
            read_from: state.read_from,
            read_to,
            folder,
            parts: state.parts,
        }
    }
}
