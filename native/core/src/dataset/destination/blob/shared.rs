//! What every file of a container needs.

use std::sync::{Arc, OnceLock};

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::address::BlobAddress;
use super::lease::Lease;
use super::service::{Call, Service};
use crate::errors::{DATASET_STORAGE, Error, Result};
use crate::http::Method;

/// A container, as one run reaches it.
pub(super) struct Shared {
    pub(super) service: Arc<Service>,
    pub(super) address: BlobAddress,
    pub(super) handle: Handle,
    pub(super) stop: CancellationToken,
    pub(super) lease: OnceLock<Arc<Lease>>,
}

impl Shared {
    /// Waits for requests, unless the run is stopped or has lost its lease.
    pub(super) fn wait<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.handle.block_on(async {
            let work = async {
                match self.lease.get() {
                    Some(lease) => lease.during(work).await,
                    None => work.await,
                }
            };
            tokio::select! {
                biased;
                () = self.stop.cancelled() => Err(DATASET_STORAGE.error("the run was stopped")),
                done = work => done,
            }
        })
    }

    pub(super) fn call(&self, method: Method, name: &str) -> Call {
        Call::new(method, self.address.blob(name))
    }
}

/// The error of an answer that is not what the service documents.
pub(super) fn unreadable(name: &str) -> Error {
    DATASET_STORAGE.error(format!("the service's answer about {name} is not what it documents"))
}
