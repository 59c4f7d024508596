//! How long a command waits in all, and what it says about it.

use std::time::Duration;

use super::{Fixture, drain};
use crate::batch_reader::BatchReader;
use crate::progress::WaitReason;
use crate::query::Query;
use crate::testing::{Answer, CLIENT, Network, ok, status};

const ROWS: &str = r#"{"kind":"rows","resource":"machines"}"#;

fn throttled(seconds: &str) -> Answer {
    Answer::Said(429, vec![("retry-after", seconds.to_owned())], String::new())
}

/// Texts of the query's messages of this level.
pub(super) fn messages(query: &Query, level: &str) -> Vec<String> {
    let Some(batch) = query.messages() else { return Vec::new() };
    let rows = BatchReader::default().read(batch.bytes()).unwrap().rows;
    let rows = rows.iter().filter(|row| row["level"] == *level);
    rows.map(|row| row["text"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn all_waits_of_a_command_together_take_an_hour_at_most() {
    let fixture = Fixture::with_settings("", |_, _| throttled("2000"));
    let outcome = fixture.run(ROWS).await;
    assert_eq!(outcome.error_ids(), ["Fdx.Api.Throttled"]);
    assert_eq!((outcome.waited.as_secs(), fixture.api_requests().len()), (2000, 2));
    let error = &outcome.errors[0];
    assert_eq!(error.retry_after, Some(Duration::from_secs(2000)));
    assert!(error.message.contains("-MaximumWait") && error.message.contains("3600 s"), "{error}");
    // On several pages.
    let fixture = Fixture::with_settings("", |request, before| match (request.url.path(), before) {
        (_, 0) => throttled("1500"),
        ("/api/machines", _) => {
            ok(r#"{"value":[{"id":"1"}],"@odata.nextLink":"https://api.security.microsoft.com/api/2"}"#)
        }
        ("/api/2", _) => {
            ok(r#"{"value":[{"id":"2"}],"@odata.nextLink":"https://api.security.microsoft.com/api/3"}"#)
        }
        _ => ok(r#"{"value":[{"id":"3"}]}"#),
    });
    let outcome = fixture.run(ROWS).await;
    assert_eq!(outcome.ids(), ["1", "2"]);
    assert!((2999..=3000).contains(&outcome.waited.as_secs()), "{:?}", outcome.waited);
}

#[tokio::test(start_paused = true)]
async fn the_limit_is_a_setting_and_counts_what_the_command_has_waited_before() {
    for (limit, waited, wait, ends) in [
        (10_000, 0, "10", 10),
        (9_000, 0, "10", 0),
        (10_000, 5_000, "10", 0),
        (7_200_000, 0, "7200", 7200),
        (0, 0, "1", 0),
    ] {
        let settings = format!(r#","retry":{{"maximumWaitMs":{limit}}}"#);
        let fixture = Fixture::with_settings(&settings, move |_, before| match before {
            0 => throttled(wait),
            _ => ok(r#"{"value":[]}"#),
        });
        let document = format!(r#"{{"kind":"rows","resource":"machines","waitedMs":{waited}}}"#);
        let query = fixture.query(&document);
        let outcome = drain(&query).await;
        assert_eq!(outcome.errors.is_empty(), ends > 0, "{limit} {waited} {wait}");
        assert_eq!(query.stats().waited_ms, waited + ends * 1000, "{limit} {waited} {wait}");
    }
}

#[tokio::test(start_paused = true)]
async fn tenants_that_wait_together_use_the_time_once_and_say_it_once() {
    let tenants: Vec<String> = (1..=9).map(|n| format!("{n}0000000-0000-0000-0000-000000000000")).collect();
    let network = Network::new(|request, count| {
        if super::is_token_request(request) {
            return super::token_answer(request, count);
        }
        if count < 18 { throttled("3000") } else { ok(r#"{"value":[{"id":"1"}]}"#) }
    });
    let settings = format!(
        r#"{{"clientId":"{CLIENT}","tenants":{},"credential":{{"type":"clientSecret","secret":"fake-secret"}}}}"#,
        serde_json::to_string(&tenants).unwrap()
    );
    let fixture = Fixture::open(&network, &settings);
    let query = fixture.query(ROWS);
    let outcome = drain(&query).await;
    assert_eq!((outcome.error_ids().len(), outcome.rows.len()), (0, 9));
    let warnings = messages(&query, "warning");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("Waiting 3000 s, until 2023-11-14 23:"), "{warnings:?}");
    assert!(warnings[0].contains("UTC: /api/machines page 1 of tenant"), "{warnings:?}");
    assert!(warnings[0].contains("HTTP 429"), "{warnings:?}");
}

#[tokio::test(start_paused = true)]
async fn a_short_wait_is_no_warning() {
    let fixture = Fixture::new(|_, before| if before == 0 { throttled("30") } else { ok(r#"{"value":[]}"#) });
    let query = fixture.query(ROWS);
    drain(&query).await;
    assert_eq!(messages(&query, "warning"), [] as [String; 0]);
}

#[tokio::test(start_paused = true)]
async fn progress_names_the_reason_of_a_wait() {
    for (answer, reason) in [
        (throttled("20"), WaitReason::Quota),
        (Answer::Fails(crate::http::TransportErrorKind::Connect), WaitReason::Network),
        (status(503), WaitReason::Service),
    ] {
        let fixture = Fixture::with_settings(r#","retry":{"baseDelayMs":20000}"#, move |_, _| answer.clone());
        assert_eq!(reason_of(&fixture).await, reason);
    }
    let network = Network::new(|_, _| throttled("20"));
    assert_eq!(reason_of(&Fixture::over(&network, "")).await, WaitReason::TokenEndpoint);
}

async fn reason_of(fixture: &Fixture) -> WaitReason {
    let query = fixture.query(ROWS);
    assert_eq!(query.stats().waiting_for, WaitReason::None);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(query.stats().waiting_ms > 0);
    query.stats().waiting_for
}
