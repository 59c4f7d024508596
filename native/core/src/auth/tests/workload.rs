//! Token files and build services: what is read, what is kept, what is missing.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::table::*;
use crate::auth::access_token;
use crate::context::Context;
use crate::http::TransportErrorKind;
use crate::testing::{Answer, Network, START, TENANT, context, jwt, ok, pairs, status};

#[tokio::test(start_paused = true)]
async fn a_token_file_is_read_each_time_and_its_last_good_token_is_kept() {
    let file = TokenFile::new("kept");
    let network = Network::new(|_, _| panic!("nothing may be sent"));
    let context = file.context(&network);
    let read = || crate::auth::identity(&context).unwrap().token(EXCHANGE.to_owned(), context.clone());
    let subject = |token: crate::token::AccessToken| token.claims().sub.unwrap();
    let ends = START + 3600;
    file.write(&jwt(&json!({"sub": "first", "exp": ends})));
    assert_eq!(subject(read().await.unwrap()), "first");
    // Between two exchanges the platform has renewed the file.
    file.write(&format!("\u{feff}{}\n", jwt(&json!({"sub": "second", "exp": ends}))));
    assert_eq!(subject(read().await.unwrap()), "second");
    // While it is being replaced it is gone for a moment.
    std::fs::remove_file(&file.0).unwrap();
    assert_eq!(subject(read().await.unwrap()), "second");
    // The last good token has ended by now.
    context.clock.sleep(Duration::from_secs(4000)).await;
    assert_eq!(read().await.unwrap_err().id, "Fdx.Workload.FileUnreadable");
}

/// A file has no endpoint of its own: what can fail beside it is the exchange.
#[tokio::test(start_paused = true)]
async fn every_state_of_a_token_file() {
    let file = TokenFile::new("states");
    let good = |seconds: u64| jwt(&json!({"sub": "pod", "exp": START + seconds}));
    file.write(&good(3600));
    // Fresh, cached, expired.
    let network = Network::new(|_, n| token_answer(n));
    let place = file.context(&network);
    assert!(!access_token(&place, TENANT, SCOPE, false).await.unwrap().from_cache);
    assert!(access_token(&place, TENANT, SCOPE, false).await.unwrap().from_cache);
    place.clock.sleep(Duration::from_secs(3599)).await;
    file.write(&good(7200));
    assert!(!access_token(&place, TENANT, SCOPE, false).await.unwrap().from_cache);
    assert_eq!(network.count(), 2);
    // The token endpoint is missing, never answers, answers wrong, passes.
    for (answer, id, attempts) in [
        (Answer::Fails(TransportErrorKind::Connect), "Fdx.Auth.Unreachable", 2),
        (Answer::Never, "Fdx.Auth.Unreachable", 2),
        (ok("<html>"), "Fdx.Auth.InvalidAnswer", 1),
        (status(429), "Fdx.Auth.Failed", 2),
        (status(503), "Fdx.Auth.Failed", 2),
    ] {
        let network = Network::new(move |_, _| answer.clone());
        let error = access_token(&file.context(&network), TENANT, SCOPE, false).await.unwrap_err();
        assert_eq!((error.id, network.count()), (id, attempts));
    }
    // Cancelled while it waits.
    let network = Network::new(|_, n| match n {
        0 => Answer::Status(429, &[("retry-after", "3000")], String::new()),
        _ => token_answer(n),
    });
    let place = file.context(&network);
    let wait = access_token(&place, TENANT, SCOPE, false);
    assert!(tokio::time::timeout(Duration::from_secs(1), wait).await.is_err());
    access_token(&place, TENANT, SCOPE, false).await.unwrap();
    assert_eq!(network.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_token_file_that_holds_no_good_token_is_named() {
    let ended = jwt(&json!({"exp": START - 60}));
    for (text, id) in [
        ("", "Fdx.Workload.FileNotToken"),
        ("not a token", "Fdx.Workload.FileNotToken"),
        ("a.b c.d", "Fdx.Workload.FileNotToken"),
        (&"x".repeat(70_000), "Fdx.Workload.FileNotToken"),
        (&ended, "Fdx.Workload.FileExpired"),
    ] {
        let file = TokenFile::new("bad");
        file.write(text);
        let network = Network::new(|_, _| panic!("nothing may be sent"));
        let error = access_token(&file.context(&network), TENANT, SCOPE, false).await.unwrap_err();
        assert_eq!(error.id, id);
        assert!(error.message.contains(&file.0.display().to_string()) && !error.advice.is_empty());
    }
}

/// Opening a pipe waits for somebody who writes to it, on a worker for ever.
#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_pipe_in_place_of_a_token_file_is_an_error_at_once() {
    let file = TokenFile::new("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&file.0).status().unwrap().success());
    let network = Network::new(|_, _| panic!("nothing may be sent"));
    let error = access_token(&file.context(&network), TENANT, SCOPE, false).await.unwrap_err();
    assert_eq!(error.id, "Fdx.Workload.FileUnreadable");
    assert!(error.to_string().contains("not a regular file"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_path_goes_before_the_variable() {
    let (named, other) = (TokenFile::new("named"), TokenFile::new("other"));
    named.write(&jwt(&json!({"sub": "named", "exp": START + 3600})));
    other.write(&jwt(&json!({"sub": "other", "exp": START + 3600})));
    let network = Network::new(|request, n| {
        let form = pairs(request.body.as_ref().unwrap());
        let claims = crate::token::Claims::of(&form["client_assertion"]).unwrap();
        assert_eq!(claims.sub.as_deref(), Some("named"));
        token_answer(n)
    });
    let credential = json!({"type": "workloadIdentity", "tokenFile": named.0});
    let document = format!(
        r#"{{"clientId":"{}","tenants":["{TENANT}"],"credential":{credential}}}"#,
        crate::testing::CLIENT
    );
    let variable = other.0.display().to_string();
    let place = context(&network, &document, &[("AZURE_FEDERATED_TOKEN_FILE", &variable)]);
    access_token(&place, TENANT, SCOPE, false).await.unwrap();
}

/// The platform renews the file long before its token ends; what it holds now counts ten minutes later, without a
/// clearing.
#[tokio::test(start_paused = true)]
async fn a_token_file_is_read_again_after_ten_minutes() {
    let file = TokenFile::new("again");
    file.write(&jwt(&json!({"sub": "first", "exp": START + 24 * 3600})));
    let network = Network::new(|_, n| token_answer(n));
    let place = file.context(&network);
    access_token(&place, TENANT, SCOPE, false).await.unwrap();
    file.write(&jwt(&json!({"sub": "second", "exp": START + 24 * 3600})));
    for (seconds, expected) in [(100, "first"), (600, "first"), (1, "second")] {
        place.clock.sleep(Duration::from_secs(seconds)).await;
        // The read goes on behind the call that found it due.
        access_token(&place, TENANT, SCOPE, true).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        let form = pairs(network.request(network.count() - 1).body.as_ref().unwrap());
        let claims = crate::token::Claims::of(&form["client_assertion"]).unwrap();
        assert_eq!(claims.sub.as_deref(), Some(expected), "after {seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_cleared_is_cleared_of_the_last_good_token_too() {
    let file = TokenFile::new("cleared");
    file.write(&jwt(&json!({"sub": "pod", "exp": START + 3600})));
    let network = Network::new(|_, n| token_answer(n));
    let place = file.context(&network);
    access_token(&place, TENANT, SCOPE, false).await.unwrap();
    std::fs::remove_file(&file.0).unwrap();
    place.cache.clear();
    let error = access_token(&place, TENANT, SCOPE, false).await.unwrap_err();
    assert_eq!(error.id, "Fdx.Workload.FileUnreadable");
}

#[tokio::test(start_paused = true)]
async fn a_variable_that_is_not_set_is_named() {
    for (credential, environment, id, named) in [
        (
            r#"{"type":"workloadIdentity"}"#,
            &[][..],
            "Fdx.Workload.FileNotNamed",
            "AZURE_FEDERATED_TOKEN_FILE",
        ),
        (r#"{"type":"gitHubActions"}"#, &[], "Fdx.GitHub.PermissionMissing", "ACTIONS_ID_TOKEN_REQUEST_URL"),
        (
            r#"{"type":"gitHubActions"}"#,
            &[
                ("ACTIONS_ID_TOKEN_REQUEST_URL", "http://plain.example/"),
                ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "x"),
            ],
            "Fdx.Oidc.InvalidEndpoint",
            "ACTIONS_ID_TOKEN_REQUEST_URL",
        ),
        (BUILD_SERVICES[1].credential, &[], "Fdx.Pipelines.VariableMissing", "SYSTEM_OIDCREQUESTURI"),
        (
            BUILD_SERVICES[1].credential,
            &[("SYSTEM_OIDCREQUESTURI", "https://dev.example/"), ("SYSTEM_ACCESSTOKEN", " ")],
            "Fdx.Pipelines.VariableMissing",
            "SYSTEM_ACCESSTOKEN",
        ),
    ] {
        let network = Network::new(|_, _| panic!("nothing may be sent"));
        let subject = SourceCase { credential, ..BUILD_SERVICES[0] };
        let context = context(&network, &settings(&subject), environment);
        let error = access_token(&context, TENANT, SCOPE, false).await.unwrap_err();
        assert_eq!(error.id, id);
        assert!(error.message.contains(named), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_azure_pipelines_brings_the_id_that_its_support_asks_for() {
    for header in ["x-vss-e2eid", "x-msedge-ref"] {
        let network =
            Network::new(move |_, _| Answer::Said(403, vec![(header, "e-1".to_owned())], "no".to_owned()));
        let error =
            access_token(&context_of(&BUILD_SERVICES[1], &network), TENANT, SCOPE, false).await.unwrap_err();
        assert_eq!((error.id, error.correlation_id.as_deref()), ("Fdx.Oidc.Refused", Some("e-1")));
    }
}

#[test]
fn an_identity_that_is_good_for_an_exchange_alone_wants_an_app() {
    for credential in
        [r#"{"type":"workloadIdentity"}"#, BUILD_SERVICES[0].credential, BUILD_SERVICES[1].credential]
    {
        let document = format!(r#"{{"tenants":["{TENANT}"],"credential":{credential}}}"#);
        assert_eq!(
            crate::settings::Settings::parse(&document).unwrap_err().id,
            "Fdx.Settings.ClientIdMissing"
        );
    }
}

/// A file in the temporary folder that goes with the test.
struct TokenFile(std::path::PathBuf);

impl TokenFile {
    fn new(name: &str) -> Self {
        TokenFile(std::env::temp_dir().join(format!("fedxdr-{}-{name}.jwt", std::process::id())))
    }

    fn write(&self, text: &str) {
        std::fs::write(&self.0, text).unwrap();
    }

    fn context(&self, network: &Arc<Network>) -> Context {
        let credential = r#"{"type":"workloadIdentity"}"#;
        let subject = SourceCase { credential, attempts: 1, ..BUILD_SERVICES[0] };
        let path = self.0.display().to_string();
        context(network, &settings(&subject), &[("AZURE_FEDERATED_TOKEN_FILE", &path)])
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
