//! The entries of the cache by key. Thousands of tenants share the rest of their keys, so it is stored once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, Shared, WeakShared};

use crate::errors::{Error, ErrorKind, Result};
use crate::token::AccessToken;

/// Longest delay that is stored.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

pub(super) type FetchFuture = BoxFuture<'static, Result<Arc<AccessToken>>>;

/// The claims challenge of an API (JSON). The next token request includes it.
/// <https://learn.microsoft.com/entra/identity-platform/claims-challenge>
pub(crate) type Challenge = Option<Arc<str>>;

/// Everything that distinguishes tokens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CacheKey {
    pub(crate) tenant: String,
    pub(crate) kind: TokenKind,
}

/// A key without its tenant.
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
    /// Boxed because there is usually none.
    pub(super) flight: Option<Box<Flight>>,
    pub(super) refresh_not_before: i64,
    pub(super) challenge: Challenge,
    /// End of throttling and its error. It applies to later calls too. Boxed as above.
    pub(super) throttled: Option<Box<(i64, Error)>>,
    /// Whether a fetch has succeeded, even if its token was removed since.
    pub(super) worked: bool,
}

/// A current fetch.
pub(super) struct Flight {
    pub(super) number: u64,
    /// Weak, so that the fetch is dropped when no caller waits for it.
    pub(super) fetch: WeakShared<FetchFuture>,
    /// The claims challenge in the request.
    pub(super) challenge: Challenge,
}

impl Flight {
    pub(super) fn under_way(&self) -> Option<Shared<FetchFuture>> {
        self.fetch.upgrade().filter(|fetch| fetch.peek().is_none())
    }
}

impl CacheEntry {
    /// The throttling error that still applies, with its remaining delay.
    pub(super) fn throttled(&self, now: i64) -> Option<Error> {
        let (until, error) = self.throttled.as_deref()?;
        let left = Duration::from_secs(u64::try_from(until - now).ok()?);
        // If more remains than was requested, the clock was set back.
        if left.is_zero() || left > LONGEST_WAIT {
            return None;
        }
        let mut error = error.clone();
        error.retry_after = Some(left);
        Some(error)
    }

    /// Stores the delay that a service requested, unless another fetch has started since.
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

    /// Removes expired entries and, if the cache is still full, the entry that expires first.
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
