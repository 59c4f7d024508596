//! Where the files of a dataset are. A destination is used by one thread, which may wait.

mod blob;
mod folder;
mod place;
pub(super) mod remote;
mod segments;
mod stream_address;

use std::io::{self, Read, Seek, Write};

#[cfg(any(test, feature = "fuzzing"))]
pub(super) use self::blob::read_lists as read_blob_lists;
#[cfg(test)]
pub(super) use self::blob::tests as blob_tests;
pub(super) use self::folder::Folder;
pub(crate) use self::folder::write_file;
pub(super) use self::place::Place;
pub(crate) use self::place::local_path;
pub(super) use self::stream_address::{Kind, StreamAddress};
use crate::errors::{
    DATASET_DISK_FULL, DATASET_IO, DATASET_NOT_FOLDER, DATASET_READ, DATASET_READ_ONLY, DATASET_SOURCE,
    Error, Result,
};

/// Where the files of datasets are written to, and read from. Names of files are relative to it, with `/` between
/// folders.
pub(super) trait Destination: Send {
    /// Keeps other runs away until the result is dropped, also if the process ends in any way.
    fn lock(&self, name: &str) -> Result<Box<dyn Send>>;

    /// The content of a small file; `None` if it does not exist.
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>>;

    /// Opens a file of any size for reading; `None` if it does not exist.
    fn open(&self, name: &str) -> Result<Option<Box<dyn Opened>>>;

    /// Writes a small file, at once or not at all.
    fn write(&self, name: &str, content: &[u8]) -> Result<()>;

    /// Begins a file that no reader sees yet.
    fn create(&self, part: &PartName) -> Result<Box<dyn Hidden>>;

    /// Whether a file that was ended with so many bytes still waits.
    fn waits(&self, part: &PartName, bytes: u64) -> Result<bool>;

    /// Shows a file of so many bytes to readers, in place of what was there. Does nothing if that has happened already.
    /// False if there is no such file.
    fn publish(&self, part: &PartName, bytes: u64) -> Result<bool>;

    /// Removes a file, if it is there.
    fn remove(&self, name: &str) -> Result<()>;

    /// Names of the files of a folder, without the folder.
    fn list(&self, folder: &str) -> Result<Vec<String>>;

    /// Names of the folders of a folder, without it.
    fn folders(&self, folder: &str) -> Result<Vec<String>>;

    /// What people call a file.
    fn full_name(&self, name: &str) -> String;
}

/// A file of rows: where it waits until the dataset is whole, and where readers see it then.
#[derive(Clone, Debug)]
pub(super) struct PartName {
    /// Id of the run that it belongs to.
    pub(super) run: String,
    pub(super) hidden: String,
    pub(super) name: String,
}

/// A file that is being written.
pub(super) trait Hidden: Write + Send {
    /// Ends the file: after this, its content survives whatever happens to the process.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// A file that is read, from its beginning or again.
pub(super) trait Opened: Read + Seek + Send {}

impl<T: Read + Seek + Send> Opened for T {}

/// The error of a storage account, which says what to do already.
fn own_error(error: &io::Error) -> Option<Error> {
    error.get_ref()?.downcast_ref::<Error>().cloned()
}

/// The error of the system, as one that says what to do.
pub(super) fn io_error(what: &str, error: &io::Error) -> Error {
    if let Some(known) = own_error(error) {
        return known;
    }
    let entry = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            &DATASET_DISK_FULL
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => &DATASET_READ_ONLY,
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => &DATASET_NOT_FOLDER,
        _ => &DATASET_IO,
    };
    entry.error(format!("{what} cannot be written")).caused_by(error)
}

/// As above, of a file that is read.
pub(super) fn read_error(what: &str, error: &io::Error) -> Error {
    if let Some(known) = own_error(error) {
        return known;
    }
    let entry = match error.kind() {
        io::ErrorKind::NotADirectory => &DATASET_SOURCE,
        _ => &DATASET_READ,
    };
    entry.error(format!("{what} cannot be read")).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stops_a_write_has_an_error_of_its_own() {
        for (kind, id) in [
            (io::ErrorKind::StorageFull, "Fdx.Dataset.DiskFull"),
            (io::ErrorKind::QuotaExceeded, "Fdx.Dataset.DiskFull"),
            (io::ErrorKind::PermissionDenied, "Fdx.Dataset.ReadOnly"),
            (io::ErrorKind::ReadOnlyFilesystem, "Fdx.Dataset.ReadOnly"),
            (io::ErrorKind::NotADirectory, "Fdx.Dataset.NotAFolder"),
            (io::ErrorKind::BrokenPipe, "Fdx.Dataset.WriteFailed"),
        ] {
            let error = io_error("part-00000.json", &io::Error::from(kind));
            assert_eq!(error.id, id);
            assert!(error.to_string().starts_with("part-00000.json cannot be written"), "{error}");
        }
    }
}
