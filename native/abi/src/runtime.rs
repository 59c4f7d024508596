//! The worker threads: made at first use, kept for as long as the process lives.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use fedxdr_core::Error;
use once_cell::sync::OnceCell;
use tokio::runtime::{Builder, Handle, Runtime};

struct Workers {
    runtime: Mutex<Option<Runtime>>,
    handle: Handle,
}

static WORKERS: OnceCell<Workers> = OnceCell::new();
/// Process that made the workers; 0 before.
static OWNER: AtomicU32 = AtomicU32::new(0);

/// The runtime's handle; the first call starts it.
pub(crate) fn handle() -> Result<Handle, Error> {
    WORKERS.get_or_try_init(start).map(|workers| workers.handle.clone()).map_err(|e| Error::runtime(&e))
}

fn start() -> io::Result<Workers> {
    // A panic is reported as a status or an error; its text on stderr would tear the host's console.
    std::panic::set_hook(Box::new(|_| {}));
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(4)
        .thread_name("fedxdr")
        .enable_all()
        .build()?;
    OWNER.store(std::process::id(), Ordering::Release);
    let handle = runtime.handle().clone();
    Ok(Workers { runtime: Mutex::new(Some(runtime)), handle })
}

/// True in the child of a fork: it has the memory of the workers but not the threads, so waiting would be for ever.
pub(crate) fn is_forked() -> bool {
    let owner = OWNER.load(Ordering::Acquire);
    owner != 0 && owner != std::process::id()
}

/// Stops the workers.
pub(crate) fn shutdown() {
    let Some(workers) = WORKERS.get() else { return };
    let taken = workers.runtime.lock().ok().and_then(|mut runtime| runtime.take());
    if let Some(runtime) = taken
        && !is_forked()
    {
        runtime.shutdown_timeout(Duration::from_secs(2));
    }
}
