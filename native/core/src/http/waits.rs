//! How long one command may wait in all.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The waits of one command. Those of several tenants at the same time count once.
pub(crate) struct Waits {
    limit: Duration,
    state: Mutex<State>,
}

#[derive(Clone, Copy)]
struct State {
    total: Duration,
    /// When the last wait ends.
    until: Duration,
}

impl Waits {
    /// `total` is what the command has waited so far, in other queries.
    pub(crate) fn new(limit: Duration, total: Duration) -> Self {
        Waits { limit, state: Mutex::new(State { total, until: Duration::ZERO }) }
    }

    /// Begins a wait. False if all waits together would then be longer than the limit.
    pub(crate) fn begin(&self, now: Duration, pause: Duration) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let end = now + pause;
        let total = state.total + end.saturating_sub(state.until.max(now));
        if total > self.limit {
            return false;
        }
        *state = State { total, until: state.until.max(end) };
        true
    }

    /// The waits so far, and the rest of those that are not over.
    pub(crate) fn total(&self) -> Duration {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).total
    }

    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_at_the_same_time_count_once_and_their_sum_is_limited() {
        let seconds = Duration::from_secs;
        let waits = Waits::new(seconds(100), seconds(10));
        assert!(waits.begin(seconds(1000), seconds(30)));
        assert!(waits.begin(seconds(1010), seconds(30)));
        assert!(waits.begin(seconds(1015), seconds(5)));
        assert_eq!(waits.total(), seconds(50));
        assert!(!waits.begin(seconds(2000), seconds(51)));
        assert!(waits.begin(seconds(2000), seconds(50)));
        assert!(!waits.begin(seconds(3000), seconds(1)));
        assert!(waits.begin(seconds(3000), Duration::ZERO));
    }
}
