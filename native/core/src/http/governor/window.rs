//! What is known of one quota: what was sent, the limits, and what the service said of them.
//!
//! A service counts a request when it arrives, at some time between its sending and its answer. So a request counts
//! from its answer on, or from the longest time that a connection takes, and until then as if it were sent now. No
//! server can see more requests in a window than are counted here.

use std::collections::VecDeque;
use std::time::Duration;

use super::Limit;
use crate::http::limits::CONNECT;

/// How long requests are remembered if no limit is known, and how many: a refusal may name the limit.
const UNKNOWN: (Duration, usize) = (Duration::from_secs(3600), 2000);
/// The share of a window that is added to it, because clocks differ and timers are not exact: 500 ppm is the fastest
/// that a clock is corrected by NTP, and there are two clocks.
const MARGIN: u32 = 1000;
/// What is left of our share of a limit after a refusal that our own requests do not explain.
const DECREASE: f64 = 0.7;
/// How fast the share grows again: by this part of the limit in the first window, and with the square of their number.
/// Simulations of two processes choose both numbers: faster, they are refused more often; slower, they use less.
const INCREASE: f64 = 0.001;

/// One limit, and our share of it.
#[derive(Clone, Copy, Debug)]
struct Rule {
    limit: Limit,
    share: Option<Share>,
}

/// Others use the same quota: this many requests of a window are ours, and more with time.
#[derive(Clone, Copy, Debug)]
struct Share {
    requests: f64,
    since: Duration,
}

impl Rule {
    fn window(&self) -> Duration {
        self.limit.window()
    }

    /// Requests that may be sent in a window.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number between 1 and that of a limit"
    )]
    fn allowed(&self, now: Duration) -> usize {
        let limit = f64::from(self.limit.requests);
        self.share.map_or(limit, |share| share.at(now, self.limit).min(limit)).max(1.0) as usize
    }
}

impl Share {
    fn at(self, now: Duration, limit: Limit) -> f64 {
        let windows = now.saturating_sub(self.since).as_secs_f64() / f64::from(limit.seconds);
        self.requests + f64::from(limit.requests) * INCREASE * windows * windows
    }
}

/// When a request may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    /// The earliest time.
    pub(crate) at: Duration,
    /// The limit that decides it; none if the service asked to wait.
    pub(crate) limit: Option<Limit>,
}

/// A request whose answer has not come.
#[derive(Clone, Copy, Debug)]
struct UnderWay {
    number: u64,
    /// When it was sent.
    sent: Option<Duration>,
}

/// What a service says of the rest of its window.
#[derive(Clone, Copy, Debug)]
struct Rest {
    requests: usize,
    ends: Duration,
}

/// The requests and limits of one quota.
#[derive(Debug)]
pub(super) struct Window {
    rules: Vec<Rule>,
    /// Those that the service has published.
    published: &'static [Limit],
    /// When each request counts from, in order.
    log: VecDeque<Duration>,
    under_way: Vec<UnderWay>,
    blocked_until: Duration,
    rest: Option<Rest>,
    /// When our share was last decreased.
    decreased: Duration,
    numbers: u64,
}

impl Window {
    pub(super) fn new(published: &'static [Limit]) -> Self {
        let mut window = Window {
            rules: Vec::new(),
            published,
            log: VecDeque::new(),
            under_way: Vec::new(),
            blocked_until: Duration::ZERO,
            rest: None,
            decreased: Duration::ZERO,
            numbers: 0,
        };
        window.forget();
        window
    }

    /// Forgets what the service has said, but not what was sent.
    pub(super) fn forget(&mut self) {
        self.rules = self.published.iter().map(|&limit| Rule { limit, share: None }).collect();
        self.blocked_until = Duration::ZERO;
        self.rest = None;
        self.decreased = Duration::ZERO;
    }

    /// Whether there is nothing in it that would be missed.
    pub(super) fn is_idle(&mut self, now: Duration) -> bool {
        self.tidy(now);
        self.log.is_empty() && self.under_way.is_empty() && self.blocked_until <= now
    }

    /// When the next request may be sent.
    pub(super) fn next(&mut self, now: Duration) -> Turn {
        self.nth(now, 1)
    }

    /// When the `count`-th request from now on may be sent, if nothing changes.
    pub(super) fn nth(&mut self, now: Duration, count: usize) -> Turn {
        self.tidy(now);
        let mut planned: Vec<Duration> = Vec::new();
        let mut turn = Turn { at: now, limit: None };
        for index in 0..count.max(1) {
            turn = Turn { at: turn.at.max(self.blocked_until), limit: None };
            for rule in &self.rules {
                let before = self.log.len() + self.under_way.len() + planned.len();
                let Some(oldest) = before.checked_sub(rule.allowed(now)) else { continue };
                let leaves = self.counted(oldest, now, &planned) + rule.window() + rule.window() / MARGIN;
                if leaves > turn.at {
                    turn = Turn { at: leaves, limit: Some(rule.limit) };
                }
            }
            if let Some(rest) = self.rest
                && index >= rest.requests
                && rest.ends > turn.at
            {
                turn = Turn { at: rest.ends, limit: None };
            }
            planned.push(turn.at);
        }
        turn
    }

    /// When a request counts from: those before, those under way, then those that are planned.
    fn counted(&self, index: usize, now: Duration, planned: &[Duration]) -> Duration {
        if let Some(&counted) = self.log.get(index) {
            return counted;
        }
        let planned_index = index.checked_sub(self.log.len() + self.under_way.len());
        planned_index.and_then(|index| planned.get(index)).copied().unwrap_or(now)
    }

    /// Takes a place for a request that may be sent now.
    pub(super) fn take(&mut self) -> u64 {
        self.numbers += 1;
        self.under_way.push(UnderWay { number: self.numbers, sent: None });
        if let Some(rest) = &mut self.rest {
            rest.requests = rest.requests.saturating_sub(1);
        }
        self.numbers
    }

    /// The request is sent.
    pub(super) fn sent(&mut self, number: u64, now: Duration) {
        if let Some(request) = self.under_way.iter_mut().find(|request| request.number == number) {
            request.sent = Some(now);
        }
    }

    /// The request has its answer, or will have none. `reached`: whether the service may have seen it.
    pub(super) fn ended(&mut self, number: u64, now: Duration, reached: bool) {
        let Some(index) = self.under_way.iter().position(|request| request.number == number) else { return };
        let request = self.under_way.swap_remove(index);
        match (request.sent, reached) {
            (Some(sent), true) => self.count(now.min(sent + CONNECT)),
            (None, true) => self.count(now),
            (_, false) => {
                if let Some(rest) = &mut self.rest {
                    rest.requests += 1;
                }
            }
        }
    }

    fn count(&mut self, at: Duration) {
        let index = self.log.iter().rposition(|&earlier| earlier <= at).map_or(0, |index| index + 1);
        self.log.insert(index, at);
    }

    /// The service refused a request, which was sent then, for its quota: it names a limit, or how long to wait.
    pub(super) fn refused(&mut self, now: Duration, sent: Duration, named: Option<Limit>, delay: Duration) {
        self.hold(now + delay);
        if let Some(named) = named {
            self.learn(named);
        }
        // Requests that were under way together are refused together, which says nothing new.
        if sent <= self.decreased {
            return;
        }
        let mut rules: Vec<&mut Rule> = self.rules.iter_mut().collect();
        rules.sort_by_key(|rule| rule.limit.seconds);
        let is_meant = |rule: &Rule| match named {
            Some(named) => rule.limit == named,
            None => rule.window() >= delay,
        };
        let meant = rules.iter().position(|rule| is_meant(rule)).unwrap_or(rules.len().saturating_sub(1));
        let Some(rule) = rules.into_iter().nth(meant) else { return };
        let begin = now.saturating_sub(rule.window());
        let ours = self.log.iter().rev().take_while(|&&counted| counted > begin).count();
        if ours > rule.limit.requests as usize {
            // The limit was not known before.
            return;
        }
        let limit = f64::from(rule.limit.requests);
        let current = rule.share.map_or(limit, |share| share.at(now, rule.limit).min(limit));
        rule.share = Some(Share { requests: (current * DECREASE).max(1.0), since: now + delay });
        self.decreased = now;
    }

    /// Nothing is sent before then.
    pub(super) fn hold(&mut self, until: Duration) {
        self.blocked_until = self.blocked_until.max(until);
    }

    /// An answer says how many requests the service still takes before then.
    pub(super) fn told(&mut self, requests: usize, ends: Duration) {
        // It may not have seen those under way.
        self.rest = Some(Rest { requests: requests.saturating_sub(self.under_way.len()), ends });
    }

    fn learn(&mut self, limit: Limit) {
        match self.rules.iter_mut().find(|rule| rule.limit.seconds == limit.seconds) {
            Some(rule) if rule.limit == limit => {}
            Some(rule) => *rule = Rule { limit, share: None },
            None => self.rules.push(Rule { limit, share: None }),
        }
    }

    fn tidy(&mut self, now: Duration) {
        // The clock may have been set back.
        for later in self.log.iter_mut().rev().take_while(|counted| **counted > now) {
            *later = now;
        }
        for index in (0..self.under_way.len()).rev() {
            let counts_from = self.under_way[index].sent.map(|sent| sent.min(now) + CONNECT);
            if let Some(counts_from) = counts_from.filter(|counts_from| *counts_from <= now) {
                self.under_way.swap_remove(index);
                self.count(counts_from);
            }
        }
        if self.rest.is_some_and(|rest| rest.ends <= now) {
            self.rest = None;
        }
        let longest = self.rules.iter().map(Rule::window).max().unwrap_or(UNKNOWN.0).max(UNKNOWN.0);
        let most =
            self.rules.iter().map(|rule| rule.limit.requests as usize).max().unwrap_or(0).max(UNKNOWN.1);
        let begin = now.saturating_sub(longest + longest / MARGIN);
        while self.log.front().is_some_and(|&oldest| oldest < begin) || self.log.len() > most {
            self.log.pop_front();
        }
    }
}
