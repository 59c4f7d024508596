//! The guard around every export: it catches panics and rejects calls in a forked child.

use std::ptr;
use std::sync::Once;

use fedxdr_core::errors::{catch_panic, panic_hook};

use crate::handles::FdxError;
use crate::runtime;
use crate::types::FdxStatus;

/// Runs the body of an export. Returns a status for a panic and for a forked child.
pub(crate) fn guard(body: impl FnOnce() -> FdxStatus) -> FdxStatus {
    // SAFETY: NULL is no output.
    unsafe { guard_with(ptr::null_mut(), body) }
}

/// Like [`guard`], for an export with an `error` output, which then contains the location of a panic.
///
/// # Safety
/// `error` must be NULL or writable.
pub(crate) unsafe fn guard_with(error: *mut *mut FdxError, body: impl FnOnce() -> FdxStatus) -> FdxStatus {
    if runtime::is_forked() {
        return FdxStatus::Forked;
    }
    quietly(body).unwrap_or_else(|defect| {
        // SAFETY: the caller vouches for `error`.
        unsafe { FdxError::fail(FdxStatus::Panic, defect, error) }
    })
}

/// For an export without a status. Does nothing in a forked child.
pub(crate) fn guard_plain(body: impl FnOnce()) {
    if !runtime::is_forked() {
        // There is no output for the error.
        let _ = quietly(body);
    }
}

/// For an export that returns a constant.
pub(crate) fn guard_value<T: Default>(body: impl FnOnce() -> T) -> T {
    quietly(body).unwrap_or_default()
}

/// Frees a handle from [`write`](crate::pointers::write). Ignores NULL. Does nothing in a forked child: a thread of the
/// parent can hold a lock there.
///
/// # Safety
/// `handle` must be NULL or have come from [`write`](crate::pointers::write) and not have been freed.
pub(crate) unsafe fn guard_free<T>(handle: *mut T) {
    guard_plain(|| {
        if !handle.is_null() {
            // SAFETY: the caller vouches that the handle came from `Box::into_raw` in `write` and is freed once.
            drop(unsafe { Box::from_raw(handle) });
        }
    });
}

/// Runs `body` and turns a panic into an error without printing.
fn quietly<T>(body: impl FnOnce() -> T) -> Result<T, fedxdr_core::Error> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| std::panic::set_hook(Box::new(panic_hook)));
    catch_panic("the call", body)
}

#[cfg(test)]
mod tests {
    use fedxdr_core::ErrorKind;

    use super::*;

    #[test]
    fn a_panic_is_a_status_and_an_error_with_file_and_line_but_without_its_text() {
        let mut error = ptr::null_mut();
        let line = line!() + 2;
        // SAFETY: `error` is writable.
        let status = unsafe { guard_with(&raw mut error, || panic!("fake-secret")) };
        assert_eq!(status, FdxStatus::Panic);
        // SAFETY: a panic with an output for its error wrote one.
        let error = unsafe { Box::from_raw(error) };
        let view = error.view();
        // SAFETY: views into a live error.
        let text = |bytes| unsafe { crate::pointers::text(bytes) }.unwrap();
        assert_eq!((view.kind, text(view.id)), (ErrorKind::Internal as i32, "Fdx.Internal.Defect"));
        assert_eq!(text(view.detail), format!("panicked at abi/src/guard.rs:{line}"));
        assert!(!text(view.message).contains("fake-secret"));
        assert_eq!(guard(|| panic!("fake-secret")), FdxStatus::Panic);
        guard_plain(|| panic!("fake-secret"));
    }

    #[test]
    fn a_destructor_that_panics_stops_at_the_guard() {
        struct Panics;
        impl Drop for Panics {
            fn drop(&mut self) {
                panic!("fake-secret");
            }
        }
        // SAFETY: freshly boxed, freed once.
        unsafe { guard_free(Box::into_raw(Box::new(Panics))) };
    }
}
