//! What an app proves itself with that is no identity of a place, and tokens that are handed in: each against a
//! scripted token endpoint.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::table::*;
use crate::auth::access_token;
use crate::context::Context;
use crate::errors::ErrorKind;
use crate::http::{Request, TransportErrorKind};
use crate::testing::{Answer, CLIENT, Network, START, TENANT, context, jwt, ok, pairs, status};

const PEM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/certificate/fixtures/fake.pem");
const SECRET: &str = "fake-client-secret~with+signs&more=%";

/// What a caller signs with, in these tests.
const SIGNATURE: &[u8] = b"\x00\xFF a fake signature";

/// A certificate whose key the caller holds.
fn caller_certificate(algorithm: &str) -> Value {
    let der = include_bytes!("../../certificate/fixtures/fake.cer");
    json!({"type": "callerCertificate", "certificate": STANDARD.encode(der), "algorithm": algorithm})
}

fn foreign_token(seconds: u64) -> String {
    jwt(&json!({"iss": "https://issuer.example", "sub": "workload", "aud": EXCHANGE, "exp": START + seconds}))
}

/// Each case, and what a request of it must hold beside client, scope and grant.
struct CredentialCase {
    name: &'static str,
    credential: Value,
    check: fn(&std::collections::HashMap<String, String>, &Request),
}

fn credential_cases() -> Vec<CredentialCase> {
    vec![
        CredentialCase {
            name: "certificate",
            credential: json!({"type": "certificate", "path": PEM}),
            check: |form, request| {
                let (header, claims) = parts(&form["client_assertion"]);
                assert_eq!((header["alg"].as_str(), header["typ"].as_str()), (Some("PS256"), Some("JWT")));
                assert_eq!(header["x5t#S256"].as_str().unwrap().len(), 43);
                assert_eq!(claims["aud"], request.url.as_str());
                assert_eq!((&claims["iss"], &claims["sub"]), (&json!(CLIENT), &json!(CLIENT)));
                let life = claims["exp"].as_i64().unwrap() - claims["nbf"].as_i64().unwrap();
                assert!((60..=600).contains(&life));
                assert!(crate::settings::is_guid(claims["jti"].as_str().unwrap()));
            },
        },
        CredentialCase {
            name: "caller's certificate",
            credential: caller_certificate("PS256"),
            check: |form, request| {
                let (header, claims) = parts(&form["client_assertion"]);
                assert_eq!((header["alg"].as_str(), header["x5t"].as_str()), (Some("PS256"), None));
                assert_eq!(header["x5t#S256"].as_str().unwrap().len(), 43);
                assert_eq!(claims["aud"], request.url.as_str());
                assert!(
                    form["client_assertion"].ends_with(&format!(".{}", URL_SAFE_NO_PAD.encode(SIGNATURE)))
                );
            },
        },
        CredentialCase {
            name: "caller's certificate of an older provider",
            credential: caller_certificate("RS256"),
            check: |form, _| {
                let (header, _) = parts(&form["client_assertion"]);
                assert_eq!((header["alg"].as_str(), header["x5t#S256"].as_str()), (Some("RS256"), None));
                assert_eq!(header["x5t"].as_str().unwrap().len(), 27);
            },
        },
        CredentialCase {
            name: "client secret",
            credential: json!({"type": "clientSecret", "secret": SECRET}),
            check: |form, _| assert_eq!(form["client_secret"], SECRET),
        },
        CredentialCase {
            name: "static assertion",
            credential: json!({"type": "clientAssertion", "assertion": foreign_token(24 * 3600)}),
            check: |form, _| assert_eq!(form["client_assertion"], foreign_token(24 * 3600)),
        },
        CredentialCase {
            name: "script",
            credential: json!({"type": "clientAssertion"}),
            check: |form, _| assert_eq!(form["client_assertion"], foreign_token(24 * 3600)),
        },
    ]
}

fn parts(token: &str) -> (Value, Value) {
    let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
    let mut next = || serde_json::from_slice(&parts.next().unwrap()).unwrap();
    (next(), next())
}

fn settings(credential: &Value, more: &str) -> String {
    format!(r#"{{"clientId":"{CLIENT}","tenants":["{TENANT}"],"credential":{credential}{more}}}"#)
}

/// A context whose consumer, if it is asked, gives a token or a signature.
fn of(case: &CredentialCase, network: &Arc<Network>) -> Context {
    let context = context(network, &settings(&case.credential, r#","retry":{"attempts":3}"#), &[]);
    let broker = Arc::clone(&context.broker);
    tokio::spawn(async move {
        loop {
            let question = broker.next_question().await;
            let token = foreign_token(24 * 3600);
            let answer = question.signing_input().map_or(token.as_bytes(), |_| SIGNATURE);
            question.answer(Ok(answer));
        }
    });
    context
}

/// Entra, which checks what is the same for all.
fn entra(
    check: fn(&std::collections::HashMap<String, String>, &Request),
    answer: impl Fn(usize) -> Answer + Send + Sync + 'static,
) -> Arc<Network> {
    Network::new(move |request, n| {
        assert_eq!(request.url.path(), format!("/{TENANT}/oauth2/v2.0/token"));
        let form = pairs(request.body.as_ref().unwrap());
        assert_eq!((form["client_id"].as_str(), form["scope"].as_str()), (CLIENT, SCOPE));
        assert_eq!(form["grant_type"], "client_credentials");
        assert_eq!(form.contains_key("client_secret"), !form.contains_key("client_assertion"));
        assert_eq!(form.contains_key("client_assertion_type"), form.contains_key("client_assertion"));
        assert_eq!(form.len(), if form.contains_key("client_secret") { 4 } else { 5 });
        check(&form, request);
        answer(n)
    })
}

#[tokio::test(start_paused = true)]
async fn fresh_cached_and_expired() {
    for case in credential_cases() {
        let network = entra(case.check, token_answer);
        let context = of(&case, &network);
        assert!(!access_token(&context, TENANT, SCOPE, false).await.unwrap().from_cache, "{}", case.name);
        assert!(access_token(&context, TENANT, SCOPE, false).await.unwrap().from_cache, "{}", case.name);
        assert_eq!(network.count(), 1, "{}", case.name);
        context.clock.sleep(Duration::from_secs(3599)).await;
        assert!(!access_token(&context, TENANT, SCOPE, false).await.unwrap().from_cache, "{}", case.name);
        assert_eq!(network.count(), 2, "{}", case.name);
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_endpoint_that_is_not_there_or_never_answers() {
    for case in credential_cases() {
        for failing in [Answer::Fails(TransportErrorKind::Connect), Answer::Never] {
            let network = entra(case.check, move |_| failing.clone());
            let context = of(&case, &network);
            let error = access_token(&context, TENANT, SCOPE, false).await.unwrap_err();
            assert_eq!((error.id, error.kind), ("Fdx.Auth.Unreachable", ErrorKind::Network), "{}", case.name);
            assert_eq!(network.count(), 4, "{}", case.name);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn wrong_answers_and_refusals() {
    for case in credential_cases() {
        for body in ["", "<html>", r#"{"access_token":""}"#, r#"{"access_token":"t"}"#] {
            let network = entra(case.check, move |_| ok(body));
            let error = access_token(&of(&case, &network), TENANT, SCOPE, false).await.unwrap_err();
            assert_eq!(error.id, "Fdx.Auth.InvalidAnswer", "{} {body}", case.name);
        }
        // A refusal that quotes what it was sent does not make us repeat it.
        let said = json!({"error": "invalid_client", "error_codes": [7_000_215],
              "error_description": format!("AADSTS7000215: wrong: {SECRET}")});
        let network = entra(case.check, move |_| Answer::Status(401, &[], said.to_string()));
        let error = access_token(&of(&case, &network), TENANT, SCOPE, false).await.unwrap_err();
        assert_eq!(error.id, "Fdx.Auth.SecretWrong");
        assert!(case.name != "client secret" || !format!("{error:?}").contains("with+signs"), "{error:?}");
        assert_eq!(network.count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn statuses_that_pass_are_asked_again_and_a_retry_after_is_waited_out() {
    for case in credential_cases() {
        for code in [429, 500, 502, 503, 504] {
            let network = entra(case.check, move |n| if n < 2 { status(code) } else { token_answer(n) });
            access_token(&of(&case, &network), TENANT, SCOPE, false).await.unwrap();
            assert_eq!(network.count(), 3, "{} {code}", case.name);
        }
        let network = entra(case.check, |n| match n {
            0 => Answer::Status(429, &[("retry-after", "20")], String::new()),
            _ => token_answer(n),
        });
        let context = of(&case, &network);
        let begun = context.clock.now();
        access_token(&context, TENANT, SCOPE, false).await.unwrap();
        assert_eq!((context.clock.now() - begun).as_secs(), 20, "{}", case.name);
    }
}

#[tokio::test(start_paused = true)]
async fn cancelled_while_it_waits() {
    for case in credential_cases() {
        let network = entra(case.check, |n| match n {
            0 => Answer::Status(429, &[("retry-after", "3000")], String::new()),
            _ => token_answer(n),
        });
        let context = of(&case, &network);
        let wait = access_token(&context, TENANT, SCOPE, false);
        assert!(tokio::time::timeout(Duration::from_secs(1), wait).await.is_err());
        access_token(&context, TENANT, SCOPE, false).await.unwrap();
        assert_eq!(network.count(), 2, "{}", case.name);
    }
}

#[tokio::test(start_paused = true)]
async fn each_request_with_a_certificate_has_an_assertion_of_its_own() {
    for case in credential_cases().iter().filter(|case| case.name.contains("certificate")) {
        let network = entra(case.check, |n| if n < 2 { status(503) } else { token_answer(n) });
        access_token(&of(case, &network), TENANT, SCOPE, false).await.unwrap();
        let ids: std::collections::HashSet<_> =
            (0..3).map(|n| sent_claims(&network, n)["jti"].to_string()).collect();
        assert_eq!(ids.len(), 3, "{}", case.name);
    }
}

fn sent_claims(network: &Network, number: usize) -> Value {
    parts(&pairs(network.request(number).body.as_ref().unwrap())["client_assertion"]).1
}

#[tokio::test(start_paused = true)]
async fn a_question_that_waits_for_its_caller_does_not_grow_old() {
    let network = entra(|_, _| {}, token_answer);
    let context = context(&network, &settings(&caller_certificate("PS256"), ""), &[]);
    let broker = Arc::clone(&context.broker);
    let late = async {
        context.clock.sleep(Duration::from_secs(3600)).await;
        broker.next_question().await.answer(Ok(SIGNATURE));
    };
    let (got, ()) = tokio::join!(access_token(&context, TENANT, SCOPE, false), late);
    got.unwrap();
    assert_eq!(sent_claims(&network, 0)["nbf"], START + 3600);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_does_not_sign_is_told_in_its_own_words_and_a_caller_that_leaves_is_replaced() {
    let network = entra(|_, _| {}, token_answer);
    let context = context(&network, &settings(&caller_certificate("PS256"), ""), &[]);
    let broker = Arc::clone(&context.broker);
    let failing = async { broker.next_question().await.answer(Err("the card was pulled")) };
    let (got, ()) = tokio::join!(access_token(&context, TENANT, SCOPE, false), failing);
    let error = got.unwrap_err();
    assert_eq!(error.id, "Fdx.Certificate.KeyRefused");
    assert!(error.message.contains("the card was pulled"), "{error}");

    // Two tenants ask. The first consumer leaves, the second answers both, each with a signature of its own text.
    let consumer = async {
        let first = broker.next_question().await;
        let input = first.signing_input().unwrap().to_owned();
        assert!(broker.try_take().is_none(), "one consumer at a time");
        drop(first);
        for _ in 0..2 {
            let question = broker.next_question().await;
            assert_ne!(question.signing_input().unwrap(), input, "the time of the question is in it");
            question.answer(Ok(SIGNATURE));
        }
    };
    let other = "55555555-5555-5555-5555-555555555555";
    let network = Network::new(|_, n| token_answer(n));
    let context = Context { transport: Arc::clone(&network) as _, ..context.clone() };
    let (one, two, ()) = tokio::join!(
        access_token(&context, TENANT, SCOPE, false),
        access_token(&context, other, SCOPE, false),
        consumer
    );
    one.unwrap();
    two.unwrap();
    for number in 0..2 {
        let path = network.request(number).url.path().to_owned();
        assert!(sent_claims(&network, number)["aud"].as_str().unwrap().ends_with(&path));
    }

    broker.close();
    context.cache.clear();
    let error = access_token(&context, TENANT, SCOPE, false).await.unwrap_err();
    assert_eq!(error.id, "Fdx.Certificate.KeyRefused");
}

#[tokio::test(start_paused = true)]
async fn a_static_assertion_serves_until_its_end_and_then_says_so() {
    let credential = json!({"type": "clientAssertion", "assertion": foreign_token(1000)});
    let network = entra(|_, _| {}, token_answer);
    let context = context(&network, &settings(&credential, ""), &[]);
    access_token(&context, TENANT, SCOPE, false).await.unwrap();
    context.clock.sleep(Duration::from_secs(1001)).await;
    // The app's own token still lives; only a new one needs the assertion.
    access_token(&context, TENANT, SCOPE, false).await.unwrap();
    let error = access_token(&context, TENANT, SCOPE, true).await.unwrap_err();
    assert_eq!(error.id, "Fdx.Assertion.Expired");
    assert!(error.advice.contains("-ClientAssertionScript"));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_token_is_not_sent() {
    for bad in ["", "not a token", "a.b", "a.b.c", "Bearer e30.e30.e30", "\"e30.e30.e30\"", "e30.e30.e30\n"] {
        let network = Network::new(|_, _| panic!("nothing may be sent"));
        for (kind, member, id) in [
            ("clientAssertion", "assertion", "Fdx.Assertion.Invalid"),
            ("accessToken", "token", "Fdx.AccessToken.Invalid"),
        ] {
            let credential = json!({"type": kind, member: bad});
            let context = context(&network, &settings(&credential, ""), &[]);
            assert_eq!(access_token(&context, TENANT, SCOPE, false).await.unwrap_err().id, id, "{bad}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_script_is_asked_when_a_token_is_needed_and_again_when_its_own_has_ended() {
    let network = entra(|_, _| {}, token_answer);
    let context = context(&network, &settings(&json!({"type": "clientAssertion"}), ""), &[]);
    let broker = Arc::clone(&context.broker);
    let times = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&times);
    tokio::spawn(async move {
        loop {
            let claim = broker.next_question().await;
            let number = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            claim.answer(Ok(foreign_token(600 * (number as u64 + 1)).as_bytes()));
        }
    });
    let tenants = ["11111111-1111-1111-1111-111111111111"; 50];
    let all = tenants.map(|tenant| access_token(&context, tenant, SCOPE, true));
    for got in futures_util::future::join_all(all).await {
        got.unwrap();
    }
    assert_eq!(times.load(std::sync::atomic::Ordering::SeqCst), 1, "one assertion serves all tenants");
    context.clock.sleep(Duration::from_secs(601)).await;
    access_token(&context, TENANT, SCOPE, true).await.unwrap();
    assert_eq!(times.load(std::sync::atomic::Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_script_that_fails_is_told_in_its_own_words_and_one_that_leaves_is_asked_by_another() {
    let network = entra(|_, _| {}, token_answer);
    let context = context(&network, &settings(&json!({"type": "clientAssertion"}), ""), &[]);
    let broker = Arc::clone(&context.broker);
    let failing = async { broker.next_question().await.answer(Err("no vault today")) };
    let (got, ()) = tokio::join!(access_token(&context, TENANT, SCOPE, false), failing);
    let error = got.unwrap_err();
    assert_eq!(error.id, "Fdx.Assertion.ScriptFailed");
    assert!(error.message.contains("no vault today"));

    let leaving = async {
        drop(broker.next_question().await);
        broker.next_question().await.answer(Ok(foreign_token(3600).as_bytes()));
    };
    let (got, ()) = tokio::join!(access_token(&context, TENANT, SCOPE, false), leaving);
    got.unwrap();

    broker.close();
    context.cache.clear();
    let error = access_token(&context, TENANT, SCOPE, false).await.unwrap_err();
    assert_eq!(error.id, "Fdx.Assertion.ScriptFailed");
}

#[tokio::test(start_paused = true)]
async fn a_ready_token_is_used_as_it_is_for_what_it_is_good_for() {
    let token = |claims: Value| json!({"type": "accessToken", "token": jwt(&claims)});
    let good = json!({"aud": "https://api.securitycenter.microsoft.com", "tid": TENANT, "exp": START + 3000,
          "roles": ["Machine.Read.All"]});
    let network = Network::new(|_, _| panic!("nothing may be sent"));
    let document = format!(r#"{{"credential":{}}}"#, token(good.clone()));
    let ready = context(&network, &document, &[]);
    for tenant in ["", TENANT, "contoso.onmicrosoft.com"] {
        let got = access_token(&ready, tenant, SCOPE, false).await.unwrap();
        assert_eq!(got.token.claims().roles, ["Machine.Read.All"]);
    }
    for (scope, tenant, after, id) in [
        ("https://graph.microsoft.com/.default", TENANT, 0, "Fdx.AccessToken.WrongAudience"),
        (SCOPE, "99999999-9999-9999-9999-999999999999", 0, "Fdx.AccessToken.WrongTenant"),
        (SCOPE, TENANT, 3001, "Fdx.AccessToken.Expired"),
    ] {
        let ready = context(&network, &document, &[]);
        ready.clock.sleep(Duration::from_secs(after)).await;
        let error = access_token(&ready, tenant, scope, false).await.unwrap_err();
        assert_eq!(error.id, id);
        assert!(!error.advice.contains('{'), "{}", error.advice);
    }
    for (audience, scope) in [
        ("fc780465-2017-40d4-a0c5-307022471b92", SCOPE),
        ("https://securitycenter.onmicrosoft.com/windowsatpservice", SCOPE),
        ("00000003-0000-0000-c000-000000000000", "https://graph.microsoft.com/.default"),
        ("https://management.core.windows.net/", "https://management.azure.com/.default"),
        ("797f4846-ba00-4fd7-ba43-dac1f8f63013", "https://management.azure.com/.default"),
        ("https://vault.azure.net", "https://vault.azure.net/.default"),
    ] {
        let claims = json!({"aud": audience, "exp": START + 3000});
        let ready = context(&network, &format!(r#"{{"credential":{}}}"#, token(claims)), &[]);
        access_token(&ready, TENANT, scope, false).await.unwrap();
    }
}

/// It has no endpoint, so nothing can be missing, late or wrong but the token itself.
#[tokio::test(start_paused = true)]
async fn every_state_of_a_ready_token() {
    let token = jwt(&json!({"aud": "https://api.securitycenter.microsoft.com", "exp": START + 3000}));
    let network = Network::new(|_, _| panic!("nothing may be sent"));
    let ready =
        context(&network, &format!(r#"{{"credential":{{"type":"accessToken","token":"{token}"}}}}"#), &[]);
    assert!(!access_token(&ready, TENANT, SCOPE, false).await.unwrap().from_cache);
    assert!(access_token(&ready, TENANT, SCOPE, false).await.unwrap().from_cache);
    // It is used to its end, for there is no other.
    ready.clock.sleep(Duration::from_secs(2990)).await;
    access_token(&ready, TENANT, SCOPE, false).await.unwrap();
    ready.clock.sleep(Duration::from_secs(10)).await;
    let error = access_token(&ready, TENANT, SCOPE, false).await.unwrap_err();
    assert_eq!(error.id, "Fdx.AccessToken.Expired");
}

#[tokio::test(start_paused = true)]
async fn two_connections_share_a_token_only_if_nothing_tells_them_apart() {
    let network = entra(|_, _| {}, token_answer);
    let one = of(&credential_cases()[1], &network);
    access_token(&one, TENANT, SCOPE, false).await.unwrap();
    let same = Context { cache: Arc::clone(&one.cache), ..of(&credential_cases()[1], &network) };
    assert!(access_token(&same, TENANT, SCOPE, false).await.unwrap().from_cache);
    for case in [
        &credential_cases()[0],
        &credential_cases()[2],
        &credential_cases()[3],
        &CredentialCase {
            credential: json!({"type": "clientSecret", "secret": "fake-other"}),
            name: "",
            check: |_, _| {},
        },
    ] {
        let other = Context { cache: Arc::clone(&one.cache), ..of(case, &network) };
        assert!(!access_token(&other, TENANT, SCOPE, false).await.unwrap().from_cache, "{}", case.name);
    }
}

#[tokio::test(start_paused = true)]
async fn a_challenge_is_answered_by_one_exchange_with_its_claims_however_many_met_it() {
    for case in credential_cases() {
        answer_a_challenge(&case).await;
    }
}

async fn answer_a_challenge(case: &CredentialCase) {
    let claims = r#"{"access_token":{"nbf":{"essential":true,"value":"1"}}}"#;
    let network = Network::new(move |request, n| {
        let form = pairs(request.body.as_ref().unwrap());
        assert_eq!(form.get("claims").map(String::as_str), (n == 1).then_some(claims), "request {n}");
        token_answer(n)
    });
    let context = of(case, &network);
    let refused = access_token(&context, TENANT, SCOPE, false).await.unwrap().token;
    let all = (0..1000).map(|_| async {
        crate::auth::refuse(&context, TENANT, SCOPE, &refused, Some(claims.to_owned())).unwrap();
        access_token(&context, TENANT, SCOPE, false).await.unwrap()
    });
    futures_util::future::join_all(all).await;
    assert_eq!(network.count(), 2, "{}", case.name);
    // The next one is an ordinary one again.
    access_token(&context, TENANT, SCOPE, true).await.unwrap();
}

/// Entra's codes and the values that their advice needs: what is known is filled in.
#[tokio::test(start_paused = true)]
async fn the_advice_for_every_code_of_entra_names_the_tenant_the_app_and_the_token() {
    let known = ["tenant", "client", "issuer", "subject", "audience", "scope", "authority"];
    for entry in crate::errors::entries().filter(|entry| !entry.codes.is_empty()) {
        for code in entry.codes {
            let body = json!({"error": "invalid_client", "error_codes": [code]}).to_string();
            let network = entra(|_, _| {}, move |_| Answer::Status(400, &[], body.clone()));
            let credential = json!({"type": "clientAssertion", "assertion": foreign_token(1000)});
            let more = r#","retry":{"attempts":0}"#;
            let context = context(&network, &settings(&credential, more), &[]);
            let error = access_token(&context, TENANT, SCOPE, false).await.unwrap_err();
            assert_eq!((error.id, error.aadsts), (entry.id, Some(*code)));
            for name in known {
                assert!(!error.advice.contains(&format!("<{name}>")), "{code}: {}", error.advice);
                assert!(!error.advice.contains(&format!("{{{name}}}")), "{code}: {}", error.advice);
            }
        }
    }
}
