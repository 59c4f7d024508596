//! The types that cross the ABI. cbindgen and safer-ffi both read this file, so it holds nothing else.

use safer_ffi::prelude::*;

/// A borrowed run of bytes: UTF-8 for texts and documents, a batch for batches.
#[derive_ReprC]
#[repr(C)]
#[derive(Clone, Copy)]
pub struct FdxBytes {
    /// First byte; may be NULL only when `len` is 0.
    pub ptr: *const u8,
    /// Length in bytes.
    pub len: usize,
}

/// What a call came to. The numbers are frozen; gaps are kept for later ones.
#[derive_ReprC]
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FdxStatus {
    /// Done; outputs are written.
    Ok = 0,
    /// Nothing within the wait; call again.
    Pending = 1,
    /// All rows were delivered.
    End = 2,
    /// The query was cancelled.
    Cancelled = 3,
    /// One tenant or item failed; the query goes on.
    ItemFailed = 4,
    /// The query failed as a whole.
    Failed = 5,
    /// Another thread is inside `fdx_query_next` of this query.
    Busy = 6,
    /// The query needs a client assertion: give one with `fdx_query_assertion`, then call again.
    NeedsAssertion = 7,
    /// NULL, bad UTF-8, or a document that does not fit.
    InvalidArgument = 10,
    /// A defect of the library; the call had no effect.
    Panic = 20,
    /// The process forked after the library started its threads.
    Forked = 21,
    /// The runtime could not start.
    Internal = 22,
}

/// An error, as views into its handle.
#[derive_ReprC]
#[repr(C)]
#[derive(Clone, Copy)]
pub struct FdxErrorView {
    /// Coarse kind: 1 configuration, 2 authentication, 3 authorization, 4 not found, 5 throttled, 6 network, 7 service, 8 protocol,
    /// 9 cancelled, 10 internal.
    pub kind: i32,
    /// HTTP status, or 0.
    pub http_status: i32,
    /// AADSTS code, or 0.
    pub aadsts: u32,
    /// Seconds that the service asked to wait, or -1.
    pub retry_after_seconds: i32,
    /// Rows of this tenant delivered before the error.
    pub rows: u64,
    /// Stable id, such as `Fdx.Auth.SubjectMismatch`.
    pub id: FdxBytes,
    /// What happened.
    pub message: FdxBytes,
    /// What to do about it.
    pub advice: FdxBytes,
    /// Step that failed: settings, identity, exchange, request, reading.
    pub step: FdxBytes,
    /// Tenant, or empty.
    pub tenant: FdxBytes,
    /// Item (a machine id, say), or empty.
    pub item: FdxBytes,
    /// Correlation id to give to the service's support, or empty.
    pub correlation_id: FdxBytes,
    /// The chain of causes, one a line, or empty.
    pub detail: FdxBytes,
}

/// Counters of a query.
#[derive_ReprC]
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct FdxStats {
    /// Rows delivered to batches.
    pub rows: u64,
    /// Pages finished.
    pub pages: u64,
    /// Bytes of bodies received, after decompression.
    pub bytes: u64,
    /// Requests that were sent again.
    pub retries: u64,
    /// Milliseconds left of a wait that the service asked for, or 0.
    pub waiting_ms: u64,
    /// Tenants in all.
    pub tenants: u32,
    /// Tenants that have ended, well or not.
    pub tenants_ended: u32,
    /// 1 identity, 2 exchange, 3 request, 4 reading, 5 waiting, 6 over.
    pub phase: u32,
    /// Messages that `fdx_query_messages` would hand out.
    pub messages: u32,
}
