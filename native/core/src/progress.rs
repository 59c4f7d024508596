//! Progress of a query: cheap counters and messages for people. Tokens and secrets never get here.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::batch::{Batch, tables};
use crate::clock::Clock;
use crate::coded::coded_enum;
use crate::token::AccessToken;

/// Maximum number of messages that wait to be fetched.
const MESSAGE_LIMIT: usize = 1000;

coded_enum! {
    /// What a query is doing. The numbers are part of the ABI.
    pub enum Phase: u32 {
        /// Requesting a token from the identity endpoint.
        Identity = 1,
        /// Exchanging the assertion.
        Exchange = 2,
        /// Sending a request to the API.
        Request = 3,
        /// Reading an answer.
        Reading = 4,
        /// Waiting, usually because of throttling.
        Waiting = 5,
        /// Finished.
        Over = 6,
    }
}

/// Counters of a query.
#[derive(Clone, Copy, Debug)]
pub struct Stats {
    /// Rows put into batches.
    pub rows: u64,
    /// Pages finished.
    pub pages: u64,
    /// Bytes of the answers after decompression.
    pub bytes: u64,
    /// Retried requests.
    pub retries: u64,
    /// Remaining milliseconds of a wait.
    pub waiting_ms: u64,
    /// Number of tenants.
    pub tenants: u32,
    /// Number of finished tenants.
    pub tenants_ended: u32,
    /// Current phase.
    pub phase: Phase,
    /// Number of messages to fetch.
    pub messages: u32,
}

#[derive(Clone, Copy)]
enum Level {
    Verbose,
    Warning,
}

/// Collects the progress of a query.
pub(crate) struct Reporter {
    clock: Arc<dyn Clock>,
    rows: AtomicU64,
    pages: AtomicU64,
    bytes: AtomicU64,
    retries: AtomicU64,
    /// End of the longest wait in milliseconds since 1970, or 0.
    waiting_until: AtomicU64,
    tenants: AtomicU32,
    tenants_ended: AtomicU32,
    phase: AtomicU32,
    messages: Mutex<VecDeque<(Level, String)>>,
    message_count: AtomicU32,
}

impl Reporter {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Reporter {
            clock,
            rows: AtomicU64::new(0),
            pages: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            waiting_until: AtomicU64::new(0),
            tenants: AtomicU32::new(0),
            tenants_ended: AtomicU32::new(0),
            phase: AtomicU32::new(Phase::Identity as u32),
            messages: Mutex::default(),
            message_count: AtomicU32::new(0),
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        let until = self.waiting_until.load(Ordering::Relaxed);
        let now = u64::try_from(self.clock.now().as_millis()).unwrap_or(u64::MAX);
        let waiting_ms = until.saturating_sub(now);
        let phase = match self.phase.load(Ordering::Relaxed) {
            _ if waiting_ms > 0 => Phase::Waiting,
            1 => Phase::Identity,
            2 => Phase::Exchange,
            3 => Phase::Request,
            4 => Phase::Reading,
            _ => Phase::Over,
        };
        Stats {
            rows: self.rows.load(Ordering::Relaxed),
            pages: self.pages.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            retries: self.retries.load(Ordering::Relaxed),
            waiting_ms,
            tenants: self.tenants.load(Ordering::Relaxed),
            tenants_ended: self.tenants_ended.load(Ordering::Relaxed),
            phase,
            messages: self.message_count.load(Ordering::Relaxed),
        }
    }

    /// Takes the messages as a batch, if there are any.
    pub(crate) fn take_messages(&self) -> Option<Batch> {
        let lines = std::mem::take(&mut *self.lock());
        self.message_count.store(0, Ordering::Relaxed);
        let mut builder = tables::MESSAGE.builder(0, "");
        for (level, text) in lines {
            builder.columns()[0].text(match level {
                Level::Verbose => "verbose",
                Level::Warning => "warning",
            });
            builder.columns()[1].text(&text);
            builder.end_row();
        }
        builder.take()
    }

    pub(crate) fn begin(&self, tenants: usize) {
        self.tenants.store(u32::try_from(tenants).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    pub(crate) fn tenant_ended(&self) {
        self.tenants_ended.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn over(&self) {
        self.phase(Phase::Over);
    }

    pub(crate) fn identity(&self, host: &str, selector: &str) {
        self.phase(Phase::Identity);
        self.verbose(format!("Identity: requesting a token from {host} ({selector})."));
    }

    pub(crate) fn assertion(&self, token: &AccessToken) {
        let claims = &token.claims();
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "?".to_owned());
        self.verbose(format!(
            "Identity: got a token with issuer {}, subject {}, audience {}.",
            text(&claims.iss),
            text(&claims.sub),
            text(&claims.aud)
        ));
    }

    pub(crate) fn exchange(&self, tenant: &str, scope: &str) {
        self.phase(Phase::Exchange);
        self.verbose(format!("Exchange: requesting a token for {scope} in tenant {tenant}."));
    }

    /// `takes_roles`: whether the API of the token authorizes by its roles.
    pub(crate) fn token(&self, token: &AccessToken, takes_roles: bool) {
        let claims = token.claims();
        let audience = claims.aud.as_deref().unwrap_or("?");
        let seconds = token.expires_on - token.fetched_on;
        let roles = claims.roles.join(", ");
        self.verbose(format!("Exchange: got a token for {audience}, valid for {seconds} s, roles: {roles}."));
        if claims.roles.is_empty() && takes_roles && claims.scp.is_none() {
            self.warning(format!(
                "The token for {audience} has no roles, so the API will reject it. Add application \
                 permissions to the app, and grant consent in the tenant."
            ));
        }
    }

    pub(crate) fn request(&self, method: &str, tenant: &str, path: &str, page: u64) {
        self.phase(Phase::Request);
        self.verbose(format!("Request: {method} {path}, page {page}, tenant {tenant}."));
    }

    pub(crate) fn reading(&self) {
        self.phase(Phase::Reading);
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn rows(&self, rows: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }

    pub(crate) fn page(&self) {
        self.pages.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn retry(&self, what: &str, status: u16, pause: Duration) {
        self.retries.fetch_add(1, Ordering::Relaxed);
        let why = if status == 0 { "no answer".to_owned() } else { format!("HTTP {status}") };
        self.verbose(format!("Retry: {what} returned {why}; trying again in {:.1} s.", pause.as_secs_f64()));
    }

    pub(crate) fn waiting(&self, pause: Duration) {
        let until = self.clock.now() + pause;
        self.waiting_until.fetch_max(u64::try_from(until.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn verbose(&self, text: String) {
        self.push(Level::Verbose, text);
    }

    pub(crate) fn warning(&self, text: String) {
        self.push(Level::Warning, text);
    }

    fn push(&self, level: Level, text: String) {
        let mut messages = self.lock();
        if messages.len() >= MESSAGE_LIMIT {
            messages.pop_front();
        }
        messages.push_back((level, text));
        self.message_count.store(u32::try_from(messages.len()).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    fn phase(&self, phase: Phase) {
        self.phase.store(phase as u32, Ordering::Relaxed);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<(Level, String)>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
