//! Names of tenants, and what becomes of each: rows, errors, messages and the summary.

use serde_json::json;

use super::{DOMAIN_TENANT, Fixture, Query, drain};
use crate::batch_reader::{BatchReader, Row};
use crate::http::Request;
use crate::query::Next;
use crate::testing::{Answer, TENANT, ok};

const OTHER: &str = "22222222-2222-2222-2222-222222222222";
const THIRD: &str = "33333333-3333-3333-3333-333333333333";

fn refused() -> Answer {
    Answer::Status(403, &[], r#"{"error":{"code":"Forbidden","message":"no"}}"#.to_owned())
}

/// The tenant of an API request, from its token.
fn tenant(request: &Request) -> String {
    let token = crate::token::Claims::of(super::bearer(request)).unwrap_or_default();
    token.tid.unwrap_or_default()
}

fn machines(ids: &[&str]) -> Answer {
    let rows: Vec<_> = ids.iter().map(|id| json!({ "id": id })).collect();
    ok(json!({ "value": rows }).to_string())
}

fn summary(query: &Query) -> Vec<Row> {
    BatchReader::default().read(query.summary().unwrap().bytes()).unwrap().rows
}

fn texts<'a>(rows: &'a [Row], column: &str) -> Vec<&'a str> {
    rows.iter().map(|row| row[column].as_str().unwrap_or("-")).collect()
}

fn numbers(rows: &[Row], column: &str) -> Vec<i64> {
    rows.iter().map(|row| row[column].as_i64().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_name_that_the_request_gives_is_on_rows_errors_and_messages() {
    let fixture =
        Fixture::new(|request, _| if tenant(request) == OTHER { refused() } else { machines(&["m"]) });
    let tenants = json!([
        { "id": TENANT, "name": " Contoso Ltd " },
        { "id": OTHER.to_uppercase(), "name": "Fabrikam" },
        { "id": "adatum.onmicrosoft.com", "name": "" },
    ]);
    let document = json!({ "kind": "rows", "resource": "machines", "tenants": tenants });
    let query = fixture.query(&document.to_string());
    let mut outcome = drain(&query).await;
    outcome.tenants.sort();
    assert_eq!(
        outcome.tenants,
        [
            (TENANT.to_owned(), Some("Contoso Ltd".to_owned())),
            (DOMAIN_TENANT.to_owned(), Some("adatum.onmicrosoft.com".to_owned())),
        ]
    );
    let [error] = outcome.errors.as_slice() else { panic!("{:?}", outcome.errors) };
    assert_eq!((error.tenant.as_deref(), error.tenant_name.as_deref()), (Some(OTHER), Some("Fabrikam")));
    let messages = BatchReader::default().read(query.messages().unwrap().bytes()).unwrap().rows;
    let messages = texts(&messages, "text").join("\n");
    assert!(messages.contains(&format!("tenant Contoso Ltd ({TENANT})")), "{messages}");
}

#[tokio::test(start_paused = true)]
async fn the_connection_names_tenants_for_its_queries() {
    let named = format!(r#","tenants":[{{"id":"{TENANT}","name":"Contoso"}}]"#);
    let settings = r#"{"clientId":"22222222-2222-2222-2222-222222222222",
        "credential":{"type":"clientSecret","secret":"fake-client-secret"}"#;
    let fixture = Fixture::new(|_, _| machines(&["m"]));
    let fixture = Fixture::open(&fixture.network, &format!("{settings}{named}}}"));
    for tenants in ["", &format!(r#","tenants":["{TENANT}"]"#)] {
        let outcome = fixture.run(&format!(r#"{{"kind":"rows","resource":"machines"{tenants}}}"#)).await;
        assert_eq!(outcome.tenants, [(TENANT.to_owned(), Some("Contoso".to_owned()))]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_summary_says_what_became_of_each_tenant() {
    let fixture = Fixture::new(|request, before| match tenant(request).as_str() {
        OTHER => refused(),
        THIRD if before < 3 => Answer::Status(429, &[("retry-after", "20")], "{}".to_owned()),
        THIRD => ok(r#"{"value":[{"id":"a"},7,{"id":"b"}]}"#.to_owned()),
        _ => machines(&["m"]),
    });
    let tenants = json!([
        { "id": TENANT, "name": "Contoso" },
        OTHER,
        THIRD,
        "adatum.onmicrosoft.com",
        { "id": "adatum.com", "name": "Adatum" },
    ]);
    let document = json!({ "kind": "rows", "resource": "machines", "tenants": tenants, "throttleLimit": 1 });
    let query = fixture.query(&document.to_string());
    assert_eq!(texts(&summary(&query), "result"), ["Skipped"; 5]);
    let outcome = drain(&query).await;
    let rows = summary(&query);
    assert_eq!(texts(&rows, "tenantId"), [TENANT, OTHER, THIRD, DOMAIN_TENANT, DOMAIN_TENANT]);
    assert_eq!(texts(&rows, "tenantName"), ["Contoso", "-", "-", "adatum.onmicrosoft.com", "Adatum"]);
    assert_eq!(texts(&rows, "result"), ["Succeeded", "Failed", "Partial", "Succeeded", "Skipped"]);
    assert_eq!(texts(&rows, "resource"), ["machines"; 5]);
    assert_eq!(numbers(&rows, "rows"), [1, 0, 2, 1, 0]);
    assert_eq!(numbers(&rows, "pages"), [1, 0, 1, 1, 0]);
    assert_eq!(numbers(&rows, "errors"), [0, 1, 1, 0, 0]);
    assert_eq!(numbers(&rows, "retries")[2], 1);
    assert_eq!(numbers(&rows, "waitedMs"), [0, 0, 20_000, 0, 0]);
    assert!(numbers(&rows, "durationMs")[2] >= 20_000, "{rows:?}");
    let sent = numbers(&rows, "requests");
    assert_eq!(sent.iter().sum::<i64>(), i64::try_from(fixture.api_requests().len()).unwrap());
    let mut ids = outcome.error_ids();
    ids.sort_unstable();
    let mut said = [texts(&rows, "errorId")[1], texts(&rows, "errorId")[2]];
    said.sort_unstable();
    assert_eq!(ids, said);
    assert!(texts(&rows, "advice")[1].len() > 10 && texts(&rows, "message")[4].contains("another name"));
}

#[tokio::test(start_paused = true)]
async fn a_query_that_ends_early_names_the_tenants_that_it_did_not_read() {
    let fixture = Fixture::new(|request, _| match tenant(request).as_str() {
        TENANT => machines(&["m"]),
        _ => Answer::Never,
    });
    let document = json!({
        "kind": "rows", "resource": "machines", "tenants": [TENANT, OTHER, THIRD], "throttleLimit": 1,
    });
    let query = fixture.query(&document.to_string());
    let Next::Batch(_) = query.next_in_test().await else { panic!("no rows") };
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    query.cancel();
    let rows = summary(&query);
    assert_eq!(texts(&rows, "result"), ["Succeeded", "Partial", "Skipped"]);
    assert_eq!(texts(&rows, "tenantId"), [TENANT, OTHER, THIRD]);
    assert!(texts(&rows, "message")[2].contains("before this tenant was read"), "{rows:?}");
}

#[tokio::test(start_paused = true)]
async fn a_tenant_without_the_item_has_not_failed() {
    let missing = r#"{"error":{"code":"NotFound","message":"no such machine"}}"#;
    let fixture = Fixture::new(move |request, _| match tenant(request).as_str() {
        TENANT => ok(r#"{"id":"m"}"#.to_owned()),
        _ => Answer::Status(404, &[], missing.to_owned()),
    });
    let id = "a".repeat(40);
    let document = json!({ "kind": "rows", "resource": "machines", "id": id, "tenants": [TENANT, OTHER] });
    let query = fixture.query(&document.to_string());
    let outcome = drain(&query).await;
    assert_eq!(outcome.errors[0].item.as_deref(), Some(id.as_str()));
    assert_eq!(texts(&summary(&query), "result"), ["Succeeded", "Succeeded"]);
}
