//! Exports of the service's files: the next ones are requested while the present one is read.

use std::time::Duration;

use serde_json::{Value, json};

use super::export_of_files::{EXPORT, packed};
use super::{Fixture, is_token_request};
use crate::http::{Request, TransportErrorKind};
use crate::testing::{Answer, Part, TestFolder, ok};

const FILES: usize = 4;
/// Seconds until a file is answered, and until the second half of it comes.
const HEAD: u64 = 10;
const HALF: u64 = 10;

fn document(folder: &TestFolder) -> String {
    json!({"kind": "export", "destination": folder.0, "datasets": ["vulnerabilities"], "mode": "Full",
           "compression": "None", "rowsPerFile": 2})
    .to_string()
}

fn list() -> Answer {
    let files =
        (0..FILES).map(|file| format!("https://x.blob.core.windows.net/e/part-{file}.json.gz?sig=fake"));
    ok(json!({"exportFiles": files.collect::<Value>(), "generatedTime": "2026-11-24T11:01:00Z"}).to_string())
}

fn number(request: &Request) -> usize {
    request.url.path().trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap()
}

/// The halves of a file.
fn halves(file: usize) -> [Vec<u8>; 2] {
    let rows = |from: usize| {
        let rows = (from..from + 2).map(|row| format!("{{\"Id\":\"{file}-{row}\",\"DeviceId\":\"d\"}}\n"));
        rows.collect::<String>()
    };
    let mut first = packed(&(rows(0) + &rows(2)));
    let second = first.split_off(first.len() / 2);
    [first, second]
}

fn slow(request: &Request) -> Answer {
    let [first, second] = halves(number(request));
    let parts = vec![Part::Bytes(first), Part::After(HALF, second)];
    Answer::After(HEAD, Box::new(Answer::Parts(200, Vec::new(), parts)))
}

fn ids(folder: &TestFolder) -> Vec<String> {
    let files = folder.files(|name| name.contains("part-"));
    let rows = files.values().flat_map(|file| std::str::from_utf8(file).unwrap().lines());
    let id = |row: &str| serde_json::from_str::<Value>(row).unwrap()["id"].as_str().unwrap().to_owned();
    rows.map(id).collect()
}

fn expected() -> Vec<String> {
    (0..FILES).flat_map(|file| (0..4).map(move |row| format!("{file}-{row}"))).collect()
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_the_beginning_of_a_file_but_the_first() {
    let folder = TestFolder::new();
    let fixture =
        Fixture::new(|request, _| if request.url.path() == EXPORT { list() } else { slow(request) });
    let outcome = fixture.run(&document(&folder)).await;
    assert!(outcome.errors.is_empty(), "{:?}", outcome.errors);
    assert_eq!(ids(&folder), expected());
    // One after the other would take 80 s.
    let most = Duration::from_secs(2 * (HEAD + HALF));
    assert!(outcome.waited < most, "{:?} instead of {most:?}", outcome.waited);
    // Each one is requested once, in their order.
    let requests = fixture.sent(|request| !is_token_request(request) && request.url.path() != EXPORT);
    assert_eq!(requests.iter().map(number).collect::<Vec<_>>(), (0..FILES).collect::<Vec<_>>());
    assert!(requests.iter().all(|request| !request.headers.contains_key("authorization")));
}

#[tokio::test(start_paused = true)]
async fn what_breaks_off_in_the_beginning_or_in_the_rest_is_asked_for_again() {
    for breaks_in in 0..3 {
        let folder = TestFolder::new();
        let fixture = Fixture::new(move |request, before| {
            if request.url.path() == EXPORT {
                return list();
            }
            let [first, second] = halves(number(request));
            let broken = Part::Fails(TransportErrorKind::Broken);
            match (before, breaks_in) {
                (0, 0) => Answer::Fails(TransportErrorKind::Broken),
                (0, 1) => Answer::Parts(200, Vec::new(), vec![broken]),
                (0, 2) => Answer::Parts(200, Vec::new(), vec![Part::Bytes(first), broken]),
                _ => Answer::Parts(200, Vec::new(), vec![Part::Bytes(first), Part::Bytes(second)]),
            }
        });
        let outcome = fixture.run(&document(&folder)).await;
        assert!(outcome.errors.is_empty(), "{:?}", outcome.errors);
        assert_eq!(ids(&folder), expected());
    }
}
