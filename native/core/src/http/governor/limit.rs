//! A limit of a service, and how people write it.

use std::fmt;
use std::time::Duration;

use crate::http::retry::span;

/// Most requests and the longest window that a refusal's text may name: other numbers mean something else.
const CREDIBLE: (u32, Duration) = (1_000_000, Duration::from_secs(24 * 3600));

/// At most so many requests in any time of this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Number of requests.
    pub requests: u32,
    /// Length of the window in seconds.
    pub seconds: u32,
}

impl Limit {
    /// So many requests per minute.
    pub const fn per_minute(requests: u32) -> Self {
        Limit { requests, seconds: 60 }
    }

    /// So many requests per hour.
    pub const fn per_hour(requests: u32) -> Self {
        Limit { requests, seconds: 3600 }
    }

    pub(super) fn window(self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }

    /// Number of requests, and `per` what.
    pub fn parts(self) -> (String, String) {
        let digits = self.requests.to_string();
        let mut number = String::new();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                number.push(',');
            }
            number.push(digit);
        }
        let window = match self.seconds {
            1 => "second".to_owned(),
            60 => "minute".to_owned(),
            3600 => "hour".to_owned(),
            seconds if seconds.is_multiple_of(60) => format!("{} minutes", seconds / 60),
            seconds => format!("{seconds} seconds"),
        };
        (number, window)
    }

    /// The limit that a refusal names, such as `maximum allowed 45 per 00:01:00`.
    pub(crate) fn named_in(text: &str) -> Option<Self> {
        let words: Vec<&str> = crate::http::retry::words(text).collect();
        words.iter().enumerate().find_map(|(index, word)| {
            if !word.eq_ignore_ascii_case("per") {
                return None;
            }
            // The number is next to the word, or there is one word between them: `100 calls per minute`.
            let mut before = words[index.saturating_sub(2)..index].iter().rev();
            let requests: u32 = before.find_map(|word| word.replace(',', "").parse().ok())?;
            let window = span(&mut words[index + 1..].iter().copied())?;
            let is_credible = (1..=CREDIBLE.0).contains(&requests) && window <= CREDIBLE.1;
            is_credible
                .then(|| Limit { requests, seconds: u32::try_from(window.as_secs()).unwrap_or(u32::MAX) })
        })
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, window) = self.parts();
        write!(f, "{number} requests per {window}")
    }
}
