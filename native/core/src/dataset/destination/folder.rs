//! A folder of this machine, or one that is mounted.
#![allow(clippy::disallowed_methods, reason = "a destination runs on a thread of its own, which may wait")]

use std::fs::{self, File, FileType, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use super::{Destination, Hidden, Opened, PartName, io_error, read_error};
use crate::errors::{DATASET_IN_USE, Result};

/// What a file is called until it is whole.
const UNFINISHED: &str = "tmp";

/// Bytes of a file that the disk gets at a time.
const SYNCED_AT_ONCE: usize = 16 * 1024 * 1024;
/// Bytes of a file that are written before room for more of it is reserved: most files stay smaller.
const UNRESERVED: u64 = 1024 * 1024;
/// Bytes of room that are reserved at a time.
const RESERVED_AT_ONCE: u64 = SYNCED_AT_ONCE as u64;

pub(in crate::dataset) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(in crate::dataset) fn new(path: PathBuf) -> Self {
        Folder { path }
    }

    fn path(&self, name: &str) -> PathBuf {
        name.split('/').fold(self.path.clone(), |path, part| path.join(part))
    }

    fn names(&self, folder: &str, wanted: impl Fn(FileType) -> bool) -> Result<Vec<String>> {
        let path = self.path(folder);
        let names = || -> io::Result<Vec<String>> {
            let mut names = Vec::new();
            for entry in fs::read_dir(&path)? {
                let entry = entry?;
                if wanted(entry.file_type()?) {
                    names.extend(entry.file_name().into_string());
                }
            }
            Ok(names)
        };
        match names() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            names => names.map_err(|e| read_error(&path.display().to_string(), &e)),
        }
    }

    /// Does something with a file whose folder is made if it is not there.
    fn with_folder<T>(&self, name: &str, work: impl FnOnce(&Path) -> io::Result<T>) -> Result<T> {
        let path = self.path(name);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| work(&path)).map_err(|e| io_error(&path.display().to_string(), &e))
    }
}

impl Destination for Folder {
    fn lock(&self, name: &str) -> Result<Box<dyn Send>> {
        let file = self.with_folder(name, |path| {
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
        })?;
        let path = self.path(name).display().to_string();
        match file.try_lock() {
            Ok(()) => Ok(Box::new(file)),
            Err(TryLockError::WouldBlock) => {
                Err(DATASET_IN_USE.error(format!("another run holds the lock {path}")))
            }
            Err(TryLockError::Error(e)) => Err(io_error(&path, &e)),
        }
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.path(name);
        match fs::read(&path) {
            Ok(content) => Ok(Some(content)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(io_error(&path.display().to_string(), &e)),
        }
    }

    fn open(&self, name: &str) -> Result<Option<Box<dyn Opened>>> {
        let path = self.path(name);
        match File::open(&path) {
            Ok(file) => Ok(Some(Box::new(file))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(read_error(&path.display().to_string(), &e)),
        }
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        self.with_folder(name, |path| {
            let beside = path.with_extension(UNFINISHED);
            let mut file = File::create(&beside)?;
            file.write_all(content)?;
            file.sync_all()?;
            drop(file);
            fs::rename(&beside, path)
        })
    }

    fn create(&self, part: &PartName) -> Result<Box<dyn Hidden>> {
        self.with_folder(&part.hidden, |path| {
            let file =
                HiddenFile { file: File::create(path)?, length: 0, reserved: 0, unsynced: 0, sync: None };
            Ok(Box::new(file) as Box<dyn Hidden>)
        })
    }

    fn waits(&self, part: &PartName, bytes: u64) -> Result<bool> {
        let path = self.path(&part.hidden);
        match fs::metadata(&path) {
            Ok(found) => Ok(found.is_file() && found.len() == bytes),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(io_error(&path.display().to_string(), &e)),
        }
    }

    fn publish(&self, part: &PartName, bytes: u64) -> Result<bool> {
        let from = self.path(&part.hidden);
        self.with_folder(&part.name, |path| match fs::rename(&from, path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                Ok(fs::metadata(path).is_ok_and(|found| found.len() == bytes))
            }
            done => done.map(|()| true),
        })
    }

    fn remove(&self, name: &str) -> Result<()> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(io_error(&path.display().to_string(), &e)),
            _ => Ok(()),
        }
    }

    fn list(&self, folder: &str) -> Result<Vec<String>> {
        self.names(folder, |kind| kind.is_file())
    }

    fn folders(&self, folder: &str) -> Result<Vec<String>> {
        self.names(folder, |kind| kind.is_dir())
    }

    fn full_name(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}

/// Writes one file, at once or not at all.
pub(crate) fn write_file(path: &Path, content: &[u8]) -> Result<()> {
    let folder = Folder::new(path.parent().unwrap_or(path).to_owned());
    folder.write(&path.file_name().unwrap_or_default().to_string_lossy(), content)
}

/// Tells the system that nobody reads what is on the disk already: its memory is free for others, and the next bytes
/// need no memory that is new. Advice that is not taken is no error.
#[cfg(target_os = "linux")]
fn forget_cached(file: &File) {
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
}

#[cfg(not(target_os = "linux"))]
fn forget_cached(_file: &File) {}

/// Reserves room on the disk for what comes at this place, so that the system need not look for it page by page. The
/// file gets no longer. A disk without room says so when the bytes are written; a file system without such room does
/// without.
#[cfg(target_os = "linux")]
fn reserve(file: &File, at: u64, bytes: u64) {
    let _ = rustix::fs::fallocate(file, rustix::fs::FallocateFlags::KEEP_SIZE, at, bytes);
}

#[cfg(not(target_os = "linux"))]
fn reserve(_file: &File, _at: u64, _bytes: u64) {}

struct HiddenFile {
    file: File,
    length: u64,
    /// Up to where room was reserved, as far as the disk has any.
    reserved: u64,
    /// Bytes that the disk may not know of yet.
    unsynced: usize,
    /// Waits until those before them are on the disk.
    sync: Option<JoinHandle<io::Result<()>>>,
}

impl HiddenFile {
    /// Has the disk write what there is while the next bytes come, so that the end of the file does not wait for all of
    /// it.
    fn begin_sync(&mut self) -> io::Result<()> {
        self.end_sync()?;
        let file = self.file.try_clone()?;
        let sync = move || {
            file.sync_data()?;
            forget_cached(&file);
            Ok(())
        };
        self.sync = Some(thread::Builder::new().name("fedxdr-sync".to_owned()).spawn(sync)?);
        Ok(())
    }

    fn end_sync(&mut self) -> io::Result<()> {
        let defect = |_| Err(io::Error::other("the thread that waits for the disk has stopped"));
        self.sync.take().map_or(Ok(()), |sync| sync.join().unwrap_or_else(defect))
    }
}

impl Drop for HiddenFile {
    fn drop(&mut self) {
        // Nobody wants the file any more, so its error is of no use.
        let _ = self.end_sync();
    }
}

impl Write for HiddenFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.length >= UNRESERVED && self.length + bytes.len() as u64 > self.reserved {
            reserve(&self.file, self.length, RESERVED_AT_ONCE);
            self.reserved = self.length + RESERVED_AT_ONCE;
        }
        let written = self.file.write(bytes)?;
        self.length += written as u64;
        self.unsynced += written;
        if self.unsynced >= SYNCED_AT_ONCE {
            self.begin_sync()?;
            self.unsynced = 0;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Hidden for HiddenFile {
    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.end_sync()?;
        if self.reserved > self.length {
            // Room that is left is for others.
            self.file.set_len(self.length)?;
        }
        self.file.sync_all()?;
        forget_cached(&self.file);
        Ok(())
    }
}
