//! The exported functions. `native/abi/README.md` states the rules for all of them.

use std::time::Duration;

use fedxdr_core::{Next, Session};
use safer_ffi::ffi_export;

use crate::guard::{guard, guard_free, guard_plain, guard_value, guard_with};
use crate::handles::{FdxBatch, FdxError, FdxQuery, FdxSession};
use crate::pointers::{bytes, reference, text, write};
use crate::runtime;
use crate::types::{FdxBytes, FdxErrorView, FdxStats, FdxStatus};

/// Version of this ABI and of the batch format. A caller that was built for another version must not continue.
#[ffi_export]
pub extern "C" fn fdx_abi_version() -> u32 {
    guard_value(|| crate::ABI_VERSION)
}

/// Writes the version of the library: `0.1.0+` and the commit that it was built from, or `0.1.0` if the build did not
/// state one. The text is never freed.
///
/// # Safety
/// `version` must be NULL or writable.
#[ffi_export]
pub unsafe extern "C" fn fdx_version(version: *mut FdxBytes) -> FdxStatus {
    guard(|| {
        if version.is_null() {
            return FdxStatus::InvalidArgument;
        }
        // SAFETY: `version` is not NULL, and the caller vouches that it is writable.
        unsafe { version.write(FdxBytes { ptr: crate::VERSION.as_ptr(), len: crate::VERSION.len() }) };
        FdxStatus::Ok
    })
}

/// Opens a session from a settings document. Does not use the network.
///
/// # Safety
/// `settings` must describe readable memory; `session` and `error` must each be NULL or writable.
#[ffi_export]
pub unsafe extern "C" fn fdx_session_open(
    settings: FdxBytes,
    session: *mut *mut FdxSession,
    error: *mut *mut FdxError,
) -> FdxStatus {
    let body = || {
        let handle = match runtime::handle() {
            Ok(handle) => handle,
            // SAFETY: the caller vouches for `error`.
            Err(e) => return unsafe { FdxError::fail(FdxStatus::Internal, e, error) },
        };
        // SAFETY: the caller vouches for `settings`.
        let opened =
            unsafe { text(settings) }.and_then(|document| Session::open(document, handle, runtime::world()));
        match opened {
            // SAFETY: the caller vouches for `session`.
            Ok(inner) => unsafe { write(session, FdxSession { inner }) },
            // SAFETY: the caller vouches for `error`.
            Err(e) => unsafe { FdxError::fail(FdxStatus::InvalidArgument, e, error) },
        }
    };
    // SAFETY: the caller vouches for `error`.
    unsafe { guard_with(error, body) }
}

/// Frees a session. Its queries continue.
///
/// # Safety
/// `session` must be NULL or a session that was not freed.
#[ffi_export]
pub unsafe extern "C" fn fdx_session_free(session: *mut FdxSession) {
    // SAFETY: the caller vouches for `session`.
    unsafe { guard_free(session) }
}

/// Opens a query from a request document. It starts immediately on threads of the library.
///
/// # Safety
/// `session` must be NULL or a live session; `request` must describe readable memory; `query` and `error` must each be
/// NULL or writable.
#[ffi_export]
pub unsafe extern "C" fn fdx_query_open(
    session: *const FdxSession,
    request: FdxBytes,
    query: *mut *mut FdxQuery,
    error: *mut *mut FdxError,
) -> FdxStatus {
    let body = || {
        // SAFETY: the caller vouches for all of them.
        unsafe { open_query(session, std::ptr::null(), request, query, error) }
    };
    // SAFETY: the caller vouches for `error`.
    unsafe { guard_with(error, body) }
}

/// As `fdx_query_open`, but the storage container that the query writes to or reads is reached with the identity of the
/// session `destination`. If that is NULL, it is reached with the managed identity of this machine.
///
/// # Safety
/// `session` and `destination` must each be NULL or a live session; `request` must describe readable memory; `query`
/// and `error` must each be NULL or writable.
#[ffi_export]
pub unsafe extern "C" fn fdx_query_open_to(
    session: *const FdxSession,
    destination: *const FdxSession,
    request: FdxBytes,
    query: *mut *mut FdxQuery,
    error: *mut *mut FdxError,
) -> FdxStatus {
    let body = || {
        // SAFETY: the caller vouches for all of them.
        unsafe { open_query(session, destination, request, query, error) }
    };
    // SAFETY: the caller vouches for `error`.
    unsafe { guard_with(error, body) }
}

/// # Safety
/// As [`fdx_query_open_to`].
unsafe fn open_query(
    session: *const FdxSession,
    destination: *const FdxSession,
    request: FdxBytes,
    query: *mut *mut FdxQuery,
    error: *mut *mut FdxError,
) -> FdxStatus {
    // SAFETY: the caller vouches for `session`.
    let Some(session) = (unsafe { reference(session) }) else { return FdxStatus::InvalidArgument };
    // SAFETY: the caller vouches for `destination`.
    let destination = unsafe { reference(destination) }.map(|destination| &destination.inner);
    // SAFETY: the caller vouches for `request`.
    let opened = unsafe { text(request) }.and_then(|document| session.inner.query_to(document, destination));
    match opened {
        // SAFETY: the caller vouches for `query`.
        Ok(inner) => unsafe { write(query, FdxQuery { inner }) },
        // SAFETY: the caller vouches for `error`.
        Err(e) => unsafe { FdxError::fail(FdxStatus::InvalidArgument, e, error) },
    }
}

/// Waits at most `wait_ms` milliseconds for the next batch.
///
/// # Safety
/// `query` must be NULL or a live query; `batch` and `error` must each be NULL or writable.
#[ffi_export]
pub unsafe extern "C" fn fdx_query_next(
    query: *const FdxQuery,
    wait_ms: u32,
    batch: *mut *mut FdxBatch,
    error: *mut *mut FdxError,
) -> FdxStatus {
    let body = || {
        // SAFETY: the caller vouches for `query`.
        let Some(query) = (unsafe { reference(query) }) else { return FdxStatus::InvalidArgument };
        if batch.is_null() {
            return FdxStatus::InvalidArgument;
        }
        match query.inner.next(Duration::from_millis(u64::from(wait_ms))) {
            // SAFETY: `batch` is not NULL, and the caller vouches for the rest.
            Next::Batch(inner) => unsafe { write(batch, FdxBatch { inner }) },
            Next::Pending => FdxStatus::Pending,
            Next::End => FdxStatus::End,
            Next::Cancelled => FdxStatus::Cancelled,
            Next::Busy => FdxStatus::Busy,
            Next::NeedsAssertion => FdxStatus::NeedsAssertion,
            // SAFETY: `batch` is not NULL, and the caller vouches for the rest.
            Next::NeedsSignature(inner) => unsafe {
                write(batch, FdxBatch { inner });
                FdxStatus::NeedsSignature
            },
            // SAFETY: the caller vouches for `error`.
            Next::ItemFailed(e) => unsafe { FdxError::fail(FdxStatus::ItemFailed, e, error) },
            // SAFETY: the caller vouches for `error`.
            Next::Failed(e) => unsafe { FdxError::fail(FdxStatus::Failed, e, error) },
        }
    };
    // SAFETY: the caller vouches for `error`.
    unsafe { guard_with(error, body) }
}

/// Answers `NeedsAssertion` with a client assertion or `NeedsSignature` with a signature or, if that is empty, with the
/// reason of the failure. The query continues with the next call of `fdx_query_next`. Returns `InvalidArgument` if
/// nothing was asked.
///
/// # Safety
/// `query` must be NULL or a live query; `answer` and `failure` must describe readable memory.
#[ffi_export]
pub unsafe extern "C" fn fdx_query_answer(
    query: *const FdxQuery,
    answer: FdxBytes,
    failure: FdxBytes,
) -> FdxStatus {
    guard(|| {
        // SAFETY: the caller vouches for `query`.
        let Some(query) = (unsafe { reference(query) }) else { return FdxStatus::InvalidArgument };
        // SAFETY: the caller vouches for both.
        let (Ok(answer), Ok(failure)) = (unsafe { bytes(answer) }, unsafe { text(failure) }) else {
            return FdxStatus::InvalidArgument;
        };
        let answer = if answer.is_empty() { Err(failure) } else { Ok(answer) };
        if query.inner.answer(answer) { FdxStatus::Ok } else { FdxStatus::InvalidArgument }
    })
}

/// Returns the pending messages as a batch of `level` and `text`, or `End` if nothing is pending.
///
/// # Safety
/// `query` must be NULL or a live query; `batch` must be NULL or writable.
#[ffi_export]
pub unsafe extern "C" fn fdx_query_messages(query: *const FdxQuery, batch: *mut *mut FdxBatch) -> FdxStatus {
    guard(|| {
        // SAFETY: the caller vouches for `query`.
        let Some(query) = (unsafe { reference(query) }) else { return FdxStatus::InvalidArgument };
        if batch.is_null() {
            return FdxStatus::InvalidArgument;
        }
        match query.inner.messages() {
            // SAFETY: `batch` is not NULL, and the caller vouches for the rest.
            Some(inner) => unsafe { write(batch, FdxBatch { inner }) },
            None => FdxStatus::End,
        }
    })
}

/// Returns what became of each tenant so far, as a batch with one row per tenant, or `End` if the request reads
/// none. Can be called at any time, also after the end. Never blocks.
///
/// # Safety
/// `query` must be NULL or a live query; `batch` must be NULL or writable.
#[ffi_export]
pub unsafe extern "C" fn fdx_query_summary(query: *const FdxQuery, batch: *mut *mut FdxBatch) -> FdxStatus {
    guard(|| {
        // SAFETY: the caller vouches for `query`.
        let Some(query) = (unsafe { reference(query) }) else { return FdxStatus::InvalidArgument };
        if batch.is_null() {
            return FdxStatus::InvalidArgument;
        }
        match query.inner.summary() {
            // SAFETY: `batch` is not NULL, and the caller vouches for the rest.
            Some(inner) => unsafe { write(batch, FdxBatch { inner }) },
            None => FdxStatus::End,
        }
    })
}

/// Returns the counters. Never blocks.
///
/// # Safety
/// `query` must be NULL or a live query; `stats` must be NULL or writable.
#[ffi_export]
pub unsafe extern "C" fn fdx_query_stats(query: *const FdxQuery, stats: *mut FdxStats) -> FdxStatus {
    guard(|| {
        // SAFETY: the caller vouches for `query`.
        let Some(query) = (unsafe { reference(query) }) else { return FdxStatus::InvalidArgument };
        if stats.is_null() {
            return FdxStatus::InvalidArgument;
        }
        // SAFETY: `stats` is not NULL, and the caller vouches that it is writable.
        unsafe { stats.write(query.inner.stats().into()) };
        FdxStatus::Ok
    })
}

/// Cancels a query. Can be called from any thread, at any time and repeatedly. Never blocks.
///
/// # Safety
/// `query` must be NULL or a live query.
#[ffi_export]
pub unsafe extern "C" fn fdx_query_cancel(query: *const FdxQuery) -> FdxStatus {
    guard(|| {
        // SAFETY: the caller vouches for `query`.
        let Some(query) = (unsafe { reference(query) }) else { return FdxStatus::InvalidArgument };
        query.inner.cancel();
        FdxStatus::Ok
    })
}

/// Cancels and frees a query. Does not wait for its tasks.
///
/// # Safety
/// `query` must be NULL or a query that was not freed, with no call in progress.
#[ffi_export]
pub unsafe extern "C" fn fdx_query_free(query: *mut FdxQuery) {
    // SAFETY: the caller vouches for `query`.
    unsafe { guard_free(query) }
}

/// Returns a view of the bytes of a batch.
///
/// # Safety
/// `batch` must be NULL or a live batch; `view` must be NULL or writable.
#[ffi_export]
pub unsafe extern "C" fn fdx_batch_view(batch: *const FdxBatch, view: *mut FdxBytes) -> FdxStatus {
    guard(|| {
        // SAFETY: the caller vouches for `batch`.
        let Some(batch) = (unsafe { reference(batch) }) else { return FdxStatus::InvalidArgument };
        if view.is_null() {
            return FdxStatus::InvalidArgument;
        }
        // SAFETY: `view` is not NULL, and the caller vouches that it is writable.
        unsafe { view.write(batch.inner.bytes().into()) };
        FdxStatus::Ok
    })
}

/// Frees a batch. A batch with secrets is wiped first.
///
/// # Safety
/// `batch` must be NULL or a batch that was not freed.
#[ffi_export]
pub unsafe extern "C" fn fdx_batch_free(batch: *mut FdxBatch) {
    // SAFETY: the caller vouches for `batch`.
    unsafe { guard_free(batch) }
}

/// Returns a view of an error.
///
/// # Safety
/// `error` must be NULL or a live error; `view` must be NULL or writable.
#[ffi_export]
pub unsafe extern "C" fn fdx_error_view(error: *const FdxError, view: *mut FdxErrorView) -> FdxStatus {
    guard(|| {
        // SAFETY: the caller vouches for `error`.
        let Some(error) = (unsafe { reference(error) }) else { return FdxStatus::InvalidArgument };
        if view.is_null() {
            return FdxStatus::InvalidArgument;
        }
        // SAFETY: `view` is not NULL, and the caller vouches that it is writable.
        unsafe { view.write(error.view()) };
        FdxStatus::Ok
    })
}

/// Frees an error.
///
/// # Safety
/// `error` must be NULL or an error that was not freed.
#[ffi_export]
pub unsafe extern "C" fn fdx_error_free(error: *mut FdxError) {
    // SAFETY: the caller vouches for `error`.
    unsafe { guard_free(error) }
}

/// Wipes every token that the process has cached, and forgets what services have said of waits and quotas.
#[ffi_export]
pub extern "C" fn fdx_cache_clear() -> FdxStatus {
    guard(|| {
        runtime::world().forget();
        FdxStatus::Ok
    })
}

/// Stops the worker threads, for leak checks at the end of a process. No call may be in progress, and only the `_free`
/// functions may follow. Does nothing in a forked child.
#[ffi_export]
pub extern "C" fn fdx_shutdown() {
    guard_plain(runtime::shutdown);
}
