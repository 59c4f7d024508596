//! The opaque handles. Each contains one object of the core.

use fedxdr_core::{Batch, Error, Query, Session, Stats};
use safer_ffi::prelude::*;

use crate::pointers::write;
use crate::types::{FdxBytes, FdxErrorView, FdxStats, FdxStatus};

/// A session: the settings of a connection.
#[derive_ReprC]
#[repr(opaque)]
pub struct FdxSession {
    pub(crate) inner: Session,
}

/// A running query.
#[derive_ReprC]
#[repr(opaque)]
pub struct FdxQuery {
    pub(crate) inner: Query,
}

/// A batch of rows.
#[derive_ReprC]
#[repr(opaque)]
pub struct FdxBatch {
    pub(crate) inner: Batch,
}

/// An error.
#[derive_ReprC]
#[repr(opaque)]
pub struct FdxError {
    inner: Error,
    message: String,
    detail: String,
}

impl FdxError {
    /// Writes `error` to the caller's output, unless it is NULL, and returns `status`.
    ///
    /// # Safety
    /// `output` must be NULL or writable.
    pub(crate) unsafe fn fail(status: FdxStatus, error: Error, output: *mut *mut FdxError) -> FdxStatus {
        if !output.is_null() {
            let (message, detail) = (error.to_string(), error.detail());
            // SAFETY: not NULL, and the caller vouches that it is writable.
            unsafe { write(output, FdxError { inner: error, message, detail }) };
        }
        status
    }

    pub(crate) fn view(&self) -> FdxErrorView {
        let e = &self.inner;
        let bytes = |text: &Option<String>| text.as_deref().unwrap_or_default().as_bytes().into();
        FdxErrorView {
            kind: e.kind as i32,
            http_status: e.http_status.map_or(0, i32::from),
            aadsts: e.aadsts.unwrap_or(0),
            retry_after_seconds: e
                .retry_after
                .map_or(-1, |wait| i32::try_from(wait.as_secs()).unwrap_or(i32::MAX)),
            rows: e.rows,
            id: e.id.as_bytes().into(),
            message: self.message.as_bytes().into(),
            advice: e.advice.as_bytes().into(),
            step: e.check.step().as_bytes().into(),
            tenant: bytes(&e.tenant),
            item: bytes(&e.item),
            correlation_id: bytes(&e.correlation_id),
            detail: self.detail.as_bytes().into(),
            tenant_name: bytes(&e.tenant_name),
        }
    }
}

impl From<&[u8]> for FdxBytes {
    fn from(bytes: &[u8]) -> Self {
        FdxBytes { ptr: bytes.as_ptr(), len: bytes.len() }
    }
}

impl From<Stats> for FdxStats {
    fn from(s: Stats) -> Self {
        FdxStats {
            rows: s.rows,
            pages: s.pages,
            bytes: s.bytes,
            retries: s.retries,
            waiting_ms: s.waiting_ms,
            waited_ms: s.waited_ms,
            tenants: s.tenants,
            tenants_ended: s.tenants_ended,
            phase: s.phase as u32,
            messages: s.messages,
            waiting_for: s.waiting_for as u32,
        }
    }
}
