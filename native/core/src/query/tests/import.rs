//! Rows that an export wrote, read back.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Fixture, Outcome};
use crate::testing::{TENANT, TestFolder, ok};

const OTHER: &str = "55555555-5555-5555-5555-5555555555ab";

fn export(folder: &Path, more: &str) -> String {
    let destination = Value::from(folder.to_str().unwrap());
    format!(r#"{{"kind":"export","destination":{destination},"datasets":["vulnerabilities"]{more}}}"#)
}

fn import(folder: &Path, more: &str) -> String {
    let path = Value::from(folder.to_str().unwrap());
    format!(r#"{{"kind":"import","path":{path},"dataset":"vulnerabilities"{more}}}"#)
}

const ROWS: &str = r#"{"kind":"rows","resource":"softwareVulnerabilitiesByMachine"}"#;

/// A service with rows of every kind of value, also of those that no column holds.
fn fixture(tenants: &str) -> Fixture {
    let rows: Vec<_> = (0..7)
        .map(|row| {
            json!({
                "id": format!("row-{row} \"ä\"\n"), "deviceId": "d1", "rbacGroupId": row - 3,
                "cvssScore": if row == 0 { json!(null) } else { json!(7.25 + f64::from(row)) },
                "diskPaths": ["C:\\a", format!("b, \"{row}\"")], "registryPaths": [],
                "vulnerabilitySeverityLevel": "High", "softwareName": "",
                "firstSeenTimestamp": "2026-11-03 10:13:34.8476880", "lastSeenTimestamp": "of old",
                "securityUpdateAvailable": row % 2 == 0,
                "newMember": {"nested": [row, null, 1.5, true, "x"]}, "tenant": "y",
            })
        })
        .collect();
    let rows = json!({ "value": rows }).to_string();
    Fixture::with_settings(tenants, move |_, _| ok(rows.clone()))
}

/// The rows, without what a reader of batches knows beside them.
fn same(stored: &Outcome, read: &Outcome) {
    assert!(stored.errors.is_empty(), "{:?}", stored.errors);
    assert_eq!(stored.rows, read.rows);
    assert_eq!(stored.tenants, read.tenants);
}

#[tokio::test]
async fn the_rows_of_files_are_those_of_the_service() {
    for shape in [
        r#""format":"JsonLines","compression":"None","rowsPerFile":3"#,
        r#""format":"JsonLines""#,
        r#""format":"Csv","compression":"None""#,
        r#""format":"Csv""#,
    ] {
        let folder = TestFolder::new();
        let fixture = fixture("");
        let read = fixture.run(ROWS).await;
        assert_eq!(read.rows.len(), 7);
        let outcome = fixture.run(&export(&folder.0, &format!(",{shape}"))).await;
        assert!(outcome.errors.is_empty(), "{:?}", outcome.errors);
        let sent = fixture.network.count();
        same(&fixture.run(&import(&folder.0, "")).await, &read);
        // The text of a row is that of its line.
        let raw = fixture.run(&import(&folder.0, r#","raw":true,"first":2"#)).await;
        assert_eq!(raw.rows.len(), 2);
        let line: Value = serde_json::from_str(raw.rows[1]["json"].as_str().unwrap()).unwrap();
        assert_eq!((&line["tenantId"], &line["rbacGroupId"]), (&json!(TENANT), &json!(-2)), "{shape}");
        assert_eq!(fixture.network.count(), sent, "nothing is asked of the service");
    }
}

#[tokio::test]
async fn tenants_are_those_of_the_folder_or_those_that_are_named() {
    let folder = TestFolder::new();
    let both = format!(r#","tenants":["{TENANT}",{{"id":"{OTHER}","name":"Fabrikam"}}]"#);
    let exporting = fixture("");
    exporting.run(&export(&folder.0, &both)).await;
    let all = exporting.run(&import(&folder.0, "")).await;
    assert_eq!(all.rows.len(), 14);
    let upper = format!(r#","tenants":[{{"id":"{}","name":"Fabrikam"}}]"#, OTHER.to_uppercase());
    let one = exporting.run(&import(&folder.0, &upper)).await;
    assert_eq!((one.rows.len(), &one.tenants[0]), (7, &(OTHER.to_owned(), Some("Fabrikam".to_owned()))));
    // One that is not there does not hide the others.
    let stranger = format!(r#","tenants":["contoso.com","{TENANT}"]"#);
    let some = exporting.run(&import(&folder.0, &stranger)).await;
    assert_eq!((some.rows.len(), some.error_ids()), (7, vec!["Fdx.Dataset.NotFound"]));
    let advice = &some.errors[0].advice;
    assert!(advice.contains(TENANT) && advice.contains(OTHER), "{advice}");
}

#[tokio::test]
async fn the_newest_day_is_read_or_the_one_that_is_named_and_only_with_its_manifest() {
    let folder = TestFolder::new();
    let fixture = fixture("");
    fixture.run(&export(&folder.0, r#","compression":"None""#)).await;
    let day = "2023-11-14";
    // As if it had been exported the day before.
    let (data, own) = (
        folder.0.join(format!("vulnerabilities/tenant={TENANT}")),
        folder.0.join(format!("_fedxdr/vulnerabilities/tenant={TENANT}")),
    );
    let manifest = own.join(format!("{day}.json"));
    let earlier = fs::read_to_string(&manifest).unwrap().replace(day, "2023-11-13");
    fs::create_dir(data.join("date=2023-11-13")).unwrap();
    let file = |day: &str| data.join(format!("date={day}/part-00000.json"));
    fs::copy(file(day), file("2023-11-13")).unwrap();
    fs::write(own.join("2023-11-13.json"), earlier).unwrap();
    fs::write(own.join("notes.json"), "{}").unwrap();

    let first = |date: &str| import(&folder.0, &format!(r#","first":1,"date":"{date}""#));
    assert_eq!(fixture.run(&first("2023-11-13")).await.rows.len(), 1);
    let none = fixture.run(&first("2023-11-12")).await;
    assert_eq!(none.error_ids(), ["Fdx.Dataset.NotFound"]);
    assert!(none.errors[0].advice.contains("2023-11-13, 2023-11-14"), "{}", none.errors[0].advice);
    assert!(fixture.session.query(&first("yesterday")).is_err());

    // A damaged file of the newest day says that the newest day was read.
    let part = file(day);
    let content = fs::read(&part).unwrap();
    let mut changed = content.clone();
    changed[10] ^= 1;
    fs::write(&part, &changed).unwrap();
    let damaged = fixture.run(&import(&folder.0, "")).await;
    assert_eq!((damaged.rows.len(), damaged.error_ids()), (0, vec!["Fdx.Dataset.Damaged"]));
    assert!(damaged.errors[0].message.contains("part-00000.json"), "{}", damaged.errors[0]);
    fs::write(&part, &content[..content.len() - 1]).unwrap();
    assert_eq!(fixture.run(&import(&folder.0, "")).await.error_ids(), ["Fdx.Dataset.Damaged"]);
    fs::remove_file(&part).unwrap();
    let missing = fixture.run(&import(&folder.0, "")).await;
    assert_eq!(missing.error_ids(), ["Fdx.Dataset.FileMissing"]);
    assert!(missing.errors[0].message.contains("part-00000.json"), "{}", missing.errors[0]);
    // What has no manifest is not whole.
    fs::write(&part, content).unwrap();
    fs::remove_file(&manifest).unwrap();
    assert_eq!(fixture.run(&import(&folder.0, "")).await.rows.len(), 7);
    assert_eq!(fixture.run(&first(day)).await.error_ids(), ["Fdx.Dataset.NotFound"]);
}

#[tokio::test]
async fn what_cannot_be_read_says_why() {
    let folder = TestFolder::new();
    let fixture = fixture("");
    fixture.run(&export(&folder.0, "")).await;
    let manifest = folder.0.join(format!("_fedxdr/vulnerabilities/tenant={TENANT}/2023-11-14.json"));
    let content = fs::read_to_string(&manifest).unwrap();
    for (from, to, id) in [
        ("\"JsonLines\"", "\"Parquet\"", "Fdx.Dataset.UnknownFormat"),
        ("\"Gzip\"", "\"Zstd\"", "Fdx.Dataset.UnknownFormat"),
        ("\"schemaVersion\": 1", "\"schemaVersion\": 99", "Fdx.Dataset.UnknownFormat"),
        ("\"parts\"", "\"pieces\"", "Fdx.Dataset.Damaged"),
    ] {
        let changed = content.replace(from, to);
        assert_ne!(changed, content, "{from}");
        fs::write(&manifest, changed).unwrap();
        assert_eq!(fixture.run(&import(&folder.0, "")).await.error_ids(), [id], "{to}");
    }
    let empty = TestFolder::new();
    let file: PathBuf = empty.0.join("file");
    fs::write(&file, "x").unwrap();
    for (path, id) in [
        (empty.0.clone(), "Fdx.Dataset.NotFound"),
        (empty.0.join("none"), "Fdx.Dataset.NotFound"),
        (file, "Fdx.Dataset.InvalidPath"),
    ] {
        assert_eq!(fixture.run(&import(&path, "")).await.error_ids(), [id], "{}", path.display());
    }
    for path in ["data", "https://example.com/container", "https://account.blob.core.windows.net"] {
        let error = fixture.session.query(&import(Path::new(path), "")).err().unwrap();
        assert_eq!(error.id, "Fdx.Dataset.InvalidPath");
    }
}
