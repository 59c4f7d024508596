//! Request documents of every kind: what a good one leads to, and why a bad one is refused before anything is sent.

use serde_json::json;

use super::{DOMAIN_TENANT, End, Fixture, form};
use crate::http::Request;
use crate::testing::{Answer, Network, START, TENANT, jwt, ok, status};

const OTHER: &str = "99999999-9999-9999-9999-999999999999";
const EMPTY: &str = r#"{"value":[]}"#;

fn line(request: &Request) -> String {
    let body = request.body.as_deref().map(|body| format!(" {}", String::from_utf8_lossy(body)));
    format!("{} {}{}", request.method, request.url, body.unwrap_or_default())
}

#[tokio::test(start_paused = true)]
async fn a_document_becomes_these_requests() {
    const API: &str = "https://api.security.microsoft.com/api";
    for (document, expected) in [
        (
            json!({"kind": "rows", "resource": "machines", "filter": "healthStatus eq 'a&b'"}),
            vec![format!("GET {API}/machines?$filter=healthStatus%20eq%20%27a%26b%27")],
        ),
        (
            json!({"kind": "rows", "resource": "machines", "id": "a/../b?c#d"}),
            vec![format!("GET {API}/machines/a%2F..%2Fb%3Fc%23d")],
        ),
        (
            json!({"kind": "rows", "resource": "softwareVulnerabilitiesByMachine", "pageSize": 1000}),
            vec![format!("GET {API}/machines/SoftwareVulnerabilitiesByMachine?pageSize=1000")],
        ),
        (
            json!({"kind": "rows", "resource": "machineVulnerabilities", "parentIds": ["a", "b c"]}),
            vec![
                format!("GET {API}/machines/a/vulnerabilities"),
                format!("GET {API}/machines/b%20c/vulnerabilities"),
            ],
        ),
        (
            json!({"kind": "request", "path": "/api/x?$top=1&y=%20"}),
            vec![format!("GET {API}/x?$top=1&y=%20")],
        ),
        (
            json!({"kind": "request", "family": "Graph", "method": "patch", "path": "/v1.0/x", "body": "{}"}),
            vec!["PATCH https://graph.microsoft.com/v1.0/x {}".to_owned()],
        ),
        (
            json!({"kind": "request", "family": "Arm", "path": "/subscriptions?api-version=2022-12-01"}),
            vec!["GET https://management.azure.com/subscriptions?api-version=2022-12-01".to_owned()],
        ),
        (json!({"kind": "tokens"}), vec![]),
        (json!({"kind": "explain", "text": "AADSTS700016"}), vec![]),
        (json!({"kind": "consent", "redirectUri": "https://x.example/", "state": "s"}), vec![]),
        (json!({"kind": "token", "resource": "Defender"}), vec![]),
    ] {
        let fixture = Fixture::new(|_, _| ok(EMPTY));
        let outcome = fixture.run(&document.to_string()).await;
        assert_eq!((outcome.end, outcome.error_ids()), (End::Complete, vec![]), "{document}");
        let sent: Vec<_> = fixture.api_requests().iter().map(line).collect();
        assert_eq!(sent, expected, "{document}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_document_is_refused_before_anything_is_sent() {
    const BAD: &str = "Fdx.Settings.InvalidArgument";
    let fixture = Fixture::new(|request, _| panic!("{request:?} was sent"));
    for (id, documents) in [
        (
            BAD,
            &[
                "",
                "{",
                "[]",
                "null",
                "{}",
                r#"{"kind":"rows"}"#,
                r#"{"kind":"Rows","resource":"machines"}"#,
                r#"{"kind":"other"}"#,
                r#"{"kind":7}"#,
                r#"{"kind":"rows","resource":"nothing"}"#,
                r#"{"kind":"rows","resource":"machines","unknown":1}"#,
                r#"{"kind":"rows","resource":"machines","first":-1}"#,
                r#"{"kind":"rows","resource":"machines","first":"5"}"#,
                r#"{"kind":"rows","resource":"machines","resource":"machines"}"#,
                r#"{"kind":"request"}"#,
                r#"{"kind":"request","path":"/x","family":"Other"}"#,
                r#"{"kind":"request","path":"/x","body":{}}"#,
                r#"{"kind":"check"}"#,
                r#"{"kind":"explain"}"#,
                r#"{"kind":"explain","text":7}"#,
                r#"{"kind":"tokens"} x"#,
                // Members of another kind, or of another resource.
                r#"{"kind":"rows","resource":"machines","path":"/x"}"#,
                r#"{"kind":"request","path":"/x","resource":"machines"}"#,
                r#"{"kind":"tokens","force":true}"#,
                r#"{"kind":"consent","text":"x"}"#,
                r#"{"kind":"rows","resource":"machines","parentIds":["a"]}"#,
                r#"{"kind":"rows","resource":"machines","pageSize":10}"#,
                r#"{"kind":"rows","resource":"softwareVulnerabilitiesByMachine","id":"a"}"#,
                r#"{"kind":"rows","resource":"machineVulnerabilities"}"#,
                r#"{"kind":"rows","resource":"machineVulnerabilities","parentIds":[]}"#,
            ][..],
        ),
        (
            "Fdx.Settings.ParameterMisfit",
            &[
                r#"{"kind":"rows","resource":"machines","id":"a","filter":"x eq 1"}"#,
                r#"{"kind":"rows","resource":"software","since":"2026-11-20T00:00:00Z"}"#,
                r#"{"kind":"rows","resource":"machines","options":{"ExpandAlerts":true}}"#,
            ],
        ),
        (
            "Fdx.Settings.InvalidFilter",
            &[
                r#"{"kind":"rows","resource":"machines","filter":" "}"#,
                r#"{"kind":"rows","resource":"machines","filter":"id eq 'x"}"#,
                r#"{"kind":"rows","resource":"machines","filter":"(id eq 'x'"}"#,
                r#"{"kind":"rows","resource":"machines","filter":")id eq 'x'("}"#,
            ],
        ),
        (
            "Fdx.Settings.InvalidPageSize",
            &[
                r#"{"kind":"rows","resource":"softwareVulnerabilitiesByMachine","pageSize":0}"#,
                r#"{"kind":"rows","resource":"softwareVulnerabilitiesByMachine","pageSize":200001}"#,
            ],
        ),
        ("Fdx.Settings.InvalidMethod", &[r#"{"kind":"request","path":"/x","method":"TRACE"}"#]),
        (
            "Fdx.Settings.InvalidResource",
            &[
                r#"{"kind":"token","resource":"Nothing"}"#,
                r#"{"kind":"token","resource":"https://"}"#,
                r#"{"kind":"check","resources":["Nothing"]}"#,
            ],
        ),
        (
            "Fdx.Settings.InvalidTenantId",
            &[
                r#"{"kind":"tokens","tenants":["common"]}"#,
                r#"{"kind":"tokens","tenants":["a/b.c"]}"#,
                r#"{"kind":"tokens","tenants":["contoso"]}"#,
            ],
        ),
    ] {
        for document in documents {
            let error = fixture.session.query(document).err().map(|error| error.id);
            assert_eq!(error, Some(id), "{document}");
        }
    }
    assert_eq!(fixture.network.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_path_that_leaves_the_api_is_refused() {
    let fixture = Fixture::new(|request, _| panic!("{request:?} was sent"));
    for path in ["api/x", "//evil.example/x", "/\\evil.example", "https://evil.example/", "", "/x#y"] {
        let document = json!({"kind": "request", "path": path});
        let outcome = fixture.run(&document.to_string()).await;
        assert_eq!(outcome.error_ids(), ["Fdx.Settings.InvalidPath"], "{path}");
    }
    for id in ["", ".", ".."] {
        let document = json!({"kind": "rows", "resource": "machines", "id": id});
        let outcome = fixture.run(&document.to_string()).await;
        assert_eq!(outcome.error_ids(), ["Fdx.Settings.InvalidItemId"], "{id:?}");
    }
    assert_eq!(fixture.network.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn every_tenant_is_read_once_with_its_own_token() {
    let fixture = Fixture::new(|_, _| ok(r#"{"value":[{"id":"1"}]}"#));
    let tenants = json!([TENANT, OTHER, TENANT, "contoso.onmicrosoft.com"]);
    let document = json!({"kind": "rows", "resource": "machines", "tenants": tenants, "throttleLimit": 1});
    let outcome = fixture.run(&document.to_string()).await;
    assert_eq!(outcome.rows.len(), 3);
    let label = |id: &str, name: Option<&str>| (id.to_owned(), name.map(str::to_owned));
    let contoso = label(DOMAIN_TENANT, Some("contoso.onmicrosoft.com"));
    assert_eq!(outcome.tenants, [label(TENANT, None), label(OTHER, None), contoso]);
    let asked: Vec<_> = fixture
        .token_requests()
        .iter()
        .map(|request| request.url.path_segments().unwrap().next().unwrap().to_owned())
        .collect();
    assert_eq!(asked, [TENANT, OTHER, "contoso.onmicrosoft.com"]);
}

#[tokio::test(start_paused = true)]
async fn two_names_of_a_tenant_are_read_once() {
    let fixture = Fixture::new(|_, _| ok(r#"{"value":[{"id":"1"}]}"#));
    for document in [
        json!({"kind": "rows", "resource": "machines"}),
        json!({"kind": "rows", "resource": "machineVulnerabilities", "parentIds": ["a"]}),
        json!({"kind": "request", "path": "/api/machines"}),
    ] {
        let mut document = document;
        document["tenants"] = json!(["contoso.onmicrosoft.com", DOMAIN_TENANT, "CONTOSO.com", TENANT]);
        let outcome = fixture.run(&document.to_string()).await;
        assert_eq!((outcome.rows.len(), outcome.errors.len()), (2, 0), "{document}");
        let mut ids: Vec<_> = outcome.tenants.iter().map(|(id, _)| id.as_str()).collect();
        ids.sort_unstable();
        assert_eq!(ids, [TENANT, DOMAIN_TENANT], "{document}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_an_app_no_tenant_but_the_home_is_read() {
    let network = Network::new(|request, _| {
        if request.url.path().contains("/metadata/") {
            let token = jwt(&json!({"tid": TENANT, "roles": ["Machine.Read.All"]}));
            return ok(json!({"access_token": token, "expires_in": 3600, "token_type": "Bearer"}).to_string());
        }
        ok(r#"{"value":[{"id":"1"}]}"#)
    });
    let settings = format!(
        r#"{{"tenants":["{TENANT}"],"credential":{{"type":"managedIdentity","clientId":"{OTHER}"}}}}"#
    );
    let fixture = Fixture::open(&network, &settings);
    for (tenants, rows, errors) in [
        (json!([TENANT]), 1, 0),
        (json!([TENANT.to_uppercase()]), 1, 0),
        (json!([OTHER]), 0, 1),
        (json!([OTHER, TENANT, DOMAIN_TENANT]), 1, 2),
        (json!(["contoso.com"]), 0, 1),
    ] {
        for kind in ["rows", "request", "token"] {
            let mut document = json!({"kind": kind, "tenants": tenants});
            match kind {
                "rows" => document["resource"] = json!("machines"),
                "request" => document["path"] = json!("/api/machines"),
                _ => {}
            }
            let outcome = fixture.run(&document.to_string()).await;
            assert_eq!((outcome.rows.len(), outcome.errors.len()), (rows, errors), "{document}");
            assert!(outcome.error_ids().iter().all(|id| *id == "Fdx.Identity.HomeTenantOnly"), "{document}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_scope_of_a_token_follows_from_the_resource() {
    for (resource, scope) in [
        ("Defender", "https://api.securitycenter.microsoft.com/.default"),
        ("graph", "https://graph.microsoft.com/.default"),
        ("https://x.example", "https://x.example/.default"),
        ("https://x.example/.default", "https://x.example/.default"),
        ("api://x", "api://x/.default"),
    ] {
        let fixture = Fixture::new(|request, _| panic!("{request:?} was sent"));
        let outcome = fixture.run(&json!({"kind": "token", "resource": resource}).to_string()).await;
        assert_eq!(outcome.rows[0]["scope"], scope, "{resource}");
        assert_eq!(form(&fixture.token_requests()[0])["scope"], scope, "{resource}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cached_token_is_used_until_a_new_one_is_forced() {
    let fixture = Fixture::new(|request, _| panic!("{request:?} was sent"));
    let token = r#"{"kind":"token","resource":"Defender"}"#;
    let force = r#"{"kind":"token","resource":"Defender","force":true}"#;
    let mut tokens = Vec::new();
    for (document, from_cache) in [(token, false), (token, true), (force, false), (token, true)] {
        let mut outcome = fixture.run(document).await;
        assert_eq!(outcome.rows[0]["fromCache"], from_cache);
        tokens.push(outcome.rows[0].remove("token").unwrap());
    }
    assert!(tokens[0] == tokens[1] && tokens[1] != tokens[2] && tokens[2] == tokens[3]);
    // What is cached is told without the token.
    let outcome = fixture.run(r#"{"kind":"tokens"}"#).await;
    assert_eq!(outcome.rows.len(), 1);
    assert_eq!(outcome.rows[0]["tenant"], TENANT);
    assert!(!json!(outcome.rows[0]).to_string().contains(tokens[3].as_str().unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_never_ends_ends_with_the_last_date() {
    let network = Network::new(|_, _| {
        ok(json!({"token_type": "Bearer", "expires_in": 999_999_999_999_999_u64, "access_token": "fake"})
            .to_string())
    });
    let fixture = Fixture::over(&network, "");
    let outcome = fixture.run(r#"{"kind":"token","resource":"Defender"}"#).await;
    assert_eq!(outcome.rows[0]["expiresOn"], 3_155_378_975_999_999_999_i64, "{:?}", outcome.error_ids());
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_is_not_there_leaves_the_others() {
    let fixture = Fixture::new(|request, _| {
        if request.url.path().contains("/b/") { status(404) } else { ok(r#"{"value":[{"id":"CVE"}]}"#) }
    });
    let document =
        json!({"kind": "rows", "resource": "machineVulnerabilities", "parentIds": ["a", "b", "c"]});
    let outcome = fixture.run(&document.to_string()).await;
    let machines: Vec<_> = outcome.rows.iter().map(|row| row["machineId"].as_str().unwrap()).collect();
    assert_eq!(machines, ["a", "c"]);
    assert_eq!(outcome.error_ids(), ["Fdx.Api.NotFound"]);
    assert_eq!(outcome.errors[0].item.as_deref(), Some("b"));
}

#[tokio::test(start_paused = true)]
async fn raw_rows_are_the_services_own_text() {
    const ROW: &str = r#"{"id": 1.50, "b" : "\u00e9"}"#;
    for document in [
        r#"{"kind":"rows","resource":"machines","raw":true}"#,
        r#"{"kind":"request","path":"/api/x","raw":true}"#,
    ] {
        let fixture = Fixture::new(|_, _| ok(format!(r#"{{"value":[{ROW} ]}}"#)));
        let outcome = fixture.run(document).await;
        assert_eq!(json!(outcome.rows), json!([{"json": ROW}]));
    }
}

#[tokio::test(start_paused = true)]
async fn the_environment_of_a_request_replaces_the_sessions() {
    let network = Network::new(|request, _| {
        let is_identity = request.url.host_str() == Some("127.0.0.1");
        let token = json!({"access_token": "fake", "token_type": "Bearer", "expires_on": START + 86_400});
        if is_identity { ok(token.to_string()) } else { Answer::Never }
    });
    let settings = r#"{"credential":{"type":"managedIdentity"},"tokenCache":"None",
        "environment":{"IDENTITY_ENDPOINT":"http://127.0.0.1:1/x","IDENTITY_HEADER":"fake"}}"#;
    let fixture = Fixture::open(&network, settings);
    let changed = r#"{"kind":"token","resource":"Defender",
        "environment":{"IDENTITY_ENDPOINT":"http://127.0.0.1:2/x","IDENTITY_HEADER":"fake"}}"#;
    let plain = r#"{"kind":"token","resource":"Defender"}"#;
    for document in [plain, changed, plain] {
        let outcome = fixture.run(document).await;
        assert_eq!(outcome.rows.len(), 1, "{:?}", outcome.error_ids());
    }
    let ports: Vec<_> =
        fixture.network.sent.lock().unwrap().iter().map(|request| request.url.port()).collect();
    assert_eq!(ports, [Some(1), Some(2), Some(2)]);
}
