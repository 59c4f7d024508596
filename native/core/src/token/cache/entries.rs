//! What the cache holds, by key. Thousands of tenants share everything of a key but the tenant, so the rest is there once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, Shared, WeakShared};

use crate::errors::{Error, ErrorKind, Result};
use crate::http::retry::LONGEST_WAIT;
use crate::token::AccessToken;

pub(super) type FetchFuture = BoxFuture<'static, Result<Arc<AccessToken>>>;

/// What an API said that a token lacks (the claims of a challenge, JSON); the next one is asked for with it.
/// <https://learn.microsoft.com/entra/identity-platform/claims-challenge>
pub(crate) type Challenge = Option<Arc<str>>;

/// Everything that makes a token another one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CacheKey {
    pub(crate) tenant: String,
    pub(crate) kind: TokenKind,
}

/// Everything but the tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TokenKind {
    pub(crate) authority: String,
    pub(crate) client: String,
    pub(crate) source: String,
    pub(crate) scope: String,
}

#[derive(Default)]
pub(super) struct CacheEntry {
    pub(super) token: Option<Arc<AccessToken>>,
    /// Boxed: most of the time there is none.
    pub(super) flight: Option<Box<Flight>>,
    pub(super) refresh_not_before: i64,
    pub(super) challenge: Challenge,
    /// Until when nobody is asked, and what was answered last: the service's wish outlives the call that heard it. Boxed as above.
    pub(super) throttled: Option<Box<(i64, Error)>>,
    /// Whether a fetch has succeeded, whatever became of its token.
    pub(super) worked: bool,
}

/// A fetch under way.
pub(super) struct Flight {
    pub(super) number: u64,
    /// Weak: when every caller that waits for the fetch has gone, the fetch goes too.
    pub(super) fetch: WeakShared<FetchFuture>,
    /// What the token is asked for with.
    pub(super) challenge: Challenge,
}

impl Flight {
    pub(super) fn under_way(&self) -> Option<Shared<FetchFuture>> {
        self.fetch.upgrade().filter(|fetch| fetch.peek().is_none())
    }
}

impl CacheEntry {
    /// The refusal that still holds, with what is left of its time.
    pub(super) fn throttled(&self, now: i64) -> Option<Error> {
        let (until, error) = self.throttled.as_deref()?;
        let left = Duration::from_secs(u64::try_from(until - now).ok()?);
        // More is left than was asked for: the clock was set back, and says nothing.
        if left.is_zero() || left > LONGEST_WAIT {
            return None;
        }
        let mut error = error.clone();
        error.retry_after = Some(left);
        Some(error)
    }

    /// Remembers the time that a service asked for, unless another fetch has begun since.
    pub(super) fn hold(&mut self, flight: u64, now: i64, error: &Error) {
        if self.flight.as_ref().is_none_or(|known| known.number != flight) {
            return;
        }
        let asked = error.retry_after.filter(|_| error.kind == ErrorKind::Throttled);
        self.throttled = asked.map(|asked| {
            let seconds = i64::try_from(asked.min(LONGEST_WAIT).as_secs()).unwrap_or(0);
            Box::new((now + seconds, error.clone()))
        });
    }

    fn is_in_use(&self) -> bool {
        self.flight.as_ref().is_some_and(|flight| flight.under_way().is_some())
    }
}

#[derive(Default)]
pub(super) struct Entries(HashMap<TokenKind, HashMap<Box<str>, CacheEntry>>);

impl Entries {
    pub(super) fn len(&self) -> usize {
        self.0.values().map(HashMap::len).sum()
    }

    pub(super) fn get(&self, key: &CacheKey) -> Option<&CacheEntry> {
        self.0.get(&key.kind)?.get(key.tenant.as_str())
    }

    pub(super) fn get_mut(&mut self, key: &CacheKey) -> Option<&mut CacheEntry> {
        self.0.get_mut(&key.kind)?.get_mut(key.tenant.as_str())
    }

    pub(super) fn add(&mut self, key: &CacheKey) {
        let tenants = self.0.entry(key.kind.clone()).or_default();
        tenants.insert(key.tenant.as_str().into(), CacheEntry::default());
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&TokenKind, &str, &CacheEntry)> {
        self.0.iter().flat_map(|(kind, tenants)| {
            tenants.iter().map(move |(tenant, entry)| (kind, tenant.as_ref(), entry))
        })
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Drops what has ended; where that leaves `capacity` entries, what ends first too.
    pub(super) fn make_room(&mut self, now: i64, capacity: usize) {
        let lives = |entry: &CacheEntry| entry.token.as_ref().is_some_and(|token| token.expires_on > now);
        for tenants in self.0.values_mut() {
            tenants.retain(|_, entry| entry.is_in_use() || lives(entry));
        }
        self.0.retain(|_, tenants| !tenants.is_empty());
        if self.len() < capacity {
            return;
        }
        let first = self
            .iter()
            .filter(|(_, _, entry)| !entry.is_in_use())
            .min_by_key(|(_, _, entry)| entry.token.as_ref().map(|token| token.expires_on))
            .map(|(kind, tenant, _)| CacheKey { tenant: tenant.to_owned(), kind: kind.clone() });
        if let Some(first) = first
            && let Some(tenants) = self.0.get_mut(&first.kind)
        {
            tenants.remove(first.tenant.as_str());
        }
    }
}
