//! The token cache: one for the process, one fetch at a time per key, no key in another's way.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};

use super::AccessToken;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};

/// Tokens kept at most; a token is a few KB.
const CAPACITY: usize = 20_000;
/// Seconds between two attempts to refresh ahead of expiry.
const REFRESH_PAUSE: i64 = 30;

/// Everything that makes a token another one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CacheKey {
    pub(crate) authority: String,
    pub(crate) tenant: String,
    pub(crate) client: String,
    pub(crate) source: String,
    pub(crate) scope: String,
}

/// A token out of the cache.
#[derive(Clone, Debug)]
pub(crate) struct Cached {
    pub(crate) token: Arc<AccessToken>,
    /// False if it was fetched for this call.
    pub(crate) from_cache: bool,
}

type Fetch = Result<Arc<AccessToken>>;
type FetchFuture = BoxFuture<'static, Fetch>;

#[derive(Default)]
struct Entry {
    token: Option<Arc<AccessToken>>,
    flight: Option<Flight>,
    refresh_not_before: i64,
    challenge: Challenge,
}

/// A fetch under way.
struct Flight {
    number: u64,
    /// Weak: when every caller that waits for the fetch has gone, the fetch goes too.
    fetch: WeakShared<FetchFuture>,
    /// What the token is asked for with.
    challenge: Challenge,
}

impl Flight {
    fn under_way(&self) -> Option<Shared<FetchFuture>> {
        self.fetch.upgrade().filter(|fetch| fetch.peek().is_none())
    }
}

/// What an API said that a token lacks (the claims of a challenge, JSON); the next one is asked for with it.
/// <https://learn.microsoft.com/entra/identity-platform/claims-challenge>
pub(crate) type Challenge = Option<Arc<str>>;

/// The cache.
#[derive(Default)]
pub struct TokenCache {
    entries: Mutex<HashMap<CacheKey, Entry>>,
    /// Numbers the fetches.
    flights: AtomicU64,
}

static PROCESS: LazyLock<Arc<TokenCache>> = LazyLock::new(Arc::default);

impl TokenCache {
    /// The process's cache.
    pub(crate) fn process() -> Arc<TokenCache> {
        Arc::clone(&PROCESS)
    }

    /// The token of `key`: cached while it is usable, fetched otherwise, by one caller for all that wait.
    pub(crate) async fn get<F>(
        self: &Arc<Self>,
        key: CacheKey,
        clock: &Arc<dyn Clock>,
        fetch: F,
    ) -> Result<Cached>
    where
        F: FnOnce(Challenge) -> BoxFuture<'static, Result<AccessToken>>,
    {
        let now = seconds(clock.as_ref());
        let flight = {
            let mut entries = self.lock();
            let known = entries.contains_key(&key);
            if !known && entries.len() >= CAPACITY {
                make_room(&mut entries, now);
            }
            let entry = entries.entry(key.clone()).or_default();
            // A fetch that began before an API's challenge would bring a token that is challenged again.
            let under_way = entry
                .flight
                .as_ref()
                .filter(|flight| flight.challenge == entry.challenge)
                .and_then(Flight::under_way);
            if let Some(token) = entry.token.as_ref().filter(|token| token.is_usable(now)).cloned() {
                if now >= token.refresh_on && now >= entry.refresh_not_before && under_way.is_none() {
                    entry.refresh_not_before = now + REFRESH_PAUSE;
                    // Ends by itself; the old token serves meanwhile, and afterwards if this fails.
                    tokio::spawn(self.start(key, entry, fetch));
                }
                return Ok(Cached { token, from_cache: true });
            }
            under_way.unwrap_or_else(|| self.start(key.clone(), entry, fetch))
        };
        match flight.await {
            Ok(token) => Ok(Cached { token, from_cache: false }),
            Err(e) if is_passing(&e) => self.still_valid(&key, seconds(clock.as_ref())).ok_or(e),
            Err(e) => Err(e),
        }
    }

    /// Takes the token of `key` out if it is the one that was refused. `claims` is what it lacked, where the service said so.
    pub(crate) fn refuse(&self, key: &CacheKey, refused: &Arc<AccessToken>, claims: Option<String>) {
        if let Some(entry) = self.lock().get_mut(key)
            && entry.token.as_ref().is_some_and(|token| Arc::ptr_eq(token, refused))
        {
            entry.token = None;
            entry.challenge = claims.map(Arc::from);
        }
    }

    /// Takes the token of `key` out.
    pub(crate) fn remove(&self, key: &CacheKey) {
        if let Some(entry) = self.lock().get_mut(key) {
            entry.token = None;
        }
    }

    /// Forgets every token; their memory is wiped as they go.
    pub fn clear(&self) {
        // What is fetched now finds no entry to put its token into.
        self.lock().clear();
    }

    /// The tokens that are there, with their keys.
    pub(crate) fn snapshot(&self, wanted: impl Fn(&CacheKey) -> bool) -> Vec<(CacheKey, Arc<AccessToken>)> {
        self.lock()
            .iter()
            .filter(|(key, _)| wanted(key))
            .filter_map(|(key, entry)| entry.token.clone().map(|token| (key.clone(), token)))
            .collect()
    }

    fn start<F>(self: &Arc<Self>, key: CacheKey, entry: &mut Entry, fetch: F) -> Shared<FetchFuture>
    where
        F: FnOnce(Challenge) -> BoxFuture<'static, Result<AccessToken>>,
    {
        let number = self.flights.fetch_add(1, Ordering::Relaxed);
        let cache = Arc::clone(self);
        let challenge = entry.challenge.clone();
        let fetch = AssertUnwindSafe(fetch(challenge.clone())).catch_unwind();
        let flight = async move {
            let fetched = fetch.await;
            let token = Arc::new(fetched.unwrap_or_else(|_| Err(Error::internal("a token fetch panicked")))?);
            // Unless the cache was cleared or a challenge came meanwhile: then this token is not the one to keep.
            if let Some(entry) = cache.lock().get_mut(&key)
                && entry.flight.as_ref().is_some_and(|flight| flight.number == number)
                && entry.flight.take().is_some_and(|flight| flight.challenge == entry.challenge)
            {
                entry.token = Some(Arc::clone(&token));
                entry.challenge = None;
            }
            Ok(token)
        }
        .boxed()
        .shared();
        entry.flight = flight.downgrade().map(|fetch| Flight { number, fetch, challenge });
        flight
    }

    /// A token inside its margin is better than none when the renewal failed for a passing reason.
    fn still_valid(&self, key: &CacheKey, now: i64) -> Option<Cached> {
        let token = self.lock().get(key)?.token.clone()?;
        (now + REFRESH_PAUSE < token.expires_on).then_some(Cached { token, from_cache: true })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CacheKey, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops what has ended, or else what ends first.
fn make_room(entries: &mut HashMap<CacheKey, Entry>, now: i64) {
    let in_use = |entry: &Entry| entry.flight.as_ref().is_some_and(|flight| flight.under_way().is_some());
    entries
        .retain(|_, entry| in_use(entry) || entry.token.as_ref().is_some_and(|token| token.expires_on > now));
    if entries.len() < CAPACITY {
        return;
    }
    let first = entries
        .iter()
        .filter(|(_, entry)| !in_use(entry))
        .min_by_key(|(_, entry)| entry.token.as_ref().map(|token| token.expires_on))
        .map(|(key, _)| key.clone());
    if let Some(first) = first {
        entries.remove(&first);
    }
}

fn is_passing(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::Network | ErrorKind::Service | ErrorKind::Throttled)
}

/// The clock's time in whole seconds, as tokens tell theirs.
pub(crate) fn seconds(clock: &dyn Clock) -> i64 {
    i64::try_from(clock.now().as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "cache_properties.rs"]
mod properties;
#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
