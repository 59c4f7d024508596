//! Limits the concurrent requests to each host.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

/// Connections to one host at a time, for the whole process. A tenant that is read uses one; a small one spends most of
/// its time waiting for answers. A Functions instance has about 128 outbound ports for everything it does.
pub(crate) const CONNECTIONS_PER_HOST: usize = 32;

/// The slots of each host.
#[derive(Default)]
pub(crate) struct Slots(Mutex<HashMap<String, Arc<Semaphore>>>);

impl Slots {
    /// Waits for a slot of the address's host.
    pub(crate) async fn acquire(&self, url: &Url) -> Option<OwnedSemaphorePermit> {
        self.of(url).acquire_owned().await.ok()
    }

    fn of(&self, url: &Url) -> Arc<Semaphore> {
        let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(0));
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = slots.entry(format!("{host}:{port}"));
        Arc::clone(slot.or_insert_with(|| Arc::new(Semaphore::new(CONNECTIONS_PER_HOST))))
    }
}
