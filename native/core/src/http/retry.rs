//! Retries: when to send a request again, and after which delay.

use std::time::Duration;

use jiff::fmt::rfc2822;

use crate::clock::jitter;
use crate::errors::{Error, Result};
use crate::settings::Retry;

/// The window of a quota that no text names. Most quotas of Defender are per minute.
const QUOTA_WINDOW: Duration = Duration::from_secs(60);

/// Longest delay of the doubling delays.
const LONGEST_DOUBLED: Duration = Duration::from_secs(60);

/// Shortest delay if the service requested one, unless our own is shorter.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// Rules for retries: which statuses, how often, after which delays.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    /// Whether a status is transient.
    pub(crate) is_transient: fn(u16) -> bool,
    /// The pauses between attempts.
    pub(crate) pauses: Pauses,
    /// Delays from the first answer with this status on, if the endpoint has a separate rule for it.
    pub(crate) pauses_after: Option<(u16, Pauses)>,
}

/// The delays between attempts. Each allows one more attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pauses {
    /// They double up to a minute, with up to 25 % jitter.
    Doubling {
        /// Number of delays.
        count: u32,
        /// The first one.
        first: Duration,
    },
    /// As the endpoint's documentation says.
    Fixed(&'static [Duration]),
    /// As above, with up to 25 % jitter.
    Spread(&'static [Duration]),
}

impl Policy {
    /// The policy for the connection's settings.
    pub(crate) fn of(retry: &Retry) -> Self {
        let pauses = Pauses::Doubling { count: retry.attempts, first: retry.base_delay() };
        Policy { is_transient, pauses, pauses_after: None }
    }
}

impl Pauses {
    /// The delay before retry `number`, counted from 0, or `None` if there are no more attempts. The delay that the
    /// service requested takes precedence.
    fn before(self, number: u32, asked: Option<Duration>) -> Option<Duration> {
        let (own, least, spread) = match self {
            Pauses::Doubling { count, first } => {
                let own = first.saturating_mul(2_u32.saturating_pow(number)).min(LONGEST_DOUBLED.max(first));
                ((number < count).then_some(own)?, own.min(SHORTEST_WAIT), own / 4)
            }
            Pauses::Fixed(pauses) | Pauses::Spread(pauses) => {
                let own = *pauses.get(usize::try_from(number).ok()?)?;
                let spread = if matches!(self, Pauses::Spread(_)) { own / 4 } else { Duration::ZERO };
                (own, own, spread)
            }
        };
        match asked {
            // Zero, or a date that a fast clock considers past, does not mean an immediate retry.
            Some(asked) => Some(asked.max(least)),
            None => Some(own + jitter(spread)),
        }
    }
}

/// The remaining delays of one request.
pub(crate) struct Schedule {
    pauses: Pauses,
    policy: Policy,
    used: u32,
}

impl Schedule {
    pub(crate) fn new(policy: &Policy) -> Self {
        Schedule { pauses: policy.pauses, policy: *policy, used: 0 }
    }

    /// The delay after an answer with `status` (0 for none), or `None` if there are no more attempts.
    pub(crate) fn pause(&mut self, status: u16, asked: Option<Duration>) -> Option<Duration> {
        if let Some((special, pauses)) = self.policy.pauses_after
            && special == status
        {
            self.pauses = pauses;
        }
        let pause = self.pauses.before(self.used, asked);
        self.used += 1;
        pause
    }
}

/// A request with retries.
pub(crate) trait Attempt {
    /// The result of a successful request.
    type Answer;

    /// Whether it requests a token, from an identity endpoint or a token endpoint.
    const IS_TOKEN: bool;

    /// Sends the request once.
    fn attempt(&mut self) -> impl Future<Output = Result<Outcome<Self::Answer>>> + Send;

    /// After a 429: holds back all requests of its kind until then. True if the next attempt waits for that by itself.
    fn hold(&mut self, _until: Duration) -> bool {
        false
    }
}

/// Result of an attempt. An error ends all attempts.
pub(crate) enum Outcome<T> {
    /// The request succeeded.
    Done(T),
    /// A transient failure.
    Transient(Transient<T>),
    /// Part of the request was renewed: send it again immediately.
    Renewed,
}

/// A transient failure.
pub(crate) struct Transient<T> {
    /// The result if no attempts are left.
    pub(crate) result: Result<T>,
    /// Status of the answer, 0 for none.
    pub(crate) status: u16,
    /// The delay that the service requested.
    pub(crate) retry_after: Option<Duration>,
    /// Whether this attempt made progress. If so, the count of attempts starts again.
    pub(crate) progressed: bool,
}

impl<T> Outcome<T> {
    /// A transient error.
    pub(crate) fn transient(error: Error) -> Self {
        Outcome::Transient(Transient {
            status: error.http_status.unwrap_or(0),
            retry_after: error.retry_after,
            result: Err(error),
            progressed: false,
        })
    }

    /// Sets whether the attempt made progress.
    pub(crate) fn progressed(mut self, progressed: bool) -> Self {
        if let Outcome::Transient(failure) = &mut self {
            failure.progressed = progressed;
        }
        self
    }
}

/// Whether a status is transient (RFC 9110 §15 and the lists of the Azure SDKs).
pub(crate) fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

/// The delay after a 429: the one in the headers, or else the window that its text names, or else a minute.
pub(crate) fn quota_delay(header: Option<&str>, text: &str, now: Duration) -> Duration {
    retry_after(header, now).or_else(|| quota_window(text)).unwrap_or_else(|| {
        // Callers that were refused together come back one after the other.
        QUOTA_WINDOW + jitter(QUOTA_WINDOW / 20)
    })
}

/// How long to wait according to a text such as `try again in 30 seconds`, or else the window of the quota that it
/// names: `maximum allowed 45 per 00:01:00`.
pub(crate) fn quota_window(text: &str) -> Option<Duration> {
    let after = |prepositions: &[&str]| {
        let mut words = words(text);
        while let Some(word) = words.next() {
            if prepositions.iter().any(|known| word.eq_ignore_ascii_case(known))
                && let Some(span) = span(&mut words.clone())
            {
                return Some(span);
            }
        }
        None
    };
    after(&["in", "after", "for"]).or_else(|| after(&["per"]))
}

/// The words of a text, without the marks around them.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> + Clone {
    text.split(|c: char| c.is_whitespace() || "\"'();".contains(c))
        .map(|word| word.trim_matches(','))
        .filter(|word| !word.is_empty())
}

/// The time span that these words begin with: `00:01:00`, `30 seconds` or `minute`.
pub(crate) fn span<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<Duration> {
    let first = words.next()?.trim_end_matches('.');
    if let Some(span) = hours_minutes_seconds(first) {
        return Some(span);
    }
    let unit = |word: &str| {
        let units = [("second", 1), ("minute", 60), ("hour", 3600)];
        let lower = word.to_ascii_lowercase();
        units.iter().find(|(name, _)| lower.starts_with(name)).map(|(_, seconds)| *seconds)
    };
    let seconds = match first.parse::<u64>() {
        Ok(count) => words.next().and_then(unit).map(|seconds| count.saturating_mul(seconds)),
        Err(_) => unit(first),
    };
    seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

/// A time span such as `00:01:00`.
fn hours_minutes_seconds(text: &str) -> Option<Duration> {
    let mut parts = text.split(':');
    let mut number = || parts.next()?.parse::<u64>().ok().filter(|number| *number < 1000);
    let (hours, minutes, seconds) = (number()?, number()?, number()?);
    let total = hours * 3600 + minutes * 60 + seconds;
    (parts.next().is_none() && total > 0).then(|| Duration::from_secs(total))
}

/// The delay in a Retry-After header: seconds or an HTTP date (RFC 9110 §10.2.3). Other values are ignored.
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
    fn without_a_header_the_text_names_the_window_of_the_quota() {
        for (text, seconds) in [
            ("API calls quota exceeded! maximum allowed 45 per 00:01:00", 60),
            ("API calls quota exceeded! maximum allowed 1500 per 01:00:00.", 3600),
            ("You have exceeded the quota. Try again in 30 seconds.", 30),
            ("Please retry after 2 minutes", 120),
            ("maximum 100 calls per minute", 60),
            ("allowed 15 per 5 seconds", 5),
            ("Maximum allowed 30 per 00:01:00 for the key X+Y. You can send requests again in 8 seconds.", 8),
            ("Please try again after '6' seconds", 6),
        ] {
            assert_eq!(quota_delay(None, text, NOW).as_secs(), seconds, "{text}");
            assert_eq!(quota_delay(Some("7"), text, NOW).as_secs(), 7);
        }
        for silent in
            ["", "quota", "per", "per 0", "45 per 00:00:00", "in no time", "per 99999999999999999999 hours"]
        {
            assert!((60..=63).contains(&quota_delay(None, silent, NOW).as_secs()), "{silent}");
        }
    }

    fn doubling(count: u32, first_ms: u64) -> Policy {
        Policy::of(&Retry { attempts: count, base_delay_ms: first_ms, ..Retry::default() })
    }

    #[test]
    fn pauses_double_and_end() {
        let mut schedule = Schedule::new(&doubling(3, 100));
        let pauses: Vec<_> =
            std::iter::from_fn(|| schedule.pause(503, None)).map(|p| p.as_millis()).collect();
        assert_eq!(pauses.len(), 3);
        for (pause, least) in pauses.iter().zip([100, 200, 400]) {
            assert!((least..=least * 5 / 4).contains(pause), "{pauses:?}");
        }
        let mut many = Schedule::new(&doubling(u32::MAX, 500));
        assert!((0..100).all(|_| many.pause(503, None).is_some_and(|pause| pause.as_secs() <= 75)));
    }

    #[test]
    fn what_the_service_asks_for_takes_precedence() {
        let mut schedule = Schedule::new(&doubling(5, 500));
        assert_eq!(schedule.pause(429, Some(Duration::from_secs(9))), Some(Duration::from_secs(9)));
        let mut schedule = Schedule::new(&doubling(5, 500));
        assert_eq!(schedule.pause(429, Some(Duration::ZERO)), Some(Duration::from_millis(500)));
    }

    #[test]
    fn fixed_pauses_are_the_least_and_a_status_can_have_its_own() {
        const SECONDS: [Duration; 3] =
            [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(3)];
        let policy = Policy {
            is_transient,
            pauses: Pauses::Fixed(&SECONDS[..2]),
            pauses_after: Some((410, Pauses::Fixed(&SECONDS))),
        };
        let mut schedule = Schedule::new(&policy);
        assert_eq!(schedule.pause(503, Some(Duration::ZERO)), Some(SECONDS[0]));
        assert_eq!(schedule.pause(503, Some(SECONDS[2])), Some(SECONDS[2]));
        assert_eq!(schedule.pause(503, None), None);
        let mut schedule = Schedule::new(&policy);
        let pauses: Vec<_> = [410, 503, 503, 503].map(|status| schedule.pause(status, None)).into();
        assert_eq!(pauses, [Some(SECONDS[0]), Some(SECONDS[1]), Some(SECONDS[2]), None]);
    }
}
