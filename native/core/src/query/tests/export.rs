//! Exports of datasets to a folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Fixture, Outcome};
use crate::http::Request;
use crate::testing::{Answer, TENANT, TestFolder, ok, status};

pub(super) const VULNERABILITIES: &str = "/api/machines/SoftwareVulnerabilitiesByMachine";
/// Nothing has changed since the snapshot.
pub(super) const CHANGES: &str = "/api/machines/SoftwareVulnerabilityChangesByMachine";
pub(super) const SNAPSHOT: &str = "2026-11-24/1101/";

/// The files that readers see, and what is in them.
pub(super) fn data(folder: &TestFolder) -> BTreeMap<String, Vec<u8>> {
    folder.files(|name| !name.starts_with("_fedxdr/"))
}

pub(super) fn manifest(folder: &TestFolder) -> Value {
    let manifests = folder.files(|name| name.starts_with("_fedxdr/") && !name.ends_with("/lock"));
    assert_eq!(manifests.len(), 1, "{:?}", manifests.keys());
    serde_json::from_slice(manifests.values().next().unwrap()).unwrap()
}

pub(super) fn document(folder: &Path, more: &str) -> String {
    let destination = Value::from(folder.to_str().unwrap());
    format!(r#"{{"kind":"export","destination":{destination},"datasets":["vulnerabilities"]{more}}}"#)
}

pub(super) const PLAIN: &str = r#","compression":"None","rowsPerFile":3"#;

/// The page that a request asks for: `rows` rows in all, two per page, of this snapshot.
pub(super) fn page(request: &Request, rows: u64, snapshot: &str) -> Answer {
    if request.url.path() == CHANGES {
        return ok(json!({"value": []}).to_string());
    }
    let token = request.url.query_pairs().find(|(name, _)| name == "$skiptoken");
    let token: Option<Value> =
        token.map(|(_, token)| serde_json::from_slice(&STANDARD.decode(token.as_bytes()).unwrap()).unwrap());
    if token.as_ref().is_some_and(|token| token["ExportDefinition"]["TimePath"] != snapshot) {
        return Answer::Status(
            400,
            &[],
            json!({"error": {"code": "BadRequest", "message": "no"}}).to_string(),
        );
    }
    let from = token.map_or(0, |token| token["LineStoppedAt"].as_u64().unwrap());
    let to = (from + 2).min(rows);
    let values: Vec<Value> = (from..to)
        .map(|row| {
            json!({
                "id": format!("row-{row}"), "deviceId": "d1", "cvssScore": 7.5, "rbacGroupId": row,
                "diskPaths": ["C:\\a", "b, \"c\""], "firstSeenTimestamp": "2026-11-03 10:13:34.8476880",
                "securityUpdateAvailable": row % 2 == 0, "newMember": {"snapshot": snapshot},
            })
        })
        .collect();
    let mut body = json!({"value": values});
    if to < rows {
        let token =
            json!({"ExportDefinition": {"TimePath": snapshot}, "ExportFileIndex": 0, "LineStoppedAt": to});
        let token = STANDARD.encode(token.to_string());
        let token: String = url::form_urlencoded::byte_serialize(token.as_bytes()).collect();
        body["@odata.nextLink"] =
            format!("https://api.security.microsoft.com{VULNERABILITIES}?pagesize=2&$skiptoken={token}")
                .into();
    }
    ok(body.to_string())
}

pub(super) fn summary(outcome: &Outcome) -> &crate::batch_reader::Row {
    assert_eq!(outcome.rows.len(), 1, "{:?}", outcome.errors);
    &outcome.rows[0]
}

#[tokio::test(start_paused = true)]
async fn a_dataset_becomes_files_with_every_column_and_a_manifest_beside_them() {
    let folder = TestFolder::new();
    let fixture = Fixture::new(|request, _| page(request, 5, SNAPSHOT));
    let outcome = fixture.run(&document(&folder.0, PLAIN)).await;
    assert!(outcome.errors.is_empty(), "{:?}", outcome.errors);
    let row = summary(&outcome);
    assert_eq!((&row["dataset"], &row["result"]), (&"vulnerabilities".into(), &"Complete".into()));
    assert_eq!((&row["rows"], &row["files"]), (&5.into(), &2.into()));

    let files = data(&folder);
    // The clock of the tests begins on this day.
    let day = format!("vulnerabilities/tenant={TENANT}/date=2023-11-14");
    let names = [format!("{day}/part-00000.json"), format!("{day}/part-00001.json")];
    assert_eq!(files.keys().collect::<Vec<_>>(), names.iter().collect::<Vec<_>>());
    let text = String::from_utf8(files.values().flatten().copied().collect()).unwrap();
    assert!(text.starts_with(&format!(
        r#"{{"tenantId":"{TENANT}","additionalProperties":{{"newMember":{{"snapshot":"{SNAPSHOT}"}}}},"id":"row-0","#
    )), "{text}");
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 5);
    assert_eq!(rows[3]["id"], "row-3");
    assert_eq!(rows[3]["firstSeenTimestamp"], "2026-11-03T10:13:34.847688Z");
    assert_eq!(rows[3]["diskPaths"], json!(["C:\\a", "b, \"c\""]));
    assert_eq!((&rows[3]["securityUpdateAvailable"], &rows[3]["cveId"]), (&false.into(), &Value::Null));

    let told = manifest(&folder);
    let columns: Vec<_> = told["columns"].as_array().unwrap().iter().map(|c| c["name"].clone()).collect();
    assert_eq!(rows[0].as_object().unwrap().len(), columns.len());
    assert_eq!(told["snapshotTime"], "2026-11-24T11:01:00Z");
    assert_eq!(told["rows"], 5);
    for (part, content) in told["parts"].as_array().unwrap().iter().zip(files.values()) {
        assert_eq!(part["bytes"], content.len());
        assert_eq!(part["sha256"], crate::digest::hex(&crate::digest::sha256(content)));
    }
}

#[tokio::test(start_paused = true)]
async fn csv_quotes_what_would_end_a_cell_and_joins_lists() {
    let folder = TestFolder::new();
    let fixture = Fixture::new(|request, _| page(request, 2, SNAPSHOT));
    let outcome = fixture.run(&document(&folder.0, r#","compression":"None","format":"Csv""#)).await;
    assert!(outcome.errors.is_empty(), "{:?}", outcome.errors);
    let files = data(&folder);
    let (name, content) = files.iter().next().unwrap();
    assert!(name.ends_with("/part-00000.csv"), "{name}");
    let text = std::str::from_utf8(content).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("tenantId,additionalProperties,id,deviceId,rbacGroupId,"), "{}", lines[0]);
    assert!(
        lines[1].starts_with(&format!(
            r#"{TENANT},"{{""newMember"":{{""snapshot"":""{SNAPSHOT}""}}}}",row-0,d1,0,,"#
        )),
        "{}",
        lines[1]
    );
    assert!(lines[1].contains(r#","C:\a; b, ""c""",,2026-11-03T10:13:34.847688Z,"#), "{}", lines[1]);
    assert_eq!(lines.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_failed_goes_on_after_its_last_file_and_makes_the_same_files() {
    let (whole, resumed) = (TestFolder::new(), TestFolder::new());
    let undisturbed = Fixture::new(|request, _| page(request, 11, SNAPSHOT));
    undisturbed.run(&document(&whole.0, r#","rowsPerFile":3"#)).await;

    // The fourth page fails until all attempts are used up, then the service recovers.
    let is_down = Arc::new(AtomicBool::new(true));
    let down = Arc::clone(&is_down);
    let fixture = Fixture::new(move |request, before| {
        if before >= 3 && down.load(Ordering::Relaxed) { status(503) } else { page(request, 11, SNAPSHOT) }
    });
    let document = document(&resumed.0, r#","rowsPerFile":3"#);
    let failed = fixture.run(&document).await;
    assert_eq!(failed.error_ids(), ["Fdx.Api.Unavailable"]);
    let row = summary(&failed);
    assert_eq!((&row["result"], &row["id"]), (&"Failed".into(), &"Fdx.Api.Unavailable".into()));
    // Nothing that is not whole can be seen.
    assert!(data(&resumed).is_empty());

    is_down.store(false, Ordering::Relaxed);
    let before = fixture.api_requests().len();
    let outcome = fixture.run(&document).await;
    assert_eq!(summary(&outcome)["result"], "Resumed");
    assert_eq!(data(&resumed), data(&whole));
    // One request finds out the newest snapshot; of the six pages, the first two were kept.
    assert_eq!(fixture.api_requests().len() - before, 1 + 4);
    // What is of the newest snapshot already is not read again, unless a file is missing.
    let before = fixture.api_requests().len();
    assert_eq!(summary(&fixture.run(&document).await)["result"], "Unchanged");
    assert_eq!(fixture.api_requests().len() - before, 1);
    fs::remove_file(resumed.0.join(data(&resumed).keys().next().unwrap())).unwrap();
    assert_eq!(summary(&fixture.run(&document).await)["result"], "Complete");
    assert_eq!(data(&resumed), data(&whole));
}

#[tokio::test(start_paused = true)]
async fn a_newer_snapshot_is_read_from_its_beginning() {
    let (whole, resumed) = (TestFolder::new(), TestFolder::new());
    let newer = "2026-11-24/1701/";
    Fixture::new(move |request, _| page(request, 7, newer)).run(&document(&whole.0, PLAIN)).await;
    let is_down = Arc::new(AtomicBool::new(true));
    let down = Arc::clone(&is_down);
    let fixture = Fixture::new(move |request, before| match down.load(Ordering::Relaxed) {
        true if before < 4 => page(request, 11, SNAPSHOT),
        true => status(503),
        false => page(request, 7, newer),
    });
    let document = document(&resumed.0, PLAIN);
    assert_eq!(summary(&fixture.run(&document).await)["result"], "Failed");
    is_down.store(false, Ordering::Relaxed);
    let query = fixture.query(&document);
    let outcome = super::drain(&query).await;
    let messages =
        crate::batch_reader::BatchReader::default().read(query.messages().unwrap().bytes()).unwrap();
    assert!(messages.rows.iter().any(|row| row["text"].as_str().unwrap().contains("newer snapshot")));
    assert_eq!(summary(&outcome)["result"], "Complete");
    assert_eq!(data(&resumed), data(&whole));
}

#[tokio::test(start_paused = true)]
async fn a_smaller_list_leaves_no_file_of_the_one_before() {
    let folder = TestFolder::new();
    let rows = Arc::new(AtomicU64::new(11));
    let (shown, day) = (Arc::clone(&rows), AtomicU64::new(0));
    let fixture = Fixture::new(move |request, _| {
        let rows = shown.load(Ordering::Relaxed);
        // Another number of rows is another snapshot.
        page(request, rows, &format!("2026-11-24/11{rows:02}/"))
    });
    let document = document(&folder.0, PLAIN).replace("vulnerabilities", "softwareInventory");
    for (count, files) in [(11, 3), (4, 1), (0, 0)] {
        rows.store(count, Ordering::Relaxed);
        day.fetch_add(1, Ordering::Relaxed);
        let outcome = fixture.run(&document).await;
        assert_eq!(summary(&outcome)["files"], files, "{:?}", outcome.errors);
        assert_eq!(data(&folder).len(), files);
        assert_eq!(manifest(&folder)["rows"], count);
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_run_on_the_same_files_stops_with_an_error_and_a_lock_that_nobody_holds_is_free() {
    let folder = TestFolder::new();
    let own = folder.0.join(format!("_fedxdr/vulnerabilities/tenant={TENANT}"));
    fs::create_dir_all(&own).unwrap();
    let lock = fs::File::create(own.join("lock")).unwrap();
    lock.try_lock().unwrap();
    let fixture = Fixture::new(|request, _| page(request, 2, SNAPSHOT));
    let document = document(&folder.0, PLAIN);
    assert_eq!(fixture.run(&document).await.error_ids(), ["Fdx.Dataset.InUse"]);
    assert!(fixture.api_requests().is_empty());
    // The file stays when its process dies; the lock does not.
    drop(lock);
    assert_eq!(summary(&fixture.run(&document).await)["result"], "Complete");
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_is_no_folder_is_an_error_that_says_so() {
    let folder = TestFolder::new();
    let file = folder.0.join("file");
    fs::write(&file, "x").unwrap();
    let fixture = Fixture::new(|request, _| page(request, 2, SNAPSHOT));
    let outcome = fixture.run(&document(&file, PLAIN)).await;
    assert_eq!(outcome.error_ids(), ["Fdx.Dataset.NotAFolder"]);
    assert_eq!(summary(&outcome)["id"], "Fdx.Dataset.NotAFolder");
    for (destination, id) in [
        ("relative/path", "Fdx.Dataset.InvalidDestination"),
        ("https://x/y", "Fdx.Dataset.InvalidDestination"),
    ] {
        let error = fixture.session.query(&document(Path::new(destination), "")).err().unwrap();
        assert_eq!(error.id, id);
    }
    let unknown = document(&folder.0, "").replace("vulnerabilities", "vulnerabilites");
    assert_eq!(fixture.session.query(&unknown).err().unwrap().id, "Fdx.Dataset.Unknown");
}

#[tokio::test(start_paused = true)]
async fn rows_keep_their_order_whether_they_are_copied_or_go_over_columns() {
    const ROWS: usize = 6000;
    const UNREADABLE: usize = 2500;
    let row = |number: usize| {
        let id = format!(r#""id":"row-{number:05}{}""#, "x".repeat(number % 300));
        match number {
            UNREADABLE => format!(r#"{{{id},"cvssScore":1e999}}"#),
            // Each of the two kinds comes by itself, in short runs and in long ones.
            1000..2000 | 3000.. if number.is_multiple_of(97) || number % 1000 > 700 => {
                format!(r#"{{{id},"newMember":{number}}}"#)
            }
            _ => format!(r#"{{"cvssScore":7.5,{id},"cveId":null}}"#),
        }
    };
    let body = format!(r#"{{"value":[{}]}}"#, (0..ROWS).map(row).collect::<Vec<_>>().join(","));
    let fixture = Fixture::new(move |request, _| match request.url.path() {
        VULNERABILITIES => ok(body.clone()),
        _ => ok(json!({"value": []}).to_string()),
    });
    let folder = TestFolder::new();
    let outcome = fixture.run(&document(&folder.0, r#","compression":"None""#)).await;
    assert_eq!(outcome.errors.len(), 1, "{:?}", outcome.errors);
    assert!(outcome.errors[0].to_string().contains("row 2501 of page 1"), "{:?}", outcome.errors);
    let files = data(&folder);
    let text = std::str::from_utf8(files.values().next().unwrap()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let numbers = (0..ROWS).filter(|number| *number != UNREADABLE);
    for (line, number) in lines.iter().zip(numbers) {
        assert_eq!(line["id"], format!("row-{number:05}{}", "x".repeat(number % 300)));
        let is_copied = line["cvssScore"] == 7.5 && line["additionalProperties"].is_null();
        assert!(is_copied || line["additionalProperties"]["newMember"] == number, "{line}");
    }
    assert_eq!(lines.len(), ROWS - 1);
    assert_eq!(summary(&outcome)["rows"], ROWS - 1);
}

#[tokio::test(start_paused = true)]
async fn of_many_tenants_few_have_their_files_open_before_their_first_request() {
    let folder = TestFolder::new();
    let fixture = Fixture::new(|_, _| Answer::Never);
    let tenants: Vec<_> = (0..40).map(|n| format!("\"11111111-1111-1111-1111-{n:012}\"")).collect();
    let query = fixture.query(&document(&folder.0, &format!(r#","tenants":[{}]"#, tenants.join(","))));
    let open = || folder.files(|name| name.ends_with("/lock")).len();
    // The files are opened by threads, which know no paused time.
    let until = std::time::Instant::now() + Duration::from_secs(20);
    while open() < 22 && std::time::Instant::now() < until {
        assert!(tokio::time::timeout(Duration::from_millis(1), query.next_in_test()).await.is_err());
    }
    // One that were too many would be open by now.
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!((open(), fixture.api_requests().len(), fixture.token_requests().len()), (22, 6, 40));
}
