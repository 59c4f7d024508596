//! Hunting queries: what is sent, how the answer becomes rows, how a query is split, and what each refusal means.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{End, Fixture, LATENCY, Outcome};
use crate::http::Request;
use crate::testing::{Answer, CLIENT, Part, TENANT, ok};

/// The query of these tests with two parameters.
const SENT: &str = "let n = int(5); let s = 'a\\'b';\nDeviceEvents | where a == 1";
const OTHER: &str = "99999999-9999-9999-9999-999999999999";

fn body(request: &Request) -> Value {
    serde_json::from_slice(request.body.as_deref().unwrap()).unwrap()
}

fn query(more: &Value) -> String {
    let mut document = json!({"kind": "hunting", "query": "DeviceEvents | where a == 1"});
    for (name, value) in more.as_object().unwrap() {
        document[name] = value.clone();
    }
    document.to_string()
}

/// An answer of Graph with these columns and rows.
fn answer(schema: &[(&str, &str)], rows: &[Value]) -> String {
    let schema: Vec<_> = schema.iter().map(|(name, kind)| json!({"name": name, "type": kind})).collect();
    json!({"schema": schema, "results": rows}).to_string()
}

async fn run_with(body: &str) -> Outcome {
    let body = body.to_owned();
    Fixture::new(move |_, _| ok(body.clone())).run(&query(&json!({}))).await
}

#[tokio::test(start_paused = true)]
async fn each_engine_gets_its_own_request() {
    for (engine, url, expected, warned) in [
        ("graph", "https://graph.microsoft.com/v1.0/security/runHuntingQuery", json!({"Query": SENT}), false),
        (
            "defender",
            "https://api.security.microsoft.com/api/advancedqueries/run",
            json!({"Query": SENT}),
            true,
        ),
        ("xdr", "https://api.security.microsoft.com/api/advancedhunting/run", json!({"Query": SENT}), true),
    ] {
        let fixture = Fixture::new(|_, _| ok(answer(&[("A", "String")], &[])));
        let number = json!({"name": "n", "type": "int", "value": 5});
        let parameters = json!([number, {"name": "s", "type": "string", "value": "a'b"}]);
        let query = fixture.query(&query(&json!({"engine": engine, "parameters": parameters})));
        let outcome = super::drain(&query).await;
        assert_eq!((outcome.end, outcome.error_ids()), (End::Complete, vec![]), "{engine}");
        let request = &fixture.api_requests()[0];
        assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", url));
        assert_eq!(request.headers["content-type"], "application/json; charset=utf-8");
        assert_eq!(body(request), expected);
        let messages = query
            .messages()
            .map_or(String::new(), |batch| String::from_utf8_lossy(batch.bytes()).into_owned());
        assert_eq!(messages.contains("1 February 2027"), warned, "{messages}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_timespan_is_sent_as_it_was_given() {
    let fixture = Fixture::new(|_, _| ok(answer(&[("A", "String")], &[])));
    fixture.run(&query(&json!({"timespan": "P7D/2026-11-08"}))).await;
    assert_eq!(body(&fixture.api_requests()[0])["Timespan"], "P7D/2026-11-08");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_run_is_refused_before_anything_is_sent() {
    let parameter = |name: &str, kind: &str, value: Value| {
        let parameter = json!({"name": name, "type": kind, "value": value});
        json!({"parameters": [parameter]})
    };
    for (more, id) in [
        (json!({"query": " // nothing\n"}), "Fdx.Hunting.InvalidQuery"),
        (parameter("where", "int", json!(1)), "Fdx.Hunting.InvalidParameter"),
        (parameter("a b", "int", json!(1)), "Fdx.Hunting.InvalidParameter"),
        (parameter("a", "guid", json!("x")), "Fdx.Hunting.InvalidParameter"),
        (parameter("a", "unicorn", json!("x")), "Fdx.Settings.InvalidArgument"),
        (json!({"timespan": "yesterday"}), "Fdx.Hunting.InvalidTimespan"),
        (json!({"timespan": "P1D", "engine": "xdr"}), "Fdx.Hunting.InvalidTimespan"),
        (json!({"splitBy": "time", "query": "T | summarize count()"}), "Fdx.Hunting.CannotSplit"),
        (json!({"splitBy": "time", "engine": "defender"}), "Fdx.Hunting.CannotSplit"),
        (json!({"engine": "sentinel"}), "Fdx.Settings.InvalidArgument"),
    ] {
        let fixture = Fixture::new(|_, _| panic!("nothing may be sent"));
        let error = fixture.session.query(&query(&more)).map(|_| ()).unwrap_err();
        assert_eq!(error.id, id, "{more}");
    }
}

#[tokio::test(start_paused = true)]
async fn values_have_the_types_that_the_answer_says() {
    let schema = [
        ("Timestamp", "DateTime"),
        ("Name", "String"),
        ("Count", "Int64"),
        ("Ratio", "Double"),
        ("IsOn", "SByte"),
        ("Bag", "Object"),
        ("LogonId", "Int64"),
        ("LogonID", "String"),
        ("Odd", "Unicorn"),
    ];
    let row = json!({
        "Timestamp": "2026-11-20T08:15:30.1234567Z", "Name": "é", "Count@odata.type": "#Int64", "Count": 5,
        "Ratio": 2, "IsOn@odata.type": "#SByte", "IsOn": 1,
        "Bag": {"@odata.type": "#microsoft.graph.security.dynamicColumnValue", "a": {"@odata.type": "#x", "b": 1},
            "list": ["{\"c\":[2]}", "{no"]},
        "LogonID": "text", "LogonId": 7, "Odd": [1],
    });
    let nulls =
        json!({"Timestamp": {}, "Name": "", "Count": {}, "Ratio": "NaN", "IsOn": {}, "Bag": {}, "odd": null});
    let outcome = run_with(&answer(&schema, &[row, nulls])).await;
    assert_eq!((outcome.end, outcome.error_ids()), (End::Complete, vec![]));
    let first = &outcome.rows[0];
    let names: Vec<_> = schema.iter().map(|(name, _)| *name).collect();
    let mut keys: Vec<_> = first.keys().map(String::as_str).collect();
    keys.sort_unstable();
    let mut expected = names.clone();
    expected.sort_unstable();
    assert_eq!(keys, expected);
    for (name, value) in [
        ("Name", json!("é")),
        ("Count", json!(5)),
        ("Ratio", json!(2.0)),
        ("IsOn", json!(true)),
        ("Bag", json!({"a": {"b": 1}, "list": [{"c": [2]}, "{no"]})),
        ("LogonId", json!(7)),
        ("LogonID", json!("text")),
        ("Odd", json!([1])),
    ] {
        assert_eq!(first[name], value, "{name}");
    }
    let second = &outcome.rows[1];
    for name in names {
        let expected = match name {
            "Name" => json!(""),
            "Bag" => json!({}),
            _ => Value::Null,
        };
        assert_eq!(second[name], expected, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_sample_of_the_services_is_read() {
    let schema = |name: &str, kind: &str| {
        json!([{name: "T", kind: "DateTime"}, {name: "F", kind: "String"}]).to_string()
    };
    let (camel, pascal) = (schema("name", "type"), schema("Name", "Type"));
    let row = r#"{"T":"2020-08-30T06:38:35.7664356Z","F":"a"}"#;
    for (sample, engine) in [
        (format!(r#"{{"schema":{pascal},"results":[{row}]}}"#), "graph"),
        (format!(r#"{{"@odata.context":"x","schema":{camel},"results":[{row}]}}"#), "graph"),
        (format!(r#"{{"schema":{camel},"results":[{}]}}"#, row.replace("\"F\"", "\"f\"")), "graph"),
        (format!(r#"{{"Stats":{{"ExecutionTime":4.6}},"Schema":{pascal},"Results":[{row}]}}"#), "xdr"),
        // The description of the columns may come after the rows.
        (format!(r#"{{"results":[{row}],"schema":{camel}}}"#), "graph"),
    ] {
        let answered = sample.clone();
        let fixture = Fixture::new(move |_, _| ok(answered.clone()));
        let outcome = fixture.run(&query(&json!({"engine": engine}))).await;
        assert_eq!(
            (outcome.end, outcome.error_ids(), outcome.rows.len()),
            (End::Complete, vec![], 1),
            "{sample}"
        );
        assert_eq!(outcome.rows[0]["F"], "a", "{sample}");
        // A time is a number of ticks, a text is not.
        assert!(outcome.rows[0]["T"].is_i64(), "{sample}: {:?}", outcome.rows[0]["T"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_rows_is_no_error_and_one_without_a_list_is() {
    for (body, id) in [
        (r#"{"schema":[{"name":"A","type":"String"}],"results":[]}"#, None),
        (r#"{"schema":[{"name":"A","type":"String"}],"results":null}"#, None),
        (r#"{"schema":[{"name":"A","type":"String"}]}"#, None),
        (r#"{"results":null}"#, None),
        (r#"{"value":[]}"#, Some("Fdx.Protocol.UnexpectedShape")),
        (r#"{"error":{"code":"x"}}"#, Some("Fdx.Protocol.UnexpectedShape")),
    ] {
        let outcome = run_with(body).await;
        assert_eq!(outcome.error_ids(), id.into_iter().collect::<Vec<_>>(), "{body}");
        assert_eq!(outcome.rows.len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn rows_arrive_while_the_answer_does() {
    let fixture = Fixture::new(|_, _| {
        let head = br#"{"schema":[{"name":"A","type":"Int32"}],"results":[{"A":1},{"A":2},"#.to_vec();
        Answer::Parts(200, Vec::new(), vec![Part::Bytes(head), Part::After(30, br#"{"A":3}]}"#.to_vec())])
    });
    let query = fixture.query(&query(&json!({})));
    let begun = tokio::time::Instant::now();
    let crate::query::Next::Batch(batch) = query.next_in_test().await else { panic!("no rows") };
    assert!(begun.elapsed().as_secs() < 5);
    let rows = crate::batch_reader::BatchReader::default().read(batch.bytes()).unwrap().rows;
    assert_eq!(rows.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn all_tenants_have_the_same_columns_and_a_type_that_differs_is_said() {
    let count = Arc::new(Mutex::new(0));
    let fixture = Fixture::new(move |_, _| {
        let mut count = count.lock().unwrap();
        *count += 1;
        ok(match *count {
            1 => answer(&[("A", "Int64"), ("B", "String")], &[json!({"A": 1, "B": "x"})]),
            _ => answer(&[("C", "String"), ("A", "String")], &[json!({"C": "y", "A": "2"})]),
        })
    });
    let query = fixture.query(&query(&json!({"tenants": [TENANT, OTHER], "throttleLimit": 1})));
    let outcome = super::drain(&query).await;
    assert_eq!(outcome.rows.len(), 2);
    assert_eq!(outcome.rows[0]["A"], 1);
    // The column of the first tenant comes first, with the value as it is.
    assert_eq!(outcome.rows[1]["A"], "2");
    assert_eq!(outcome.rows[1]["B"], Value::Null);
    assert_eq!(outcome.rows[1]["C"], "y");
    let messages = query.messages().unwrap();
    let messages = String::from_utf8_lossy(messages.bytes()).into_owned();
    assert!(messages.contains("the column A has another type"), "{messages}");
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_not_of_its_columns_type_is_kept() {
    let rows = [json!({"A": 1}), json!({"A": "many", "New": true}), json!({"A": 3})];
    let outcome = run_with(&answer(&[("A", "Int64")], &rows)).await;
    assert_eq!(outcome.rows.len(), 3);
    assert_eq!(outcome.rows[1]["A"], Value::Null);
    assert_eq!(outcome.rows[1]["AdditionalProperties"], json!({"A": "many", "New": true}));
    assert_eq!(outcome.rows[2]["AdditionalProperties"], Value::Null);
}

/// A service over so many rows per second of a minute, which cuts an answer at a number of rows.
fn windowed(
    rows: &'static [(i64, u32)],
    limit: usize,
) -> impl Fn(&Request, usize) -> Answer + Send + Sync + 'static {
    move |request, _| {
        let body = body(request);
        let (from, to) = body["Timespan"].as_str().unwrap().split_once('/').unwrap();
        let second = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_nanosecond();
        let (from, to) = (second(from), second(to));
        let mut out = Vec::new();
        for (at, count) in rows {
            let time = i128::from(*at) * 1_000_000_000;
            if (from..=to).contains(&time) {
                out.extend((0..*count).map(|n| format!(r#"{{"T":{at},"N":{}}}"#, n / 2)));
            }
        }
        out.truncate(limit);
        ok(format!(
            r#"{{"schema":[{{"name":"T","type":"Int64"}},{{"name":"N","type":"Int64"}}],"results":[{}]}}"#,
            out.join(",")
        ))
    }
}

/// 2023-11-14T22:13:20Z is the start of the tests' clock; these are minutes before it.
const DENSE: &[(i64, u32)] =
    &[(1_699_990_000, 90_000), (1_699_995_000, 60_000), (1_699_995_061, 50_000), (1_699_999_999, 10)];

#[tokio::test(start_paused = true)]
async fn a_query_is_split_until_each_part_fits_and_no_row_comes_twice() {
    let fixture = Fixture::new(windowed(DENSE, 100_000));
    let document = query(&json!({"splitBy": "time", "timespan": "PT3H", "throttleLimit": 1}));
    let outcome = fixture.run(&document).await;
    assert_eq!((outcome.end, outcome.error_ids()), (End::Complete, vec![]));
    let mut found = std::collections::BTreeMap::<(i64, i64), usize>::new();
    for row in &outcome.rows {
        *found.entry((row["T"].as_i64().unwrap(), row["N"].as_i64().unwrap())).or_default() += 1;
    }
    assert_eq!(outcome.rows.len(), 200_010);
    // Every row is there twice in the data, because N is halved.
    assert!(found.values().all(|count| *count == 2));
    assert!(fixture.api_requests().len() > 3);
}

#[tokio::test(start_paused = true)]
async fn a_minute_that_does_not_fit_is_an_error_and_the_rest_is_read() {
    let fixture = Fixture::new(windowed(&[(1_699_990_000, 100_001), (1_699_990_100, 10)], 100_000));
    let timespan = "2023-11-14T19:25:00Z/PT4M";
    let outcome = fixture.run(&query(&json!({"splitBy": "time", "timespan": timespan}))).await;
    assert_eq!(outcome.error_ids(), ["Fdx.Hunting.PartTooLarge"]);
    assert_eq!(outcome.rows.len(), 100_010);
    assert!(outcome.errors[0].message.contains("2023-11-14T19:"), "{}", outcome.errors[0].message);
}

#[tokio::test(start_paused = true)]
async fn an_answer_with_the_most_rows_warns_that_some_are_missing() {
    for (count, warned) in [(99_999, false), (100_000, true)] {
        let rows = vec![r#"{"A":1}"#; count].join(",");
        let text = format!(r#"{{"schema":[{{"name":"A","type":"Int32"}}],"results":[{rows}]}}"#);
        let fixture = Fixture::new(move |_, _| ok(text.clone()));
        let query = fixture.query(&query(&json!({})));
        let outcome = super::drain(&query).await;
        assert_eq!(outcome.rows.len(), count);
        let messages = query
            .messages()
            .map_or(String::new(), |batch| String::from_utf8_lossy(batch.bytes()).into_owned());
        assert_eq!(messages.contains("rows are missing"), warned, "{messages}");
        assert_eq!(messages.contains(TENANT) && messages.contains("-SplitBy Time"), warned);
    }
}

/// The error of a service.
fn refusal(status: u16, code: &str, message: &str) -> Answer {
    Answer::Said(status, Vec::new(), json!({"error": {"code": code, "message": message}}).to_string())
}

#[tokio::test(start_paused = true)]
async fn each_refusal_of_a_query_has_its_meaning_and_is_not_repeated() {
    const PREEMPTED: &str =
        "Query execution has exceeded the allowed limits. The query execution was preempted. Optimize it.";
    for (status, code, message, id) in [
        (400, "BadRequest", "The query contains syntax errors: line 1.", "Fdx.Hunting.InvalidQuery"),
        (
            400,
            "BadRequest",
            "'where' operator: Failed to resolve table or column expression named 'EmailEvents'. Fix it.",
            "Fdx.Hunting.UnknownTable",
        ),
        (400, "BadRequest", PREEMPTED, "Fdx.Hunting.Preempted"),
        (
            400,
            "badRequest",
            "Query execution has exceeded the allowed result size. Optimize your query by limiting it.",
            "Fdx.Hunting.ResultTooLarge",
        ),
        (
            429,
            "TooManyRequests",
            "You have exceeded processing resources allocated to this tenant. You can run queries again in 00:05:00.",
            "Fdx.Hunting.CpuQuota",
        ),
        (500, "UnknownError", "", "Fdx.Hunting.Timeout"),
        (504, "UnknownError", "", "Fdx.Hunting.Timeout"),
    ] {
        let fixture = Fixture::new(move |_, _| refusal(status, code, message));
        let outcome = fixture.run(&query(&json!({}))).await;
        assert_eq!(outcome.error_ids(), [id], "{message}");
        assert_eq!(fixture.api_requests().len(), 1, "{message}");
        let said: String = message.chars().take(60).collect();
        assert!(outcome.errors[0].message.contains(&said), "{}", outcome.errors[0].message);
        if id == "Fdx.Hunting.CpuQuota" {
            assert_eq!(outcome.errors[0].retry_after.unwrap().as_secs(), 300);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_quota_of_requests_is_waited_for() {
    let fixture = Fixture::new(|_, before| match before {
        0 => refusal(429, "429", "API calls quota exceeded! maximum allowed 45 per 00:01:00"),
        _ => ok(answer(&[("A", "Int32")], &[json!({"A": 1})])),
    });
    let outcome = fixture.run(&query(&json!({}))).await;
    assert_eq!((outcome.rows.len(), outcome.error_ids()), (1, vec![]));
    assert!(outcome.waited.as_secs() >= 60);
}

#[tokio::test(start_paused = true)]
async fn a_query_may_take_three_minutes() {
    let fixture =
        Fixture::new(|_, _| Answer::After(185, Box::new(ok(answer(&[("A", "Int32")], &[json!({"A": 1})])))));
    let outcome = fixture.run(&query(&json!({}))).await;
    assert_eq!((outcome.rows.len(), outcome.error_ids()), (1, vec![]));
    assert!(outcome.waited + LATENCY >= std::time::Duration::from_secs(185));
}

#[tokio::test(start_paused = true)]
async fn a_part_that_is_refused_for_its_size_is_halved() {
    for message in
        ["Query execution has exceeded the allowed result size.", "The query execution was preempted."]
    {
        let windows = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&windows);
        let fixture = Fixture::new(move |request, before| {
            seen.lock().unwrap().push(body(request)["Timespan"].as_str().unwrap().to_owned());
            match before {
                0 => refusal(400, "BadRequest", message),
                n => ok(answer(&[("A", "Int64")], &[json!({"A": n})])),
            }
        });
        let outcome =
            fixture.run(&query(&json!({"splitBy": "time", "timespan": "2023-11-01/2023-11-03"}))).await;
        assert_eq!((outcome.rows.len(), outcome.error_ids()), (2, vec![]));
        assert_eq!(
            *windows.lock().unwrap(),
            [
                "2023-11-01T00:00:00.0000000Z/2023-11-03T00:00:00.0000000Z",
                "2023-11-01T00:00:00.0000000Z/2023-11-01T23:59:59.9999999Z",
                "2023-11-02T00:00:00.0000000Z/2023-11-03T00:00:00.0000000Z",
            ]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_table_without_time_is_divided_by_a_hash() {
    let fixture = Fixture::new(|_, before| match before {
        0 => refusal(400, "BadRequest", "Query execution has exceeded the allowed result size."),
        n => ok(answer(&[("A", "Int64")], &[json!({"A": n})])),
    });
    let text = "DeviceTvmSoftwareInventory | project DeviceName";
    let outcome = fixture.run(&query(&json!({"splitBy": "time", "query": text, "engine": "xdr"}))).await;
    assert_eq!((outcome.rows.len(), outcome.error_ids()), (2, vec![]));
    let sent: Vec<_> = fixture
        .api_requests()
        .iter()
        .map(|request| body(request)["Query"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        sent,
        [
            text.to_owned(),
            "DeviceTvmSoftwareInventory\n| where hash(DeviceId, 2) == 0 | project DeviceName".to_owned(),
            "DeviceTvmSoftwareInventory\n| where hash(DeviceId, 2) == 1 | project DeviceName".to_owned(),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_permission_of_the_engine_is_named() {
    for (engine, permission) in [
        ("graph", "ThreatHunting.Read.All"),
        ("defender", "AdvancedQuery.Read.All"),
        ("xdr", "AdvancedHunting.Read.All"),
    ] {
        let audience = match engine {
            "graph" => "https://graph.microsoft.com",
            "xdr" => "https://api.security.microsoft.com",
            _ => "https://api.securitycenter.microsoft.com",
        };
        let network = crate::testing::Network::new(move |request, _| {
            if super::is_token_request(request) {
                let token = crate::testing::jwt(&json!({"aud": audience, "tid": TENANT, "appid": CLIENT}));
                return ok(
                    json!({"token_type": "Bearer", "expires_in": 3599, "access_token": token}).to_string()
                );
            }
            refusal(403, "Forbidden", "no")
        });
        let outcome = Fixture::over(&network, "").run(&query(&json!({"engine": engine}))).await;
        assert_eq!(outcome.error_ids(), ["Fdx.Api.RoleMissing"]);
        assert!(outcome.errors[0].message.contains(permission), "{}", outcome.errors[0].message);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_is_requested_again_and_no_row_comes_twice() {
    let head = r#"{"schema":[{"name":"A","type":"Int32"}],"results":[{"A":1},{"A":2}"#;
    let fixture = Fixture::new(move |_, before| match before {
        0 => Answer::Parts(
            200,
            Vec::new(),
            vec![Part::Bytes(head.as_bytes().to_vec()), Part::Fails(crate::http::TransportErrorKind::Broken)],
        ),
        _ => ok(format!(r#"{head},{{"A":3}}]}}"#)),
    });
    let outcome = fixture.run(&query(&json!({}))).await;
    assert_eq!(outcome.error_ids(), Vec::<&str>::new());
    let values: Vec<_> = outcome.rows.iter().map(|row| row["A"].as_i64().unwrap()).collect();
    assert_eq!(values, [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn raw_rows_are_untouched_and_first_ends_the_query() {
    let rows = [json!({"A@odata.type": "#Int64", "A": 1}), json!({"A": {}})];
    let text = answer(&[("A", "Int64")], &rows);
    let fixture = Fixture::new(move |_, _| ok(text.clone()));
    let outcome = fixture.run(&query(&json!({"raw": true}))).await;
    assert_eq!(outcome.rows[0]["json"], rows[0].to_string());
    assert_eq!(outcome.rows[1]["json"], rows[1].to_string());
    for body in [
        r#"{"schema":[{"name":"A","type":"Int32"}],"results":[{"A":1},{"A":2}]}"#,
        r#"{"results":[{"A":1},{"A":2}],"schema":[{"name":"A","type":"Int32"}]}"#,
    ] {
        let fixture = Fixture::new(move |_, _| ok(body));
        let outcome = fixture.run(&query(&json!({"first": 1}))).await;
        assert_eq!((outcome.rows.len(), outcome.rows[0]["A"].as_i64()), (1, Some(1)), "{body}");
    }
}
