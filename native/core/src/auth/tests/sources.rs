//! Every source of a token against a scripted endpoint: fresh, cached, expired, endpoint missing, wrong answer,
//! timeout, each status of its retry table, cancelled while waiting. No test waits for real.

use std::time::Duration;

use serde_json::json;

use super::table::*;
use crate::auth::access_token;
use crate::errors::ErrorKind;
use crate::http::TransportErrorKind;
use crate::testing::{Answer, CLIENT, IDENTITY, Network, TENANT, context, jwt, ok, pairs, status};

#[tokio::test(start_paused = true)]
async fn a_fresh_token_takes_one_request_each_and_a_cached_one_none() {
    for case in source_cases() {
        let network = network(case, |request, _| (case.answer)(request));
        let context = context_of(case, &network);
        let fresh = access_token(&context, TENANT, SCOPE, false).await.unwrap();
        assert!(!fresh.from_cache, "{}", case.name);
        assert_eq!(fresh.token.claims().roles, ["Machine.Read.All"]);
        assert!(access_token(&context, TENANT, SCOPE, false).await.unwrap().from_cache);
        assert_eq!((exchanges(&network), identity_requests(&network)), (1, case.requests), "{}", case.name);
    }
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_is_exchanged_again_with_the_assertion_that_still_lives() {
    for case in source_cases() {
        let network = network(case, |request, _| (case.answer)(request));
        let context = context_of(case, &network);
        access_token(&context, TENANT, SCOPE, false).await.unwrap();
        context.clock.sleep(Duration::from_secs(3599)).await;
        assert!(!access_token(&context, TENANT, SCOPE, false).await.unwrap().from_cache);
        // A build service's token lives for five minutes, so it has ended too.
        let minted = if BUILD_SERVICES.iter().any(|s| s.name == case.name) { 2 } else { 1 };
        let minted = minted * case.requests;
        assert_eq!((exchanges(&network), identity_requests(&network)), (2, minted), "{}", case.name);
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_not_there_is_named() {
    for case in source_cases() {
        for kind in [TransportErrorKind::Connect, TransportErrorKind::Timeout] {
            let network = network(case, move |_, _| Answer::Fails(kind));
            let error = access_token(&context_of(case, &network), TENANT, SCOPE, false).await.unwrap_err();
            assert_eq!(error.id, case.missing, "{}", case.name);
            assert!(!error.advice.is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_never_answers_does_not_hang() {
    for case in source_cases() {
        let network = network(case, |_, _| Answer::Never);
        let context = context_of(case, &network);
        let begun = context.clock.now();
        let error = access_token(&context, TENANT, SCOPE, false).await.unwrap_err();
        assert_eq!(error.id, case.missing, "{}", case.name);
        assert!(context.clock.now() - begun < Duration::from_secs(130), "{}", case.name);
    }
}

#[tokio::test(start_paused = true)]
async fn each_status_of_the_retry_table_is_asked_again_as_the_table_says() {
    for case in source_cases() {
        for &(code, attempts, seconds) in case.again {
            let failing = network(case, move |_, _| status(code));
            let context = context_of(case, &failing);
            let begun = context.clock.now();
            access_token(&context, TENANT, SCOPE, false).await.unwrap_err();
            let took = (context.clock.now() - begun).as_secs();
            assert_eq!(identity_requests(&failing), attempts, "{} {code}", case.name);
            assert!((seconds..=seconds * 5 / 4 + 1).contains(&took), "{} {code}: {took} s", case.name);

            let passing =
                network(case, move |request, n| if n == 0 { status(code) } else { (case.answer)(request) });
            access_token(&context_of(case, &passing), TENANT, SCOPE, false).await.unwrap();
        }
        // A 401 is where the talk with Azure Arc's agent begins.
        let refusals = if case.name == "Azure Arc" { [400, 402, 403] } else { [400, 401, 403] };
        for code in refusals {
            let network = network(case, move |_, _| status(code));
            access_token(&context_of(case, &network), TENANT, SCOPE, false).await.unwrap_err();
            assert_eq!(identity_requests(&network), 1, "{} {code}", case.name);
        }
    }
}

/// A wait that no run is there to see the end of is an error that says when to come back.
#[tokio::test(start_paused = true)]
async fn a_retry_after_of_more_than_an_hour_is_told_and_not_waited_out() {
    for case in source_cases() {
        let network = network(case, |_, _| Answer::Status(429, &[("retry-after", "86400")], String::new()));
        let context = context_of(case, &network);
        let begun = context.clock.now();
        let error = access_token(&context, TENANT, SCOPE, false).await.unwrap_err();
        assert_eq!((error.kind, identity_requests(&network)), (ErrorKind::Throttled, 1), "{}", case.name);
        assert_eq!(error.retry_after, Some(Duration::from_secs(86400)), "{}", case.name);
        assert!(context.clock.now() - begun < Duration::from_secs(1));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_breaks_off_or_never_ends_is_asked_for_again() {
    for case in source_cases() {
        for broken in [Answer::BreaksOff, Answer::Stalls] {
            let network = network(case, move |request, n| match n {
                0 => broken.clone(),
                _ => (case.answer)(request),
            });
            let case = SourceCase { attempts: 1, ..*case };
            access_token(&context_of(&case, &network), TENANT, SCOPE, false).await.unwrap();
            assert_eq!(identity_requests(&network), 1 + case.requests, "{}", case.name);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_is_waited_out() {
    for case in source_cases() {
        let network = network(case, |request, n| match n {
            0 => Answer::Status(429, &[("retry-after", "20")], String::new()),
            _ => (case.answer)(request),
        });
        let context = context_of(case, &network);
        let begun = context.clock.now();
        access_token(&context, TENANT, SCOPE, false).await.unwrap();
        assert_eq!((context.clock.now() - begun).as_secs(), 20, "{}", case.name);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_answer_is_an_error_and_its_text_is_not_quoted() {
    for case in source_cases() {
        for &body in case.wrong {
            // Azure Arc's agent gives nothing without its challenge.
            let network = network(case, move |request, n| match (case.answer)(request) {
                challenge @ Answer::Said(401, ..) if n == 0 => challenge,
                _ => ok(body),
            });
            let error = access_token(&context_of(case, &network), TENANT, SCOPE, false).await.unwrap_err();
            assert_eq!(error.id, case.wrong_id, "{} {body}", case.name);
            assert!(!format!("{error:?}").contains("fake-token-text"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_for_another_identity_is_refused() {
    for case in ["App Service", "IMDS"].map(source_case) {
        for credential in [
            r#"{"type":"managedIdentity","objectId":"33333333-3333-3333-3333-333333333333"}"#,
            r#"{"type":"managedIdentity","resourceId":"/subscriptions/s/x"}"#,
        ] {
            let network = network(subject_without_check(case), |_, _| {
                let other = jwt(
                    &json!({"oid": "99999999-9999-9999-9999-999999999999", "xms_mirid": "/subscriptions/s/y"}),
                );
                ok(json!({"access_token": other, "expires_in": "3599"}).to_string())
            });
            let context = context_of(&SourceCase { credential, ..*case }, &network);
            let error = access_token(&context, TENANT, SCOPE, false).await.unwrap_err();
            assert_eq!(error.id, "Fdx.Identity.WrongIdentity", "{} {credential}", case.name);
        }
    }
    for case in IDENTITIES {
        let network = network(case, |_, _| {
            let other = jwt(&json!({"azp": "99999999-9999-9999-9999-999999999999", "oid": "x"}));
            ok(json!({"access_token": other, "expires_in": "3599"}).to_string())
        });
        let error = access_token(&context_of(case, &network), TENANT, SCOPE, false).await.unwrap_err();
        assert_eq!(error.id, "Fdx.Identity.WrongIdentity", "{}", case.name);
    }
}

#[tokio::test(start_paused = true)]
async fn cancelling_while_it_waits_ends_the_wait_and_the_next_call_starts_anew() {
    for case in source_cases() {
        let network = network(case, |request, n| match n {
            0 => Answer::Status(429, &[("retry-after", "3000")], String::new()),
            _ => (case.answer)(request),
        });
        let context = context_of(case, &network);
        let wait = access_token(&context, TENANT, SCOPE, false);
        assert!(tokio::time::timeout(Duration::from_secs(1), wait).await.is_err());
        access_token(&context, TENANT, SCOPE, false).await.unwrap();
        assert_eq!(identity_requests(&network), 1 + case.requests, "{}", case.name);
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
        let cases = ["App Service", "IMDS"].map(source_case);
        for (case, expected) in cases.into_iter().zip([app_service, imds]) {
            let network = Network::new(|request, n| {
                if is_probe(request) {
                    status(400)
                } else if is_entra(request) {
                    token_answer(n)
                } else {
                    let token = jwt(&json!({"oid": IDENTITY, "xms_mirid": "/subscriptions/s/x"}));
                    ok(json!({"access_token": token, "expires_in": "3599"}).to_string())
                }
            });
            let case = SourceCase { credential, ..*case };
            access_token(&context_of(&case, &network), TENANT, SCOPE, false).await.unwrap();
            let sent = network.sent.lock().unwrap().clone();
            let asked = sent.iter().find(|request| !is_probe(request)).unwrap();
            let query = pairs(asked.url.query().unwrap().as_bytes());
            let mut selectors: Vec<_> =
                query.keys().filter(|k| !["api-version", "resource"].contains(&k.as_str())).collect();
            assert_eq!(selectors.pop().map(String::as_str), expected, "{} {credential}", case.name);
            assert!(selectors.is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_an_app_the_identitys_own_token_is_used_for_the_resource_itself() {
    for case in IDENTITIES {
        let network = Network::new(|request, _| {
            if is_probe(request) {
                return status(400);
            }
            assert_eq!(
                pairs(request.url.query().unwrap().as_bytes())["resource"],
                "https://api.securitycenter.microsoft.com"
            );
            ok(json!({"access_token": jwt(&json!({"azp": IDENTITY})), "expires_in": 3599}).to_string())
        });
        let settings = format!(r#"{{"credential":{}}}"#, case.credential);
        let context = context(&network, &settings, case.environment);
        access_token(&context, "", SCOPE, false).await.unwrap();
        assert_eq!(identity_requests(&network), 1);
    }
}

/// One cache for the process: two identities of one place never share what is in it.
#[tokio::test(start_paused = true)]
async fn each_identity_of_a_place_has_its_own_tokens() {
    for case in ["App Service", "Azure Automation", "IMDS", "Azure Arc"].map(source_case) {
        let network = Network::new(|request, n| match request {
            request if is_entra(request) => token_answer(n),
            request if is_probe(request) => status(400),
            request => match (source_case("Azure Arc").answer)(request) {
                challenge @ Answer::Said(401, ..)
                    if request.headers.get("metadata").unwrap() == "true"
                        && request.url.port() == Some(40342) =>
                {
                    challenge
                }
                _ => {
                    let query = pairs(request.url.query().unwrap().as_bytes());
                    let asked = query.get("client_id").cloned().unwrap_or_default();
                    let token = jwt(&json!({"azp": asked, "sub": asked}));
                    ok(json!({"access_token": token, "expires_in": 3599, "client_id": asked}).to_string())
                }
            },
        });
        let first =
            context_of(&SourceCase { credential: r#"{"type":"managedIdentity"}"#, ..*case }, &network);
        let second = crate::context::Context {
            cache: std::sync::Arc::clone(&first.cache),
            ..context_of(case, &network)
        };
        for context in [&first, &second] {
            assert!(!access_token(context, TENANT, SCOPE, false).await.unwrap().from_cache, "{}", case.name);
        }
        for context in [&first, &second] {
            assert!(access_token(context, TENANT, SCOPE, false).await.unwrap().from_cache, "{}", case.name);
        }
        assert_eq!(exchanges(&network), 2, "{}", case.name);
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_off_is_told_where_an_assertion_is_too_old() {
    let stale =
        json!({"error": "invalid_client", "error_codes": [700_024], "error_description": "AADSTS700024"})
            .to_string();
    for (date, told) in [("Tue, 14 Nov 2023 22:03:20 GMT", true), ("Tue, 14 Nov 2023 22:13:00 GMT", false)] {
        let stale = stale.clone();
        let network = Network::new(move |request, _| match request {
            request if is_entra(request) => Answer::Said(401, vec![("date", date.to_owned())], stale.clone()),
            request => assertion_answer(request),
        });
        let error = access_token(&context_of(source_case("App Service"), &network), TENANT, SCOPE, false)
            .await
            .unwrap_err();
        assert_eq!(error.advice.contains("is 600 seconds off"), told, "{}", error.advice);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stale_assertion_is_minted_anew_once() {
    let case = &IDENTITIES[0];
    let description = "AADSTS700024: Client assertion is not within its valid time range. Trace ID: x";
    let stale =
        json!({"error": "invalid_client", "error_codes": [700_024], "error_description": description});
    let stale = stale.to_string();
    let network = Network::new(move |request, n| match n {
        _ if !is_entra(request) => assertion_answer(request),
        3 => Answer::Status(401, &[], stale.clone()),
        _ => token_answer(n),
    });
    let context = context_of(case, &network);
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
        "error_description": "AADSTS700213: No matching federated identity record found for presented \
         assertion case 'x'.\r\nTrace ID: t Correlation ID: c",
    });
    let network = Network::new(move |request, _| {
        if is_entra(request) { Answer::Status(401, &[], body.to_string()) } else { assertion_answer(request) }
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
        // As JSON too, with a code that is not known, or none.
        (
            Answer::Status(
                429,
                &[("retry-after", "30")],
                json!({"error": "x", "error_codes": [1]}).to_string(),
            ),
            ErrorKind::Throttled,
        ),
        (Answer::Status(503, &[], json!({"error": "server_error"}).to_string()), ErrorKind::Service),
        (
            Answer::Status(400, &[], json!({"error": "temporarily_unavailable"}).to_string()),
            ErrorKind::Service,
        ),
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
        let network =
            Network::new(
                move |request, _| {
                    if is_entra(request) { scripted.clone() } else { assertion_answer(request) }
                },
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
