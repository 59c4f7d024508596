//! Every source of a token against a scripted endpoint: fresh, cached, expired, endpoint missing, wrong answer, timeout, each status of its retry
//! table, cancelled while waiting. No test waits for real.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::access_token;
use crate::error::ErrorKind;
use crate::http::{Request, TransportErrorKind};
use crate::session::Context;
use crate::testing::{Answer, CLIENT, IDENTITY, Network, START, TENANT, context, jwt, ok, pairs, status};

const SCOPE: &str = "https://api.securitycenter.microsoft.com/.default";
const EXCHANGE: &str = "api://AzureADTokenExchange";
const DAY: u64 = 24 * 3600;

/// One source: what leads to it, what its requests look like, what it answers, when it is asked again.
#[derive(Clone, Copy)]
struct Subject {
    name: &'static str,
    credential: &'static str,
    environment: &'static [(&'static str, &'static str)],
    /// `retry.attempts` of the settings: managed identity endpoints have tables of their own.
    attempts: u32,
    check: fn(&Request),
    answer: fn() -> Answer,
    /// Answers that are none.
    wrong: &'static [&'static str],
    wrong_id: &'static str,
    /// Statuses that are asked again, with the number of attempts in all and the seconds that they take at least.
    again: &'static [(u16, usize, u64)],
    missing: &'static str,
}

const BY_CLIENT: &str = r#"{"type":"managedIdentity","clientId":"33333333-3333-3333-3333-333333333333"}"#;
const WRONG_TOKENS: &[&str] = &[
    "",
    "<html>",
    "[]",
    r#"{"access_token":"fake-token-text"}"#,
    r#"{"access_token":"","expires_on":"9999999999"}"#,
    r#"{"access_token":"fake-token-text","expires_on":"never"}"#,
    r#"{"expires_on":"9999999999"}"#,
];
const WRONG_OIDC: &[&str] =
    &["", "<html>", "[]", "{}", r#"{"value":""}"#, r#"{"oidcToken":""}"#, r#"{"value":7,"oidcToken":7}"#];

/// The managed identities, which all have ids to choose by.
const IDENTITIES: &[Subject] = &[
    Subject {
        name: "App Service",
        credential: BY_CLIENT,
        environment: &[
            ("IDENTITY_ENDPOINT", "http://127.0.0.1:41000/msi/token"),
            ("IDENTITY_HEADER", "fake-identity-header"),
            ("MSI_ENDPOINT", "http://127.0.0.1:41001/old"),
            ("MSI_SECRET", "fake-old-secret"),
        ],
        attempts: 0,
        check: |request| {
            assert_eq!(request.method, "GET");
            assert_eq!(request.url.port(), Some(41000));
            assert_eq!(request.headers["x-identity-header"], "fake-identity-header");
            assert!(request.headers["x-identity-header"].is_sensitive());
            // Azure Automation has the same endpoint and wants this too.
            assert_eq!(request.headers["metadata"], "True");
            let query = pairs(request.url.query().unwrap().as_bytes());
            assert_eq!(query["api-version"], "2019-08-01");
            assert_eq!(query["resource"], EXCHANGE);
            assert_eq!(query["client_id"], IDENTITY);
            assert_eq!(query.len(), 3);
            assert!(request.direct);
        },
        answer: assertion_answer,
        wrong: WRONG_TOKENS,
        wrong_id: "Fdx.Identity.InvalidAnswer",
        again: &[(404, 4, 3), (408, 4, 3), (429, 4, 3), (500, 4, 3), (503, 4, 3), (504, 4, 3)],
        missing: "Fdx.Identity.Unreachable",
    },
    Subject {
        name: "IMDS",
        credential: BY_CLIENT,
        environment: &[],
        attempts: 0,
        check: |request| {
            assert_eq!(request.method, "GET");
            assert_eq!(request.url.host_str(), Some("169.254.169.254"));
            assert_eq!(request.headers["metadata"], "true");
            let query = pairs(request.url.query().unwrap().as_bytes());
            assert_eq!(query["api-version"], "2018-02-01");
            assert_eq!(query["resource"], EXCHANGE);
            assert_eq!(query["client_id"], IDENTITY);
            assert_eq!(query.len(), 3);
            assert!(request.direct);
        },
        answer: assertion_answer,
        wrong: WRONG_TOKENS,
        wrong_id: "Fdx.Identity.InvalidAnswer",
        again: &[(404, 4, 7), (410, 8, 70), (429, 4, 7), (500, 4, 7), (503, 4, 7)],
        missing: "Fdx.Identity.NotFound",
    },
    Subject {
        name: "MSI of 2017",
        credential: BY_CLIENT,
        environment: &[("MSI_ENDPOINT", "http://127.0.0.1:41001/old"), ("MSI_SECRET", "fake-old-secret")],
        attempts: 0,
        check: |request| {
            assert_eq!(request.method, "GET");
            assert_eq!(request.headers["secret"], "fake-old-secret");
            assert!(request.headers["secret"].is_sensitive());
            assert!(!request.headers.contains_key("x-identity-header"));
            let query = pairs(request.url.query().unwrap().as_bytes());
            assert_eq!(query["api-version"], "2017-09-01");
            assert_eq!(query["resource"], EXCHANGE);
            assert_eq!(query["clientid"], IDENTITY);
            assert_eq!(query.len(), 3);
            assert!(request.direct);
        },
        answer: assertion_answer,
        wrong: WRONG_TOKENS,
        wrong_id: "Fdx.Identity.InvalidAnswer",
        again: &[(404, 4, 3), (408, 4, 3), (429, 4, 3), (500, 4, 3), (503, 4, 3), (504, 4, 3)],
        missing: "Fdx.Identity.Unreachable",
    },
];

const BUILD_SERVICES: &[Subject] = &[
    Subject {
        name: "GitHub Actions",
        credential: r#"{"type":"gitHubActions"}"#,
        environment: &[
            ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://actions.example/token?api-version=2.0"),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "fake-request-token"),
        ],
        attempts: 3,
        check: |request| {
            assert_eq!(request.method, "GET");
            assert_eq!(request.headers["authorization"], "Bearer fake-request-token");
            assert!(request.headers["authorization"].is_sensitive());
            let query = pairs(request.url.query().unwrap().as_bytes());
            assert_eq!((query["api-version"].as_str(), query["audience"].as_str()), ("2.0", EXCHANGE));
        },
        answer: || ok(json!({"value": assertion()}).to_string()),
        wrong: WRONG_OIDC,
        wrong_id: "Fdx.Oidc.InvalidAnswer",
        again: &[(408, 4, 3), (429, 4, 3), (500, 4, 3), (502, 4, 3), (503, 4, 3), (504, 4, 3)],
        missing: "Fdx.Oidc.Unreachable",
    },
    Subject {
        name: "Azure Pipelines",
        credential: r#"{"type":"azurePipelines","serviceConnectionId":"55555555-5555-5555-5555-555555555555"}"#,
        environment: &[
            (
                "SYSTEM_OIDCREQUESTURI",
                "https://dev.example/org/project/_apis/distributedtask/hubs/build/plans/1/jobs/2/oidctoken",
            ),
            ("SYSTEM_ACCESSTOKEN", "fake-system-token"),
        ],
        attempts: 3,
        check: |request| {
            assert_eq!(request.method, "POST");
            assert_eq!(request.headers["authorization"], "Bearer fake-system-token");
            assert!(request.headers["authorization"].is_sensitive());
            assert_eq!(request.headers["content-type"], "application/json");
            assert_eq!(request.headers["content-length"], "0");
            assert_eq!(request.headers["x-tfs-fedauthredirect"], "Suppress");
            let query = pairs(request.url.query().unwrap().as_bytes());
            assert_eq!(query["api-version"], "7.1");
            assert_eq!(query["serviceConnectionId"], "55555555-5555-5555-5555-555555555555");
        },
        answer: || ok(json!({"oidcToken": assertion()}).to_string()),
        wrong: WRONG_OIDC,
        wrong_id: "Fdx.Oidc.InvalidAnswer",
        again: &[(408, 4, 3), (429, 4, 3), (500, 4, 3), (502, 4, 3), (503, 4, 3), (504, 4, 3)],
        missing: "Fdx.Oidc.Unreachable",
    },
];

fn subjects() -> impl Iterator<Item = &'static Subject> {
    IDENTITIES.iter().chain(BUILD_SERVICES)
}

fn settings(subject: &Subject) -> String {
    format!(
        r#"{{"clientId":"{CLIENT}","tenants":["{TENANT}"],"credential":{},"retry":{{"attempts":{}}}}}"#,
        subject.credential, subject.attempts
    )
}

fn assertion() -> String {
    jwt(&json!({
        "iss": "https://login.microsoftonline.com/home/v2.0", "aud": "fb60f99c-7a34-4190-8149-302f77469936",
        "sub": "44444444-4444-4444-4444-444444444444", "oid": "44444444-4444-4444-4444-444444444444",
        "azp": IDENTITY, "tid": "home",
    }))
}

fn assertion_answer() -> Answer {
    let ends = (START + DAY).to_string();
    ok(json!({"access_token": assertion(), "expires_on": ends, "resource": EXCHANGE, "token_type": "Bearer", "client_id": IDENTITY})
        .to_string())
}

fn token_answer(number: usize) -> Answer {
    let token = jwt(
        &json!({"aud": "https://api.securitycenter.microsoft.com", "tid": TENANT, "appid": CLIENT, "roles": ["Machine.Read.All"], "n": number}),
    );
    ok(json!({"token_type": "Bearer", "expires_in": 3599, "access_token": token}).to_string())
}

fn is_entra(request: &Request) -> bool {
    request.url.host_str() == Some("login.microsoftonline.com")
}

/// A network where Entra accepts what it should, and the identity endpoint answers by `identity`, which is told how often it was asked.
fn network(subject: &Subject, identity: impl Fn(usize) -> Answer + Send + Sync + 'static) -> Arc<Network> {
    let check = subject.check;
    let asked = std::sync::atomic::AtomicUsize::new(0);
    Network::new(move |request, number| {
        if is_entra(request) {
            check_exchange(request);
            return token_answer(number);
        }
        check(request);
        identity(asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst))
    })
}

fn check_exchange(request: &Request) {
    assert_eq!(request.method, "POST");
    assert_eq!(request.url.path(), format!("/{TENANT}/oauth2/v2.0/token"));
    assert_eq!(request.headers["content-type"], "application/x-www-form-urlencoded");
    let id = request.headers["client-request-id"].to_str().unwrap();
    assert!(crate::settings::is_guid(id), "{id}");
    let form = pairs(request.body.as_ref().unwrap());
    assert_eq!(form["client_id"], CLIENT);
    assert_eq!(form["scope"], SCOPE);
    assert_eq!(form["grant_type"], "client_credentials");
    assert_eq!(form["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    assert_eq!(form["client_assertion"], assertion());
    assert_eq!(form.len(), 5);
}

fn identity_requests(network: &Network) -> usize {
    network.sent.lock().unwrap().iter().filter(|request| !is_entra(request)).count()
}

fn context_of(subject: &Subject, network: &Arc<Network>) -> Context {
    context(network, &settings(subject), subject.environment)
}

#[tokio::test(start_paused = true)]
async fn a_fresh_token_takes_one_request_each_and_a_cached_one_none() {
    for subject in subjects() {
        let network = network(subject, |_| (subject.answer)());
        let context = context_of(subject, &network);
        let fresh = access_token(&context, TENANT, SCOPE, false).await.unwrap();
        assert!(!fresh.from_cache, "{}", subject.name);
        assert_eq!(fresh.token.claims.roles, ["Machine.Read.All"]);
        assert!(access_token(&context, TENANT, SCOPE, false).await.unwrap().from_cache);
        assert_eq!(network.count(), 2, "{}", subject.name);
    }
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_is_exchanged_again_with_the_assertion_that_still_lives() {
    for subject in subjects() {
        let network = network(subject, |_| (subject.answer)());
        let context = context_of(subject, &network);
        access_token(&context, TENANT, SCOPE, false).await.unwrap();
        context.clock.sleep(Duration::from_secs(3599)).await;
        assert!(!access_token(&context, TENANT, SCOPE, false).await.unwrap().from_cache);
        // A build service's token lives for five minutes, so it has ended too.
        let minted = if BUILD_SERVICES.iter().any(|s| s.name == subject.name) { 2 } else { 1 };
        assert_eq!((network.count(), identity_requests(&network)), (2 + minted, minted), "{}", subject.name);
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_not_there_is_named() {
    for subject in subjects() {
        for kind in [TransportErrorKind::Connect, TransportErrorKind::Timeout] {
            let network = network(subject, move |_| Answer::Fails(kind));
            let error = access_token(&context_of(subject, &network), TENANT, SCOPE, false).await.unwrap_err();
            assert_eq!(error.id, subject.missing, "{}", subject.name);
            assert!(!error.advice.is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_never_answers_does_not_hang() {
    for subject in subjects() {
        let network = network(subject, |_| Answer::Never);
        let context = context_of(subject, &network);
        let begun = context.clock.now();
        let error = access_token(&context, TENANT, SCOPE, false).await.unwrap_err();
        assert_eq!(error.id, subject.missing, "{}", subject.name);
        assert!(context.clock.now() - begun < Duration::from_secs(130), "{}", subject.name);
    }
}

#[tokio::test(start_paused = true)]
async fn each_status_of_the_retry_table_is_asked_again_as_the_table_says() {
    for subject in subjects() {
        for &(code, attempts, seconds) in subject.again {
            let failing = network(subject, move |_| status(code));
            let context = context_of(subject, &failing);
            let begun = context.clock.now();
            access_token(&context, TENANT, SCOPE, false).await.unwrap_err();
            let took = (context.clock.now() - begun).as_secs();
            assert_eq!(failing.count(), attempts, "{} {code}", subject.name);
            assert!((seconds..=seconds * 5 / 4 + 1).contains(&took), "{} {code}: {took} s", subject.name);

            let passing = network(subject, move |n| if n == 0 { status(code) } else { (subject.answer)() });
            access_token(&context_of(subject, &passing), TENANT, SCOPE, false).await.unwrap();
        }
        for code in [400, 401, 403] {
            let network = network(subject, move |_| status(code));
            access_token(&context_of(subject, &network), TENANT, SCOPE, false).await.unwrap_err();
            assert_eq!(network.count(), 1, "{} {code}", subject.name);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_is_waited_out() {
    for subject in subjects() {
        let network = network(subject, |n| match n {
            0 => Answer::Status(429, &[("retry-after", "20")], String::new()),
            _ => (subject.answer)(),
        });
        let context = context_of(subject, &network);
        let begun = context.clock.now();
        access_token(&context, TENANT, SCOPE, false).await.unwrap();
        assert_eq!((context.clock.now() - begun).as_secs(), 20, "{}", subject.name);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_answer_is_an_error_and_its_text_is_not_quoted() {
    for subject in subjects() {
        for &body in subject.wrong {
            let network = network(subject, move |_| ok(body));
            let error = access_token(&context_of(subject, &network), TENANT, SCOPE, false).await.unwrap_err();
            assert_eq!(error.id, subject.wrong_id, "{} {body}", subject.name);
            assert!(!format!("{error:?}").contains("fake-token-text"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_for_another_identity_is_refused() {
    for subject in IDENTITIES {
        let network = network(subject, |_| {
            let other = jwt(&json!({"azp": "99999999-9999-9999-9999-999999999999", "oid": "x"}));
            ok(json!({"access_token": other, "expires_in": "3599"}).to_string())
        });
        let error = access_token(&context_of(subject, &network), TENANT, SCOPE, false).await.unwrap_err();
        assert_eq!(error.id, "Fdx.Identity.WrongIdentity", "{}", subject.name);
    }
}

#[tokio::test(start_paused = true)]
async fn cancelling_while_it_waits_ends_the_wait_and_the_next_call_starts_anew() {
    for subject in subjects() {
        let network = network(subject, |n| match n {
            0 => Answer::Status(429, &[("retry-after", "3000")], String::new()),
            _ => (subject.answer)(),
        });
        let context = context_of(subject, &network);
        let wait = access_token(&context, TENANT, SCOPE, false);
        assert!(tokio::time::timeout(Duration::from_secs(1), wait).await.is_err());
        access_token(&context, TENANT, SCOPE, false).await.unwrap();
        assert_eq!(identity_requests(&network), 2, "{}", subject.name);
    }
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_id_has_its_own_parameter() {
    for (credential, app_service, imds) in [
        (r#"{"type":"managedIdentity"}"#, None, None),
        (
            r#"{"type":"managedIdentity","objectId":"33333333-3333-3333-3333-333333333333"}"#,
            Some("object_id"),
            Some("object_id"),
        ),
        (
            r#"{"type":"managedIdentity","resourceId":"/subscriptions/s/x"}"#,
            Some("mi_res_id"),
            Some("msi_res_id"),
        ),
    ] {
        for (subject, expected) in IDENTITIES.iter().zip([app_service, imds]) {
            let network = Network::new(|request, n| {
                if is_entra(request) {
                    token_answer(n)
                } else {
                    let token = jwt(&json!({"oid": IDENTITY, "xms_mirid": "/subscriptions/s/x"}));
                    ok(json!({"access_token": token, "expires_in": "3599"}).to_string())
                }
            });
            let subject = Subject { credential, ..*subject };
            access_token(&context_of(&subject, &network), TENANT, SCOPE, false).await.unwrap();
            let query = pairs(network.request(0).url.query().unwrap().as_bytes());
            let mut selectors: Vec<_> =
                query.keys().filter(|k| !["api-version", "resource"].contains(&k.as_str())).collect();
            assert_eq!(selectors.pop().map(String::as_str), expected, "{} {credential}", subject.name);
            assert!(selectors.is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_an_app_the_identitys_own_token_is_used_for_the_resource_itself() {
    for subject in IDENTITIES {
        let network = Network::new(|request, _| {
            assert_eq!(
                pairs(request.url.query().unwrap().as_bytes())["resource"],
                "https://api.securitycenter.microsoft.com"
            );
            ok(json!({"access_token": jwt(&json!({"azp": IDENTITY})), "expires_in": 3599}).to_string())
        });
        let settings = format!(r#"{{"credential":{}}}"#, subject.credential);
        let context = context(&network, &settings, subject.environment);
        access_token(&context, "", SCOPE, false).await.unwrap();
        assert_eq!(network.count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stale_assertion_is_minted_anew_once() {
    let subject = &IDENTITIES[0];
    let stale = json!({"error": "invalid_client", "error_codes": [700_024], "error_description": "AADSTS700024: Client assertion is not within its valid time range. Trace ID: x"}).to_string();
    let network = Network::new(move |request, n| match n {
        _ if !is_entra(request) => assertion_answer(),
        3 => Answer::Status(401, &[], stale.clone()),
        _ => token_answer(n),
    });
    let context = context_of(subject, &network);
    access_token(&context, TENANT, SCOPE, false).await.unwrap();
    access_token(&context, TENANT, SCOPE, true).await.unwrap();
    assert_eq!(network.count(), 3);
    // The third exchange is told that the assertion is too old; it was cached, so it is minted again.
    access_token(&context, TENANT, SCOPE, true).await.unwrap();
    assert_eq!((network.count(), identity_requests(&network)), (6, 2));
}

#[tokio::test(start_paused = true)]
async fn entras_words_become_an_id_and_an_advice_with_the_values_filled_in() {
    let body = json!({
        "error": "invalid_client", "error_codes": [700_213], "correlation_id": "c-1",
        "error_description": "AADSTS700213: No matching federated identity record found for presented assertion subject 'x'.\r\nTrace ID: t Correlation ID: c",
    });
    let network = Network::new(move |request, _| {
        if is_entra(request) { Answer::Status(401, &[], body.to_string()) } else { assertion_answer() }
    });
    let error = access_token(&context_of(&IDENTITIES[0], &network), TENANT, SCOPE, false).await.unwrap_err();
    assert_eq!(
        (error.id, error.aadsts, error.http_status),
        ("Fdx.Auth.SubjectMismatch", Some(700_213), Some(401))
    );
    assert_eq!((error.tenant.as_deref(), error.correlation_id.as_deref()), (Some(TENANT), Some("c-1")));
    assert!(
        error.advice.contains("44444444-4444-4444-4444-444444444444") && error.advice.contains(CLIENT),
        "{}",
        error.advice
    );
    assert!(!error.to_string().contains("Trace ID"), "{error}");
    assert_eq!(network.count(), 2, "a refusal is not asked again");
}

#[tokio::test(start_paused = true)]
async fn entras_passing_faults_are_asked_again_and_its_quota_is_respected() {
    for (answer, kind) in [
        (status(503), ErrorKind::Service),
        (Answer::Status(429, &[("retry-after", "30")], "<html>busy</html>".into()), ErrorKind::Throttled),
        (Answer::Fails(TransportErrorKind::Broken), ErrorKind::Network),
        (
            Answer::Status(
                400,
                &[],
                json!({"error": "x", "error_codes": [90033], "error_description": "AADSTS90033"}).to_string(),
            ),
            ErrorKind::Service,
        ),
    ] {
        let scripted = answer.clone();
        let settings = format!(
            r#"{{"clientId":"{CLIENT}","tenants":["{TENANT}"],"credential":{BY_CLIENT},"retry":{{"attempts":3}}}}"#
        );
        let network = Network::new(
            move |request, _| if is_entra(request) { scripted.clone() } else { assertion_answer() },
        );
        let context = context(&network, &settings, IDENTITIES[0].environment);
        let begun = context.clock.now();
        let error = access_token(&context, TENANT, SCOPE, false).await.unwrap_err();
        assert_eq!((error.kind, network.count()), (kind, 5), "{error}");
        if kind == ErrorKind::Throttled {
            assert_eq!((context.clock.now() - begun).as_secs(), 90);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_identity_endpoint_that_is_not_of_this_machine_must_be_https() {
    for endpoint in ["http://evil.example/msi", "ftp://127.0.0.1/", "not a url"] {
        let network = Network::new(|_, _| panic!("nothing may be sent"));
        let environment = [("IDENTITY_ENDPOINT", endpoint), ("IDENTITY_HEADER", "fake-identity-header")];
        let error =
            access_token(&context(&network, &settings(&IDENTITIES[0]), &environment), TENANT, SCOPE, false)
                .await
                .unwrap_err();
        assert_eq!(error.id, "Fdx.Identity.InvalidEndpoint", "{endpoint}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_file_is_read_each_time_and_its_last_good_token_is_kept() {
    let file = TokenFile::new("kept");
    let network = Network::new(|request, n| {
        assert!(is_entra(request));
        token_answer(n)
    });
    let context = file.context(&network);
    let ends = START + 3600;
    file.write(&jwt(&json!({"sub": "first", "exp": ends})));
    access_token(&context, TENANT, SCOPE, false).await.unwrap();
    // Between two exchanges the platform has renewed the file.
    context.cache.clear();
    file.write(&format!("\u{feff}{}\n", jwt(&json!({"sub": "second", "exp": ends}))));
    access_token(&context, TENANT, SCOPE, false).await.unwrap();
    // While it is being replaced it is gone for a moment.
    context.cache.clear();
    std::fs::remove_file(&file.0).unwrap();
    access_token(&context, TENANT, SCOPE, false).await.unwrap();
    let subjects: Vec<_> = (0..3)
        .map(|i| {
            let form = pairs(network.request(i).body.as_ref().unwrap());
            super::Claims::of(&form["client_assertion"]).unwrap().sub.unwrap()
        })
        .collect();
    assert_eq!(subjects, ["first", "second", "second"]);
    // The last good token has ended by now.
    context.cache.clear();
    context.clock.sleep(Duration::from_secs(4000)).await;
    let error = access_token(&context, TENANT, SCOPE, false).await.unwrap_err();
    assert_eq!(error.id, "Fdx.Workload.FileUnreadable");
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
        let subject = Subject { credential, ..BUILD_SERVICES[0] };
        let context = context(&network, &settings(&subject), environment);
        let error = access_token(&context, TENANT, SCOPE, false).await.unwrap_err();
        assert_eq!(error.id, id);
        assert!(error.message.contains(named), "{error}");
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
        let subject = Subject { credential, ..BUILD_SERVICES[0] };
        let path = self.0.display().to_string();
        context(network, &settings(&subject), &[("AZURE_FEDERATED_TOKEN_FILE", &path)])
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
