//! Queries as the ABI runs them, from documents to rows, with a scripted network and on paused time.

mod cancel;
mod changes;
mod check;
mod documents;
mod echoes;
mod export;
mod export_ahead;
mod export_of_files;
mod export_of_query;
mod faults;
mod hunting;
mod import;
mod limits;
mod links;
mod paging;
mod questions;
mod quota;
mod replay;
mod tenants;
mod waits;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::{Next, Query};
use crate::batch_reader::{BatchReader, Row};
use crate::context::World;
use crate::errors::Error;
use crate::http::Request;
use crate::session::Session;
use crate::testing::{Answer, CLIENT, Network, Part, TENANT, TestClock, jwt, ok, pairs};

/// Tenant of every domain.
const DOMAIN_TENANT: &str = "44444444-4444-4444-4444-444444444444";
/// How long the scripted network takes for an answer.
const LATENCY: Duration = Duration::from_millis(5);

/// A session over a scripted network.
struct Fixture {
    network: Arc<Network>,
    session: Session,
}

/// The outcome of a query.
struct Outcome {
    rows: Vec<Row>,
    /// Id and name of the tenant of each row.
    tenants: Vec<(String, Option<String>)>,
    errors: Vec<Error>,
    end: End,
    /// Elapsed time without the latency of the network.
    waited: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Complete,
    Failed,
    Cancelled,
}

impl Fixture {
    /// A session whose token requests succeed. `script` gets each API request, and how many requests to the same
    /// path came before.
    fn new(script: impl Fn(&Request, usize) -> Answer + Send + Sync + 'static) -> Self {
        Self::with_settings(r#","retry":{"attempts":2,"baseDelayMs":1000}"#, script)
    }

    fn with_settings(more: &str, script: impl Fn(&Request, usize) -> Answer + Send + Sync + 'static) -> Self {
        let paths = std::sync::Mutex::new(std::collections::HashMap::<String, usize>::new());
        let network = Network::new(move |request, count| {
            if is_token_request(request) {
                return token_answer(request, count);
            }
            let before = {
                let mut paths = paths.lock().unwrap();
                let before = paths.entry(request.url.path().to_owned()).or_default();
                *before += 1;
                *before - 1
            };
            script(request, before)
        });
        Self::over(&network, more)
    }

    /// A session over a network that answers token requests itself.
    fn over(network: &Arc<Network>, more: &str) -> Self {
        let settings = format!(
            r#"{{"clientId":"{CLIENT}","tenants":["{TENANT}"],
                "credential":{{"type":"clientSecret","secret":"fake-client-secret"}}{more}}}"#
        );
        Self::open(network, &settings)
    }

    fn open(network: &Arc<Network>, settings: &str) -> Self {
        let world = World {
            clock: Arc::new(TestClock::new()),
            transport: Some(Arc::clone(network) as _),
            ..World::default()
        };
        Self::open_in(world, network, settings)
    }

    /// A session in a process that has others.
    fn open_in(world: World, network: &Arc<Network>, settings: &str) -> Self {
        let session = Session::open(settings, Handle::current(), world).unwrap();
        Fixture { network: Arc::clone(network), session }
    }

    fn query(&self, document: &str) -> Query {
        self.session.query(document).unwrap_or_else(|error| panic!("{document}: {error}"))
    }

    /// Runs a query to its end.
    async fn run(&self, document: &str) -> Outcome {
        let (begun, sent) = (Instant::now(), self.network.count());
        let query = self.query(document);
        let mut outcome = drain(&query).await;
        let requests = u32::try_from(self.network.count() - sent).unwrap();
        // Requests of several tenants overlap.
        outcome.waited = begun.elapsed().saturating_sub(LATENCY * requests);
        outcome
    }

    /// The requests to APIs so far.
    fn api_requests(&self) -> Vec<Request> {
        self.sent(|request| !is_token_request(request))
    }

    fn token_requests(&self) -> Vec<Request> {
        self.sent(is_token_request)
    }

    fn sent(&self, wanted: impl Fn(&Request) -> bool) -> Vec<Request> {
        self.network.sent.lock().unwrap().iter().filter(|request| wanted(request)).cloned().collect()
    }
}

impl Outcome {
    fn ids(&self) -> Vec<&str> {
        self.rows.iter().map(|row| row["id"].as_str().unwrap()).collect()
    }

    fn error_ids(&self) -> Vec<&str> {
        self.errors.iter().map(|error| error.id).collect()
    }
}

/// Reads a query to its end.
async fn drain(query: &Query) -> Outcome {
    let mut batches = BatchReader::default();
    let mut outcome = Outcome {
        rows: Vec::new(),
        tenants: Vec::new(),
        errors: Vec::new(),
        end: End::Complete,
        waited: Duration::ZERO,
    };
    loop {
        match query.next_in_test().await {
            Next::Batch(batch) => {
                let decoded = batches.read(batch.bytes()).unwrap();
                outcome.tenants.extend(
                    decoded.rows.iter().map(|_| (decoded.tenant.clone(), decoded.tenant_name.clone())),
                );
                outcome.rows.extend(decoded.rows);
            }
            Next::ItemFailed(error) => outcome.errors.push(error),
            Next::Failed(error) => {
                outcome.errors.push(error);
                outcome.end = End::Failed;
                return outcome;
            }
            Next::End => return outcome,
            Next::Cancelled => {
                outcome.end = End::Cancelled;
                return outcome;
            }
            Next::NeedsAssertion | Next::NeedsSignature(_) => panic!("nobody can answer"),
            Next::Pending | Next::Busy => unreachable!("nothing limits the wait, nobody else reads"),
        }
    }
}

fn is_token_request(request: &Request) -> bool {
    request.url.host_str() == Some("login.microsoftonline.com")
}

/// A token with the roles that the tests need, different each time.
fn token_answer(request: &Request, count: usize) -> Answer {
    let tenant = request.url.path_segments().and_then(|mut parts| parts.next()).unwrap_or_default();
    let tid = if tenant.contains('.') { DOMAIN_TENANT } else { tenant };
    let token = jwt(&json!({
        "aud": "https://api.securitycenter.microsoft.com",
        "tid": tid,
        "appid": CLIENT,
        "roles": ["Machine.Read.All", "Vulnerability.Read.All"],
        "count": count,
    }));
    ok(json!({"token_type": "Bearer", "expires_in": 3599, "access_token": token}).to_string())
}

/// The form of a token request.
fn form(request: &Request) -> std::collections::HashMap<String, String> {
    pairs(request.body.as_deref().unwrap_or_default())
}

/// The token of an API request.
fn bearer(request: &Request) -> &str {
    request.headers["authorization"].to_str().unwrap().strip_prefix("Bearer ").unwrap()
}

#[test]
fn a_cached_token_is_ready_without_another_thread() {
    // Nothing runs on this runtime outside `block_on`: a task of the query would never be polled.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let document = r#"{"kind":"token","resource":"Defender"}"#;
    let fixture = runtime.block_on(async {
        let fixture = Fixture::new(|_, _| panic!("a token request needs no API"));
        assert_eq!(fixture.run(document).await.rows.len(), 1);
        fixture
    });
    let query = fixture.query(document);
    assert!(matches!(query.next(Duration::ZERO), Next::Batch(_)));
    assert!(matches!(query.next(Duration::ZERO), Next::End));
    assert_eq!(fixture.token_requests().len(), 1);
}

#[test]
fn a_wait_ends_in_time_while_no_worker_is_free() {
    // Nothing runs on this runtime, as if all its workers were busy: a timer of its own would never fire.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let fixture = runtime.block_on(async { Fixture::new(|_, _| Answer::Never) });
    let query = fixture.query(r#"{"kind":"rows","resource":"machines"}"#);
    assert!(matches!(query.next(Duration::from_millis(20)), Next::Pending));
    query.cancel();
    assert!(matches!(query.next(Duration::from_secs(3600)), Next::Cancelled));
}

#[tokio::test(start_paused = true)]
async fn of_slow_tenants_eight_receive_rows_at_a_time_and_as_many_as_the_limit_says() {
    let page = || {
        let headers = vec![("content-type", "application/json".to_owned())];
        Answer::Parts(200, headers, vec![Part::Bytes(br#"{"value":[{"id":"a"},"#.to_vec()), Part::Silence])
    };
    for (limit, expected) in [("", 8), (r#","throttleLimit":10"#, 10), (r#","throttleLimit":3"#, 3)] {
        let fixture = Fixture::new(move |_, _| page());
        let tenants: Vec<_> = (0..12).map(|n| format!("\"11111111-1111-1111-1111-{n:012}\"")).collect();
        let tenants = tenants.join(",");
        let query = fixture
            .query(&format!(r#"{{"kind":"rows","resource":"machines","tenants":[{tenants}]{limit}}}"#));
        let mut receiving = 0;
        while let Ok(next) = tokio::time::timeout(Duration::from_secs(5), query.next_in_test()).await {
            assert!(matches!(next, Next::Batch(_)));
            receiving += 1;
        }
        assert_eq!(receiving, expected, "{limit}");
    }
}
