//! Exports of the files that the service has of a list.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::Fixture;
use super::export::{CHANGES, PLAIN, SNAPSHOT, VULNERABILITIES, data, document, manifest, page, summary};
use crate::http::{Request, TransportErrorKind};
use crate::testing::{Answer, Part, START, TestFolder, ok, status};

/// Path of the list of files.
pub(super) const EXPORT: &str = "/api/machines/SoftwareVulnerabilitiesExport";
const FULL: &str = r#","compression":"None","rowsPerFile":3,"mode":"Full""#;
const SIGNATURE: &str = "fake-signature";

/// A list of three files of this snapshot. The addresses are new each time, and end so many seconds after the tests
/// begin.
fn listing(generated: &str, number: usize, seconds: u64) -> Answer {
    let end = jiff::Timestamp::from_second(i64::try_from(START + seconds).unwrap()).unwrap();
    let files: Vec<_> = (0..3)
        .map(|file| {
            format!("https://x.blob.core.windows.net/e/part-{file}.json.gz?se={end}&sig={SIGNATURE}{number}")
        })
        .collect();
    ok(json!({"exportFiles": files, "generatedTime": generated}).to_string())
}

/// A file of two rows, as the service writes them.
fn file(request: &Request) -> Vec<u8> {
    let number: u64 = request.url.path().trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap();
    let lines: Vec<String> = (number * 2..number * 2 + 2)
        .map(|row| {
            json!({
                "Id": format!("row-{row}"), "DeviceId": "d1", "CvssScore": 7.5, "RbacGroupId": row,
                "DiskPaths": ["C:\\a", "b, \"c\""], "FirstSeenTimestamp": "2026-11-03 10:13:34.8476880",
                "SecurityUpdateAvailable": row % 2 == 0, "newMember": {"snapshot": SNAPSHOT},
            })
            .to_string()
        })
        .collect();
    packed(&(lines.join("\n") + "\n"))
}

/// A text as gzip.
pub(super) fn packed(text: &str) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, text.as_bytes()).unwrap();
    packed.finish().unwrap()
}

fn sent(bytes: Vec<u8>) -> Answer {
    Answer::Parts(200, Vec::new(), vec![Part::Bytes(bytes)])
}

fn is_list(request: &Request) -> bool {
    request.url.path() == EXPORT
}

/// Rows without regard to how files divide them.
fn lines(folder: &TestFolder) -> String {
    String::from_utf8(data(folder).into_values().flatten().collect()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn files_give_the_rows_of_the_pages_and_their_host_gets_no_token() {
    let (pages, files) = (TestFolder::new(), TestFolder::new());
    Fixture::new(|request, _| page(request, 6, SNAPSHOT)).run(&document(&pages.0, PLAIN)).await;
    let generated = "2026-11-24T11:01:00Z";
    let fixture =
        Fixture::new(
            move |request, before| {
                if is_list(request) { listing(generated, before, 3600) } else { sent(file(request)) }
            },
        );
    let query = fixture.query(&document(&files.0, FULL));
    let outcome = super::drain(&query).await;
    assert!(outcome.errors.is_empty(), "{:?}", outcome.errors);
    assert_eq!(lines(&files), lines(&pages));
    assert_eq!(data(&files).len(), 2);
    let told = manifest(&files);
    assert_eq!((&told["source"], &told["snapshotTime"]), (&"Files".into(), &generated.into()));
    for request in fixture.api_requests() {
        assert_eq!(is_list(&request), request.headers.contains_key("authorization"), "{request:?}");
    }
    let messages = query.messages().unwrap();
    let kept = files.files(|_| true);
    let shown = kept.values().map(Vec::as_slice).chain([messages.bytes()]);
    for bytes in shown {
        assert!(!String::from_utf8_lossy(bytes).contains(SIGNATURE));
    }
    // The same snapshot is not read again.
    let before = fixture.api_requests().len();
    assert_eq!(summary(&fixture.run(&document(&files.0, FULL)).await)["result"], "Unchanged");
    assert_eq!(fixture.api_requests().len() - before, 1);
}

/// Lets the last list be of so many rows, and so old that not only changes are read.
fn age(folder: &TestFolder, rows: u64) {
    let mut last = manifest(folder);
    last["rows"] = rows.into();
    last["snapshot"] = "2023-10-01/1101/".into();
    last["snapshotTime"] = "2023-10-01T11:01:00Z".into();
    for name in folder.files(|name| name.starts_with("_fedxdr/") && !name.ends_with("/lock")).keys() {
        fs::write(folder.0.join(name), last.to_string()).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn the_list_of_a_tenant_that_was_large_is_read_from_files_if_their_host_can_be_reached() {
    for (rows, is_reached, source) in
        [(999_999, true, "Pages"), (1_000_000, true, "Files"), (1_000_000, false, "Pages")]
    {
        let folder = TestFolder::new();
        let fixture = Fixture::new(move |request, before| match request.url.path() {
            EXPORT => listing("2026-11-24T11:01:00Z", before, 3600),
            VULNERABILITIES | CHANGES => page(request, 6, SNAPSHOT),
            _ if is_reached => sent(file(request)),
            _ => Answer::Fails(TransportErrorKind::Connect),
        });
        fixture.run(&document(&folder.0, PLAIN)).await;
        let pages = lines(&folder);
        assert_eq!(manifest(&folder)["source"], "Pages");
        age(&folder, rows);
        let query = fixture.query(&document(&folder.0, PLAIN));
        let outcome = super::drain(&query).await;
        assert_eq!(summary(&outcome)["result"], "Complete");
        assert_eq!(manifest(&folder)["source"], source);
        assert_eq!(lines(&folder), pages);
        let messages = query.messages().unwrap();
        let messages = String::from_utf8_lossy(messages.bytes());
        assert_eq!(messages.contains("so the list is read page by page"), !is_reached, "{messages}");
    }
}

/// The answer to a request for a file, of which some bytes are cut off.
type Fault = fn(&Request, Vec<u8>) -> Answer;

#[tokio::test(start_paused = true)]
async fn a_file_that_is_empty_cut_damaged_or_refused_is_asked_for_again_and_no_row_comes_twice() {
    let whole = TestFolder::new();
    let generated = "2026-11-24T11:01:00Z";
    let undisturbed =
        Fixture::new(
            move |request, before| {
                if is_list(request) { listing(generated, before, 3600) } else { sent(file(request)) }
            },
        );
    undisturbed.run(&document(&whole.0, FULL)).await;
    let cut = |request: &Request| file(request)[..file(request).len() - 9].to_vec();
    let faults: [(&str, Fault); 6] = [
        ("empty", |_, _| Answer::Parts(200, vec![("content-length", "0".to_owned())], Vec::new())),
        ("cut", |_, cut| sent(cut)),
        ("broken off", |_, cut| {
            Answer::Parts(200, Vec::new(), vec![Part::Bytes(cut), Part::Fails(TransportErrorKind::Broken)])
        }),
        ("refused", |_, _| {
            Answer::Status(403, &[], "<Error><Code>AuthenticationFailed</Code></Error>".into())
        }),
        ("busy", |_, _| Answer::Status(503, &[("retry-after", "7")], String::new())),
        ("gone", |_, _| status(404)),
    ];
    for (name, fault) in faults {
        let folder = TestFolder::new();
        let fixture = Fixture::new(move |request, before| match request.url.path() {
            EXPORT => listing(generated, before, 3600),
            _ if before == 0 => fault(request, cut(request)),
            _ => sent(file(request)),
        });
        let outcome = fixture.run(&document(&folder.0, FULL)).await;
        assert!(outcome.errors.is_empty(), "{name}: {:?}", outcome.errors);
        assert_eq!(data(&folder), data(&whole), "{name}");
        // A refused address is replaced by a new one of the same file. The second new list came before the last file
        // was asked for.
        let lists = fixture.api_requests().iter().filter(|request| is_list(request)).count();
        assert_eq!(lists, if ["refused", "gone"].contains(&name) { 3 } else { 1 }, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_near_its_end_is_replaced_and_a_snapshot_that_changes_is_an_error() {
    let folder = TestFolder::new();
    let fixture = Fixture::new(|request, before| match request.url.path() {
        EXPORT => listing("2026-11-24T11:01:00Z", before, if before == 0 { 60 } else { 3600 }),
        _ => sent(file(request)),
    });
    let outcome = fixture.run(&document(&folder.0, FULL)).await;
    assert!(outcome.errors.is_empty(), "{:?}", outcome.errors);
    let used: Vec<_> =
        fixture.api_requests().iter().filter_map(|r| r.url.query().map(str::to_owned)).collect();
    assert!(used.len() == 3 && used.iter().all(|query| query.ends_with("signature1")), "{used:?}");

    let fixture = Fixture::new(|request, before| match request.url.path() {
        EXPORT => listing(["2026-11-24T17:01:00Z", "2026-11-24T23:01:00Z"][before.min(1)], before, 3600),
        path if path.contains("part-1") => status(403),
        _ => sent(file(request)),
    });
    let before = data(&folder);
    let outcome = fixture.run(&document(&folder.0, FULL)).await;
    assert_eq!(outcome.error_ids(), ["Fdx.Dataset.SnapshotChanged"]);
    // What was complete before is still there.
    assert_eq!(data(&folder), before);
}

#[tokio::test(start_paused = true)]
async fn a_run_of_files_goes_on_with_the_next_file_of_the_same_snapshot() {
    let (whole, resumed) = (TestFolder::new(), TestFolder::new());
    let generated = "2026-11-24T11:01:00Z";
    let is_down = Arc::new(AtomicBool::new(false));
    let down = Arc::clone(&is_down);
    let fixture = Fixture::new(move |request, before| match request.url.path() {
        EXPORT => listing(generated, before, 3600),
        path if down.load(Ordering::Relaxed) && path.contains("part-2") => status(503),
        _ => sent(file(request)),
    });
    let full = FULL.replace(":3", ":2");
    fixture.run(&document(&whole.0, &full)).await;
    is_down.store(true, Ordering::Relaxed);
    let failed = fixture.run(&document(&resumed.0, &full)).await;
    assert_eq!(failed.error_ids(), ["Fdx.Dataset.FileUnavailable"]);
    is_down.store(false, Ordering::Relaxed);
    let before = fixture.api_requests().len();
    let outcome = fixture.run(&document(&resumed.0, &full)).await;
    assert_eq!(summary(&outcome)["result"], "Resumed");
    assert_eq!(data(&resumed), data(&whole));
    // The list, and the one file that was missing.
    assert_eq!(fixture.api_requests().len() - before, 2);
}

#[tokio::test(start_paused = true)]
async fn a_row_of_a_file_that_cannot_be_read_is_reported_once_the_file_is_known_to_be_sound() {
    let folder = TestFolder::new();
    let fixture = Fixture::new(|request, before| match request.url.path() {
        EXPORT => listing("2026-11-24T11:01:00Z", before, 3600),
        path if path.contains("part-1") => sent(b"{\"Id\":\"row-2\"}\n[1]\n{\"Id\":\"row-3\"}\n".to_vec()),
        _ => sent(file(request)),
    });
    let outcome = fixture.run(&document(&folder.0, FULL)).await;
    assert_eq!(outcome.error_ids(), ["Fdx.Protocol.UnreadableRow"]);
    assert!(outcome.errors[0].message.contains("row 2 of file 2 of 3"), "{}", outcome.errors[0]);
    assert_eq!((&summary(&outcome)["result"], &summary(&outcome)["rows"]), (&"Complete".into(), &6.into()));
    // The file was read twice, without a pause.
    assert_eq!(fixture.api_requests().len(), 5);
    assert_eq!(outcome.waited, std::time::Duration::ZERO);
}
