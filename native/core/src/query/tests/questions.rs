//! Connections whose consumer signs: who is asked, and how often.

use std::sync::Arc;

use tokio::time::Duration;

use super::{End, Fixture, drain, is_token_request, token_answer};
use crate::context::World;
use crate::query::{Next, Query};
use crate::testing::{Network, TestClock, ok};

const LIST: &str = r#"{"kind":"rows","resource":"machines"}"#;

fn world(network: &Arc<Network>) -> World {
    World { clock: Arc::new(TestClock::new()), transport: Some(Arc::clone(network) as _), ..World::default() }
}

fn network() -> Arc<Network> {
    Network::new(|request, count| {
        if is_token_request(request) { token_answer(request, count) } else { ok(r#"{"value":[{"id":"1"}]}"#) }
    })
}

fn settings(tenants: &str) -> String {
    format!(
        r#"{{"clientId":"22222222-2222-2222-2222-222222222222","tenants":[{tenants}],
            "credential":{{"type":"callerCertificate","certificate":"ZmFrZQ==","algorithm":"PS256"}}}}"#
    )
}

const ONE: &str = r#""11111111-1111-1111-1111-111111111111""#;
const TWO: &str = r#""11111111-1111-1111-1111-111111111111","33333333-3333-3333-3333-333333333333""#;

/// Signs as long as it is asked, and returns the number of signatures.
async fn sign_all(query: &Query) -> usize {
    let mut signed = 0;
    loop {
        match query.next_in_test().await {
            Next::NeedsSignature(_) => {
                assert!(query.answer(Ok(b"\xFF fake")), "an answer is accepted");
                assert!(!query.answer(Ok(b"\xFF fake")), "one answer per question");
                signed += 1;
            }
            Next::Batch(_) => {}
            Next::End => return signed,
            _ => panic!("the query failed"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_signature_for_each_tenant_and_none_for_a_cached_token() {
    let network = network();
    let fixture = Fixture::open_in(world(&network), &network, &settings(TWO));
    assert_eq!(sign_all(&fixture.query(LIST)).await, 2);
    assert_eq!(drain(&fixture.query(LIST)).await.end, End::Complete);
}

#[tokio::test(start_paused = true)]
async fn a_query_answers_for_another_connection_of_its_certificate_whose_pipeline_is_stalled() {
    let network = network();
    let world = world(&network);
    let outer = Fixture::open_in(world.clone(), &network, &settings(ONE));
    let inner = Fixture::open_in(world, &network, &settings(ONE));
    // Asks for the token of the tenant, and is not pulled.
    let stalled = outer.query(LIST);
    tokio::time::sleep(Duration::from_secs(1)).await;
    // Waits for the same token.
    assert_eq!(sign_all(&inner.query(LIST)).await, 1);
    assert_eq!(sign_all(&stalled).await, 0);
    assert_eq!(network.sent.lock().unwrap().iter().filter(|request| is_token_request(request)).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_ends_leaves_its_question_to_the_next() {
    let network = network();
    let fixture = Fixture::open_in(world(&network), &network, &settings(ONE));
    let first = fixture.query(LIST);
    assert!(matches!(first.next_in_test().await, Next::NeedsSignature(_)));
    let second = fixture.query(LIST);
    drop(first);
    assert_eq!(sign_all(&second).await, 1);
}
