//! A lease of a blob keeps other runs away. It is renewed while the run lasts, and ends by itself when the process
//! dies.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::service::Service;
use crate::clock::{random, within};
use crate::dataset::destination::remote::{Call, Work};
use crate::errors::{DATASET_IN_USE, DATASET_LEASE_LOST, Error, Result};
use crate::http::Method;

/// The longest that a lease may last without an end.
const DURATION: Duration = Duration::from_secs(60);
const RENEWED_AFTER: Duration = Duration::from_secs(20);
/// A renewal gets this much time, also if the lease has ended: nobody may have taken it since.
const LEAST_RENEWAL: Duration = Duration::from_secs(15);
/// How long the release may take. The lease ends without it too.
const RELEASE: Duration = Duration::from_secs(5);

/// A lease that this run holds.
pub(super) struct Lease {
    service: Arc<Service>,
    blob: Url,
    id: String,
    /// When the service ends it, by our clock, unless it is renewed.
    until: Mutex<Duration>,
    /// One renewal at a time.
    renewal: tokio::sync::Mutex<()>,
    lost: CancellationToken,
    why: Mutex<Option<Error>>,
}

impl Lease {
    /// Takes the lease of a blob, which is made if it is not there.
    pub(super) async fn take(service: Arc<Service>, blob: Url) -> Result<Self> {
        let (high, low) = (random(), random());
        let id = format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            low >> 52,
            low & 0xffff_ffff_ffff
        );
        let begun = service.remote.context.clock.now();
        let acquire = || {
            lease(&blob, "acquire")
                .header("x-ms-lease-duration", DURATION.as_secs().to_string())
                // With an id of our own, a repeat after a lost answer is the same lease.
                .header("x-ms-proposed-lease-id", id.clone())
        };
        let mut answer = service.send(acquire()).await?;
        if answer.status() == 404 && answer.code() == "BlobNotFound" {
            let empty = Call::new(Method::PUT, blob.clone())
                .header("x-ms-blob-type", "BlockBlob")
                .header("if-none-match", "*");
            // Another run may have made it, and may even hold it already.
            service.expect(empty, &[201, 409, 412]).await?;
            answer = service.send(acquire()).await?;
        }
        match answer.status() {
            201 => Ok(Lease {
                until: Mutex::new(begun + DURATION),
                service,
                blob,
                id,
                renewal: tokio::sync::Mutex::default(),
                lost: CancellationToken::new(),
                why: Mutex::default(),
            }),
            409 if answer.code().contains("Lease") => {
                Err(DATASET_IN_USE.error(format!("another run has the lease of {blob}")))
            }
            _ => Err(service.refusal(&answer)),
        }
    }

    /// Renews the lease until the guard is dropped, which gives it back.
    pub(super) fn keep(self: &Arc<Self>, handle: &Handle) -> Guard {
        let lease = Arc::clone(self);
        let renewal = handle.spawn(async move {
            let clock = Arc::clone(&lease.service.remote.context.clock);
            while lease.lost().is_none() {
                clock.sleep(RENEWED_AFTER).await;
                let limit = lease.until().saturating_sub(clock.now()).max(LEAST_RENEWAL);
                if within(clock.as_ref(), limit, lease.renew()).await.is_none() {
                    lease.lose(
                        DATASET_LEASE_LOST.error("the lease of the destination could not be renewed in time"),
                    );
                }
            }
        });
        Guard { lease: Arc::clone(self), renewal: renewal.abort_handle(), handle: handle.clone() }
    }

    /// Does something while the lease is held. It ends early if the lease is lost.
    pub(super) async fn during(&self, work: Work<'_>) -> Result<()> {
        // The machine may have slept.
        if self.service.remote.context.clock.now() >= self.until() {
            self.renew().await;
        }
        tokio::select! {
            biased;
            () = self.lost.cancelled() => Err(self.lost().unwrap_or_else(|| DATASET_LEASE_LOST.error("it was lost"))),
            done = work => done,
        }
    }

    async fn renew(&self) {
        let _one = self.renewal.lock().await;
        let begun = self.service.remote.context.clock.now();
        let call = lease(&self.blob, "renew").header("x-ms-lease-id", self.id.clone());
        let renewed = self.service.send(call).await;
        match renewed {
            Ok(answer) if answer.status() == 200 => {
                *self.until.lock().unwrap_or_else(PoisonError::into_inner) = begun + DURATION;
            }
            Ok(answer) => {
                let refusal = self.service.refusal(&answer);
                self.lose(
                    DATASET_LEASE_LOST.error("the lease of the destination was lost").caused_by(&refusal),
                );
            }
            // The next renewal may succeed in time.
            Err(error) if self.service.remote.context.clock.now() < self.until() => {
                self.service.remote.context.reporter.verbose(format!("The lease was not renewed: {error}."));
            }
            Err(error) => {
                self.lose(
                    DATASET_LEASE_LOST.error("the lease of the destination has ended").caused_by(&error),
                );
            }
        }
    }

    fn lose(&self, why: Error) {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
        self.lost.cancel();
    }

    fn lost(&self) -> Option<Error> {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn until(&self) -> Duration {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lease(blob: &Url, action: &'static str) -> Call {
    Call::new(Method::PUT, blob.clone()).query("comp", "lease").header("x-ms-lease-action", action)
}

/// Gives the lease back when it is dropped.
pub(super) struct Guard {
    lease: Arc<Lease>,
    renewal: AbortHandle,
    handle: Handle,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.renewal.abort();
        if self.lease.lost().is_some() || thread::panicking() {
            return;
        }
        let Lease { service, blob, id, .. } = self.lease.as_ref();
        let call = lease(blob, "release").header("x-ms-lease-id", id.clone());
        let _ =
            self.handle.block_on(within(service.remote.context.clock.as_ref(), RELEASE, service.send(call)));
    }
}
