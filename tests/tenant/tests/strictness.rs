//! What the real services refuse, this one refuses: requests as a person makes them by hand, sent over a bare socket.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use std::io::{Read, Write};
use std::net::TcpStream;

use fedxdr_tenant::{FakeTenant, IDENTITY_HEADER, World};
use serde_json::Value;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const SCOPE: &str = "https://api.securitycenter.microsoft.com/.default";

/// Sends a request and gives status and body.
fn send(base: &str, request_line: &str, headers: &str, body: &str) -> (u16, Value) {
    let host = base.strip_prefix("http://").unwrap();
    let mut socket = TcpStream::connect(host).unwrap();
    let length = body.len();
    write!(socket, "{request_line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

fn encode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The identity's token for `resource`.
fn assertion(tenant: &FakeTenant, resource: &str, selector: &str) -> String {
    let base = tenant.addresses().identity_endpoint.strip_suffix("/msi/token").unwrap();
    let path = format!("GET /msi/token?api-version=2019-08-01&resource={}{selector}", encode(resource));
    let (status, body) = send(base, &path, &format!("X-IDENTITY-HEADER: {IDENTITY_HEADER}\r\n"), "");
    assert_eq!(status, 200);
    body["access_token"].as_str().unwrap().to_owned()
}

struct Form {
    client_id: String,
    scope: String,
    grant_type: String,
    assertion_type: String,
    assertion: String,
}

/// A token request that differs from a good one as `change` says, and the AADSTS code of its refusal (0 for a token).
fn exchange(
    tenant: &FakeTenant,
    path_tenant: &str,
    content_type: &str,
    change: impl FnOnce(&mut Form),
) -> u64 {
    let addresses = tenant.addresses();
    let selector = format!("&client_id={}", addresses.managed_identity.client_id);
    let mut form = Form {
        client_id: addresses.client_id.clone(),
        scope: SCOPE.to_owned(),
        grant_type: "client_credentials".to_owned(),
        assertion_type: ASSERTION_TYPE.to_owned(),
        assertion: assertion(tenant, "api://AzureADTokenExchange", &selector),
    };
    change(&mut form);
    let body = format!(
        "client_id={}&scope={}&grant_type={}&client_assertion_type={}&client_assertion={}",
        encode(&form.client_id),
        encode(&form.scope),
        encode(&form.grant_type),
        encode(&form.assertion_type),
        encode(&form.assertion)
    );
    let headers = format!("Content-Type: {content_type}\r\n");
    let (status, answer) =
        send(&addresses.authority, &format!("POST /{path_tenant}/oauth2/v2.0/token"), &headers, &body);
    if status == 200 {
        assert!(answer["access_token"].is_string());
        return 0;
    }
    assert!(answer["error_description"].as_str().unwrap().starts_with("AADSTS"));
    answer["error_codes"][0].as_u64().unwrap()
}

const URLENCODED: &str = "application/x-www-form-urlencoded";

#[test]
fn a_token_request_that_is_right_is_granted_and_each_that_is_not_has_its_code() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let customer = tenant.addresses().tenants[0].tenant_id.clone();
    let ask = |change: fn(&mut Form)| exchange(&tenant, &customer, URLENCODED, change);
    assert_eq!(ask(|_| {}), 0);
    assert_eq!(ask(|f| f.assertion_type = "urn:ietf:params:oauth:grant-type:jwt-bearer".into()), 90023);
    assert_eq!(exchange(&tenant, &customer, "multipart/form-data; boundary=x", |_| {}), 900_144);
    assert_eq!(exchange(&tenant, &customer, "application/json", |_| {}), 900_144);
    assert_eq!(ask(|f| f.grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer".into()), 7_000_114);
    assert_eq!(ask(|f| f.grant_type = "password".into()), 70003);
    assert_eq!(ask(|f| f.assertion.clear()), 7_000_218);
    assert_eq!(ask(|f| f.assertion = "not a token".into()), 50027);
    assert_eq!(ask(|f| f.assertion.replace_range(f.assertion.len() - 8.., "AAAAAAAA")), 900_384);
    assert_eq!(ask(|f| f.scope = "https://api.securitycenter.microsoft.com".into()), 1_002_012);
    assert_eq!(ask(|f| f.scope = format!("{SCOPE} https://graph.microsoft.com/.default")), 700_022);
    assert_eq!(ask(|f| f.scope = "https://unknown.example/.default".into()), 500_011);
    assert_eq!(ask(|f| f.client_id = "99999999-9999-4999-8999-999999999999".into()), 700_016);
    for (path, code) in
        [("common", 9_001_023), ("not-a-tenant", 900_023), ("dddddddd-0000-4000-8000-000000000001", 90002)]
    {
        assert_eq!(exchange(&tenant, path, URLENCODED, |_| {}), code, "{path}");
    }
}

#[test]
fn an_assertion_that_is_not_the_identitys_token_for_the_exchange_is_refused() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let customer = tenant.addresses().tenants[0].tenant_id.clone();
    let uami = format!("&client_id={}", tenant.addresses().managed_identity.client_id);
    let with = |assertion: String| exchange(&tenant, &customer, URLENCODED, |f| f.assertion = assertion);
    assert_eq!(with(assertion(&tenant, "https://management.azure.com", &uami)), 700_227);
    // Without an id the system-assigned identity answers, which the app does not trust.
    assert_eq!(with(assertion(&tenant, "api://AzureADTokenExchange", "")), 700_213);
    tenant.change(|world| world.app.federated_credentials.clear());
    assert_eq!(with(assertion(&tenant, "api://AzureADTokenExchange", &uami)), 70025);
    tenant.change(|world| "c0000000-0000-4000-8000-000000000001".clone_into(&mut world.app.home_tenant_id));
    assert_eq!(with(assertion(&tenant, "api://AzureADTokenExchange", &uami)), 700_236);
}

#[test]
fn the_identity_endpoint_wants_its_header_its_version_and_one_id_that_it_knows() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let addresses = tenant.addresses().clone();
    let base = addresses.identity_endpoint.strip_suffix("/msi/token").unwrap().to_owned();
    let resource = format!("resource={}", encode("api://AzureADTokenExchange"));
    let good = format!("X-IDENTITY-HEADER: {IDENTITY_HEADER}\r\n");
    let ask = |query: &str, headers: &str| send(&base, &format!("GET /msi/token?{query}"), headers, "").0;
    assert_eq!(ask(&format!("api-version=2019-08-01&{resource}"), &good), 200);
    // The header and version of the other generation of this endpoint.
    assert_eq!(
        ask(&format!("api-version=2019-08-01&{resource}"), &format!("secret: {IDENTITY_HEADER}\r\n")),
        401
    );
    assert_eq!(ask(&format!("api-version=2017-09-01&{resource}"), &good), 400);
    assert_eq!(ask("api-version=2019-08-01&resource=x", &good), 500);
    assert_eq!(ask(&format!("api-version=2019-08-01&{resource}&client_id=nobody"), &good), 400);
    let second = &addresses.second_identity;
    let both = format!(
        "api-version=2019-08-01&{resource}&client_id={}&object_id={}",
        second.client_id, second.object_id
    );
    assert_eq!(ask(&both, &good), 400);
    // IMDS's name of the parameter means nothing here: another identity answers, and it is reported.
    let before = tenant.report().violations.len();
    assert_eq!(
        ask(&format!("api-version=2019-08-01&{resource}&msi_res_id={}", encode(&second.resource_id)), &good),
        200
    );
    assert_eq!(tenant.report().violations.len(), before + 1);
}

#[test]
fn defender_wants_a_token_for_itself_from_the_right_world() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let base = tenant.addresses().defender.clone();
    let ask = |path: &str, token: &str| {
        send(&base, &format!("GET {path}"), &format!("Authorization: Bearer {token}\r\n"), "").0
    };
    let own = assertion(&tenant, "https://api.securitycenter.microsoft.com", "");
    assert_eq!(ask("/api/machines?$top=1", &own), 200);
    assert_eq!(ask("/api/Machines?$top=1", &own), 404);
    assert_eq!(ask("/api/machines?pageSize=1", &own), 400);
    assert_eq!(ask("/api/machines?$top=10001", &own), 400);
    assert_eq!(ask("/api/machines", "fake.token.here"), 401);
    assert_eq!(ask("/api/machines", &assertion(&tenant, "https://graph.microsoft.com", "")), 403);
    assert_eq!(send(&base, "GET /api/machines", "", "").0, 401);
}
