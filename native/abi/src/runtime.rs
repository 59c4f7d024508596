//! The state of the process: worker threads, created at first use, and the world that all sessions share. Both live as
//! long as the process.

use std::io;
use std::num::NonZero;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::Duration;

use fedxdr_core::{Error, World};
use once_cell::sync::OnceCell;
use tokio::runtime::{Builder, Handle, Runtime};

/// Threads that resolve names, read files and sign assertions. A file system that does not answer blocks at most one
/// thread per file.
const BLOCKING_THREADS: usize = 64;

/// Bodies of several tenants are decompressed and decoded at the same time, and one large row keeps nobody waiting.
const MIN_WORKERS: usize = 2;
/// The pipeline's thread is as busy as the workers: more of them would wait for it.
const MAX_WORKERS: usize = 4;

struct Workers {
    runtime: Mutex<Option<Runtime>>,
    handle: Handle,
}

static WORKERS: OnceCell<Workers> = OnceCell::new();
/// Process that created the workers, or 0.
static OWNER: AtomicU32 = AtomicU32::new(0);

static WORLD: LazyLock<World> = LazyLock::new(World::default);

/// The state that all sessions share.
pub(crate) fn world() -> World {
    WORLD.clone()
}

/// The handle of the runtime. The first call starts the runtime.
pub(crate) fn handle() -> Result<Handle, Error> {
    WORKERS.get_or_try_init(start).map(|workers| workers.handle.clone()).map_err(|e| Error::runtime(&e))
}

fn start() -> io::Result<Workers> {
    let workers =
        thread::available_parallelism().map_or(MIN_WORKERS, NonZero::get).clamp(MIN_WORKERS, MAX_WORKERS);
    let runtime = Builder::new_multi_thread()
        .worker_threads(workers)
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_name("fedxdr")
        .enable_all()
        .build()?;
    OWNER.store(std::process::id(), Ordering::Release);
    let handle = runtime.handle().clone();
    Ok(Workers { runtime: Mutex::new(Some(runtime)), handle })
}

/// True in a forked child. It has the memory of the workers but not their threads, so it would wait forever.
pub(crate) fn is_forked() -> bool {
    let owner = OWNER.load(Ordering::Acquire);
    owner != 0 && owner != std::process::id()
}

/// Stops the workers. Must not be called in a forked child, which would wait for threads that it does not have.
pub(crate) fn shutdown() {
    let Some(workers) = WORKERS.get() else { return };
    let taken = workers.runtime.lock().ok().and_then(|mut runtime| runtime.take());
    if let Some(runtime) = taken {
        runtime.shutdown_timeout(Duration::from_secs(2));
    }
}
