//! What all listeners share: the world, the faults, the report.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::io;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use serde::Serialize;
use serde_json::Value;

use crate::faults::{Fault, Faults, Name};
use crate::jwt::Signer;
use crate::keys::Keys;
use crate::tls::ServerCertificate;
use crate::world::World;

/// Value of the identity endpoint's header.
pub const IDENTITY_HEADER: &str = "fake-identity-header-0123456789";

/// A request in the report. It contains no secret.
#[derive(Clone, Debug, Serialize)]
pub struct Seen {
    /// Listener.
    pub service: &'static str,
    /// Method.
    pub method: String,
    /// Path.
    pub path: String,
    /// Query.
    pub query: String,
    /// Status of the answer.
    pub status: u16,
    /// Tenant, if it is known.
    pub tenant: Option<String>,
}

/// What was seen so far.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The first 20,000 requests, the newest last.
    pub requests: Vec<Seen>,
    /// Counts by name: `identity`, `imds`, `exchanges`, `pages`, `claims`, `defender`, …
    pub counts: BTreeMap<String, u64>,
    /// Tokens issued, by tenant.
    pub exchanges_by_tenant: BTreeMap<String, u64>,
    /// Requests that no client of the real services should have sent.
    pub violations: Vec<String>,
    /// Requests under way.
    pub open: i64,
    /// Largest number of requests under way at a time.
    pub peak_open: i64,
    /// Requests that reached the foreign host, and whether they had a token.
    pub foreign: Vec<String>,
}

/// What filters and orders look at in the rows of a list.
type KeysOfRows = Arc<Vec<Value>>;

/// Shared by all listeners.
pub(crate) struct State {
    /// Signs and checks tokens.
    pub signer: Signer,
    /// Key files of the Azure Arc agent.
    pub keys: Keys,
    /// Certificate of the listeners behind TLS.
    pub certificate: ServerCertificate,
    world: Mutex<World>,
    initial: Mutex<World>,
    faults: Mutex<Faults>,
    report: Mutex<Report>,
    secrets: Mutex<HashSet<String>>,
    revoked: Mutex<HashSet<String>>,
    used: Mutex<HashSet<String>>,
    /// Path and end of each signature of a file.
    signatures: Mutex<HashMap<String, (String, i64)>>,
    /// Rows that were received, in their order, by stream or event hub.
    received: Mutex<BTreeMap<String, Vec<Value>>>,
    /// What filters and orders look at in the rows of a list, by its path and its tenant.
    keys_of_rows: Mutex<HashMap<(String, String), KeysOfRows>>,
    /// Files of exports, by path and content.
    kept_files: Mutex<HashMap<String, Bytes>>,
    windows: Mutex<HashMap<String, (Instant, u64)>>,
    sliding_windows: Mutex<HashMap<String, VecDeque<Instant>>>,
    open: AtomicI64,
    peak_open: AtomicI64,
    counter: AtomicU64,
    started: i64,
    /// Base addresses by listener.
    pub addresses: Mutex<BTreeMap<&'static str, String>>,
}

impl State {
    /// A state with this world.
    pub(crate) fn new(world: World) -> io::Result<Self> {
        let secrets = [
            IDENTITY_HEADER,
            crate::builds::GITHUB_TOKEN,
            crate::builds::PIPELINES_TOKEN,
            crate::fabric::SECRET,
        ];
        let secrets = secrets.map(str::to_owned).into_iter().collect();
        Ok(State {
            signer: Signer::new().map_err(|_| io::Error::other("no random numbers"))?,
            keys: Keys::new()?,
            certificate: ServerCertificate::new()?,
            initial: Mutex::new(world.clone()),
            world: Mutex::new(world),
            faults: Mutex::default(),
            report: Mutex::default(),
            secrets: Mutex::new(secrets),
            revoked: Mutex::default(),
            used: Mutex::default(),
            signatures: Mutex::default(),
            received: Mutex::default(),
            keys_of_rows: Mutex::default(),
            kept_files: Mutex::default(),
            windows: Mutex::default(),
            sliding_windows: Mutex::default(),
            open: AtomicI64::new(0),
            peak_open: AtomicI64::new(0),
            counter: AtomicU64::new(0),
            started: i64::try_from(now()).unwrap_or(0),
            addresses: Mutex::default(),
        })
    }

    /// The world, for reading and changing.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }

    /// Resets everything to the start.
    pub(crate) fn reset(&self) {
        let initial = lock(&self.initial).clone();
        *self.world() = initial;
        lock(&self.faults).clear();
        *lock(&self.report) = Report::default();
        lock(&self.received).clear();
        lock(&self.kept_files).clear();
        lock(&self.windows).clear();
        lock(&self.sliding_windows).clear();
        lock(&self.revoked).clear();
        lock(&self.used).clear();
        self.keys.clear();
        self.peak_open.store(0, Ordering::SeqCst);
    }

    /// What filters and orders look at in this many rows of a list. Making it for each page would take longer than the
    /// page.
    pub(crate) fn keys_of_rows(
        &self,
        path: &str,
        tenant: &str,
        count: usize,
        make: impl FnOnce() -> Vec<Value>,
    ) -> KeysOfRows {
        let mut lists = lock(&self.keys_of_rows);
        let keys = lists.entry((path.to_owned(), tenant.to_owned())).or_default();
        if keys.len() != count {
            *keys = Arc::new(make());
        }
        Arc::clone(keys)
    }

    /// A file of an export. Making a large one takes longer than reading it, so it is made once.
    pub(crate) fn kept_file(&self, key: String, make: impl FnOnce() -> Vec<u8>) -> Bytes {
        if let Some(file) = lock(&self.kept_files).get(&key) {
            return file.clone();
        }
        let file = Bytes::from(make());
        lock(&self.kept_files).insert(key, file.clone());
        file
    }

    /// Keeps rows that were sent to a stream or an event hub.
    pub(crate) fn receive(&self, to: &str, rows: impl IntoIterator<Item = Value>) {
        lock(&self.received).entry(to.to_owned()).or_default().extend(rows);
    }

    /// What was sent to a stream or an event hub.
    pub(crate) fn received(&self, to: &str) -> Vec<Value> {
        lock(&self.received).get(to).cloned().unwrap_or_default()
    }

    /// Adds a fault.
    pub(crate) fn fault(&self, fault: Fault) {
        lock(&self.faults).add(fault);
    }

    /// The fault that strikes this request, if any.
    pub(crate) fn strike(
        &self,
        service: &str,
        path: &str,
        tenant: Option<&str>,
        wanted: impl Fn(Name) -> bool,
    ) -> Option<Fault> {
        lock(&self.faults).strike(service, path, tenant, wanted)
    }

    /// What was seen so far.
    pub(crate) fn report(&self) -> Report {
        let mut report = lock(&self.report).clone();
        report.open = self.open.load(Ordering::SeqCst);
        report.peak_open = self.peak_open.load(Ordering::SeqCst);
        report
    }

    /// Every secret that was issued or is expected.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let of_the_app: Vec<_> = self.world().app.secrets.iter().map(|secret| secret.value.clone()).collect();
        lock(&self.secrets).iter().cloned().chain(of_the_app).collect()
    }

    /// Whether no assertion with this id was sent before.
    pub(crate) fn first_use(&self, id: &str) -> bool {
        lock(&self.used).insert(id.to_owned())
    }

    /// Keeps the signature that makes a file readable until then.
    pub(crate) fn sign(&self, signature: &str, path: &str, end: i64) {
        self.keep_secret(signature);
        lock(&self.signatures).insert(signature.to_owned(), (path.to_owned(), end));
    }

    /// What a signature is for, and its end.
    pub(crate) fn signed(&self, signature: &str) -> Option<(String, i64)> {
        lock(&self.signatures).get(signature).cloned()
    }

    /// Remembers a secret, so that a test can search for it where it must not be.
    pub(crate) fn keep_secret(&self, secret: &str) {
        lock(&self.secrets).insert(secret.to_owned());
    }

    /// Makes every token so far invalid.
    pub(crate) fn revoke_all(&self) {
        let issued: Vec<_> = lock(&self.secrets).iter().cloned().collect();
        lock(&self.revoked).extend(issued);
    }

    /// Whether a token was made invalid.
    pub(crate) fn is_revoked(&self, token: &str) -> bool {
        lock(&self.revoked).contains(token)
    }

    /// Adds one to a count.
    pub(crate) fn count(&self, what: &str) {
        *lock(&self.report).counts.entry(what.to_owned()).or_default() += 1;
    }

    /// Counts a token that was issued.
    pub(crate) fn exchanged(&self, tenant: &str) {
        *lock(&self.report).exchanges_by_tenant.entry(tenant.to_owned()).or_default() += 1;
        self.count("exchanges");
    }

    /// Adds a violation to the report.
    pub(crate) fn violation(&self, what: String) {
        lock(&self.report).violations.push(what);
    }

    /// Adds a request of the foreign host to the report.
    pub(crate) fn foreign(&self, what: String) {
        lock(&self.report).foreign.push(what);
    }

    /// Adds a request to the report.
    pub(crate) fn seen(&self, seen: Seen) {
        let mut report = lock(&self.report);
        *report.counts.entry(seen.service.to_owned()).or_default() += 1;
        if report.requests.len() < 20_000 {
            report.requests.push(seen);
        }
    }

    /// Takes one request of `limit` in a window of `seconds`, which the first request opens. Returns how many are left
    /// (none: there was no room) and the seconds until the window ends.
    pub(crate) fn take(&self, key: &str, limit: u64, seconds: u64) -> (Option<u64>, u64) {
        let (mut windows, length) = (lock(&self.windows), Duration::from_secs(seconds));
        let (begun, count) = windows.entry(key.to_owned()).or_insert_with(|| (Instant::now(), 0));
        if begun.elapsed() >= length {
            (*begun, *count) = (Instant::now(), 0);
        }
        let ends = rounded_up(length.saturating_sub(begun.elapsed()));
        if *count >= limit {
            return (None, ends);
        }
        *count += 1;
        (Some(limit - *count), ends)
    }

    /// As [`State::take`], in a window that slides: it ends when its oldest request is `seconds` old.
    pub(crate) fn take_sliding(&self, key: &str, limit: u64, seconds: u64) -> (Option<u64>, u64) {
        let (mut windows, length) = (lock(&self.sliding_windows), Duration::from_secs(seconds));
        let window = windows.entry(key.to_owned()).or_default();
        while window.front().is_some_and(|oldest| oldest.elapsed() >= length) {
            window.pop_front();
        }
        let used = window.len() as u64;
        if used < limit {
            window.push_back(Instant::now());
        }
        let oldest = window.front().map_or(Duration::ZERO, Instant::elapsed);
        let ends = rounded_up(length.saturating_sub(oldest));
        (limit.checked_sub(used + 1), ends)
    }

    /// Whether pages of this path have no link to the next one.
    pub(crate) fn is_without_links(&self, path: &str) -> bool {
        self.world().paths_without_links.iter().any(|without| without == path)
    }

    /// When the server started, in seconds since 1970.
    pub(crate) fn started(&self) -> i64 {
        self.started
    }

    /// A number that is new each time.
    pub(crate) fn number(&self) -> u64 {
        self.counter.fetch_add(1, Ordering::Relaxed)
    }

    /// An id in the form of a GUID.
    pub(crate) fn guid(&self) -> String {
        format!("7ace0000-0000-4000-8000-{:012}", self.number())
    }

    /// Base address of a listener.
    pub(crate) fn address(&self, name: &str) -> String {
        lock(&self.addresses).get(name).cloned().unwrap_or_default()
    }

    /// Counts a request as under way until the result is dropped.
    pub(crate) fn open(self: &Arc<Self>) -> Open {
        let open = self.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.peak_open.fetch_max(open, Ordering::SeqCst);
        Open(Arc::clone(self))
    }
}

/// A request under way.
pub(crate) struct Open(Arc<State>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whole seconds.
fn rounded_up(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
