//! Datasets: the whole lists of a tenant as files, written by threads of their own. A file appears when the dataset is
//! whole; until then its parts wait beside it, and a later run goes on with them.

mod ahead;
mod buffers;
mod chain;
mod destination;
mod document;
mod files;
mod format;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod lines;
mod manifest;
mod part;
mod run;
mod snapshot;
mod stored;
mod stream;
#[cfg(test)]
mod tests;
mod writer;
mod writing;

pub(crate) use self::destination::{local_path, write_file};
pub use self::document::{Compression, Format, Mode};
pub(crate) use self::document::{ExportDocument, ExportRequest};
pub(crate) use self::files::read as read_files;
pub(crate) use self::run::{Summary, export, tenant_id};
pub(crate) use self::stored::{ImportDocument, ImportRequest, Stored, import};
pub(crate) use self::stream::{RowsSent, SendDocument, SendRequest, send};
