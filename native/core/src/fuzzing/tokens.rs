//! What identity services send, and the files of certificates.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::batch::ticks;
use crate::certificate::Certificate;
use crate::http::retry::retry_after;
use crate::read::refusal;
use crate::secret::Secret;
use crate::token::expiry::Expiry;
use crate::token::{AccessToken, Claims};

/// Point in time of the checks, seconds since 1970.
const NOW: i64 = 1_700_000_000;
/// Ticks of 9999-12-31, the last day that .NET knows.
const LAST_TICK: i64 = 3_155_378_975_999_999_999;

/// Any text is a token; its claims are read as far as there are any. A challenge gives a JSON object or nothing.
pub(super) fn claims(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let payload = format!("e30.{}.fake-signature", URL_SAFE_NO_PAD.encode(text));
    for token in [text, &payload] {
        if let Some(claims) = Claims::of(token) {
            let _ = claims.client_id();
            let expires_on = claims.exp.unwrap_or(NOW);
            let token = AccessToken::new(Secret::new(token.to_owned()), NOW, expires_on, None);
            is_sound(&token);
        }
    }
    if let Some(claims) = refusal::challenge(text) {
        let object = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&claims);
        assert!(object.is_ok(), "{claims:?} is no object");
    }
}

/// A wait or an expiry is read or not, and what is read can be computed with.
pub(super) fn dates(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let now = Duration::from_secs(NOW.unsigned_abs());
    if let Some(wait) = retry_after(Some(text), now) {
        let digits = text.trim().parse::<u64>().ok();
        assert!(digits.is_none_or(|seconds| wait.as_secs() == seconds), "{text:?} is not {wait:?}");
    }
    let quoted = serde_json::Value::from(text).to_string();
    for json in [text, &quoted] {
        let Ok(expiry) = serde_json::from_str::<Expiry>(json) else { continue };
        let (lifetime, end) = (expiry.seconds(), expiry.timestamp());
        // The same number, unless no token has that time; or milliseconds.
        let same = |number: i64| end.is_none_or(|end| end == number || end == number / 1000);
        assert!(lifetime.is_none_or(same), "{json}: two readings of one number");
        for expires_on in [end, lifetime.map(|lifetime| NOW.saturating_add(lifetime))].into_iter().flatten() {
            is_sound(&AccessToken::new(Secret::new("fake".to_owned()), NOW, expires_on, lifetime));
        }
    }
}

/// A token is not used after its end, and its times can be shown.
fn is_sound(token: &AccessToken) {
    assert!(!token.is_usable(token.expires_on), "a token is usable at its end");
    for time in [token.expires_on, token.refresh_on, token.fetched_on] {
        assert!((0..=LAST_TICK).contains(&ticks(time)), "{time} is no date");
    }
}

/// A certificate file is read or refused.
pub(super) fn pem_pfx(data: &[u8]) {
    for password in [None, Some("fake-password")] {
        if let Ok(certificate) = Certificate::read(data, password) {
            assert!(certificate.sign(b"fake").is_ok(), "a certificate that cannot sign");
        }
    }
}
