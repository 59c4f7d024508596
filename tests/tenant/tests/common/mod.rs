//! Requests as a person makes them by hand.
#![allow(dead_code, unreachable_pub)] // each test program takes what it needs

use std::io::{Read, Write};
use std::net::TcpStream;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fedxdr_tenant::{FakeTenant, IDENTITY_HEADER};
use ring::signature::{RsaEncoding, RsaKeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::Value;

pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
pub const SCOPE: &str = "https://api.securitycenter.microsoft.com/.default";

/// A key for these tests only.
const KEY: &[u8] = include_bytes!("../../src/fake-rsa-key.der");

/// A self-signed certificate of the key.
pub fn certificate() -> Vec<u8> {
    let key = PrivatePkcs8KeyDer::from(KEY);
    let key = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&key, &rcgen::PKCS_RSA_SHA256).unwrap();
    let parameters = rcgen::CertificateParams::new(["fake.example".to_owned()]).unwrap();
    parameters.self_signed(&key).unwrap().der().to_vec()
}

/// A token that the key signed.
pub fn signed(header: &Value, claims: &Value, padding: &'static dyn RsaEncoding) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    let key = RsaKeyPair::from_pkcs8(KEY).unwrap();
    let mut signature = vec![0; key.public().modulus_len()];
    let random = ring::rand::SystemRandom::new();
    key.sign(padding, &random, text.as_bytes(), &mut signature).unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

pub fn now() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

/// Sends a request. Returns status and body.
pub fn send(base: &str, request_line: &str, headers: &str, body: &str) -> (u16, Value) {
    let (status, _, body) = send_for_head(base, request_line, headers, body);
    (status, body)
}

/// Sends a request. Returns status, head and body.
pub fn send_for_head(base: &str, request_line: &str, headers: &str, body: &str) -> (u16, String, Value) {
    let host = base.strip_prefix("http://").unwrap();
    let mut socket = TcpStream::connect(host).unwrap();
    let length = body.len();
    write!(
        socket,
        "{request_line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: \
        {length}\r\n{headers}\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let body = if head.contains("transfer-encoding: chunked") { joined(body) } else { body.to_owned() };
    (status, head.to_owned(), serde_json::from_str(&body).unwrap_or(Value::Null))
}

/// The chunks of a body, joined.
fn joined(mut chunks: &str) -> String {
    let mut body = String::new();
    while let Some((size, rest)) = chunks.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        body.push_str(&rest[..size]);
        chunks = rest[size..].strip_prefix("\r\n").unwrap();
    }
    body
}

pub fn encode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The identity's token for `resource`.
pub fn assertion(tenant: &FakeTenant, resource: &str, selector: &str) -> String {
    let base = tenant.addresses().identity_endpoint.strip_suffix("/msi/token").unwrap();
    let path = format!("GET /msi/token?api-version=2019-08-01&resource={}{selector}", encode(resource));
    let (status, body) = send(base, &path, &format!("X-IDENTITY-HEADER: {IDENTITY_HEADER}\r\n"), "");
    assert_eq!(status, 200);
    body["access_token"].as_str().unwrap().to_owned()
}

pub struct Form {
    pub client_id: String,
    pub scope: String,
    pub grant_type: String,
    pub assertion_type: String,
    pub assertion: String,
}

/// A token request that differs from a good one as `change` says, and the AADSTS code of its refusal (0 for a token).
pub fn exchange(
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
    token_request(tenant, path_tenant, content_type, &body)
}

/// A token request with this body, and the AADSTS code of its refusal (0 for a token).
pub fn token_request(tenant: &FakeTenant, path_tenant: &str, content_type: &str, body: &str) -> u64 {
    let headers = format!("Content-Type: {content_type}\r\n");
    let line = format!("POST /{path_tenant}/oauth2/v2.0/token");
    let (status, answer) = send(&tenant.addresses().authority, &line, &headers, body);
    if status == 200 {
        assert!(answer["access_token"].is_string());
        return 0;
    }
    assert!(answer["error_description"].as_str().unwrap().starts_with("AADSTS"));
    answer["error_codes"][0].as_u64().unwrap()
}

pub const URLENCODED: &str = "application/x-www-form-urlencoded";

/// A token that the app's secret gets for the first customer; `more` is added to the form.
pub fn secret_token(tenant: &FakeTenant, scope: &str, more: &str) -> String {
    let addresses = tenant.addresses();
    let body = format!(
        "client_id={}&scope={}&grant_type=client_credentials&client_secret={}{more}",
        addresses.client_id,
        encode(scope),
        encode(&addresses.client_secret)
    );
    let line = format!("POST /{}/oauth2/v2.0/token", addresses.tenants[0].tenant_id);
    let (status, answer) =
        send(&addresses.authority, &line, &format!("Content-Type: {URLENCODED}\r\n"), &body);
    assert_eq!(status, 200, "{answer}");
    answer["access_token"].as_str().unwrap().to_owned()
}
