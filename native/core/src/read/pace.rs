//! How much of a query is under way at a time, for all its tenants together.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::CONNECTIONS_PER_HOST;

/// A body up to this size, in bytes, is small.
const SMALL: usize = 256 * 1024;
/// Requests that a small or a slow body allows in addition.
const MORE_REQUESTS: usize = 2;
/// Tenants that may wait for their first request with a destination that is open.
const OPENINGS: usize = 16;

/// How many bodies a query reads at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Readers {
    pub(crate) first: usize,
    /// So many if the service is slow.
    pub(crate) most: usize,
}

/// Limits requests and bodies. Small answers need many requests at a time, because most of them only wait for the
/// service. Large answers need few: each keeps a connection with what has arrived on it, until somebody reads it. So a
/// query begins with few requests, and each small answer allows more. A few bodies that come fast keep all cores busy;
/// each one that has to be waited for allows one more.
pub(crate) struct Pace {
    requests: Arc<Semaphore>,
    /// Requests that have not been allowed so far.
    withheld_requests: AtomicUsize,
    /// Bodies that are read: each needs memory for its buffers and the rows that it has read.
    readers: Arc<Semaphore>,
    /// Readers that have not been allowed so far.
    withheld_readers: AtomicUsize,
    /// Destinations that are open before the first request: each has a thread, and the columns of its rows.
    openings: Arc<Semaphore>,
}

/// Counts a destination as open before the first request, until this ends or its last copy is dropped.
#[derive(Clone, Default)]
pub(crate) struct Opening(Arc<Mutex<Option<OwnedSemaphorePermit>>>);

impl Opening {
    pub(crate) fn end(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Pace {
    pub(crate) fn new(readers: Readers) -> Self {
        let requests = (2 * readers.first).min(CONNECTIONS_PER_HOST);
        Pace {
            requests: Arc::new(Semaphore::new(requests)),
            withheld_requests: AtomicUsize::new(CONNECTIONS_PER_HOST - requests),
            readers: Arc::new(Semaphore::new(readers.first)),
            withheld_readers: AtomicUsize::new(readers.most.saturating_sub(readers.first)),
            openings: Arc::new(Semaphore::new(readers.most.max(OPENINGS))),
        }
    }

    /// Waits until the query may send one more request, which ends when the result is dropped.
    pub(crate) async fn request(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.requests).acquire_owned().await.ok()
    }

    /// Waits until the query may open one more destination.
    pub(crate) async fn opening(&self) -> Opening {
        Opening(Arc::new(Mutex::new(Arc::clone(&self.openings).acquire_owned().await.ok())))
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
        if bytes <= SMALL {
            allow(&self.requests, &self.withheld_requests, MORE_REQUESTS);
        }
    }

    /// The rest of a body is waited for.
    pub(crate) fn body_is_slow(&self) {
        if allow(&self.readers, &self.withheld_readers, 1) {
            allow(&self.requests, &self.withheld_requests, MORE_REQUESTS);
        }
    }
}

/// Allows so many more, or as many as are left. False if none is.
fn allow(permits: &Semaphore, withheld: &AtomicUsize, more: usize) -> bool {
    let less = |withheld: usize| Some(withheld.saturating_sub(more));
    let before = withheld.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).unwrap_or_default();
    permits.add_permits(before.min(more));
    before > 0
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn open_requests(pace: &Pace) -> usize {
        std::iter::from_fn(|| pace.request().now_or_never().flatten()).collect::<Vec<_>>().len()
    }

    fn open_readers(pace: &Pace) -> usize {
        std::iter::from_fn(|| pace.try_read()).collect::<Vec<_>>().len()
    }

    const DEFAULT: Readers = Readers { first: 3, most: 8 };

    #[test]
    fn small_answers_allow_as_many_requests_as_a_host_has_connections() {
        let pace = Pace::new(DEFAULT);
        assert_eq!(open_requests(&pace), 6);
        for _ in 0..100 {
            pace.body_ended(1000);
        }
        assert_eq!(open_requests(&pace), CONNECTIONS_PER_HOST);
    }

    #[test]
    fn large_answers_allow_no_more_requests() {
        let pace = Pace::new(DEFAULT);
        for _ in 0..100 {
            pace.body_ended(SMALL + 1);
        }
        assert_eq!(open_requests(&pace), 6);
    }

    #[test]
    fn slow_bodies_allow_more_readers_and_requests_up_to_the_limit() {
        let pace = Pace::new(DEFAULT);
        pace.body_is_slow();
        assert_eq!((open_readers(&pace), open_requests(&pace)), (4, 8));
        for _ in 0..100 {
            pace.body_is_slow();
        }
        assert_eq!((open_readers(&pace), open_requests(&pace)), (8, 16));
    }

    #[test]
    fn a_limit_of_many_tenants_allows_all_connections_at_once() {
        let pace = Pace::new(Readers { first: 64, most: 64 });
        pace.body_is_slow();
        assert_eq!((open_readers(&pace), open_requests(&pace)), (64, CONNECTIONS_PER_HOST));
    }
}
