//! Exports of hunting queries: the answer says the columns of the files.

use std::path::Path;

use serde_json::{Value, json};

use super::{Fixture, Outcome};
use crate::http::Request;
use crate::testing::{Answer, TENANT, TestFolder, ok, status};

const DAY: &str = "date=2023-11-14";

fn document(folder: &Path, query: &Value, more: &Value) -> String {
    let mut document = json!({"kind": "export", "destination": folder, "datasets": ["Hunting"], "query": query,
                              "compression": "None"});
    for (name, value) in more.as_object().unwrap() {
        document[name] = value.clone();
    }
    document.to_string()
}

fn query() -> Value {
    json!({"query": "DeviceEvents | where a == s", "timespan": "P1D",
           "parameters": [{"name": "s", "type": "string", "value": "fake-secret"}]})
}

fn answer(schema: &[(&str, &str)], rows: &[Value]) -> Answer {
    let schema: Vec<_> = schema.iter().map(|(name, kind)| json!({"name": name, "type": kind})).collect();
    ok(json!({"schema": schema, "results": rows}).to_string())
}

const SCHEMA: &[(&str, &str)] = &[
    ("Timestamp", "DateTime"),
    ("Count", "Int64"),
    ("Score", "Double"),
    ("IsNew", "SByte"),
    ("Fields", "Object"),
    ("Name", "String"),
    ("name", "String"),
    ("TenantId", "String"),
    ("Date", "Guid"),
];

fn rows() -> [Value; 2] {
    [
        json!({"Timestamp": "2026-11-03T10:13:34.8476885Z", "Count": 3, "Score": 1.5, "IsNew": 1,
               "Fields": {"a": [1, "x"]}, "Name": "=1, \"2\"", "name": "b", "TenantId": "t", "Date": "g"}),
        json!({"Count": "many", "Name": "c", "Later": true}),
    ]
}

fn file(folder: &TestFolder, name: &str) -> String {
    let files = folder.files(|found| found.ends_with(name));
    assert_eq!(files.len(), 1, "{name}");
    String::from_utf8(files.into_values().next().unwrap()).unwrap()
}

fn manifest(folder: &TestFolder) -> Value {
    serde_json::from_str(&file(folder, "2023-11-14.json")).unwrap()
}

fn result(outcome: &Outcome) -> (&str, u64) {
    assert!(outcome.errors.is_empty(), "{:?}", outcome.errors);
    (outcome.rows[0]["result"].as_str().unwrap(), outcome.rows[0]["rows"].as_u64().unwrap())
}

#[tokio::test(start_paused = true)]
async fn the_columns_of_the_files_are_those_of_the_answer_and_no_name_is_there_twice() {
    let folder = TestFolder::new();
    let fixture = Fixture::new(|_, _| answer(SCHEMA, &rows()));
    let outcome = fixture.run(&document(&folder.0, &query(), &json!({"name": "events"}))).await;
    assert_eq!(result(&outcome), ("Complete", 2));
    assert_eq!(outcome.rows[0]["dataset"], "events");
    let lines = file(&folder, &format!("events/tenant={TENANT}/{DAY}/part-00000.json"));
    let first = [
        &format!(r#"{{"tenantId":"{TENANT}","additionalProperties":null"#)[..],
        r#""Timestamp":"2026-11-03T10:13:34.8476885Z","Count":3,"Score":1.5,"IsNew":true"#,
        r#""Fields":{"a":[1,"x"]},"Name":"=1, \"2\"","name2":"b","TenantId2":"t","Date2":"g"}"#,
    ];
    let second = [
        &format!(r#"{{"tenantId":"{TENANT}","additionalProperties":{{"Count":"many","Later":true}}"#)[..],
        r#""Timestamp":null,"Count":null,"Score":null,"IsNew":null,"Fields":null,"Name":"c""#,
        r#""name2":null,"TenantId2":null,"Date2":null}"#,
    ];
    assert_eq!(lines, format!("{}\n{}\n", first.join(","), second.join(",")));

    let manifest = manifest(&folder);
    let columns = manifest["columns"].as_array().unwrap();
    let columns: Vec<_> = columns.iter().map(|column| column["name"].as_str().unwrap()).collect();
    let names =
        ["tenantId", "additionalProperties", "Timestamp", "Count", "Score", "IsNew", "Fields", "Name"];
    assert_eq!(columns, [&names[..], &["name2", "TenantId2", "Date2"]].concat());
    assert_eq!(manifest["columns"][2]["type"], "Time");
    assert_eq!((&manifest["dataset"], &manifest["source"]), (&json!("events"), &json!("Query")));
    let about = json!({"query": "DeviceEvents | where a == s", "parameters": ["s"], "timespan": "P1D",
                       "engine": "Graph", "isSplit": false, "isCut": false});
    assert_eq!(manifest["query"], about);
    assert!(!manifest.to_string().contains("fake-secret"));

    let csv = TestFolder::new();
    let more = json!({"format": "CsvExcel"});
    assert_eq!(result(&fixture.run(&document(&csv.0, &query(), &more)).await), ("Complete", 2));
    let expected = [
        "\u{feff}tenantId,additionalProperties,Timestamp,Count,Score,IsNew,Fields,Name,name2,TenantId2,Date2",
        &format!(
            "{TENANT},,2026-11-03T10:13:34.8476885Z,3,1.5,true,\"{{\"\"a\"\":[1,\"\"x\"\"]}}\",\"'=1, \"\"2\"\"\",b,t,g"
        ),
        &format!("{TENANT},\"{{\"\"Count\"\":\"\"many\"\",\"\"Later\"\":true}}\",,,,,,c,,,"),
        "",
    ];
    let text = file(&csv, &format!("hunting/tenant={TENANT}/{DAY}/part-00000.csv"));
    assert_eq!(text, expected.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn each_run_replaces_the_files_of_the_day_and_one_that_fails_leaves_them() {
    let folder = TestFolder::new();
    let run = async |answer: Answer| {
        let fixture = Fixture::new(move |_, _| answer.clone());
        fixture.run(&document(&folder.0, &query(), &json!({"format": "Csv"}))).await
    };
    assert_eq!(result(&run(answer(&[("A", "String")], &[json!({"A": "x"})])).await), ("Complete", 1));
    let csv = || file(&folder, "part-00000.csv");
    assert_eq!(csv(), format!("tenantId,additionalProperties,A\n{TENANT},,x\n"));
    let failed = run(status(403)).await;
    assert_eq!((failed.rows[0]["result"].as_str(), failed.errors.len()), (Some("Failed"), 1));
    assert_eq!(csv(), format!("tenantId,additionalProperties,A\n{TENANT},,x\n"));
    assert_eq!(result(&run(answer(&[("B", "Int64")], &[json!({"B": 1})])).await), ("Complete", 1));
    assert_eq!(csv(), format!("tenantId,additionalProperties,B\n{TENANT},,1\n"));
    // Nothing is no file, and the manifest has its columns all the same.
    assert_eq!(result(&run(answer(&[("C", "Int64")], &[])).await), ("Complete", 0));
    assert!(folder.files(|name| name.contains("part-")).is_empty());
    assert_eq!(manifest(&folder)["columns"][2], json!({"name": "C", "type": "Int"}));
    // Rows that nothing describes are kept as they are.
    let rows = json!({"results": [{"A": 1}, {"B": "x"}]}).to_string();
    assert_eq!(result(&run(ok(rows)).await), ("Complete", 2));
    let expected = format!("{TENANT},\"{{\"\"A\"\":1}}\"\n{TENANT},\"{{\"\"B\"\":\"\"x\"\"}}\"\n");
    assert_eq!(csv(), format!("tenantId,additionalProperties\n{expected}"));
}

/// The service sends the rows of a window: one each second, but 100,000 at most.
fn service(request: &Request) -> Answer {
    let body: Value = serde_json::from_slice(request.body.as_deref().unwrap()).unwrap();
    let time = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_second();
    let window = body["Timespan"].as_str().unwrap();
    // The end of a window belongs to it, and most end right before a second.
    let window =
        window.split_once('/').map(|(from, to)| (time(from), time(to) + i64::from(to.contains(".9"))));
    let (from, to) = window.unwrap_or((0, 150_000));
    let rows: Vec<_> = (from..to).take(100_000).map(|second| json!({"A": second, "B": second})).collect();
    // Parts may have columns of their own.
    let has_other = to - from < 100_000;
    answer(if has_other { &[("A", "Int64"), ("B", "Int64")] } else { &[("A", "Int64")] }, &rows)
}

#[tokio::test(start_paused = true)]
async fn rows_that_the_service_left_out_are_noted_and_come_in_parts() {
    let fixture = Fixture::new(|request, _| service(request));
    let folder = TestFolder::new();
    let mut whole = json!({"query": "T", "timespan": "P1D"});
    let outcome = fixture.run(&document(&folder.0, &whole, &json!({}))).await;
    assert_eq!(result(&outcome), ("Complete", 100_000));
    assert_eq!(manifest(&folder)["query"]["isCut"], true);

    whole["splitBy"] = "time".into();
    whole["timespan"] = "2023-11-01T00:00:00Z/2023-11-02T16:00:00Z".into();
    let outcome = fixture.run(&document(&folder.0, &whole, &json!({"rowsPerFile": 60_000}))).await;
    assert_eq!(result(&outcome), ("Complete", 144_000));
    let manifest = manifest(&folder);
    assert_eq!((&manifest["query"]["isCut"], &manifest["query"]["isSplit"]), (&json!(false), &json!(true)));
    // The first answer has 100,000 rows, and each half brings what is missing.
    assert!(manifest["parts"].as_array().unwrap().len() > 1, "{manifest}");
    let files = folder.files(|name| name.contains("part-"));
    let mut seconds: Vec<u64> = Vec::new();
    for line in files.values().flat_map(|file| std::str::from_utf8(file).unwrap().lines()) {
        let row: Value = serde_json::from_str(line).unwrap();
        let names: Vec<_> = row.as_object().unwrap().keys().collect();
        assert_eq!(names, ["A", "additionalProperties", "tenantId"]);
        assert_eq!(row["additionalProperties"]["B"], row["A"]);
        seconds.push(row["A"].as_u64().unwrap());
    }
    seconds.sort_unstable();
    seconds.dedup();
    assert_eq!(seconds.len(), 144_000);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_belong_together_is_refused_before_anything_is_sent() {
    let folder = TestFolder::new();
    let fixture = Fixture::new(|_, _| answer(SCHEMA, &[]));
    for (more, id) in [
        (json!({"query": null}), "Fdx.Dataset.QueryMisfit"),
        (json!({"datasets": ["machines"]}), "Fdx.Dataset.QueryMisfit"),
        (json!({"datasets": ["machines"], "query": null, "name": "x"}), "Fdx.Dataset.QueryMisfit"),
        (json!({"name": "machines"}), "Fdx.Dataset.InvalidName"),
        (json!({"name": "VulnerabilityChanges"}), "Fdx.Dataset.InvalidName"),
        (json!({"name": "../x"}), "Fdx.Dataset.InvalidName"),
        (json!({"name": "_x"}), "Fdx.Dataset.InvalidName"),
        (json!({"name": ""}), "Fdx.Dataset.InvalidName"),
        (json!({"name": "x".repeat(65)}), "Fdx.Dataset.InvalidName"),
        (json!({"mode": "Delta"}), "Fdx.Dataset.NoChanges"),
        (json!({"query": {"query": "// nothing"}}), "Fdx.Hunting.InvalidQuery"),
    ] {
        let error = fixture.session.query(&document(&folder.0, &query(), &more)).err().unwrap();
        assert_eq!(error.id, id, "{more}");
    }
    assert!(fixture.api_requests().is_empty());
}

/// What a hunting query gives, in the columns that its answer describes.
#[tokio::test]
async fn rows_of_a_query_are_read_back_with_their_columns_and_types() {
    let schema = &SCHEMA[..6];
    let rows = [
        json!({"Timestamp": "2026-11-03T10:13:34.8476885Z", "Count": 3, "Score": 1.5, "IsNew": 1,
               "Fields": {"a": [1, "x", null]}, "Name": "[1]"}),
        json!({"Timestamp": null, "Count": null, "Score": 2.0, "IsNew": 0, "Fields": null, "Name": ""}),
    ];
    for format in ["JsonLines", "Csv"] {
        let (folder, rows) = (TestFolder::new(), rows.clone());
        let fixture = Fixture::new(move |_, _| answer(schema, &rows));
        let asked = json!({"kind": "hunting", "query": "DeviceEvents", "parameters": []}).to_string();
        let asked = fixture.run(&asked).await;
        assert_eq!(asked.rows.len(), 2, "{:?}", asked.errors);
        let more = json!({"name": "events", "format": format});
        assert_eq!(result(&fixture.run(&document(&folder.0, &query(), &more)).await), ("Complete", 2));
        let import = |more: &str| {
            let path = Value::from(folder.0.to_str().unwrap());
            format!(r#"{{"kind":"import","path":{path},"dataset":"hunting"{more}}}"#)
        };
        let sent = fixture.network.count();
        let stored = fixture.run(&import(r#","name":"events""#)).await;
        assert!(stored.errors.is_empty(), "{:?}", stored.errors);
        for (stored, asked) in stored.rows.iter().zip(&asked.rows) {
            for (name, value) in asked {
                // CSV has no text that is empty.
                let is_same = stored.get(name) == Some(value) || format == "Csv" && value == "";
                assert!(is_same, "{format}: {name} is {:?}, not {value}", stored.get(name));
            }
        }
        assert_eq!((stored.rows.len(), fixture.network.count()), (2, sent));
        let raw = fixture.run(&import(r#","name":"events","raw":true,"first":1"#)).await;
        let line: Value = serde_json::from_str(raw.rows[0]["json"].as_str().unwrap()).unwrap();
        assert_eq!((&line["tenantId"], &line["Count"]), (&json!(TENANT), &json!(3)));
        // The folder has the name that the export gave it.
        let missing = fixture.run(&import("")).await;
        assert_eq!(missing.errors[0].id, "Fdx.Dataset.NotFound");
    }
}
