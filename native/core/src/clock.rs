//! The clock. It is injected, so that tests of expiry or waiting take no time. Only this file reads the system time or
//! starts timers, which `clippy.toml` enforces.

use std::collections::hash_map::RandomState;
use std::future::Future;
use std::hash::BuildHasher;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;

/// Wall time and waiting.
pub trait Clock: Send + Sync + 'static {
    /// Time since 1970-01-01 UTC.
    fn now(&self) -> Duration;
    /// Waits for `wait`.
    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()>;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    #[allow(clippy::disallowed_methods, reason = "this is the clock")]
    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(wait))
    }
}

/// The result of `future`, or `None` if it takes longer than `limit`.
pub(crate) async fn within<T>(
    clock: &dyn Clock,
    limit: Duration,
    future: impl Future<Output = T>,
) -> Option<T> {
    let late = clock.sleep(limit);
    tokio::select! {
        biased;
        output = future => Some(output),
        () = late => None,
    }
}

/// As [`within`], on a thread that is not the runtime's. It sets no timer, for that is late while every worker is busy.
#[allow(clippy::disallowed_methods, reason = "a thread that waits needs no clock of the runtime")]
pub(crate) fn within_on_thread<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    let begun = Instant::now();
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
        let left = limit.checked_sub(begun.elapsed()).filter(|left| !left.is_zero())?;
        thread::park_timeout(left);
    }
}

/// Wakes a thread that waits.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// A random share of `span`, so that callers that failed together do not retry together.
pub(crate) fn jitter(span: Duration) -> Duration {
    span.mul_f64(f64::from(u32::try_from(random() >> 32).unwrap_or(0)) / f64::from(u32::MAX))
}

/// A random number for delays and request ids, not for secrets.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(0_u8)
}
