//! How much of a query is under way at a time, for all its tenants together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::CONNECTIONS_PER_HOST;

/// A body up to this size, in bytes, is small.
const SMALL: usize = 256 * 1024;
/// Requests that a small body allows in addition.
const MORE_REQUESTS: usize = 2;

/// Limits requests and bodies. Small answers need many requests at a time, because most of them only wait for the
/// service. Large answers need few: each keeps a connection with what has arrived on it, until somebody reads it. So a
/// query begins with few requests, and each small answer allows more.
pub(crate) struct Pace {
    requests: Arc<Semaphore>,
    /// Requests that have not been allowed so far.
    withheld: AtomicUsize,
    /// Bodies that are read: each needs memory for its buffers and the rows that it has read.
    readers: Arc<Semaphore>,
}

impl Pace {
    /// Reads at most so many bodies at a time.
    pub(crate) fn new(readers: usize) -> Self {
        let requests = (2 * readers).min(CONNECTIONS_PER_HOST);
        Pace {
            requests: Arc::new(Semaphore::new(requests)),
            withheld: AtomicUsize::new(CONNECTIONS_PER_HOST - requests),
            readers: Arc::new(Semaphore::new(readers)),
        }
    }

    /// Waits until the query may send one more request, which ends when the result is dropped.
    pub(crate) async fn request(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.requests).acquire_owned().await.ok()
    }

    /// Whether nobody waits to read a body.
    pub(crate) fn has_reader_to_spare(&self) -> bool {
        self.readers.available_permits() > 0
    }

    /// Counts a body as read until the result is dropped. `None` if as many are read as may be.
    pub(crate) fn try_read(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.readers).try_acquire_owned().ok()
    }

    /// Waits until the query may read one more body.
    pub(crate) async fn read(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.readers).acquire_owned().await.ok()
    }

    /// A body of so many bytes has come to its end.
    pub(crate) fn body_ended(&self, bytes: usize) {
        let less = |withheld: usize| Some(withheld.saturating_sub(MORE_REQUESTS));
        if bytes <= SMALL
            && let Ok(withheld) = self.withheld.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
        {
            self.requests.add_permits(withheld.min(MORE_REQUESTS));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn open_requests(pace: &Pace) -> usize {
        std::iter::from_fn(|| pace.request().now_or_never().flatten()).collect::<Vec<_>>().len()
    }

    #[test]
    fn small_answers_allow_as_many_requests_as_a_host_has_connections() {
        let pace = Pace::new(4);
        assert_eq!(open_requests(&pace), 8);
        for _ in 0..100 {
            pace.body_ended(1000);
        }
        assert_eq!(open_requests(&pace), CONNECTIONS_PER_HOST);
    }

    #[test]
    fn large_answers_allow_no_more_requests() {
        let pace = Pace::new(4);
        for _ in 0..100 {
            pace.body_ended(SMALL + 1);
        }
        assert_eq!(open_requests(&pace), 8);
    }

    #[test]
    fn a_limit_of_many_tenants_allows_all_connections_at_once() {
        assert_eq!(open_requests(&Pace::new(64)), CONNECTIONS_PER_HOST);
    }
}
