//! Stand-ins for the world in unit tests: a clock that runs on tokio's paused time, a network that is a function.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::broker::Broker;
use crate::certificate::Certificate;
use crate::clock::Clock;
use crate::context::Context;
use crate::http::waits::Waits;
use crate::http::{Request, Response, Transport, TransportError, TransportErrorKind};
use crate::progress::Reporter;
use crate::settings::{Environment, Settings};
use crate::token::TokenCache;

pub(crate) const TENANT: &str = "11111111-1111-1111-1111-111111111111";
pub(crate) const CLIENT: &str = "22222222-2222-2222-2222-222222222222";
pub(crate) const IDENTITY: &str = "33333333-3333-3333-3333-333333333333";
/// Where the clocks of the tests begin, seconds since 1970.
pub(crate) const START: u64 = 1_700_000_000;

/// Runs on tokio's time: in a test that is paused, waits take no time and are measured all the same.
pub(crate) struct TestClock(tokio::time::Instant);

impl TestClock {
    pub(crate) fn new() -> Self {
        TestClock(tokio::time::Instant::now())
    }
}

impl Clock for TestClock {
    fn now(&self) -> Duration {
        Duration::from_secs(START) + self.0.elapsed()
    }

    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()> {
        tokio::time::sleep(wait).boxed()
    }
}

/// Numbers that look random and are the same in every run.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// An answer of the scripted network.
#[derive(Clone)]
pub(crate) enum Answer {
    Status(u16, &'static [(&'static str, &'static str)], String),
    /// As `Status`, with headers that the test made.
    Said(u16, Vec<(&'static str, String)>, String),
    Fails(TransportErrorKind),
    Never,
    /// A head, half a body, and the connection breaks.
    BreaksOff,
    /// A head, half a body, and silence.
    Stalls,
    /// The answer, after so many seconds.
    After(u64, Box<Answer>),
    /// A status, headers and a body in parts.
    Parts(u16, Vec<(&'static str, String)>, Vec<Part>),
}

/// A part of a body.
#[derive(Clone)]
pub(crate) enum Part {
    Bytes(Vec<u8>),
    /// The bytes, after so many seconds.
    After(u64, Vec<u8>),
    Fails(TransportErrorKind),
    Silence,
}

pub(crate) fn ok(body: impl Into<String>) -> Answer {
    Answer::Status(200, &[], body.into())
}

pub(crate) fn status(code: u16) -> Answer {
    Answer::Status(code, &[], String::new())
}

type Script = dyn Fn(&Request, usize) -> Answer + Send + Sync;

/// A network that is a function of the request and of how many came before it; it keeps what was sent.
pub(crate) struct Network {
    script: Box<Script>,
    pub(crate) sent: Mutex<Vec<Request>>,
    /// Shared by every open request.
    open: Arc<()>,
}

impl Network {
    pub(crate) fn new(script: impl Fn(&Request, usize) -> Answer + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Network { script: Box::new(script), sent: Mutex::default(), open: Arc::default() })
    }

    pub(crate) fn count(&self) -> usize {
        self.sent.lock().unwrap().len()
    }

    /// Number of requests that wait for their answer or whose body is still being read.
    pub(crate) fn open(&self) -> usize {
        Arc::strong_count(&self.open) - 1
    }

    pub(crate) fn request(&self, index: usize) -> Request {
        self.sent.lock().unwrap()[index].clone()
    }
}

impl Transport for Network {
    fn send(&self, request: Request) -> BoxFuture<'static, Result<Response, TransportError>> {
        let answer = {
            let mut sent = self.sent.lock().unwrap();
            sent.push(request.clone());
            (self.script)(&request, sent.len() - 1)
        };
        let open = Arc::clone(&self.open);
        async move {
            // An answer takes a moment, so that callers who ask together really overlap.
            tokio::time::sleep(Duration::from_millis(5)).await;
            let answer = match answer {
                Answer::After(seconds, answer) => {
                    tokio::time::sleep(Duration::from_secs(seconds)).await;
                    *answer
                }
                at_once => at_once,
            };
            let (status, headers, parts) = match answer {
                Answer::Status(status, headers, body) => {
                    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
                    (status, headers, vec![Part::Bytes(body.into())])
                }
                Answer::Said(status, headers, body) => (status, headers, vec![Part::Bytes(body.into())]),
                Answer::Parts(status, headers, parts) => (status, headers, parts),
                Answer::BreaksOff => (200, Vec::new(), vec![half(), Part::Fails(TransportErrorKind::Broken)]),
                Answer::Stalls => (200, Vec::new(), vec![half(), Part::Silence]),
                Answer::Fails(kind) => return Err(scripted(kind)),
                Answer::Never | Answer::After(..) => return std::future::pending().await,
            };
            let headers: HeaderMap = headers
                .into_iter()
                .map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_str(&v).unwrap()))
                .collect();
            let body = stream::iter(parts).then(|part| async {
                match part {
                    Part::Bytes(bytes) => Ok(Bytes::from(bytes)),
                    Part::After(seconds, bytes) => {
                        tokio::time::sleep(Duration::from_secs(seconds)).await;
                        Ok(Bytes::from(bytes))
                    }
                    Part::Fails(kind) => Err(scripted(kind)),
                    Part::Silence => std::future::pending().await,
                }
            });
            // The request is open until its body is dropped.
            let body = body.inspect(move |_| _ = &open);
            Ok(Response::new(status, headers, body.boxed()))
        }
        .boxed()
    }
}

fn half() -> Part {
    Part::Bytes(b"{\"access_token\": \"fake".to_vec())
}

fn scripted(kind: TransportErrorKind) -> TransportError {
    TransportError { kind, causes: vec!["scripted".to_owned()] }
}

/// A token with these claims, obviously a fake.
pub(crate) fn jwt(claims: &serde_json::Value) -> String {
    let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.fake-signature", encode(r#"{"alg":"none"}"#.to_owned()), encode(claims.to_string()))
}

/// The form of a token request, or the query of an address.
pub(crate) fn pairs(text: &[u8]) -> HashMap<String, String> {
    url::form_urlencoded::parse(text).into_owned().collect()
}

/// A context over a scripted network.
pub(crate) fn context(network: &Arc<Network>, settings: &str, environment: &[(&str, &str)]) -> Context {
    let clock: Arc<dyn Clock> = Arc::new(TestClock::new());
    let settings = Settings::parse(settings).unwrap();
    let waits = Arc::new(Waits::new(settings.retry.maximum_wait(), Duration::ZERO));
    Context {
        certificate: Certificate::of(&settings.credential).unwrap().map(Arc::new),
        broker: Broker::new(0),
        destination: None,
        settings: Arc::new(settings),
        environment: Arc::new(Environment::from_pairs(environment.iter().copied())),
        transport: Arc::clone(network) as _,
        slots: Arc::default(),
        governor: Arc::default(),
        caller: 0,
        reporter: Reporter::new(Arc::clone(&clock), Arc::clone(&waits)),
        waits,
        clock,
        cache: Arc::new(TokenCache::default()),
        files: Arc::default(),
        has_arc_agent: false,
    }
}

/// A folder that ends with the test.
pub(crate) struct TestFolder(pub(crate) PathBuf);

impl TestFolder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("fedxdr-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        TestFolder(path)
    }

    /// Its files, also those of its folders, and what is in them.
    pub(crate) fn files(&self, wanted: impl Fn(&str) -> bool) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.0.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let name = path.strip_prefix(&self.0).unwrap().to_str().unwrap().replace('\\', "/");
                if wanted(&name) {
                    found.insert(name, fs::read(&path).unwrap());
                }
            }
        }
        found
    }
}

impl Drop for TestFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
