//! Advanced hunting: what the three endpoints take, what they refuse, and the forms of their values.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod common;

use fedxdr_tenant::{FakeTenant, World};
use serde_json::{Value, json};

use common::{secret_token, send};

const GRAPH: (&str, &str) = ("/v1.0/security/runHuntingQuery", "https://graph.microsoft.com");
const DEFENDER: (&str, &str) = ("/api/advancedqueries/run", "https://api.securitycenter.microsoft.com");
const XDR: (&str, &str) = ("/api/advancedhunting/run", "https://api.security.microsoft.com");

fn world() -> World {
    let mut world = World::default();
    world.tenants[0].roles.push("AdvancedQuery.Read.All".to_owned());
    world.tenants[0].xdr_roles.push("AdvancedHunting.Read.All".to_owned());
    world
}

fn ask(tenant: &FakeTenant, (path, audience): (&str, &str), body: &Value) -> (u16, Value) {
    let token = secret_token(tenant, &format!("{audience}/.default"), "");
    let headers =
        format!("Authorization: Bearer {token}\r\nContent-Type: application/json; charset=utf-8\r\n");
    let base =
        if path.starts_with("/v1.0") { &tenant.addresses().graph } else { &tenant.addresses().defender };
    send(base, &format!("POST {path}"), &headers, &body.to_string())
}

#[test]
fn each_endpoint_wants_its_own_token_role_and_body() {
    let tenant = FakeTenant::start_blocking(world()).unwrap();
    let query = json!({"Query": "print Ready = true"});
    for endpoint in [GRAPH, DEFENDER, XDR] {
        assert_eq!(ask(&tenant, endpoint, &query).0, 200, "{}", endpoint.0);
    }
    assert_eq!(ask(&tenant, (DEFENDER.0, XDR.1), &query).0, 403);
    assert_eq!(ask(&tenant, (XDR.0, DEFENDER.1), &query).0, 403);
    assert!(tenant.report().violations.is_empty());
    for (endpoint, body) in [
        (GRAPH, json!({"Query": "print A = 1", "Top": 5})),
        (XDR, json!({"Query": "print A = 1", "Timespan": "P1D"})),
        (DEFENDER, json!({"query": "print A = 1"})),
    ] {
        assert_eq!(ask(&tenant, endpoint, &body).0, 400, "{body}");
    }
    assert_eq!(tenant.report().violations.len(), 3);
    tenant.change(|world| {
        world.tenants[0].roles.clear();
        world.tenants[0].xdr_roles.clear();
        world.tenants[0].graph_roles.clear();
    });
    for endpoint in [GRAPH, DEFENDER, XDR] {
        assert_eq!(ask(&tenant, endpoint, &query).0, 403, "{}", endpoint.0);
    }
}

#[test]
fn values_have_the_form_of_the_service() {
    let tenant = FakeTenant::start_blocking(world()).unwrap();
    let query = json!({"Query": "DeviceProcessEvents | where ProcessId < 30"});
    let (_, graph) = ask(&tenant, GRAPH, &query);
    assert_eq!(graph["schema"][0], json!({"name": "Timestamp", "type": "DateTime"}));
    let rows = graph["results"].as_array().unwrap();
    assert_eq!(rows.len(), 30);
    assert!(rows.iter().any(|row| row["ProcessCreationTime"] == json!({})));
    assert_eq!(rows[0]["IsInitiatingProcessRemoteSession@odata.type"], "#SByte");
    assert!(rows.iter().all(|row| row["IsInitiatingProcessRemoteSession"].is_i64()));
    let times = rows.iter().map(|row| row["Timestamp"].as_str().unwrap());
    assert!(times.filter(|time| time.contains('.')).all(|time| !time.ends_with("0Z")));
    let (_, older) = ask(&tenant, XDR, &query);
    assert_eq!(older["Schema"][0], json!({"Name": "Timestamp", "Type": "DateTime"}));
    assert_eq!(older["Results"].as_array().unwrap().len(), 30);
}

#[test]
fn a_wrong_query_is_refused_with_its_place() {
    let tenant = FakeTenant::start_blocking(world()).unwrap();
    for (query, says) in [
        ("DeviceProcessEvents\n| wher x", "2:3"),
        ("DeviceProcessEvents | where FileName == 'a\\q'", "Unterminated string literal"),
        ("let p = 'a\nb'; print A = p", "1:9"),
        ("print A = datetime(x)", "datetime(x)"),
        ("print A = B", "'B'"),
        ("EmailEvents | take 1", "Failed to resolve table"),
        ("DeviceProcessEvents | project Nothing", "Failed to resolve scalar"),
        ("print A = 1; print B = 2", "Expected"),
        ("", "syntax"),
    ] {
        let (status, body) = ask(&tenant, GRAPH, &json!({"Query": query}));
        let message = body["error"]["message"].as_str().unwrap();
        assert_eq!(status, 400, "{query}");
        assert!(message.contains(says), "{query}: {message}");
    }
    assert_eq!(ask(&tenant, GRAPH, &json!({"Query": "print A = 1", "Timespan": "yesterday"})).0, 400);
}

#[test]
fn an_answer_is_cut_at_its_rows_and_refused_for_its_bytes() {
    let tenant = FakeTenant::start_blocking(world()).unwrap();
    let query = json!({"Query": "DeviceProcessEvents | project ProcessId"});
    let rows = |tenant: &FakeTenant| ask(tenant, GRAPH, &query).1["results"].as_array().map_or(0, Vec::len);
    assert_eq!(rows(&tenant), 500);
    tenant.change(|world| world.hunting.row_limit = 100);
    assert_eq!(rows(&tenant), 100);
    tenant.change(|world| world.hunting.byte_limit = 100);
    let (status, body) = ask(&tenant, GRAPH, &query);
    assert!(status == 400 && body["error"]["message"].as_str().unwrap().contains("allowed result size"));
    tenant.change(|world| world.hunting.cpu_exhausted = true);
    assert_eq!(ask(&tenant, GRAPH, &query).0, 429);
}
