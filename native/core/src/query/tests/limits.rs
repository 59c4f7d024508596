//! A dead or nearly dead host: each phase ends, and all attempts together take less time than a function has.

use std::time::Duration;

use super::{Fixture, drain};
use crate::testing::{Answer, CLIENT, Network, Part, TENANT, ok, status};

const ROWS: &str = r#"{"kind":"rows","resource":"machines"}"#;
const POST: &str = r#"{"kind":"request","path":"/api/x","method":"POST","body":"{}"}"#;
/// A function on the Consumption plan is ended after five minutes.
const FUNCTION: Duration = Duration::from_secs(300);

fn slow(status: u16, begin: &str, byte: &[u8]) -> Answer {
    let drips = (0..5000).map(|_| Part::After(1, byte.to_vec()));
    let parts = std::iter::once(Part::Bytes(begin.into())).chain(drips);
    Answer::Parts(status, Vec::new(), parts.collect())
}

fn stalls(status: u16, begin: &str) -> Answer {
    Answer::Parts(status, Vec::new(), vec![Part::Bytes(begin.into()), Part::Silence])
}

#[tokio::test(start_paused = true)]
async fn an_api_that_is_dead_takes_less_than_a_function_has() {
    const BEGIN: &str = r#"{"value":[{"id":"1"},{"id":"#;
    for (what, answer, id, rows) in [
        ("no answer", Answer::Never, "Fdx.Network.Timeout", 0),
        ("silence", stalls(200, BEGIN), "Fdx.Network.Timeout", 1),
        ("a byte a second", slow(200, BEGIN, b" "), "Fdx.Network.Timeout", 1),
        ("a byte a second from the start", slow(200, "", b" "), "Fdx.Network.Timeout", 0),
    ] {
        for more in ["", r#","retry":{"attempts":100}"#] {
            for document in [ROWS, POST] {
                let answer = answer.clone();
                let fixture = Fixture::with_settings(more, move |_, _| answer.clone());
                let outcome = fixture.run(document).await;
                assert_eq!((outcome.error_ids(), outcome.rows.len()), (vec![id], rows), "{what}");
                assert!(outcome.waited < FUNCTION, "{what}: {:?}", outcome.waited);
                if document == POST {
                    assert_eq!(fixture.api_requests().len(), 1, "{what}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_for_tokens_that_is_dead_takes_less_than_a_function_has() {
    let app = format!(r#""clientId":"{CLIENT}","tenants":["{TENANT}"],"#);
    let environment = r#""environment":{"IDENTITY_ENDPOINT":"http://127.0.0.1:1/x","IDENTITY_HEADER":"fake",
        "ACTIONS_ID_TOKEN_REQUEST_URL":"https://actions.example/x?y=z","ACTIONS_ID_TOKEN_REQUEST_TOKEN":"fake"},"#;
    for credential in [
        r#"{"type":"clientSecret","secret":"fake-secret"}"#,
        r#"{"type":"managedIdentity"}"#,
        r#"{"type":"gitHubActions"}"#,
    ] {
        for dead in
            [Answer::Never, stalls(200, "{"), slow(200, "{", b" "), stalls(500, "{"), slow(400, "{", b" ")]
        {
            for retry in ["", r#","retry":{"attempts":100}"#] {
                let dead = dead.clone();
                let network = Network::new(move |_, _| dead.clone());
                let settings = format!(r#"{{{app}{environment}"credential":{credential}{retry}}}"#);
                let outcome = Fixture::open(&network, &settings).run(ROWS).await;
                assert_eq!(outcome.errors.len(), 1);
                let waited = outcome.waited;
                assert!(waited < FUNCTION, "{credential} {retry}: {waited:?}, {}", outcome.errors[0]);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_text_of_an_error_that_never_ends_is_not_waited_for() {
    for code in [400, 403, 404, 500] {
        for endless in [stalls, |code, begin: &str| slow(code, begin, b"x")] {
            let fixture = Fixture::with_settings(r#","retry":{"attempts":1}"#, move |_, _| {
                endless(code, r#"{"error":{"code":"Fake","message":"the beginning"#)
            });
            let outcome = fixture.run(POST).await;
            assert_eq!(outcome.errors[0].http_status, Some(code));
            assert!(outcome.errors[0].message.contains("the beginning"), "{}", outcome.errors[0]);
            assert!(outcome.waited <= Duration::from_secs(11), "{code}: {:?}", outcome.waited);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_slow_but_not_too_slow_is_read() {
    // 8,000 bytes every 50 seconds, for half an hour.
    let row = format!(r#"{{"id":"1","computerDnsName":"{}"}}"#, "x".repeat(8000));
    let mut parts = vec![Part::Bytes(format!(r#"{{"value":[{row}"#).into())];
    parts.extend((0..36).map(|_| Part::After(50, format!(",{row}").into())));
    parts.push(Part::After(50, b"]}".to_vec()));
    let answer = Answer::Parts(200, Vec::new(), parts);
    let fixture = Fixture::new(move |_, _| answer.clone());
    let outcome = fixture.run(ROWS).await;
    assert_eq!((outcome.error_ids().len(), outcome.rows.len()), (0, 37));
}

#[tokio::test(start_paused = true)]
async fn the_consumers_own_pauses_do_not_count() {
    let row = r#"{"id":"1"}"#;
    let rows = vec![row; 2000].join(",");
    let page = Answer::Parts(
        200,
        Vec::new(),
        vec![
            Part::Bytes(format!(r#"{{"value":[{rows},"#).into()),
            Part::After(1, format!("{rows},").into()),
            Part::After(1, row.into()),
            Part::After(1, b"]}".to_vec()),
        ],
    );
    let fixture = Fixture::new(move |_, _| page.clone());
    let query = fixture.query(ROWS);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let outcome = drain(&query).await;
    assert_eq!((outcome.error_ids().len(), outcome.rows.len()), (0, 4001));
}

#[tokio::test(start_paused = true)]
async fn a_hunting_query_may_take_three_minutes() {
    let fixture = Fixture::new(|_, _| Answer::After(185, Box::new(ok(r#"{"Results":[]}"#))));
    let outcome = fixture.run(POST).await;
    assert_eq!(outcome.error_ids(), [] as [&str; 0]);
    let fixture = Fixture::new(|_, before| if before == 0 { status(503) } else { ok(r#"{"value":[]}"#) });
    assert_eq!(fixture.run(ROWS).await.error_ids(), [] as [&str; 0]);
}
