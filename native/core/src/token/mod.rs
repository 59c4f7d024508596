//! Tokens: what is known of one, and the cache that keeps them.

pub(crate) mod cache;
mod claims;
pub(crate) mod expiry;

use std::time::Duration;

pub use self::cache::TokenCache;
pub use self::claims::Claims;
use crate::clock::jitter;
use crate::secret::Secret;

/// Seconds by which a clock may go back without a doubt about the tokens.
const SKEW: i64 = 60;
/// Seconds by which a renewal may come early.
const LARGEST_SPREAD: u64 = 300;

/// A token and what is known of it.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// The token.
    pub secret: Secret,
    /// Seconds since 1970 at which it ends.
    pub expires_on: i64,
    /// Seconds since 1970 from which on a new one is fetched while this one still serves.
    pub refresh_on: i64,
    /// Seconds since 1970 at which it was fetched.
    pub fetched_on: i64,
}

impl AccessToken {
    /// A token that ends at `expires_on`; `refresh_in` is what the endpoint said of refreshing, in seconds.
    pub(crate) fn new(secret: Secret, now: i64, expires_on: i64, refresh_in: Option<i64>) -> Self {
        let lifetime = expires_on.saturating_sub(now).max(0);
        let refresh_in = refresh_in.filter(|seconds| (1..lifetime).contains(seconds)).unwrap_or_else(|| {
            // Long-lived tokens at half their life, as MSAL does; short ones when two margins are left.
            if lifetime > 2 * 3600 { lifetime / 2 } else { lifetime - 2 * margin(lifetime) }
        });
        // Tokens that were fetched together are not to be renewed together.
        let spread = u64::try_from(refresh_in / 10).unwrap_or(0).min(LARGEST_SPREAD);
        let early = i64::try_from(jitter(Duration::from_secs(spread)).as_secs()).unwrap_or(0);
        AccessToken {
            secret,
            expires_on,
            refresh_on: now.saturating_add(refresh_in - early),
            fetched_on: now,
        }
    }

    /// Its claims; empty for an opaque token. Read each time: kept beside thousands of tokens they would take as much again.
    pub fn claims(&self) -> Claims {
        Claims::of(self.secret.expose()).unwrap_or_default()
    }

    /// Whether it can still be sent: it has to outlast the request and a clock that is a little off.
    pub(crate) fn is_usable(&self, now: i64) -> bool {
        // A clock that was set back since says nothing of when it ends.
        let known = now >= self.fetched_on - SKEW;
        known && now < self.expires_on - margin(self.expires_on.saturating_sub(self.fetched_on))
    }
}

/// Seconds before its end at which a token is no longer used: five minutes, or a quarter of a shorter life.
fn margin(lifetime: i64) -> i64 {
    (lifetime / 4).clamp(0, 300)
}
