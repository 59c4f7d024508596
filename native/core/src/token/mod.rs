//! Tokens and the token cache.

pub(crate) mod cache;
mod claims;
pub(crate) mod expiry;

use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;

pub use self::cache::TokenCache;
pub use self::claims::Claims;
use crate::clock::jitter;
use crate::secret::Secret;

/// Seconds that a clock may go back without invalidating tokens.
const SKEW: i64 = 60;
/// Most seconds that a renewal may be early.
const LARGEST_SPREAD: u64 = 300;

/// A token with its times.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// The token.
    pub secret: Secret,
    /// Expiry in seconds since 1970.
    pub expires_on: i64,
    /// Seconds since 1970 from which a new one is fetched in the background.
    pub refresh_on: i64,
    /// Seconds since 1970 when it was fetched.
    pub fetched_on: i64,
}

impl AccessToken {
    /// A token that expires at `expires_on`. `refresh_in` is the endpoint's refresh hint in seconds.
    pub(crate) fn new(secret: Secret, now: i64, expires_on: i64, refresh_in: Option<i64>) -> Self {
        let lifetime = expires_on.saturating_sub(now).max(0);
        let refresh_in = refresh_in.filter(|seconds| (1..lifetime).contains(seconds)).unwrap_or_else(|| {
            // Renew long-lived tokens at half of their lifetime, as MSAL does, and others two margins before expiry.
            if lifetime > 2 * 3600 { lifetime / 2 } else { lifetime - 2 * margin(lifetime) }
        });
        // Spreads the renewals of tokens that were fetched together.
        let spread = u64::try_from(refresh_in / 10).unwrap_or(0).min(LARGEST_SPREAD);
        let early = i64::try_from(jitter(Duration::from_secs(spread)).as_secs()).unwrap_or(0);
        AccessToken {
            secret,
            expires_on,
            refresh_on: now.saturating_add(refresh_in - early),
            fetched_on: now,
        }
    }

    /// Its claims, empty for an opaque token. Parsed each time: storing them would double the size of the cache.
    pub fn claims(&self) -> Claims {
        Claims::of(self.secret.expose()).unwrap_or_default()
    }

    /// Whether it can still be sent. The margin covers the request and a small clock skew.
    pub(crate) fn is_usable(&self, now: i64) -> bool {
        // If the clock was set back, the expiry cannot be checked.
        let known = now >= self.fetched_on - SKEW;
        known && now < self.expires_on - margin(self.expires_on.saturating_sub(self.fetched_on))
    }
}

/// The `token_type` of an answer. Members of any other type than text are ignored.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum TokenType {
    Name(String),
    Other(IgnoredAny),
}

/// Checks what an endpoint returned as token: it must be sendable as a bearer token (RFC 6750 §2.1). The error
/// completes the sentence "the endpoint returned …".
pub(crate) fn check_token(token: &Secret, kind: Option<&TokenType>) -> Result<(), &'static str> {
    if matches!(kind, Some(TokenType::Name(name)) if !name.trim().eq_ignore_ascii_case("bearer")) {
        return Err("a token whose type is not Bearer");
    }
    if token.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(())
    } else {
        Err("a token with characters that no header can hold, such as a line break")
    }
}

/// Seconds before expiry when a token is no longer used: five minutes, or a quarter of a shorter lifetime.
fn margin(lifetime: i64) -> i64 {
    (lifetime / 4).clamp(0, 300)
}
