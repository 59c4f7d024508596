//! The lists of the APIs: filters, limits, pages and quotas.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod common;

use std::collections::HashSet;

use fedxdr_tenant::{FakeTenant, QueryQuota, World};
use serde_json::{Value, json};

use common::{encode, secret_token, send, send_for_head};

const DEFENDER: &str = "https://api.securitycenter.microsoft.com";

fn bearer(tenant: &FakeTenant, resource: &str) -> String {
    let token = secret_token(tenant, &format!("{resource}/.default"), "");
    format!("Authorization: Bearer {token}\r\n")
}

#[test]
fn every_name_of_the_audience_is_known() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let base = tenant.addresses().defender.clone();
    let ask = |path: &str, resource: &str| send(&base, path, &bearer(&tenant, resource), "").0;
    for resource in [
        DEFENDER,
        "https://api.securitycenter.windows.com",
        "https://securitycenter.onmicrosoft.com/windowsatpservice",
        "fc780465-2017-40d4-a0c5-307022471b92",
    ] {
        assert_eq!(ask("GET /api/machines?$top=1", resource), 200, "{resource}");
        assert_eq!(ask("GET /api/incidents?$top=1", resource), 403, "{resource}");
    }
    for resource in [
        "https://api.security.microsoft.com",
        "https://security.microsoft.com/mtp/",
        "8ee8fdad-f234-4243-8f3b-15c294843740",
    ] {
        assert_eq!(ask("GET /api/incidents?$top=1", resource), 200, "{resource}");
        assert_eq!(ask("GET /api/machines?$top=1", resource), 403, "{resource}");
    }
}

#[test]
fn a_filter_takes_the_documented_fields_and_their_types() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let base = tenant.addresses().defender.clone();
    let ask = |list: &str, filter: &str, resource: &str| {
        let line = format!("GET /api/{list}?$filter={}", encode(filter));
        let (status, body) = send(&base, &line, &bearer(&tenant, resource), "");
        (status, body["value"].as_array().map_or(0, Vec::len))
    };
    let machines = |filter: &str| ask("machines", filter, DEFENDER);
    assert_eq!(machines("ComputerDnsName eq 'host-000001.corp.net'"), (200, 1));
    assert_eq!(machines("machineTags/any(tag: tag eq 'vip')"), (200, 10));
    assert_eq!(machines("aadDeviceId eq de000000-0000-4000-8000-000000000003"), (200, 1));
    assert_eq!(machines("lastSeen ge 2026-11-23Z").1, machines("lastSeen gt 2026-11-22T12:00:00Z").1);
    for wrong in ["lastSeen ge '2026-11-23'", "contains(computerDnsName,'host')", "osBuild eq 22631"] {
        assert_eq!(machines(wrong).0, 400, "{wrong}");
    }
    let incidents = |filter: &str| ask("incidents", filter, "https://api.security.microsoft.com").0;
    assert_eq!(incidents("status eq 'Active' and lastUpdateTime gt 2026-11-01T00:00:00Z"), 200);
    assert_eq!(incidents("severity eq 'High'"), 400);
    assert_eq!(tenant.report().violations, [""; 0]);
}

#[test]
fn the_export_of_vulnerabilities_has_no_filter() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let base = tenant.addresses().defender.clone();
    let headers = bearer(&tenant, DEFENDER);
    let ask = |query: &str| {
        let line = format!("GET /api/machines/SoftwareVulnerabilitiesByMachine?{query}");
        let (status, body) = send(&base, &line, &headers, "");
        (status, body["value"].as_array().map_or(0, Vec::len), body["@odata.nextLink"].is_string())
    };
    assert_eq!(ask("pageSize=1000"), (200, 1_000, true));
    assert_eq!(ask("$top=1000"), (200, 1_000, false));
    assert_eq!(ask("pageSize=200001").0, 400);
    assert_eq!(tenant.report().violations, [""; 0]);
    assert_eq!(ask(&format!("$filter={}", encode("vulnerabilitySeverityLevel eq 'Critical'"))).0, 400);
    assert_eq!(tenant.report().violations.len(), 1);
}

#[test]
fn machines_end_at_ten_thousand_and_can_be_without_links() {
    let tenant = FakeTenant::start_blocking(World::new(1, 0, 10_050)).unwrap();
    let base = tenant.addresses().defender.clone();
    let headers = bearer(&tenant, DEFENDER);
    let ask = |query: &str| {
        let (status, body) = send(&base, &format!("GET /api/machines{query}"), &headers, "");
        let count = body["value"].as_array().map_or(0, Vec::len);
        (status, count, body["@odata.nextLink"].is_string())
    };
    assert_eq!(ask(""), (200, 10_000, true));
    assert_eq!(ask("?$top=10001").0, 400);
    assert_eq!(ask("?$top=100"), (200, 100, false));
    assert_eq!(ask("?$top=10000&$skip=10000"), (200, 50, false));
    tenant.change(|world| world.paths_without_links.push("/api/machines".to_owned()));
    assert_eq!(ask(""), (200, 10_000, false));
}

#[test]
fn the_antivirus_of_the_machines_comes_in_pages_of_twenty() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let base = tenant.addresses().defender.clone();
    let headers = bearer(&tenant, DEFENDER);
    let ask = |query: &str| {
        let (status, body) = send(&base, &format!("GET /api/deviceavinfo{query}"), &headers, "");
        let count = body["value"].as_array().map_or(0, Vec::len);
        (status, count, body["@odata.nextLink"].is_string())
    };
    assert_eq!(ask(""), (200, 20, true));
    assert_eq!(ask("?$skip=20"), (200, 20, false));
    assert_eq!(ask("?$top=30"), (200, 30, false));
    assert_eq!(ask("?$top=10001").0, 400);
    assert_eq!(ask(&format!("?$filter={}", encode("avIsSignatureUpToDate eq 'False'"))), (200, 5, false));
    assert_eq!(tenant.report().violations, [""; 0]);
}

#[test]
fn a_quota_can_be_counted_in_a_window_that_slides() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let base = tenant.addresses().defender.clone();
    let headers = bearer(&tenant, DEFENDER);
    let request = || send(&base, "GET /api/machines?$top=1", &headers, "").0;
    let quota = |window: &str| {
        let quota = json!({"limit": 2, "windowSeconds": 2, "window": window, "retryAfterSeconds": 1});
        assert_eq!(send(&tenant.addresses().control, "POST /reset", "", "").0, 200);
        let world = json!({"quota": quota}).to_string();
        assert_eq!(send(&tenant.addresses().control, "PATCH /world", "", &world).0, 200);
    };
    let pause = |seconds: f64| std::thread::sleep(std::time::Duration::from_secs_f64(seconds));
    for (window, third) in [("sliding", 429), ("fixed", 200)] {
        quota(window);
        assert_eq!(request(), 200);
        pause(1.2);
        assert_eq!(request(), 200);
        pause(1.0);
        // The first has left every window; the second is in one that slides, and in none that the first opened.
        assert_eq!((request(), request()), (200, third), "{window}");
    }
}

#[test]
fn a_quotas_refusal_can_have_no_retry_after() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let base = tenant.addresses().defender.clone();
    let headers = bearer(&tenant, DEFENDER);
    let refused = |change: Value| {
        let mut quota = json!({"limit": 1, "windowSeconds": 3600, "retryAfterSeconds": 7});
        quota.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let world = json!({"quota": quota}).to_string();
        assert_eq!(send(&tenant.addresses().control, "POST /reset", "", "").0, 200);
        assert_eq!(send(&tenant.addresses().control, "PATCH /world", "", &world).0, 200);
        assert_eq!(send(&base, "GET /api/machines?$top=1", &headers, "").0, 200);
        let (status, head, body) = send_for_head(&base, "GET /api/machines?$top=1", &headers, "");
        assert_eq!((status, &body["error"]["code"]), (429, &json!("429")));
        (head, body["error"]["message"].as_str().unwrap().to_owned())
    };
    let (head, text) = refused(json!({}));
    assert!(head.contains("retry-after: 7\r\n"), "{head}");
    assert_eq!(text, "API calls quota exceeded! maximum allowed 1 per 01:00:00");
    let (head, text) = refused(json!({"withoutRetryAfter": true, "textWithSeconds": true}));
    assert!(!head.contains("retry-after"), "{head}");
    let start =
        "API calls quota exceeded! Maximum allowed 1 per 01:00:00 for the key Destination+TenantID+AppID. ";
    let seconds =
        text.strip_prefix(start).and_then(|rest| rest.strip_prefix("You can send requests again in "));
    let seconds: u64 = seconds.unwrap().strip_suffix(" seconds.").unwrap().parse().unwrap();
    assert!((3_590..=3_600).contains(&seconds), "{seconds}");
}

#[test]
fn alerts_are_newest_first_within_the_limits_of_top_and_skip() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    tenant.change(|world| world.tenants[0].alerts = 1_200);
    let base = tenant.addresses().graph.clone();
    let headers = bearer(&tenant, "https://graph.microsoft.com");
    let path = "/v1.0/security/alerts_v2";
    let ask = |query: &str| {
        let (status, body) = send(&base, &format!("GET {path}?{query}"), &headers, "");
        assert_eq!(status, 200, "{query}: {body}");
        body
    };
    let times = |body: &Value, name: &str| {
        let rows = body["value"].as_array().unwrap();
        rows.iter().map(|row| row[name].as_str().unwrap().parse().unwrap()).collect::<Vec<jiff::Timestamp>>()
    };
    let newest = ask("$top=5000");
    let found = times(&newest, "createdDateTime");
    assert_eq!(found.len(), 1_000);
    assert!(found.windows(2).all(|pair| pair[0] > pair[1]));
    assert!(newest["@odata.nextLink"].is_null());
    let oldest = times(&ask("$top=50&$orderby=lastUpdateDateTime%20asc"), "lastUpdateDateTime");
    assert!(oldest.windows(2).all(|pair| pair[0] <= pair[1]));
    assert_eq!(ask("$count=true&$top=1&$skip=500")["@odata.count"], 1_200);
    assert!(ask("")["@odata.nextLink"].is_string());
    tenant.change(|world| world.paths_without_links.push(path.to_owned()));
    assert!(ask("")["@odata.nextLink"].is_null());
    for wrong in ["$skip=501", "$orderby=severity", "$filter=investigationState%20eq%20'x'", "$top=x"] {
        let (status, body) = send(&base, &format!("GET {path}?{wrong}"), &headers, "");
        assert_eq!((status, &body["error"]["code"]), (400, &json!("")), "{wrong}");
        assert!(body["error"]["innerError"]["date"].is_string());
    }
}

#[test]
fn subscriptions_come_in_pages_with_a_link() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    tenant.change(|world| (world.tenants[0].subscriptions, world.arm_page_size) = (25, 10));
    let base = tenant.addresses().arm.clone();
    let headers = bearer(&tenant, "https://management.azure.com");
    let (mut path, mut ids) = ("/subscriptions?api-version=2022-12-01".to_owned(), HashSet::new());
    let mut pages = 0;
    loop {
        let (status, page) = send(&base, &format!("GET {path}"), &headers, "");
        assert_eq!(status, 200, "{page}");
        pages += 1;
        for row in page["value"].as_array().unwrap() {
            assert!(ids.insert(row["subscriptionId"].as_str().unwrap().to_owned()));
        }
        let Some(link) = page["nextLink"].as_str() else { break };
        link.strip_prefix(&base).unwrap().clone_into(&mut path);
    }
    assert_eq!((pages, ids.len()), (3, 25));
    assert_eq!(send(&base, &format!("GET {path}0"), &headers, "").0, 400);
    assert_eq!(tenant.report().violations, [""; 0]);
}

#[test]
fn resource_graph_goes_on_with_a_token_if_the_query_allows_it() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    tenant.change(|world| world.resource_graph_quota.limit = 100);
    let base = tenant.addresses().arm.clone();
    let headers =
        format!("{}Content-Type: application/json\r\n", bearer(&tenant, "https://management.azure.com"));
    let line = "POST /providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01";
    let ask = |body: &Value| send(&base, line, &headers, &body.to_string());
    let assessments = "securityresources | where type == 'microsoft.security/assessments'";
    let ordered = format!("{assessments} | order by id asc");

    let mut ids = HashSet::new();
    let mut token = Value::Null;
    let mut sizes = Vec::new();
    loop {
        let (status, page) = ask(&json!({"query": ordered, "options": {"$skipToken": token}}));
        assert_eq!(status, 200, "{page}");
        assert_eq!((&page["totalRecords"], &page["resultTruncated"]), (&json!(250), &json!("false")));
        let rows = page["data"].as_array().unwrap();
        assert_eq!(page["count"], rows.len());
        sizes.push(rows.len());
        ids.extend(rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()));
        token = page["$skipToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!((sizes, ids.len()), (vec![100, 100, 50], 250));

    for ending in ["project name, location", "limit 200", "distinct name"] {
        let (_, page) = ask(&json!({"query": format!("{assessments} | {ending}")}));
        assert_eq!(
            (&page["resultTruncated"], &page["$skipToken"]),
            (&json!("true"), &Value::Null),
            "{ending}"
        );
    }
    let (_, page) = ask(&json!({"query": ordered, "options": {"$top": 1000, "$skip": 240}}));
    assert_eq!((&page["count"], &page["resultTruncated"]), (&json!(10), &json!("false")));
    let (_, page) =
        ask(&json!({"query": "resources | take 3", "options": {"$skip": 2, "resultFormat": "table"}}));
    assert_eq!((page["count"].as_u64(), page["data"]["rows"].as_array().unwrap().len()), (Some(3), 3));
    assert!(page["data"]["columns"].as_array().unwrap().contains(&json!({"name": "id", "type": "string"})));

    let first = ask(&json!({"query": ordered})).1["$skipToken"].clone();
    for (wrong, code) in [
        (json!({"query": "unknown"}), "InvalidQuery"),
        (json!({"query": "resources | frobnicate"}), "InvalidQuery"),
        (json!({"query": "resources", "options": {"$top": 1001}}), "InvalidOptions"),
        (json!({"query": "resources", "options": {"$skipToken": first}}), "InvalidOptions"),
        (json!([]), "InvalidRequestBody"),
    ] {
        let (status, body) = ask(&wrong);
        assert_eq!((status, &body["error"]["code"]), (400, &json!("BadRequest")), "{wrong}");
        assert_eq!(body["error"]["details"][0]["code"], code, "{wrong}");
    }
    assert_eq!(send(&base, &line.replace("2021-03-01", "2020-01-01"), &headers, "{}").0, 400);
    assert_eq!(tenant.report().violations, [""; 0]);
}

#[test]
fn resource_graph_says_how_much_of_its_quota_is_left() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    tenant.change(|world| world.resource_graph_quota = QueryQuota { limit: 2, window_seconds: 3600 });
    let base = tenant.addresses().arm.clone();
    let headers =
        format!("{}Content-Type: application/json\r\n", bearer(&tenant, "https://management.azure.com"));
    let line = "POST /providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01";
    let ask = || {
        let (status, head, body) = send_for_head(&base, line, &headers, r#"{"query": "resources"}"#);
        let value = |name: &str| {
            let (_, rest) = head.split_once(&format!("{name}: ")).unwrap();
            rest.lines().next().unwrap().to_owned()
        };
        let (left, resets) = (value("x-ms-user-quota-remaining"), value("x-ms-user-quota-resets-after"));
        assert!(resets == "01:00:00" || resets.starts_with("00:59:"), "{resets}");
        (status, left, body["error"]["code"].clone())
    };
    assert_eq!(ask(), (200, "1".to_owned(), Value::Null));
    assert_eq!(ask(), (200, "0".to_owned(), Value::Null));
    assert_eq!(ask(), (429, "0".to_owned(), json!("RateLimiting")));
}
