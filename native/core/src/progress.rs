//! Progress of a query: cheap counters and messages for people. Tokens and secrets never get here.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::batch::{Batch, tables};
use crate::clock::Clock;
use crate::cloud::Cloud;
use crate::coded::coded_enum;
use crate::errors::Error;
use crate::http::Limit;
use crate::http::waits::Waits;
use crate::settings::Tenant;
use crate::tally::{LeftOut, Tally};
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

coded_enum! {
    /// What a query waits for. The numbers are part of the ABI.
    pub enum WaitReason: u32 {
        /// It does not wait.
        None = 0,
        /// The quota of the API is used up.
        Quota = 1,
        /// The network, or a host that does not answer.
        Network = 2,
        /// The API failed.
        Service = 3,
        /// The token endpoint or the identity endpoint.
        TokenEndpoint = 4,
    }
}

impl WaitReason {
    /// The reason for a wait after an answer with this status, 0 for none.
    pub(crate) fn of(status: u16, is_token: bool) -> Self {
        match status {
            _ if is_token => WaitReason::TokenEndpoint,
            0 => WaitReason::Network,
            429 => WaitReason::Quota,
            _ => WaitReason::Service,
        }
    }
}

/// Waits that are longer than this are said as a warning, so that a log shows them.
const LONG_WAIT: Duration = Duration::from_secs(30);
/// As above, for waits that keep to a quota: to wait for the next minute is ordinary.
const LONG_QUOTA_WAIT: Duration = Duration::from_secs(120);
/// Shorter waits for a quota are not told.
const SHORT_QUOTA_WAIT: Duration = Duration::from_secs(1);

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
    /// Milliseconds of all waits, with the rest of those that are not over.
    pub waited_ms: u64,
    /// Number of tenants.
    pub tenants: u32,
    /// Number of finished tenants.
    pub tenants_ended: u32,
    /// Current phase.
    pub phase: Phase,
    /// What it waits for.
    pub waiting_for: WaitReason,
    /// Number of messages to fetch.
    pub messages: u32,
}

/// Who a message is for.
#[derive(Clone, Copy, Debug)]
pub enum Level {
    /// For people who ask what happens.
    Verbose,
    /// For everybody.
    Warning,
}

impl Level {
    /// Every level.
    pub const ALL: [Level; 2] = [Level::Verbose, Level::Warning];

    /// Name in a batch of messages.
    pub fn name(self) -> &'static str {
        match self {
            Level::Verbose => "verbose",
            Level::Warning => "warning",
        }
    }
}

/// Collects the progress of a query, and of the tenant that it is read for.
#[derive(Clone)]
pub(crate) struct Reporter {
    query: Arc<QueryProgress>,
    /// `None` for what all tenants share.
    tenant: Option<Arc<Tally>>,
}

/// The progress of a query.
struct QueryProgress {
    clock: Arc<dyn Clock>,
    rows: AtomicU64,
    pages: AtomicU64,
    bytes: AtomicU64,
    retries: AtomicU64,
    /// End of the longest wait in milliseconds since 1970, or 0.
    waiting_until: AtomicU64,
    /// Reason of the longest wait.
    waiting_for: AtomicU32,
    /// End of the wait that the last warning told, in milliseconds since 1970.
    warned_until: AtomicU64,
    waits: Arc<Waits>,
    tallies: Mutex<Vec<Arc<Tally>>>,
    tenants_ended: AtomicU32,
    phase: AtomicU32,
    messages: Mutex<VecDeque<(Level, String)>>,
    message_count: AtomicU32,
}

impl Reporter {
    pub(crate) fn new(clock: Arc<dyn Clock>, waits: Arc<Waits>) -> Self {
        let query = QueryProgress {
            clock,
            waits,
            rows: AtomicU64::new(0),
            pages: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            waiting_until: AtomicU64::new(0),
            waiting_for: AtomicU32::new(0),
            warned_until: AtomicU64::new(0),
            tallies: Mutex::default(),
            tenants_ended: AtomicU32::new(0),
            phase: AtomicU32::new(Phase::Identity as u32),
            messages: Mutex::default(),
            message_count: AtomicU32::new(0),
        };
        Reporter { query: Arc::new(query), tenant: None }
    }

    /// Names the tenants of the query, so that a summary has those that are never read too.
    pub(crate) fn begin(&self, tenants: &[Tenant]) {
        let tally = |tenant: &Tenant| Arc::new(Tally::new(&tenant.id, tenant.name.as_deref()));
        self.tallies().extend(tenants.iter().map(tally));
    }

    /// The reporter of a tenant, by its place in the request.
    pub(crate) fn of_tenant(&self, index: usize) -> Self {
        Reporter { query: Arc::clone(&self.query), tenant: self.tallies().get(index).map(Arc::clone) }
    }

    pub(crate) fn stats(&self) -> Stats {
        let until = self.query.waiting_until.load(Ordering::Relaxed);
        let waiting_ms = until.saturating_sub(milliseconds(self.query.clock.now()));
        let reason = self.query.waiting_for.load(Ordering::Relaxed);
        let reasons = WaitReason::ALL.iter().map(|(reason, _)| *reason);
        let waiting_for = reasons.filter(|_| waiting_ms > 0).find(|known| *known as u32 == reason);
        let phase = match self.query.phase.load(Ordering::Relaxed) {
            _ if waiting_ms > 0 => Phase::Waiting,
            1 => Phase::Identity,
            2 => Phase::Exchange,
            3 => Phase::Request,
            4 => Phase::Reading,
            _ => Phase::Over,
        };
        Stats {
            rows: self.query.rows.load(Ordering::Relaxed),
            pages: self.query.pages.load(Ordering::Relaxed),
            bytes: self.query.bytes.load(Ordering::Relaxed),
            retries: self.query.retries.load(Ordering::Relaxed),
            waiting_ms,
            waited_ms: milliseconds(self.query.waits.total()),
            waiting_for: waiting_for.unwrap_or(WaitReason::None),
            tenants: u32::try_from(self.tallies().len()).unwrap_or(u32::MAX),
            tenants_ended: self.query.tenants_ended.load(Ordering::Relaxed),
            phase,
            messages: self.query.message_count.load(Ordering::Relaxed),
        }
    }

    /// Takes the messages as a batch, if there are any.
    pub(crate) fn take_messages(&self) -> Option<Batch> {
        let lines = std::mem::take(&mut *self.lock());
        self.query.message_count.store(0, Ordering::Relaxed);
        let mut builder = tables::MESSAGE.builder(0, "");
        for (level, text) in lines {
            builder.columns()[0].text(level.name());
            builder.columns()[1].text(&text);
            builder.end_row();
        }
        builder.take()
    }

    /// What became of each tenant so far, as a batch. `resource`: what is read from them.
    pub(crate) fn summary(&self, resource: &str) -> Option<Batch> {
        let now = self.query.clock.now();
        let mut builder = tables::SUMMARY.builder(0, "");
        for tally in self.tallies().iter() {
            tally.write(resource, now, &mut builder);
        }
        builder.take()
    }

    /// What people call the tenant, if the request says so.
    pub(crate) fn tenant_name(&self) -> Option<&str> {
        self.tenant.as_ref()?.name()
    }

    pub(crate) fn tenant_begun(&self) {
        self.tally(|tally| tally.begin(self.query.clock.now()));
    }

    pub(crate) fn tenant_ended(&self) {
        self.query.tenants_ended.fetch_add(1, Ordering::Relaxed);
        self.tally(|tally| tally.end(self.query.clock.now()));
    }

    /// Id and name that the rows of the tenant have.
    pub(crate) fn label(&self, id: &str, name: Option<&str>) {
        self.tally(|tally| tally.label(id, name));
    }

    /// Not all of the tenant was read, although nothing failed.
    pub(crate) fn left_out(&self, why: LeftOut) {
        self.tally(|tally| tally.left_out(why));
    }

    /// Notes that something failed in the tenant: all of it, an item or a row. The error then names the tenant.
    pub(crate) fn failed(&self, error: Error, tenant: &str) -> Error {
        let error = self.named(error, tenant);
        self.tally(|tally| tally.failed(&error));
        error
    }

    /// The error with its tenant.
    pub(crate) fn named(&self, mut error: Error, tenant: &str) -> Error {
        error.tenant_name = error.tenant_name.take().or_else(|| self.tenant_name().map(str::to_owned));
        if tenant.is_empty() { error } else { error.in_tenant(tenant) }
    }

    fn tally(&self, note: impl FnOnce(&Tally)) {
        if let Some(tally) = &self.tenant {
            note(tally);
        }
    }

    pub(crate) fn over(&self) {
        self.phase(Phase::Over);
    }

    pub(crate) fn identity(&self, host: &str, selector: &str) {
        self.phase(Phase::Identity);
        self.verbose(format!("Identity: requesting a token from {host} ({selector})."));
    }

    pub(crate) fn assertion(&self, token: &AccessToken, cloud: Cloud) {
        let claims = &token.claims();
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "?".to_owned());
        self.verbose(format!(
            "Identity: got a token with issuer {}, subject {}, audience {}.",
            text(&claims.iss),
            text(&claims.sub),
            cloud.credential_audience(claims.audience().unwrap_or("?"))
        ));
    }

    pub(crate) fn exchange(&self, tenant: &str, scope: &str) {
        self.phase(Phase::Exchange);
        self.verbose(format!("Exchange: requesting a token for {scope} in tenant {tenant}."));
    }

    /// `takes_roles`: whether the API of the token authorizes by its roles.
    pub(crate) fn token(&self, token: &AccessToken, takes_roles: bool) {
        let claims = token.claims();
        let audience = claims.audience().unwrap_or("?");
        let seconds = token.expires_on - token.fetched_on;
        let roles = claims.roles.join(", ");
        self.verbose(format!("Exchange: got a token for {audience}, valid for {seconds} s, roles: {roles}."));
        if claims.roles.is_empty() && takes_roles && claims.scp.is_empty() {
            self.warning(format!(
                "The token for {audience} has no roles, so the API will reject it. Add application \
                 permissions to the app, and grant consent in the tenant."
            ));
        }
    }

    pub(crate) fn request(&self, method: &str, tenant: &str, path: &str, page: u64) {
        self.phase(Phase::Request);
        self.tally(Tally::request);
        self.verbose(format!("Request: {method} {path}, page {page}, tenant {tenant}."));
    }

    pub(crate) fn reading(&self) {
        self.phase(Phase::Reading);
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.query.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn rows(&self, rows: u64) {
        self.query.rows.fetch_add(rows, Ordering::Relaxed);
        self.tally(|tally| tally.rows(rows));
    }

    pub(crate) fn page(&self) {
        self.query.pages.fetch_add(1, Ordering::Relaxed);
        self.tally(Tally::page);
    }

    /// Tells of a wait before the next attempt: as a warning if it is long, but tenants that wait together only once.
    pub(crate) fn retry(&self, what: &str, status: u16, reason: WaitReason, pause: Duration) {
        self.query.retries.fetch_add(1, Ordering::Relaxed);
        self.tally(Tally::retry);
        let until = self.waits_until(reason, pause);
        let why = match status {
            0 => "no answer".to_owned(),
            429 => "HTTP 429, the quota is used up".to_owned(),
            _ => format!("HTTP {status}"),
        };
        let seconds = pause.as_secs_f64();
        if pause > LONG_WAIT && self.is_news(until) {
            let end = utc(until);
            self.warning(format!("Waiting {} s, until {end}: {what} returned {why}.", seconds.ceil()));
        } else {
            self.verbose(format!("Retry: {what} returned {why}; trying again in {seconds:.1} s."));
        }
    }

    /// Tells of a wait that keeps to a quota. Without a limit, the service has asked to wait.
    pub(crate) fn quota(&self, what: &str, limit: Option<Limit>, pause: Duration) {
        let until = self.waits_until(WaitReason::Quota, pause);
        if pause < SHORT_QUOTA_WAIT {
            return;
        }
        let why = match limit {
            Some(limit) => format!("the quota is {limit}, and they are used up"),
            None => "the service asked to wait".to_owned(),
        };
        let (seconds, end) = (pause.as_secs_f64(), utc(until));
        if pause > LONG_QUOTA_WAIT && self.is_news(until) {
            self.warning(format!("Waiting {} s, until {end}, before {what}: {why}.", seconds.ceil()));
        } else {
            self.verbose(format!("Quota: waiting {seconds:.1} s, until {end}, before {what}: {why}."));
        }
    }

    /// Notes a wait, and returns its end.
    fn waits_until(&self, reason: WaitReason, pause: Duration) -> u64 {
        let now = self.query.clock.now();
        self.tally(|tally| tally.wait(now, now + pause));
        let until = milliseconds(now + pause);
        if self.query.waiting_until.fetch_max(until, Ordering::Relaxed) < until {
            self.query.waiting_for.store(reason as u32, Ordering::Relaxed);
        }
        until
    }

    /// Whether a wait ends so much later than the last one that was a warning that it is another one.
    fn is_news(&self, until: u64) -> bool {
        let is_news = until > milliseconds(LONG_WAIT) + self.query.warned_until.load(Ordering::Relaxed);
        if is_news {
            self.query.warned_until.store(until, Ordering::Relaxed);
        }
        is_news
    }

    pub(crate) fn verbose(&self, text: String) {
        self.push(Level::Verbose, text);
    }

    pub(crate) fn warning(&self, text: String) {
        self.push(Level::Warning, text);
    }

    fn push(&self, level: Level, text: String) {
        let text = match &self.tenant {
            Some(tally) => tally.named(text),
            None => text,
        };
        let mut messages = self.lock();
        if messages.len() >= MESSAGE_LIMIT {
            messages.pop_front();
        }
        messages.push_back((level, text));
        self.query.message_count.store(u32::try_from(messages.len()).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    fn phase(&self, phase: Phase) {
        self.query.phase.store(phase as u32, Ordering::Relaxed);
    }

    fn tallies(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Tally>>> {
        self.query.tallies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<(Level, String)>> {
        self.query.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A time of day, rounded up.
fn utc(until: u64) -> String {
    let end = i64::try_from(until.div_ceil(1000)).ok().and_then(|end| Timestamp::from_second(end).ok());
    end.map_or_else(String::new, |end| end.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
