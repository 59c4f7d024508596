//! Cancelling or dropping a query, whatever it waits for, drops its requests at once and leaves no task behind.

use std::time::Duration;

use tokio::runtime::Handle;

use super::{End, Fixture, Next, drain, is_token_request, token_answer};
use crate::http::Request;
use crate::testing::{Answer, CLIENT, Network, Part, TENANT, ok, status};

/// Something that a query may wait for.
struct Phase {
    name: &'static str,
    settings: &'static str,
    document: &'static str,
    /// Answers to every request, those for tokens included.
    answer: fn(&Request, usize) -> Answer,
    /// Open requests while it waits.
    open: usize,
}

const LIST: &str = r#"{"kind":"rows","resource":"machines"}"#;
const SECRET: &str = r#"{"type":"clientSecret","secret":"fake-client-secret"}"#;

fn after_token(request: &Request, count: usize, answer: impl Fn() -> Answer) -> Answer {
    if is_token_request(request) { token_answer(request, count) } else { answer() }
}

fn half_a_page() -> Answer {
    let half = Part::Bytes(br#"{"value":[{"id":"1"},{"id":"2"},{"id""#.to_vec());
    Answer::Parts(200, Vec::new(), vec![half, Part::Silence])
}

/// Far more rows than the channel holds.
fn enormous_page() -> Answer {
    let rows: Vec<_> = (0..20_000).map(|id| format!(r#"{{"id":"{id}"}}"#)).collect();
    let body = format!(r#"{{"value":[{}]}}"#, rows.join(","));
    let parts = body.as_bytes().chunks(4096).map(|chunk| Part::Bytes(chunk.to_vec()));
    Answer::Parts(200, Vec::new(), parts.collect())
}

const PHASES: &[Phase] = &[
    Phase {
        name: "an identity's token",
        settings: r#"{"type":"managedIdentity"}"#,
        document: LIST,
        answer: |_, _| Answer::Never,
        open: 1,
    },
    Phase { name: "the exchange", settings: SECRET, document: LIST, answer: |_, _| Answer::Never, open: 1 },
    Phase {
        name: "the token's body",
        settings: SECRET,
        document: LIST,
        answer: |_, _| Answer::Stalls,
        open: 1,
    },
    Phase {
        name: "a pause of the token endpoint",
        settings: SECRET,
        document: LIST,
        answer: |_, _| Answer::Status(429, &[("retry-after", "600")], String::new()),
        open: 0,
    },
    Phase {
        name: "only a token",
        settings: SECRET,
        document: r#"{"kind":"token","resource":"Graph"}"#,
        answer: |_, _| Answer::Never,
        open: 1,
    },
    Phase {
        name: "the answer",
        settings: SECRET,
        document: LIST,
        answer: |request, count| after_token(request, count, || Answer::Never),
        open: 1,
    },
    Phase {
        name: "the answer to a POST",
        settings: SECRET,
        document: r#"{"kind":"request","path":"/api/x","method":"POST","body":"{}"}"#,
        answer: |request, count| after_token(request, count, || Answer::Never),
        open: 1,
    },
    Phase {
        name: "the rest of a page",
        settings: SECRET,
        document: LIST,
        answer: |request, count| after_token(request, count, half_a_page),
        open: 1,
    },
    Phase {
        name: "the text of a refusal",
        settings: SECRET,
        document: LIST,
        answer: |request, count| {
            after_token(request, count, || Answer::Parts(500, Vec::new(), vec![Part::Silence]))
        },
        open: 1,
    },
    Phase {
        name: "a pause for quota",
        settings: SECRET,
        document: LIST,
        answer: |request, count| {
            after_token(request, count, || Answer::Status(429, &[("retry-after", "600")], String::new()))
        },
        open: 0,
    },
    Phase {
        name: "a pause of its own",
        settings: SECRET,
        document: LIST,
        answer: |request, count| after_token(request, count, || status(503)),
        open: 0,
    },
    Phase {
        name: "a consumer that reads nothing",
        settings: SECRET,
        document: LIST,
        answer: |request, count| after_token(request, count, enormous_page),
        open: 1,
    },
    Phase {
        name: "a check of a tenant",
        settings: SECRET,
        document: r#"{"kind":"check","resources":["Defender","Machine"]}"#,
        answer: |request, count| after_token(request, count, || Answer::Never),
        open: 1,
    },
    Phase {
        name: "an assertion of the consumer",
        settings: r#"{"type":"clientAssertion"}"#,
        document: LIST,
        answer: |_, _| panic!("nothing may be sent before there is an assertion"),
        open: 0,
    },
];

fn open(phase: &Phase) -> Fixture {
    let network = Network::new(phase.answer);
    let settings = format!(
        r#"{{"clientId":"{CLIENT}","tenants":["{TENANT}"],"credential":{},"endpoints":{{"imds":"http://127.0.0.1:1"}},
            "retry":{{"attempts":50,"baseDelayMs":30000}}}}"#,
        phase.settings
    );
    Fixture::open(&network, &settings)
}

/// A moment later nothing of the query is left.
async fn expect_nothing_left(phase: &Phase, fixture: &Fixture, tasks: usize) {
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(fixture.network.open(), 0, "{}", phase.name);
    assert_eq!(Handle::current().metrics().num_alive_tasks(), tasks, "{}", phase.name);
    // And nothing starts again.
    let sent = fixture.network.count();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(fixture.network.count(), sent, "{}", phase.name);
}

async fn begin(phase: &Phase, fixture: &Fixture) -> super::Query {
    let query = fixture.query(phase.document);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(fixture.network.open(), phase.open, "{}", phase.name);
    query
}

#[tokio::test(start_paused = true)]
async fn a_query_that_is_cancelled_leaves_nothing_behind() {
    for phase in PHASES {
        let fixture = open(phase);
        let tasks = Handle::current().metrics().num_alive_tasks();
        let query = begin(phase, &fixture).await;
        query.cancel();
        query.cancel();
        expect_nothing_left(phase, &fixture, tasks).await;
        let outcome = drain(&query).await;
        assert_eq!(
            (outcome.end, outcome.rows.len(), outcome.errors.len()),
            (End::Cancelled, 0, 0),
            "{}",
            phase.name
        );
        // A later call says the same.
        assert!(matches!(query.next(Duration::ZERO), Next::Cancelled), "{}", phase.name);
    }
}

#[tokio::test(start_paused = true)]
async fn a_query_that_is_dropped_leaves_nothing_behind() {
    for phase in PHASES {
        let fixture = open(phase);
        let tasks = Handle::current().metrics().num_alive_tasks();
        drop(begin(phase, &fixture).await);
        expect_nothing_left(phase, &fixture, tasks).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_query_outlives_its_session() {
    let Fixture { session, network } =
        Fixture::new(|_, _| Answer::After(5, Box::new(ok(r#"{"value":[{"id":"1"}]}"#))));
    let query = session.query(LIST).unwrap();
    drop(session);
    let outcome = drain(&query).await;
    assert_eq!((outcome.ids(), outcome.end), (vec!["1"], End::Complete));
    assert_eq!(network.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_token_request_goes_on_for_another_query() {
    let network = Network::new(|request, count| {
        if is_token_request(request) {
            Answer::After(10, Box::new(token_answer(request, count)))
        } else {
            ok(r#"{"value":[{"id":"1"}]}"#)
        }
    });
    let fixture = Fixture::over(&network, "");
    // Both queries wait for one token request, which the first one started.
    let first = fixture.query(LIST);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let second = fixture.query(LIST);
    tokio::time::sleep(Duration::from_secs(1)).await;
    first.cancel();
    let outcome = drain(&second).await;
    assert_eq!((outcome.ids(), outcome.error_ids()), (vec!["1"], vec![]));
    assert_eq!(fixture.token_requests().len(), 1);
}
