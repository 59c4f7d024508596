//! What every file of a container needs.

use std::pin::pin;
use std::sync::{Arc, OnceLock};

use super::address::BlobAddress;
use super::lease::Lease;
use super::service::Service;
use crate::dataset::destination::remote::{Call, Waiter, Work, result_of};
use crate::errors::{DATASET_STORAGE, Error, Result};
use crate::http::Method;

/// A container, as one run reaches it.
pub(super) struct Shared {
    pub(super) service: Arc<Service>,
    pub(super) address: BlobAddress,
    pub(super) waiter: Waiter,
    pub(super) lease: OnceLock<Arc<Lease>>,
}

impl Shared {
    /// Waits for requests, unless the run is stopped or has lost its lease.
    pub(super) fn wait<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        result_of(work, |work| self.run(work))
    }

    fn run(&self, work: Work<'_>) -> Result<()> {
        match self.lease.get() {
            Some(lease) => self.waiter.run(&DATASET_STORAGE, pin!(lease.during(work))),
            None => self.waiter.run(&DATASET_STORAGE, work),
        }
    }

    pub(super) fn call(&self, method: Method, name: &str) -> Call {
        Call::new(method, self.address.blob(name))
    }
}

/// The error of an answer that is not what the service documents.
pub(super) fn unreadable(name: &str) -> Error {
    DATASET_STORAGE.error(format!("the service's answer about {name} is not what it documents"))
}
