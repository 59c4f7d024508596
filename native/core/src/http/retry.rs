//! Retries: when to send a request again, and after which delay.

use std::time::Duration;

use jiff::fmt::rfc2822;

use crate::clock::jitter;
use crate::errors::{Error, Result};
use crate::settings::Retry;

/// Longest delay that a query waits for. A longer one is an error that says when to try again.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(3600);

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
            Pauses::Fixed(pauses) => {
                let own = *pauses.get(usize::try_from(number).ok()?)?;
                (own, own, Duration::ZERO)
            }
        };
        match asked {
            Some(asked) if asked > LONGEST_WAIT => None,
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

    /// Sends the request once.
    fn attempt(&mut self) -> impl Future<Output = Result<Outcome<Self::Answer>>> + Send;
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

    fn doubling(count: u32, first_ms: u64) -> Policy {
        Policy::of(&Retry { attempts: count, base_delay_ms: first_ms })
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
    fn what_the_service_asks_for_takes_precedence_unless_it_is_too_long() {
        let mut schedule = Schedule::new(&doubling(5, 500));
        assert_eq!(schedule.pause(429, Some(Duration::from_secs(9))), Some(Duration::from_secs(9)));
        assert_eq!(schedule.pause(429, Some(Duration::from_secs(4000))), None);
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
