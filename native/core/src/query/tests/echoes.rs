//! Services, proxies and identity endpoints that repeat the secrets of a request: no error shows one, however it is
//! encoded.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;

use super::{Fixture, drain, is_token_request, token_answer};
use crate::errors::Error;
use crate::http::Request;
use crate::testing::{Answer, CLIENT, Network, TENANT, pairs};

const SECRET: &str = "fake~Secret+of/an=App-1";

/// How a service can repeat a text.
const ENCODINGS: &[fn(&str) -> String] = &[
    str::to_owned,
    |text| url::form_urlencoded::byte_serialize(text.as_bytes()).collect(),
    |text| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat(),
    |text| STANDARD.encode(text),
    |text| URL_SAFE_NO_PAD.encode(text),
    |text| STANDARD.encode(format!("{CLIENT}:{text}")),
    |text| text.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect::<Vec<_>>().concat(),
    |text| text.replace('/', "\\/"),
    |text| text.replace('=', "&#61;").replace('+', "&#x2B;"),
];

/// The secrets of a request, as a service sees them.
fn secrets(request: &Request) -> Vec<String> {
    let headers = request.headers.values().filter(|value| value.is_sensitive());
    let mut secrets: Vec<String> = headers
        .map(|value| value.to_str().unwrap())
        .map(|value| value.trim_start_matches("Bearer ").trim_start_matches("Basic ").to_owned())
        .collect();
    let form = pairs(request.body.as_deref().unwrap_or_default());
    secrets.extend(["client_secret", "client_assertion"].iter().filter_map(|name| form.get(*name).cloned()));
    secrets
}

/// Answers that repeat the secrets of a request: in a text, in an id, and not as JSON.
fn echoes(request: &Request, encode: fn(&str) -> String, code: u16) -> [Answer; 4] {
    let secret = secrets(request).join(" ");
    let said = encode(&secret);
    let text = format!("cannot use '{said}'\u{1b}[31m");
    let answer = |body: String| Answer::Said(code, Vec::new(), body);
    [
        answer(
            json!({"error": {"code": "Fake", "message": text, "target": said, "correlationId": said}})
                .to_string(),
        ),
        answer(
            json!({"error": "fake", "error_description": text, "correlation_id": said, "error_codes": [1]})
                .to_string(),
        ),
        Answer::Said(
            code,
            vec![("x-vss-e2eid", printable_ascii(&said))],
            json!({"message": text}).to_string(),
        ),
        answer(format!("<html>{text}</html>")),
    ]
}

fn printable_ascii(text: &str) -> String {
    text.chars().filter(|c| (' '..='~').contains(c)).collect()
}

/// Whether an error shows one of these secrets, or a part of it, in any encoding.
fn shows(error: &Error, secrets: &[String]) -> bool {
    let texts = [error.message.as_str(), &error.advice, error.correlation_id.as_deref().unwrap_or_default()];
    let texts: Vec<&str> = texts.into_iter().chain(error.causes.iter().map(String::as_str)).collect();
    secrets.iter().any(|secret| {
        ENCODINGS.iter().any(|encode| {
            // The last characters of base64 depend on what follows.
            let part = encode(&secret[..secret.len().min(13)]);
            let part = part.trim_end_matches('=');
            let part = &part[..part.len() - 1];
            texts.iter().any(|text| text.contains(part))
        })
    })
}

fn check(what: &str, error: &Error, secrets: &[String]) {
    assert!(!secrets.is_empty(), "{what}: the request has no secret");
    assert!(!shows(error, secrets), "{what}: {error} / {:?}", error.correlation_id);
    for text in [&error.message, error.correlation_id.as_ref().unwrap_or(&String::new())] {
        assert!(!text.contains(char::is_control), "{what}: {text:?}");
        assert!(text.chars().count() < 700, "{what}: {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_error_of_an_api_shows_the_token() {
    for &encode in ENCODINGS {
        for code in [200, 400, 403, 404, 429, 500] {
            for number in 0..4 {
                let fixture = Fixture::with_settings(r#","retry":{"attempts":0}"#, move |request, _| {
                    echoes(request, encode, code)[number].clone()
                });
                let outcome = fixture.run(r#"{"kind":"rows","resource":"machines"}"#).await;
                let secrets = secrets(&fixture.api_requests()[0]);
                for error in &outcome.errors {
                    check(&format!("HTTP {code}, {number}"), error, &secrets);
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_error_of_a_token_endpoint_or_an_identity_endpoint_shows_a_secret() {
    let app = format!(r#""clientId":"{CLIENT}","tenants":["{TENANT}"],"retry":{{"attempts":0}},"#);
    let app_service =
        format!(r#"{{"IDENTITY_ENDPOINT":"http://127.0.0.1:1/x","IDENTITY_HEADER":"{SECRET}"}}"#);
    let legacy = format!(r#"{{"MSI_ENDPOINT":"http://127.0.0.1:1/x","MSI_SECRET":"{SECRET}"}}"#);
    let github = format!(
        r#"{{"ACTIONS_ID_TOKEN_REQUEST_URL":"https://a.example/x?y","ACTIONS_ID_TOKEN_REQUEST_TOKEN":"{SECRET}"}}"#
    );
    let pipelines =
        format!(r#"{{"SYSTEM_OIDCREQUESTURI":"https://a.example/x","SYSTEM_ACCESSTOKEN":"{SECRET}"}}"#);
    let assertion = crate::testing::jwt(&json!({"sub": "fake"}));
    for (environment, credential) in [
        ("{}", format!(r#"{{"type":"clientSecret","secret":"{SECRET}"}}"#)),
        ("{}", format!(r#"{{"type":"clientAssertion","assertion":"{assertion}"}}"#)),
        (app_service.as_str(), r#"{"type":"managedIdentity"}"#.to_owned()),
        (legacy.as_str(), r#"{"type":"managedIdentity"}"#.to_owned()),
        (github.as_str(), r#"{"type":"gitHubActions"}"#.to_owned()),
        (
            pipelines.as_str(),
            r#"{"type":"azurePipelines","serviceConnectionId":"55555555-5555-5555-5555-555555555555"}"#
                .to_owned(),
        ),
    ] {
        for &encode in ENCODINGS {
            for (code, number) in
                [400, 401, 403, 429, 500].into_iter().flat_map(|code| (0..4).map(move |n| (code, n)))
            {
                let network = Network::new(move |request, _| echoes(request, encode, code)[number].clone());
                let settings = format!(r#"{{{app}"environment":{environment},"credential":{credential}}}"#);
                let fixture = Fixture::open(&network, &settings);
                let outcome = drain(&fixture.query(r#"{"kind":"token"}"#)).await;
                assert_eq!(outcome.errors.len(), 1, "{credential}");
                check(
                    &format!("{credential}, HTTP {code}"),
                    &outcome.errors[0],
                    &secrets(&network.request(0)),
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_id_of_a_service_is_kept_short_and_on_one_line() {
    let id = format!("a\r\n\u{1b}[31m{}", "b ".repeat(5000));
    let network = Network::new(move |request, count| {
        if is_token_request(request) {
            return token_answer(request, count);
        }
        Answer::Status(
            400,
            &[],
            json!({"error": {"code": "x", "message": "y", "correlationId": id}}).to_string(),
        )
    });
    let outcome = Fixture::over(&network, "").run(r#"{"kind":"rows","resource":"machines"}"#).await;
    let id = outcome.errors[0].correlation_id.as_ref().unwrap();
    assert!(id.starts_with("a   [31m") && id.chars().count() <= 101, "{id}");
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_an_endpoint_names_is_quoted_like_any_text() {
    let network = Network::new(|request, _| {
        let name = format!("{}\u{1b}[31m{}", secrets(request)[0], "x".repeat(5000));
        let token = crate::testing::jwt(&json!({"exp": 1_700_003_600}));
        Answer::Status(200, &[], json!({"access_token": token, "client_id": name}).to_string())
    });
    let settings = format!(
        r#"{{"clientId":"{CLIENT}","tenants":["{TENANT}"],
            "environment":{{"IDENTITY_ENDPOINT":"http://127.0.0.1:1/x","IDENTITY_HEADER":"{SECRET}"}},
            "credential":{{"type":"managedIdentity","clientId":"33333333-3333-3333-3333-333333333333"}}}}"#
    );
    let outcome = drain(&Fixture::open(&network, &settings).query(r#"{"kind":"token"}"#)).await;
    let error = &outcome.errors[0];
    assert_eq!(error.id, "Fdx.Identity.WrongIdentity");
    assert!(!error.message.contains(SECRET) && !error.message.contains(char::is_control), "{error}");
    assert!(error.message.len() < 1300, "{error}");
}
