//! Blocking work: files and long computations run on separate threads. On an async worker they would stop every query
//! of the process. Only this file and the destinations of datasets use files, which `clippy.toml` enforces.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Semaphore;
use tokio::task::{block_in_place, spawn_blocking};
use zeroize::Zeroizing;

use crate::clock::{Clock, within};
use crate::errors::{Error, Result, catch_panic};

/// Longest time to read a file. A mount that does not answer is an error, not an endless wait.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Runs a computation of some milliseconds that cannot yield. The other tasks of this worker go on on another thread.
pub(crate) fn compute_here<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => block_in_place(work),
        _ => work(),
    }
}

/// Requirements for a file.
#[derive(Clone, Copy)]
pub(crate) struct FileRules {
    /// Maximum number of bytes.
    pub(crate) size_limit: u64,
    /// Whether the path may be a symbolic link.
    pub(crate) symlinks: bool,
}

/// Why a file was not read.
#[derive(Debug)]
pub(crate) enum FileError {
    /// A folder, pipe, device, or a link that is not allowed.
    NotRegular,
    /// More bytes than allowed.
    TooLarge(u64),
    /// The file system did not answer in time.
    TooSlow,
    /// The error of the operating system.
    Io(io::Error),
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FileError::NotRegular => f.write_str("it is not a regular file"),
            FileError::TooLarge(size) => write!(f, "it has {size} bytes"),
            FileError::TooSlow => {
                write!(f, "the file system did not answer within {} seconds", TIME_LIMIT.as_secs())
            }
            FileError::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FileError {}

/// Reads files for queries.
#[derive(Default)]
pub(crate) struct Files {
    /// One reader per path: a read that hangs occupies its thread, and further reads must not occupy another one.
    paths: Mutex<HashMap<PathBuf, Arc<Semaphore>>>,
}

impl Files {
    /// The content of a file, within the time limit.
    pub(crate) async fn read(
        &self,
        clock: &dyn Clock,
        path: &Path,
        rules: FileRules,
    ) -> Result<Zeroizing<Vec<u8>>, FileError> {
        let owned = path.to_owned();
        self.run(clock, path, move || read_file(&owned, rules)).await.unwrap_or(Err(FileError::TooSlow))
    }

    /// The result of `work` on a blocking thread, or `None` if it takes too long.
    async fn run<T: Send + 'static>(
        &self,
        clock: &dyn Clock,
        path: &Path,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let reader = self.reader(path);
        let done = async {
            let reader = reader.acquire_owned().await.ok()?;
            let work = move || {
                let done = work();
                drop(reader);
                done
            };
            spawn_blocking(work).await.ok()
        };
        within(clock, TIME_LIMIT, done).await.flatten()
    }

    fn reader(&self, path: &Path) -> Arc<Semaphore> {
        let mut paths = self.paths.lock().unwrap_or_else(PoisonError::into_inner);
        paths.retain(|_, reader| Arc::strong_count(reader) > 1);
        Arc::clone(paths.entry(path.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(1))))
    }
}

/// The content of a file, on the caller's thread.
#[allow(clippy::disallowed_methods, reason = "this is where files are read")]
pub(crate) fn read_file(path: &Path, rules: FileRules) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let found = if rules.symlinks { fs::metadata(path) } else { fs::symlink_metadata(path) };
    let found = found.map_err(FileError::Io)?;
    // Opening a pipe would wait for a writer.
    if !found.is_file() {
        return Err(FileError::NotRegular);
    }
    let too_large = |size| size > rules.size_limit;
    if too_large(found.len()) {
        return Err(FileError::TooLarge(found.len()));
    }
    // Reads one byte more than allowed, to detect a file that has grown since.
    let room = usize::try_from(found.len()).unwrap_or(0) + 1;
    let mut content = Zeroizing::new(Vec::with_capacity(room));
    let file = File::open(path).map_err(FileError::Io)?;
    file.take(rules.size_limit + 1).read_to_end(&mut content).map_err(FileError::Io)?;
    let size = content.len() as u64;
    if too_large(size) { Err(FileError::TooLarge(size)) } else { Ok(content) }
}

/// Whether the file exists. Runs on the caller's thread.
#[allow(clippy::disallowed_methods, reason = "this is where files are looked at")]
pub(crate) fn exists(path: &Path) -> bool {
    path.exists()
}

/// Runs a long computation.
pub(crate) async fn compute<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    match spawn_blocking(move || catch_panic(what, work)).await {
        Ok(done) => done,
        // The runtime is shutting down.
        Err(_) => Err(Error::internal(&format!("{what} was not finished"))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures_util::FutureExt;
    use futures_util::future::BoxFuture;

    use super::*;

    /// Time that has passed as soon as anybody waits for it.
    struct Hasty;

    impl Clock for Hasty {
        fn now(&self) -> Duration {
            Duration::ZERO
        }

        fn sleep(&self, _wait: Duration) -> BoxFuture<'static, ()> {
            std::future::ready(()).boxed()
        }
    }

    #[tokio::test]
    async fn a_file_system_that_does_not_answer_is_left_and_keeps_one_thread_however_often_it_is_asked() {
        let files = Files::default();
        let (answer, stalled) = mpsc::channel::<()>();
        let hang = move || stalled.recv().is_ok();
        assert!(files.run(&Hasty, Path::new("/stalled"), hang).await.is_none());
        let (started, asked) = mpsc::channel();
        let ask_again = move || started.send(()).is_ok();
        assert!(files.run(&Hasty, Path::new("/stalled"), ask_again).await.is_none());
        // Nobody started a second read of it; another path is not affected.
        assert!(asked.recv().is_err());
        let clock = crate::testing::TestClock::new();
        assert_eq!(files.run(&clock, Path::new("/other"), || 1).await, Some(1));
        drop(answer);
    }

    #[tokio::test]
    async fn a_panic_of_a_computation_is_an_error() {
        let error = compute("the test", || panic!("fake-secret")).await.map(|()| 0).unwrap_err();
        assert_eq!(error.id, "Fdx.Internal.Defect");
        assert!(!format!("{error:?}").contains("fake-secret"));
    }
}
