//! Pages that break off and are requested again: each row comes once, or an error says that the page changed.

use super::{End, Fixture, Outcome};
use crate::http::TransportErrorKind;
use crate::testing::{Answer, Part, ok};

const LIST: &str = r#"{"kind":"rows","resource":"machines"}"#;

fn list(ids: &[&str]) -> String {
    let rows: Vec<_> = ids.iter().map(|id| format!(r#"{{"id":"{id}","computerDnsName":"é{id}"}}"#)).collect();
    format!(r#"{{"value":[{}]}}"#, rows.join(","))
}

/// The first bytes of a body, and then the connection breaks.
fn broken(body: &str, at: usize) -> Answer {
    let bytes = Part::Bytes(body.as_bytes()[..at].to_vec());
    Answer::Parts(200, Vec::new(), vec![bytes, Part::Fails(TransportErrorKind::Broken)])
}

/// The first bytes of a body, and an end that looks normal.
fn cut(body: &str, at: usize) -> Answer {
    Answer::Parts(200, Vec::new(), vec![Part::Bytes(body.as_bytes()[..at].to_vec())])
}

/// Runs with these answers, one per request; the last one repeats.
async fn over(answers: Vec<Answer>) -> (Outcome, usize) {
    let fixture = Fixture::new(move |_, before| answers[before.min(answers.len() - 1)].clone());
    let outcome = fixture.run(LIST).await;
    (outcome, fixture.api_requests().len())
}

#[tokio::test(start_paused = true)]
async fn wherever_a_page_breaks_off_its_rows_come_once() {
    let body = list(&["1", "2", "3"]);
    for at in 0..body.len() {
        for how in [broken, cut] {
            let (outcome, requests) = over(vec![how(&body, at), ok(body.as_str())]).await;
            assert_eq!(outcome.ids(), ["1", "2", "3"], "at {at}: {:?}", outcome.error_ids());
            assert_eq!((outcome.errors.len(), outcome.end, requests), (0, End::Complete, 2), "at {at}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_breaks_off_repeatedly_but_makes_progress_is_read_to_its_end() {
    let ids: Vec<_> = (0..40).map(|id| id.to_string()).collect();
    let body = list(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    // Far more breaks than the settings allow retries; each lets one row more through.
    let ends: Vec<_> = body.match_indices("},").map(|(at, _)| at + 2).collect();
    let answers = ends.iter().map(|at| broken(&body, *at)).chain([ok(body.as_str())]).collect();
    let (outcome, requests) = over(answers).await;
    assert_eq!(outcome.ids(), ids);
    assert_eq!((outcome.errors.len(), requests), (0, ends.len() + 1));
}

#[tokio::test(start_paused = true)]
async fn a_break_before_the_delivered_rows_is_no_progress() {
    let body = list(&["1", "2", "3"]);
    let at = body.find(r#"{"id":"3"#).unwrap();
    let (outcome, requests) = over(vec![broken(&body, at), broken(&body, 12)]).await;
    assert_eq!(outcome.ids(), ["1", "2"]);
    assert_eq!(outcome.error_ids(), ["Fdx.Network.Broken"]);
    assert_eq!((requests, outcome.errors[0].rows), (3, 2));
}

#[tokio::test(start_paused = true)]
async fn a_page_that_changed_is_an_error() {
    let body = list(&["1", "2", "3"]);
    let third = body.find(r#"{"id":"3"#).unwrap();
    for (name, now) in [
        ("a new first row", list(&["0", "1", "2", "3"])),
        ("a row is missing", list(&["2", "3"])),
        ("another order", list(&["2", "1", "3"])),
        ("a row changed", list(&["1", "2x", "3"])),
        ("fewer rows than were delivered", list(&["1"])),
        ("no rows", list(&[])),
    ] {
        let (outcome, requests) = over(vec![broken(&body, third), ok(now)]).await;
        assert_eq!(outcome.ids(), ["1", "2"], "{name}");
        assert_eq!(outcome.error_ids(), ["Fdx.Protocol.PageChanged"], "{name}");
        assert_eq!((requests, outcome.errors[0].rows), (2, 2), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn new_rows_after_the_delivered_ones_are_delivered() {
    let body = list(&["1", "2", "3"]);
    let third = body.find(r#"{"id":"3"#).unwrap();
    let (outcome, _) = over(vec![broken(&body, third), ok(list(&["1", "2", "4", "5"]))]).await;
    assert_eq!(outcome.ids(), ["1", "2", "4", "5"]);
    assert!(outcome.errors.is_empty());
}

#[tokio::test(start_paused = true)]
async fn first_counts_each_row_once_across_a_break() {
    let body = list(&["1", "2", "3", "4"]);
    let third = body.find(r#"{"id":"3"#).unwrap();
    let fixture = Fixture::new(move |_, before| match before {
        0 => broken(&body, third),
        _ => ok(body.as_str()),
    });
    let outcome = fixture.run(r#"{"kind":"rows","resource":"machines","first":3}"#).await;
    assert_eq!(outcome.ids(), ["1", "2", "3"]);
    assert!(outcome.errors.is_empty());
}

#[tokio::test(start_paused = true)]
async fn rows_before_a_break_are_delivered_before_the_pause() {
    let body = list(&["1", "2", "3"]);
    let third = body.find(r#"{"id":"3"#).unwrap();
    let (broken, whole) = (broken(&body, third), ok(body));
    let fixture = Fixture::new(move |_, before| if before == 0 { broken.clone() } else { whole.clone() });
    let query = fixture.query(LIST);
    let begun = tokio::time::Instant::now();
    assert!(matches!(query.next_in_test().await, super::Next::Batch(_)));
    assert!(begun.elapsed().as_millis() < 500);
}
