//! The proofs of an identity: secrets, certificates, and the endpoints of Azure Arc, Service Fabric and Cloud Shell.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use fedxdr_tenant::{FakeTenant, Fault, Secret, World};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use ring::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use serde_json::{Value, json};

use common::{ASSERTION_TYPE, SCOPE, URLENCODED, certificate, encode, exchange, now, send, send_for_head};
use common::{signed, token_request};

#[test]
fn a_secret_is_its_value_and_the_only_credential() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let addresses = tenant.addresses().clone();
    let old = Secret { id: "old".to_owned(), value: "fake-old-secret".to_owned(), expired: true };
    tenant.change(|world| world.app.secrets.push(old));
    let form =
        format!("client_id={}&scope={}&grant_type=client_credentials", addresses.client_id, encode(SCOPE));
    let ask = |more: &str| {
        token_request(&tenant, &addresses.tenants[0].tenant_id, URLENCODED, &format!("{form}{more}"))
    };
    let secret = format!("&client_secret={}", encode(&addresses.client_secret));
    assert_eq!(ask(&secret), 0);
    assert_eq!(ask(""), 7_000_218);
    assert_eq!(ask("&client_secret="), 7_000_218);
    assert_eq!(ask("&client_secret=wrong"), 7_000_215);
    assert_eq!(ask("&client_secret=5ec00000-0000-4000-8000-000000000001"), 7_000_215);
    assert_eq!(ask("&client_secret=fake-old-secret"), 7_000_222);
    assert_eq!(ask(&format!("{secret}&claims={}", encode("{\"access_token\":{}}"))), 0);
    assert_eq!(ask(&format!("{secret}&claims=access_token")), 9_002_313);
    assert!(tenant.report().violations.is_empty());
    let both = format!("{secret}&client_assertion=a.b.c&client_assertion_type={}", encode(ASSERTION_TYPE));
    assert_eq!(ask(&both), 9_002_313);
    assert_eq!(tenant.report().violations.len(), 1);
    assert_eq!(ask(&format!("{secret}&fmi=x")), 0);
    assert_eq!(tenant.report().violations.len(), 2);
    assert!(tenant.secrets().contains(&addresses.client_secret));
    assert!(tenant.secrets().contains(&"fake-old-secret".to_owned()));
}

#[test]
fn a_certificates_assertion_is_for_this_endpoint_by_a_registered_certificate_and_new() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let addresses = tenant.addresses().clone();
    let customer = addresses.tenants[0].tenant_id.clone();
    let der = certificate();
    tenant.change(|world| world.app.certificates.push(STANDARD.encode(&der)));
    let sha256 = URL_SAFE_NO_PAD.encode(digest(&SHA256, &der));
    let sha1 = URL_SAFE_NO_PAD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &der));
    let pss = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": sha256});
    let legacy = json!({"alg": "RS256", "typ": "JWT", "x5t": sha1});
    let number = std::cell::Cell::new(0);
    let claims = || {
        number.set(number.get() + 1);
        let aud = format!("{}/{customer}/oauth2/v2.0/token", addresses.authority);
        json!({
            "aud": aud, "iss": addresses.client_id, "sub": addresses.client_id,
            "jti": format!("jti-{}", number.get()), "nbf": now(), "iat": now(), "exp": now() + 600,
        })
    };
    let with = |assertion: String| exchange(&tenant, &customer, URLENCODED, |f| f.assertion = assertion);
    let changed = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        with(signed(&pss, &claims, &RSA_PSS_SHA256))
    };
    let once = signed(&pss, &claims(), &RSA_PSS_SHA256);
    assert_eq!(with(once.clone()), 0);
    assert_eq!(with(signed(&legacy, &claims(), &RSA_PKCS1_SHA256)), 0);
    // A padding that is not the header's, another certificate's thumbprint, and a thumbprint in hex.
    assert_eq!(with(signed(&pss, &claims(), &RSA_PKCS1_SHA256)), 700_027);
    assert_eq!(with(signed(&legacy, &claims(), &RSA_PSS_SHA256)), 700_027);
    for wrong in [URL_SAFE_NO_PAD.encode([7; 32]), "00".repeat(32), String::new()] {
        let header = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": wrong});
        assert_eq!(with(signed(&header, &claims(), &RSA_PSS_SHA256)), 700_027);
    }
    assert_eq!(changed("aud", json!(format!("{}/common/oauth2/v2.0/token", addresses.authority))), 700_023);
    assert_eq!(changed("sub", json!("somebody")), 700_021);
    assert_eq!(changed("exp", json!(now() - 1)), 700_024);
    assert_eq!(changed("nbf", json!(now() + 400)), 700_024);
    assert!(tenant.report().violations.is_empty());
    for (number, (name, value, code)) in
        [("jti", Value::Null, 50027), ("exp", Value::Null, 50027), ("exp", json!(now() + 700), 0)]
            .into_iter()
            .enumerate()
    {
        assert_eq!(changed(name, value), code, "{name}");
        assert_eq!(tenant.report().violations.len(), number + 1, "{name}");
    }
    assert_eq!(with(once), 0);
    assert_eq!(tenant.report().counts["repeated-assertions"], 1);
    assert_eq!(tenant.report().violations.len(), 3);
    tenant.change(|world| world.app.certificates.clear());
    assert_eq!(with(signed(&pss, &claims(), &RSA_PSS_SHA256)), 700_027);
}

/// The path that a challenge of the Azure Arc agent names.
fn challenged(base: &str, line: &str) -> Option<String> {
    let (status, head, _) = send_for_head(base, line, "Metadata: true\r\n", "");
    assert_eq!(status, 401);
    let (_, value) = head.split_once("www-authenticate: Basic realm=")?;
    value.lines().next().map(str::to_owned)
}

#[test]
fn the_arc_agent_takes_a_key_file_once() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let addresses = tenant.addresses().clone();
    let base = addresses.arc_imds_endpoint.clone();
    let second = &addresses.second_identity;
    let path = addresses.arc_identity_endpoint.strip_prefix(&base).unwrap().to_owned();
    let line =
        format!("GET {path}?api-version=2020-06-01&resource={}", encode("https://graph.microsoft.com"));
    let selected = format!("{line}&client_id={}", second.client_id);
    assert_eq!(send(&base, &line, "", "").0, 400);
    assert_eq!(send(&base, &line.replace("2020-06-01", "2018-02-01"), "Metadata: true\r\n", "").0, 400);
    let answer_with = |line: &str, key: &str| {
        send(&base, line, &format!("Metadata: true\r\nAuthorization: Basic {key}\r\n"), "")
    };
    let read = |line: &str| std::fs::read_to_string(challenged(&base, line).unwrap()).unwrap();
    let file = challenged(&base, &line).unwrap();
    assert_eq!(Path::new(&file).parent().unwrap(), Path::new(&addresses.arc_token_directory));
    let key = std::fs::read_to_string(&file).unwrap();
    assert!(tenant.secrets().contains(&key));
    assert_eq!(answer_with(&line, "a key that was never there").0, 401);
    let (status, body) = answer_with(&line, &key);
    assert_eq!(status, 200);
    assert!(body["expires_on"].is_string() && body["expires_in"].is_string());
    assert!(body.get("client_id").is_none());
    assert!(!Path::new(&file).exists());
    assert_eq!(answer_with(&line, &key).0, 401);
    assert_eq!(tenant.report().violations.len(), 2);
    // A new agent repeats the id. An old one answers for the system-assigned identity and repeats nothing.
    assert_eq!(answer_with(&selected, &read(&selected)).1["client_id"], second.client_id.as_str());
    tenant.change(|world| world.arc.honours_selector = false);
    let body = answer_with(&selected, &read(&selected)).1;
    assert!(body.get("client_id").is_none());
    let payload = body["access_token"].as_str().unwrap().split('.').nth(1).unwrap().to_owned();
    let payload: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    assert_eq!(payload["appid"], addresses.system_identity.client_id.as_str());
    let fault = |value: Value| tenant.fault(serde_json::from_value::<Fault>(value).unwrap());
    fault(json!({"service": "arc", "name": "challenge", "body": ""}));
    assert_eq!(challenged(&base, &line), None);
    fault(json!({"service": "arc", "name": "challenge", "body": "Basic realm={directory}/../etc/x.key"}));
    assert_eq!(challenged(&base, &line).unwrap(), format!("{}/../etc/x.key", addresses.arc_token_directory));
    fault(json!({"service": "arc", "name": "big-key"}));
    let big = read(&line);
    assert_eq!(big.len(), 5000);
    assert_eq!(answer_with(&line, &big).0, 401);
    drop(tenant);
    assert!(!Path::new(&addresses.arc_token_directory).exists());
}

/// Accepts only the certificate with this thumbprint.
#[derive(Debug)]
struct Pin(String);

impl ServerCertVerifier for Pin {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let found = digest(&SHA1_FOR_LEGACY_USE_ONLY, certificate);
        let found: Vec<_> = found.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        let good = found.concat() == self.0;
        good.then(ServerCertVerified::assertion).ok_or_else(|| rustls::Error::General("other pin".to_owned()))
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Sends a request over TLS. Returns status and body, or nothing if the handshake failed.
fn send_over_tls(url: &str, pin: &str, query: &str, headers: &str) -> Option<(u16, Value)> {
    let (host, path) = url.strip_prefix("https://").unwrap().split_once('/').unwrap();
    let config =
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Pin(pin.to_owned())))
            .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = rustls::StreamOwned::new(connection, TcpStream::connect(host).unwrap());
    write!(stream, "GET /{path}?{query} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n")
        .ok()?;
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, serde_json::from_str(body).ok()?))
}

#[test]
fn service_fabric_wants_its_secret_and_shows_the_certificate_that_it_names() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let addresses = tenant.addresses().clone();
    let (url, pin) = (&addresses.fabric_identity_endpoint, &addresses.fabric_thumbprint);
    let resource = format!("resource={}", encode("https://graph.microsoft.com"));
    let good = format!("secret: {}\r\n", addresses.fabric_header);
    let query = format!("api-version=2019-07-01-preview&{resource}");
    assert!(send_over_tls(url, &"0".repeat(40), &query, &good).is_none());
    assert_eq!(tenant.report().counts.get("fabric-connections"), None);
    let ask = |query: &str, headers: &str| send_over_tls(url, pin, query, headers).unwrap();
    let (status, body) = ask(&query, &good);
    assert_eq!(status, 200);
    assert!(body["expires_on"].is_u64());
    assert_eq!(tenant.report().counts["fabric-connections"], 1);
    let refused = |query: &str, headers: &str| {
        let (status, body) = ask(query, headers);
        assert!(body["error"]["correlationId"].is_string());
        (status, body["error"]["code"].as_str().unwrap().to_owned())
    };
    assert_eq!(refused(&query, ""), (400, "SecretHeaderNotFound".to_owned()));
    assert_eq!(refused(&query, "X-IDENTITY-HEADER: x\r\n"), (400, "SecretHeaderNotFound".to_owned()));
    assert_eq!(refused(&query, "secret: wrong\r\n"), (404, "ManagedIdentityNotFound".to_owned()));
    assert_eq!(
        refused(&format!("api-version=2019-08-01&{resource}"), &good),
        (400, "InvalidApiVersion".to_owned())
    );
    assert_eq!(refused("api-version=2020-05-01", &good), (400, "ArgumentNullOrEmpty".to_owned()));
    assert!(tenant.report().violations.is_empty());
    assert_eq!(ask(&format!("{query}&client_id=x"), &good).0, 200);
    assert_eq!(tenant.report().violations.len(), 1);
    tenant.change(|world| world.fabric_identity = 2);
    assert_eq!(refused(&query, &good), (404, "ManagedIdentityNotFound".to_owned()));
}

#[test]
fn the_exchange_refuses_the_token_of_cloud_shell_which_is_a_persons() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let addresses = tenant.addresses().clone();
    let (base, path) = addresses.cloud_shell_endpoint.split_at("http://127.0.0.1:".len());
    let (port, path) = path.split_once('/').unwrap();
    let base = format!("{base}{port}");
    let form = format!("Content-Type: {URLENCODED}\r\n");
    let good = format!("Metadata: true\r\n{form}");
    let resource = format!("resource={}", encode("api://AzureADTokenExchange"));
    let ask =
        |method: &str, headers: &str, body: &str| send(&base, &format!("{method} /{path}"), headers, body);
    let (status, body) = ask("POST", &good, &resource);
    assert_eq!(status, 200);
    let token = body["access_token"].as_str().unwrap().to_owned();
    let customer = &addresses.tenants[0].tenant_id;
    assert_eq!(exchange(&tenant, customer, URLENCODED, |f| f.assertion = token), 700_229);
    assert_eq!(ask("POST", &form, &resource).0, 400);
    assert_eq!(ask("POST", "Metadata: true\r\n", &resource).0, 400);
    assert_eq!(ask("POST", &good, "").0, 400);
    assert_eq!(ask("POST", &good, "resource=x").1["error"]["code"], "invalid_resource");
    assert!(tenant.report().violations.is_empty());
    assert_eq!(ask("POST", &good, &format!("{resource}&client_id=x")).0, 200);
    assert_eq!(ask("GET", &good, "").0, 404);
    assert_eq!(tenant.report().violations.len(), 2);
}
