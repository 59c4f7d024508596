//! Queries keep to the quotas of the services before they are refused.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::waits::messages;
use super::{Fixture, drain};
use crate::context::World;
use crate::progress::WaitReason;
use crate::testing::{Answer, CLIENT, Network, TENANT, TestClock, ok, status};

/// The lists of so many machines, of which the service allows 50 per minute.
fn of_machines(count: usize) -> String {
    let ids: Vec<_> = (0..count).map(|number| format!("m{number}")).collect();
    json!({"kind": "rows", "resource": "machineVulnerabilities", "parentIds": ids}).to_string()
}

/// A network that allows as many requests of the API in each minute, as a service that is strict does.
fn strict(limit: usize) -> (Arc<Network>, Arc<Mutex<Vec<Instant>>>) {
    let seen = Arc::new(Mutex::new(Vec::<Instant>::new()));
    let counted = Arc::clone(&seen);
    let network = Network::new(move |request, count| {
        if super::is_token_request(request) {
            return super::token_answer(request, count);
        }
        let mut seen = counted.lock().unwrap();
        let recent = seen.iter().filter(|at| at.elapsed() < Duration::from_secs(60)).count();
        seen.push(Instant::now());
        if recent >= limit { Answer::Status(429, &[("retry-after", "60")], String::new()) } else { one_row() }
    });
    (network, seen)
}

fn one_row() -> Answer {
    ok(r#"{"value":[{"id":"CVE-2026-0001"}]}"#)
}

#[tokio::test(start_paused = true)]
async fn a_query_waits_before_it_is_refused_and_says_for_what_and_until_when() {
    let (network, seen) = strict(50);
    let fixture = Fixture::over(&network, "");
    let begun = Instant::now();
    let query = fixture.query(&of_machines(120));
    let midway = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        (query.stats(), seen.lock().unwrap().len())
    };
    let (outcome, (stats, sent)) = tokio::join!(drain(&query), midway);
    assert_eq!((stats.waiting_for, sent), (WaitReason::Quota, 50));
    assert!((29_000..31_000).contains(&stats.waiting_ms), "{}", stats.waiting_ms);
    assert_eq!((outcome.rows.len(), outcome.errors.len()), (120, 0));
    // 120 requests, none of them twice.
    assert_eq!((seen.lock().unwrap().len(), query.stats().retries), (120, 0));
    assert!((120..122).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    let told: Vec<_> =
        messages(&query, "verbose").into_iter().filter(|text| text.starts_with("Quota:")).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].starts_with("Quota: waiting 59.") && told[0].contains("until 2023-11-14 22:14:"),
        "{told:?}"
    );
    assert!(told[0].contains("UTC, before /api/machines/m50/vulnerabilities page 1 of tenant"), "{told:?}");
    assert!(told[0].contains("the quota is 50 requests per minute"), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_the_limit_of_the_command_is_an_error_before_it_begins() {
    let (network, seen) = strict(50);
    let fixture = Fixture::over(&network, r#","retry":{"maximumWaitMs":20000}"#);
    let outcome = fixture.run(&of_machines(60)).await;
    assert_eq!((outcome.error_ids(), outcome.rows.len()), (vec!["Fdx.Api.Throttled"], 50));
    assert!(outcome.waited < Duration::from_secs(1), "{:?}", outcome.waited);
    assert_eq!(seen.lock().unwrap().len(), 50);
    let error = &outcome.errors[0];
    assert!(
        error.message.contains("-MaximumWait") && error.message.contains("50 requests per minute"),
        "{error}"
    );
    assert!((59..=60).contains(&error.retry_after.unwrap().as_secs()), "{error}");
}

#[tokio::test(start_paused = true)]
async fn retries_count_as_requests() {
    let network = Fixture::new(|_, before| if before == 0 { status(503) } else { one_row() });
    let begun = Instant::now();
    let outcome = network.run(&of_machines(30)).await;
    assert_eq!((outcome.rows.len(), network.api_requests().len()), (30, 60));
    assert!(begun.elapsed() > Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_second_query_takes_turns_with_one_that_has_hundreds_of_requests() {
    let (network, seen) = strict(50);
    let fixture = Fixture::over(&network, r#","retry":{"maximumWaitMs":36000000}"#);
    let long = fixture.query(&of_machines(500));
    let second = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        let begun = Instant::now();
        let short = fixture.query(&of_machines(20));
        assert_eq!(drain(&short).await.rows.len(), 20);
        begun.elapsed()
    };
    let (long, took) = tokio::join!(drain(&long), second);
    assert!(took < Duration::from_secs(61), "{took:?}");
    assert_eq!(long.rows.len(), 500);
    assert_eq!(seen.lock().unwrap().len(), 520);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_one_query_holds_back_the_others() {
    let fixture = Fixture::new(|request, before| {
        let is_first = request.url.path() == "/api/machines/m0/vulnerabilities" && before == 0;
        if is_first { Answer::Status(429, &[("retry-after", "40")], String::new()) } else { one_row() }
    });
    let first = fixture.query(&of_machines(1));
    tokio::time::sleep(Duration::from_secs(10)).await;
    let begun = Instant::now();
    let second = r#"{"kind":"request","path":"/api/machines/x/vulnerabilities"}"#;
    assert_eq!(drain(&fixture.query(second)).await.rows.len(), 1);
    assert_eq!(begun.elapsed().as_secs(), 30);
    assert_eq!(drain(&first).await.rows.len(), 1);
    // Another quota is not held back.
    let begun = Instant::now();
    drain(&fixture.query(r#"{"kind":"rows","resource":"machines"}"#)).await;
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_query_whose_pipeline_is_stalled_keeps_no_place() {
    let tenants: Vec<String> = (0..40).map(|n| format!("11111111-1111-1111-1111-{n:012}")).collect();
    // Bodies that fill the channel and all requests that a query begins with.
    let rows = vec![r#"{"id":"1"}"#; 8000].join(",");
    let body = format!(r#"{{"value":[{rows}]}}"#);
    let network = Network::new(move |request, count| {
        if super::is_token_request(request) {
            return super::token_answer(request, count);
        }
        if request.url.path() == "/api/machines" { ok(body.clone()) } else { ok(r#"{"id":"1"}"#) }
    });
    let settings = json!({
        "clientId": CLIENT, "tenants": tenants, "credential": {"type": "clientSecret", "secret": "fake-secret"},
    });
    let fixture = Fixture::open(&network, &settings.to_string());
    let stalled = fixture.query(r#"{"kind":"rows","resource":"machines"}"#);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let reached: Vec<String> =
        fixture.api_requests().iter().map(|request| super::bearer(request).to_owned()).collect();
    assert_eq!(reached.len(), 6);
    // A tenant that the stalled query has not reached. The service allows 100 of its requests per minute.
    let begun = Instant::now();
    for tenant in &tenants {
        let document = json!({"kind": "request", "path": "/api/machines/1", "tenants": [tenant]});
        for _ in 0..99 {
            drain(&fixture.query(&document.to_string())).await;
        }
    }
    let waited = begun.elapsed();
    assert!(waited < Duration::from_secs(59), "{waited:?}");
    let last = json!({"kind": "request", "path": "/api/machines/1", "tenants": [tenants[39]]});
    drain(&fixture.query(&last.to_string())).await;
    assert!(begun.elapsed() < Duration::from_secs(59), "{:?}", begun.elapsed());
    drop(stalled);
}

#[tokio::test(start_paused = true)]
async fn what_resource_graph_says_of_its_quota_is_kept_to() {
    let fixture = Fixture::new(|_, before| {
        let left = if before == 0 { "1" } else { "0" };
        let headers = vec![
            ("x-ms-user-quota-remaining", left.to_owned()),
            ("x-ms-user-quota-resets-after", "00:00:04".to_owned()),
        ];
        Answer::Said(200, headers, r#"{"data":[{"id":"1"}]}"#.to_owned())
    });
    let document = json!({
        "kind": "request", "family": "Arm", "method": "POST", "body": "{\"query\":\"resources\"}",
        "path": "/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01",
    });
    let mut waited = Vec::new();
    for _ in 0..3 {
        let begun = Instant::now();
        assert_eq!(drain(&fixture.query(&document.to_string())).await.errors.len(), 0);
        waited.push(begun.elapsed().as_secs());
    }
    assert_eq!(waited, [0, 0, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_quota_of_processor_time_holds_back_the_next_hunting_query() {
    let fixture = Fixture::new(|_, before| {
        let text = "You have exceeded processing resources allocated to this tenant. You can run queries again in \
                    00:05:00.";
        let refusal = json!({"error": {"code": "TooManyRequests", "message": text}});
        if before == 0 { Answer::Status(429, &[], refusal.to_string()) } else { one_row() }
    });
    let hunting = r#"{"kind":"hunting","query":"DeviceInfo"}"#;
    assert_eq!(fixture.run(hunting).await.error_ids(), ["Fdx.Hunting.CpuQuota"]);
    let request = json!({
        "kind": "request", "family": "Graph", "method": "POST", "path": "/v1.0/security/runHuntingQuery", "body": "{}",
    });
    let begun = Instant::now();
    assert_eq!(drain(&fixture.query(&request.to_string())).await.rows.len(), 1);
    assert_eq!(begun.elapsed().as_secs(), 300);
}

#[tokio::test(start_paused = true)]
async fn sessions_of_a_process_share_a_quota_and_tenants_do_not() {
    let (network, seen) = strict(50);
    let world = World {
        clock: Arc::new(TestClock::new()),
        transport: Some(Arc::clone(&network) as _),
        ..World::default()
    };
    let session = |tenant: &str| {
        let settings = json!({
            "clientId": CLIENT, "tenants": [tenant], "credential": {"type": "clientSecret", "secret": "fake-secret"},
        });
        Fixture::open_in(world.clone(), &network, &settings.to_string())
    };
    let begun = Instant::now();
    for expected in [0, 60] {
        assert_eq!(session(TENANT).run(&of_machines(30)).await.rows.len(), 30);
        assert_eq!(begun.elapsed().as_secs(), expected);
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    seen.lock().unwrap().clear();
    let begun = Instant::now();
    for number in 0..2 {
        session(TENANT).run(&of_machines(10)).await;
        let other = session(&format!("11111111-1111-1111-1111-{number:012}"));
        assert_eq!(other.run(&of_machines(15)).await.rows.len(), 15);
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(seen.lock().unwrap().len(), 50);
}

#[tokio::test(start_paused = true)]
async fn no_more_requests_are_under_way_than_the_service_answers_at_a_time() {
    /// How long the service takes for an answer, whose body comes late.
    const TAKES: Duration = Duration::from_secs(10);
    let under_way = Arc::new(Mutex::new(Vec::<Instant>::new()));
    let most = Arc::new(Mutex::new(0));
    let (counted, highest) = (Arc::clone(&under_way), Arc::clone(&most));
    let network = Network::new(move |request, count| {
        if super::is_token_request(request) {
            return super::token_answer(request, count);
        }
        let mut counted = counted.lock().unwrap();
        counted.retain(|begun| begun.elapsed() < TAKES);
        counted.push(Instant::now());
        let mut highest = highest.lock().unwrap();
        *highest = counted.len().max(*highest);
        let body = br#"{"value":[{"id":"a"}]}"#.to_vec();
        Answer::Parts(200, Vec::new(), vec![crate::testing::Part::After(TAKES.as_secs(), body)])
    });
    let fixture = Fixture::over(&network, "");
    let begun = Instant::now();
    let document = r#"{"kind":"rows","resource":"secureScores"}"#;
    let queries: Vec<_> = (0..12).map(|_| fixture.query(document)).collect();
    let outcomes = futures_util::future::join_all(queries.iter().map(drain)).await;
    assert!(outcomes.iter().all(|outcome| (outcome.rows.len(), outcome.errors.len()) == (1, 0)));
    assert_eq!(*most.lock().unwrap(), 4);
    assert_eq!(begun.elapsed().as_secs(), 3 * TAKES.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_stalls_leaves_its_place_to_the_requests_that_it_waits_for() {
    let row = br#"{"id":"a"},"#;
    let large = [&br#"{"value":["#[..], &row.repeat(100_000), br#"{"id":"b"}]}"#].concat();
    let fixture = Fixture::new(move |request, _| {
        let is_item = request.url.path().ends_with("/a");
        if is_item {
            ok(r#"{"id":"a"}"#)
        } else {
            Answer::Parts(200, Vec::new(), vec![crate::testing::Part::Bytes(large.clone())])
        }
    });
    // Nobody reads these to their end.
    let stalled: Vec<_> =
        (0..4).map(|_| fixture.query(r#"{"kind":"rows","resource":"secureScores"}"#)).collect();
    for query in &stalled {
        assert!(matches!(query.next_in_test().await, crate::query::Next::Batch(_)));
    }
    let inner = fixture.run(r#"{"kind":"rows","resource":"secureScores","id":"a"}"#);
    let inner = tokio::time::timeout(Duration::from_secs(60), inner).await.expect("it waits for ever");
    assert_eq!((inner.rows.len(), inner.errors.len()), (1, 0));
}
