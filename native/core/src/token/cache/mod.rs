//! The token cache: one per process, with one concurrent fetch per key. Keys do not block each other.

mod entries;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};

use crate::clock::Clock;
use crate::errors::{Error, ErrorKind, Result, catch_panics};
use crate::secret::Secret;
use crate::token::AccessToken;
use entries::{CacheEntry, Entries, FetchFuture, Flight};
pub(crate) use entries::{CacheKey, Challenge, TokenKind};

/// Maximum number of tokens. A token has a few KB.
const CAPACITY: usize = 20_000;
/// Seconds between two attempts to refresh ahead of expiry.
const REFRESH_PAUSE: i64 = 30;

/// A token from the cache.
#[derive(Clone, Debug)]
pub(crate) struct Cached {
    pub(crate) token: Arc<AccessToken>,
    /// False if it was fetched for this call.
    pub(crate) from_cache: bool,
}

/// What a caller requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// A token that can still be sent.
    Usable,
    /// A new token. Until it arrives, other callers keep using the cached one.
    New,
}

/// The cache.
#[derive(Default)]
pub struct TokenCache {
    entries: Mutex<Entries>,
    /// The last valid token of sources that can fail while they change, by their keys.
    kept: Mutex<HashMap<String, Secret>>,
    /// Numbers the fetches.
    flights: AtomicU64,
}

impl TokenCache {
    /// The token of `key`, cached if usable. Otherwise one caller fetches it for all that wait.
    pub(crate) async fn get<F>(
        self: &Arc<Self>,
        key: CacheKey,
        clock: &Arc<dyn Clock>,
        want: Want,
        fetch: F,
    ) -> Result<Cached>
    where
        F: FnOnce(Challenge) -> BoxFuture<'static, Result<AccessToken>>,
    {
        match self.obtain(&key, clock, want, fetch).await {
            Err(e) if want == Want::Usable && is_temporary(&e) => {
                self.still_valid(&key, seconds(clock.as_ref())).ok_or(e)
            }
            obtained => obtained,
        }
    }

    async fn obtain<F>(
        self: &Arc<Self>,
        key: &CacheKey,
        clock: &Arc<dyn Clock>,
        want: Want,
        fetch: F,
    ) -> Result<Cached>
    where
        F: FnOnce(Challenge) -> BoxFuture<'static, Result<AccessToken>>,
    {
        let now = seconds(clock.as_ref());
        let flight = {
            let mut entries = self.lock();
            if entries.get(key).is_none() {
                if entries.len() >= CAPACITY {
                    entries.make_room(now, CAPACITY);
                }
                entries.add(key);
            }
            let Some(entry) = entries.get_mut(key) else {
                return Err(Error::internal("the token cache lost an entry"));
            };
            // A fetch that started before an API's challenge would return a token that is challenged again.
            let under_way = entry
                .flight
                .as_ref()
                .filter(|flight| flight.challenge == entry.challenge)
                .and_then(|flight| flight.under_way());
            let usable = entry.token.as_ref().filter(|token| want == Want::Usable && token.is_usable(now));
            if let Some(token) = usable.cloned() {
                let due = now >= token.refresh_on && now >= entry.refresh_not_before;
                if due && under_way.is_none() && entry.throttled(now).is_none() {
                    entry.refresh_not_before = now + REFRESH_PAUSE;
                    // Runs in the background. Callers use the old token meanwhile, and afterwards if this fails.
                    tokio::spawn(self.start(key.clone(), entry, clock, fetch));
                }
                return Ok(Cached { token, from_cache: true });
            }
            match (under_way, entry.throttled(now)) {
                (Some(flight), _) => flight,
                (None, Some(error)) => return Err(error),
                (None, None) => self.start(key.clone(), entry, clock, fetch),
            }
        };
        flight.await.map(|token| Cached { token, from_cache: false })
    }

    /// Removes the token of `key` if it is the rejected one. `claims` is the claims challenge of the service, if any.
    pub(crate) fn refuse(&self, key: &CacheKey, refused: &Arc<AccessToken>, claims: Option<String>) {
        if let Some(entry) = self.lock().get_mut(key)
            && entry.token.as_ref().is_some_and(|token| Arc::ptr_eq(token, refused))
        {
            entry.token = None;
            entry.challenge = claims.map(Arc::from);
        }
    }

    /// Removes every token and wipes its memory.
    pub fn clear(&self) {
        // A current fetch finds no entry for its token.
        self.lock().clear();
        self.lock_kept().clear();
    }

    /// Stores the last valid token of a source.
    pub(crate) fn keep(&self, source: &str, token: &Secret) {
        self.lock_kept().insert(source.to_owned(), token.clone());
    }

    /// The last valid token of a source.
    pub(crate) fn kept(&self, source: &str) -> Option<Secret> {
        self.lock_kept().get(source).cloned()
    }

    /// The cached tokens with their tenants.
    pub(crate) fn snapshot(
        &self,
        wanted: impl Fn(&TokenKind, &str) -> bool,
    ) -> Vec<(CacheKey, Arc<AccessToken>)> {
        let entries = self.lock();
        let wanted = entries.iter().filter(|(kind, tenant, _)| wanted(kind, tenant));
        wanted
            .filter_map(|(kind, tenant, entry)| {
                let key = CacheKey { tenant: tenant.to_owned(), kind: kind.clone() };
                Some((key, entry.token.clone()?))
            })
            .collect()
    }

    /// Whether a token of a matching key was fetched since the cache was cleared.
    pub(crate) fn worked(&self, wanted: impl Fn(&TokenKind, &str) -> bool) -> bool {
        self.lock().iter().any(|(kind, tenant, entry)| entry.worked && wanted(kind, tenant))
    }

    fn start<F>(
        self: &Arc<Self>,
        key: CacheKey,
        entry: &mut CacheEntry,
        clock: &Arc<dyn Clock>,
        fetch: F,
    ) -> Shared<FetchFuture>
    where
        F: FnOnce(Challenge) -> BoxFuture<'static, Result<AccessToken>>,
    {
        let number = self.flights.fetch_add(1, Ordering::Relaxed);
        let cache = Arc::clone(self);
        let challenge = entry.challenge.clone();
        let fetch = catch_panics("the fetch of a token", fetch(challenge.clone()));
        let clock = Arc::clone(clock);
        let flight = async move {
            let token = match fetch.await.and_then(|fetched| fetched) {
                Ok(token) => Arc::new(token),
                Err(error) => {
                    if let Some(entry) = cache.lock().get_mut(&key) {
                        entry.hold(number, seconds(clock.as_ref()), &error);
                    }
                    return Err(error);
                }
            };
            // Do not store the token if the cache was cleared or a challenge arrived meanwhile.
            if let Some(entry) = cache.lock().get_mut(&key)
                && entry.flight.as_ref().is_some_and(|flight| flight.number == number)
                && entry.flight.take().is_some_and(|flight| flight.challenge == entry.challenge)
            {
                entry.token = Some(Arc::clone(&token));
                entry.challenge = None;
                entry.throttled = None;
                entry.worked = true;
            }
            Ok(token)
        }
        .boxed()
        .shared();
        entry.flight = flight.downgrade().map(|fetch| Box::new(Flight { number, fetch, challenge }));
        flight
    }

    /// A token within its margin is better than none if the renewal failed temporarily.
    fn still_valid(&self, key: &CacheKey, now: i64) -> Option<Cached> {
        let token = self.lock().get(key)?.token.clone()?;
        (now + REFRESH_PAUSE < token.expires_on).then_some(Cached { token, from_cache: true })
    }

    fn lock_kept(&self) -> MutexGuard<'_, HashMap<String, Secret>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_temporary(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::Network | ErrorKind::Service | ErrorKind::Throttled)
}

/// The clock's time in whole seconds, as in tokens.
pub(crate) fn seconds(clock: &dyn Clock) -> i64 {
    i64::try_from(clock.now().as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
