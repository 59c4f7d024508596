//! When a request is sent again, and after which pause.

use std::time::Duration;

use jiff::fmt::rfc2822;

use crate::clock::jitter;
use crate::settings::Retry;

/// Longest pause that is taken: longer ones are an error that says when to come back.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// Shortest pause where the service asked for one, unless our own is shorter.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// Pauses that double, with up to a quarter more by chance.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    attempts_left: u32,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(retry: &Retry) -> Self {
        Backoff { attempts_left: retry.attempts, next: retry.base_delay() }
    }

    /// The pause before the next attempt, or `None` when there shall be none. What the service asked for goes before our own.
    pub(crate) fn pause(&mut self, retry_after: Option<Duration>) -> Option<Duration> {
        self.attempts_left = self.attempts_left.checked_sub(1)?;
        let own = self.next;
        self.next = (own * 2).min(Duration::from_secs(60));
        match retry_after {
            Some(asked) if asked > LONGEST_WAIT => None,
            // None at all, or a date that a clock which is ahead takes for past, is no leave to ask at once.
            Some(asked) => Some(asked.max(own.min(SHORTEST_WAIT))),
            None => Some(own + jitter(own / 4)),
        }
    }
}

/// Statuses that pass by themselves (RFC 9110 §15; the lists of the Azure SDKs).
pub(crate) fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

/// The pause that a Retry-After header asks for: seconds or an HTTP date (RFC 9110 §10.2.3). Anything else is ignored.
pub(crate) fn retry_after(header: Option<&str>, now: Duration) -> Option<Duration> {
    let text = header?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    let then = u64::try_from(date.as_second()).ok()?;
    Some(Duration::from_secs(then.saturating_sub(now.as_secs())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(784_111_770);

    #[test]
    fn retry_after_reads_seconds_and_dates() {
        assert_eq!(retry_after(Some("7"), NOW), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(Some("Sun, 06 Nov 1994 08:49:37 GMT"), NOW), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(Some("Sun, 06 Nov 1994 08:49:20 GMT"), NOW), Some(Duration::ZERO));
        assert_eq!(retry_after(Some("0"), NOW), Some(Duration::ZERO));
        for ignored in [None, Some(""), Some("soon"), Some("-1"), Some("1.5")] {
            assert_eq!(retry_after(ignored, NOW), None, "{ignored:?}");
        }
    }

    #[test]
    fn pauses_double_and_end() {
        let mut backoff = Backoff::new(&Retry { attempts: 3, base_delay_ms: 100 });
        let pauses: Vec<_> = std::iter::from_fn(|| backoff.pause(None)).map(|p| p.as_millis()).collect();
        assert_eq!(pauses.len(), 3);
        for (pause, least) in pauses.iter().zip([100, 200, 400]) {
            assert!((least..=least * 5 / 4).contains(pause), "{pauses:?}");
        }
    }

    #[test]
    fn the_services_wish_goes_first_unless_it_is_too_long() {
        let mut backoff = Backoff::new(&Retry::default());
        assert_eq!(backoff.pause(Some(Duration::from_secs(9))), Some(Duration::from_secs(9)));
        assert_eq!(backoff.pause(Some(Duration::from_secs(4000))), None);
        assert_eq!(
            Backoff::new(&Retry::default()).pause(Some(Duration::ZERO)),
            Some(Duration::from_millis(500))
        );
    }
}
