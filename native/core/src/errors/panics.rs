//! Turns panics into errors with file and line, but without the payload, which may contain data.

use std::any::Any;
use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};

use futures_util::FutureExt;

use super::error::{Error, Result};

thread_local! {
    /// Location of this thread's last panic. The payload does not contain it, so the hook stores it here.
    static LAST_PANIC: Cell<Option<String>> = const { Cell::new(None) };
}

/// The panic hook: stores file and line, prints nothing.
pub fn panic_hook(info: &PanicHookInfo<'_>) {
    let location = info.location().map(|at| format!("{}:{}", relative(at.file()), at.line()));
    // A thread that is ending has no thread-local state.
    let _ = LAST_PANIC.try_with(|last| last.set(location));
}

/// Runs `work` and turns a panic into an error.
pub fn catch_panic<T>(what: &str, work: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| panicked(what, payload))
}

/// As [`catch_panic`], for a future.
pub(crate) async fn catch_panics<T>(what: &str, work: impl Future<Output = T>) -> Result<T> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|payload| panicked(what, payload))
}

fn panicked(what: &str, payload: Box<dyn Any + Send>) -> Error {
    // Dropping a payload can panic too.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
    let mut error = Error::internal(&format!("{what} stopped because of a defect"));
    if let Ok(Some(location)) = LAST_PANIC.try_with(Cell::take) {
        error.causes.push(format!("panicked at {location}"));
    }
    error
}

/// The path of a source file without folders of the build machine.
fn relative(file: &str) -> String {
    let file = file.replace('\\', "/");
    for root in ["native/core/src/", "native/"] {
        if let Some((_, rest)) = file.split_once(root) {
            return rest.to_owned();
        }
    }
    // For a third-party crate, start at its folder, which contains the version. For the standard library, start after
    // `library`.
    let rest = match (file.split_once("/registry/src/"), file.split_once("/library/")) {
        (Some((_, rest)), _) => rest.split_once('/').map(|(_, rest)| rest),
        (None, Some((_, rest))) => Some(rest),
        (None, None) => file.rsplit('/').next(),
    };
    rest.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_with_file_and_line_and_without_its_text() {
        std::panic::set_hook(Box::new(panic_hook));
        let line = line!() + 1;
        let error = catch_panic("the test", || panic!("fake-secret")).map(|()| 0).unwrap_err();
        assert_eq!(
            (error.id, error.detail()),
            ("Fdx.Internal.Defect", format!("panicked at errors/panics.rs:{line}"))
        );
        assert!(!format!("{error:?}").contains("fake-secret"));
        // The location is reported only once.
        assert_eq!(catch_panic("the test", || 1).unwrap(), 1);
        let again =
            catch_panic("the test", || std::panic::resume_unwind(Box::new(()))).map(|()| 0).unwrap_err();
        assert_eq!(again.detail(), "");
        let _ = std::panic::take_hook();
    }

    #[test]
    fn a_path_shows_no_folder_of_the_machine_that_compiled() {
        for (file, expected) in [
            ("native/core/src/read/pager.rs", "read/pager.rs"),
            ("native\\core\\src\\read\\pager.rs", "read/pager.rs"),
            ("/home/someone/fedxdr/native/core/src/read/pager.rs", "read/pager.rs"),
            ("native/abi/src/exports.rs", "abi/src/exports.rs"),
            (
                "/home/someone/.cargo/registry/src/index.crates.io-1949/url-2.5.4/src/lib.rs",
                "url-2.5.4/src/lib.rs",
            ),
            ("/rustc/0123abcd/library/core/src/cell.rs", "core/src/cell.rs"),
            ("/home/someone/elsewhere/x.rs", "x.rs"),
        ] {
            assert_eq!(relative(file), expected, "{file}");
        }
    }
}
