//! The types of the ABI. cbindgen and safer-ffi both read this file, so it contains nothing else.

use safer_ffi::prelude::*;

/// Borrowed bytes: UTF-8 for texts and documents, or the content of a batch.
#[derive_ReprC]
#[repr(C)]
#[derive(Clone, Copy)]
pub struct FdxBytes {
    /// First byte; may be NULL only when `len` is 0.
    pub ptr: *const u8,
    /// Length in bytes.
    pub len: usize,
}

/// Result of a call. The numbers never change. Gaps are reserved.
#[derive_ReprC]
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FdxStatus {
    /// Done; outputs are written.
    Ok = 0,
    /// Nothing arrived within the wait. Call again.
    Pending = 1,
    /// All rows were delivered.
    End = 2,
    /// The query was cancelled.
    Cancelled = 3,
    /// One tenant or item failed. The query continues.
    ItemFailed = 4,
    /// The query failed as a whole.
    Failed = 5,
    /// Another thread is inside `fdx_query_next` of this query.
    Busy = 6,
    /// The query needs a client assertion: give one with `fdx_query_answer`, then call again.
    NeedsAssertion = 7,
    /// The query needs a signature of the bytes of `batch`: give it with `fdx_query_answer`, then call again.
    NeedsSignature = 8,
    /// NULL, invalid UTF-8, or an invalid document.
    InvalidArgument = 10,
    /// A defect in the library. The call had no effect.
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
    /// Coarse kind: 1 configuration, 2 authentication, 3 authorization, 4 not found, 5 throttled, 6 network, 7 service,
    /// 8 protocol, 9 cancelled, 10 internal.
    pub kind: i32,
    /// HTTP status, or 0.
    pub http_status: i32,
    /// AADSTS code, or 0.
    pub aadsts: u32,
    /// Delay that the service requested in seconds, or -1.
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
    /// Item, such as a machine id, or empty.
    pub item: FdxBytes,
    /// Correlation id for the service's support, or empty.
    pub correlation_id: FdxBytes,
    /// The chain of causes, one per line, or empty.
    pub detail: FdxBytes,
    /// Name of the tenant, if the request gave one, or empty.
    pub tenant_name: FdxBytes,
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
    /// Retried requests.
    pub retries: u64,
    /// Remaining milliseconds of a wait before the next attempt, or 0.
    pub waiting_ms: u64,
    /// Milliseconds of all waits, with the rest of those that are not over. Those at the same time count once.
    pub waited_ms: u64,
    /// Number of tenants.
    pub tenants: u32,
    /// Number of finished tenants, successful or not.
    pub tenants_ended: u32,
    /// 1 identity, 2 exchange, 3 request, 4 reading, 5 waiting, 6 finished.
    pub phase: u32,
    /// Number of messages for `fdx_query_messages`.
    pub messages: u32,
    /// What it waits for: 0 nothing, 1 quota, 2 network, 3 service, 4 token endpoint.
    pub waiting_for: u32,
}
