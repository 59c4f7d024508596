//! What single places have of their own: shapes of errors, a proxy in between, another default, a user's token.

use std::time::Duration;

use serde_json::json;

use super::table::*;
use crate::auth::access_token;
use crate::http::TransportErrorKind;
use crate::testing::{Answer, CLIENT, IDENTITY, Network, START, TENANT, context, jwt, ok, pairs, status};

#[tokio::test(start_paused = true)]
async fn an_error_body_of_any_shape_is_read_and_its_correlation_id_kept() {
    for (body, said, id) in [
        (r#"{"statusCode":400,"message":"flat","correlationId":"c-1"}"#, "flat", Some("c-1")),
        (r#"{"StatusCode":400,"Message":"UPPER","CorrelationId":"c-2"}"#, "UPPER", Some("c-2")),
        (
            r#"{"error":{"code":"Nested","message":"inside","correlationId":"c-3"}}"#,
            "Nested: inside",
            Some("c-3"),
        ),
        (
            r#"{"error":"invalid_request","error_description":"Identity not found"}"#,
            "Identity not found",
            None,
        ),
        ("not JSON at all", "not JSON at all", None),
        ("", "HTTP 400)", None),
        ("[1,2]", "HTTP 400)", None),
    ] {
        let network = network(&IDENTITIES[0], move |_, _| Answer::Status(400, &[], body.to_owned()));
        let error =
            access_token(&context_of(&IDENTITIES[0], &network), TENANT, SCOPE, false).await.unwrap_err();
        assert!(error.message.contains(said), "{error}");
        assert_eq!(error.correlation_id.as_deref(), id, "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_containers_proxy_that_cannot_reach_the_metadata_service_means_that_there_is_none() {
    let body = "connecting to 169.254.169.254:80: connect: A socket operation was attempted to an unreachable network";
    let imds = source_case("IMDS");
    // At the probe, and at the request for a token.
    let network_of_none = Network::new(move |_, _| Answer::Status(403, &[], body.to_owned()));
    let network_that_changes = network(imds, move |_, _| Answer::Status(403, &[], body.to_owned()));
    for network in [network_of_none, network_that_changes] {
        let error = access_token(&context_of(imds, &network), TENANT, SCOPE, false).await.unwrap_err();
        assert_eq!(error.id, "Fdx.Identity.NotFound");
    }
}

#[tokio::test(start_paused = true)]
async fn machine_learning_hears_the_client_id_of_its_own_identity_and_no_other_kind_of_id() {
    let environment = [
        ("MSI_ENDPOINT", "http://127.0.0.1:41001/old"),
        ("MSI_SECRET", "fake-old-secret"),
        ("DEFAULT_IDENTITY_CLIENT_ID", IDENTITY),
    ];
    let network = Network::new(|request, n| {
        if is_entra(request) {
            return token_answer(n);
        }
        assert_eq!(pairs(request.url.query().unwrap().as_bytes())["clientid"], IDENTITY);
        assertion_answer(request)
    });
    let settings = |credential: &str| {
        format!(r#"{{"clientId":"{CLIENT}","tenants":["{TENANT}"],"credential":{credential}}}"#)
    };
    // Without its variable the endpoint is asked without an id, and chooses by itself.
    let undecided = Network::new(|request, n| match request {
        request if is_entra(request) => token_answer(n),
        request => {
            assert!(!pairs(request.url.query().unwrap().as_bytes()).contains_key("clientid"));
            assertion_answer(request)
        }
    });
    let place = context(&undecided, &settings(r#"{"type":"managedIdentity"}"#), &environment[..2]);
    access_token(&place, TENANT, SCOPE, false).await.unwrap();
    let by_nothing = context(&network, &settings(r#"{"type":"managedIdentity"}"#), &environment);
    access_token(&by_nothing, TENANT, SCOPE, false).await.unwrap();
    for credential in [
        r#"{"type":"managedIdentity","objectId":"33333333-3333-3333-3333-333333333333"}"#,
        r#"{"type":"managedIdentity","resourceId":"/subscriptions/s/x"}"#,
    ] {
        let context = context(&network, &settings(credential), &environment);
        let error = access_token(&context, TENANT, SCOPE, false).await.unwrap_err();
        assert_eq!(error.id, "Fdx.Identity.SelectorNotSupported");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_has_ended_when_it_comes_is_used_once_and_not_kept() {
    let network = Network::new(|request, n| {
        if is_entra(request) {
            return token_answer(n);
        }
        ok(json!({"access_token": assertion(), "expires_on": (START - 100).to_string(),
              "client_id": IDENTITY})
        .to_string())
    });
    let context = context_of(&IDENTITIES[0], &network);
    access_token(&context, TENANT, SCOPE, true).await.unwrap();
    access_token(&context, TENANT, SCOPE, true).await.unwrap();
    assert_eq!(identity_requests(&network), 2);
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_has_not_heard_of_the_credential_is_asked_again_only_after_a_success() {
    let refusal = || {
        let body = json!({"error": "invalid_client", "error_codes": [70021],
              "error_description": "AADSTS70021: No matching federated identity record found."});
        Answer::Status(400, &[], body.to_string())
    };
    let subject = SourceCase { attempts: 3, ..IDENTITIES[0] };
    // Never a success: told at once.
    let network =
        Network::new(move |request, _| if is_entra(request) { refusal() } else { assertion_answer(request) });
    let error = access_token(&context_of(&subject, &network), TENANT, SCOPE, false).await.unwrap_err();
    assert_eq!((error.id, network.count()), ("Fdx.Auth.FederatedCredentialNotFound", 2));
    // After one, the next replica may not know it yet.
    let network = Network::new(move |request, n| match n {
        _ if !is_entra(request) => assertion_answer(request),
        2 | 3 => refusal(),
        _ => token_answer(n),
    });
    let context = context_of(&subject, &network);
    access_token(&context, TENANT, SCOPE, false).await.unwrap();
    access_token(&context, TENANT, SCOPE, true).await.unwrap();
    assert_eq!(network.count(), 5);
}

#[tokio::test(start_paused = true)]
async fn each_places_refusals_mean_what_its_pages_say() {
    let fabric = |code: &str| format!(r#"{{"error":{{"correlationId":"c","code":"{code}","message":"m"}}}}"#);
    for (name, code, body, id) in [
        ("Service Fabric", 400, fabric("SecretHeaderNotFound"), "Fdx.Identity.Refused"),
        ("Service Fabric", 404, fabric("ManagedIdentityNotFound"), "Fdx.ServiceFabric.IdentityMissing"),
        ("Service Fabric", 400, fabric("InvalidApiVersion"), "Fdx.Identity.VersionNotSupported"),
        (
            "IMDS",
            400,
            r#"{"error":"bad_request_102","error_description":"Required metadata header not specified"}"#
                .to_owned(),
            "Fdx.Identity.Refused",
        ),
        (
            "IMDS",
            400,
            r#"{"error":"invalid_request","error_description":"Identity not found"}"#.to_owned(),
            "Fdx.Identity.UnknownIdentity",
        ),
        (
            "IMDS",
            400,
            r#"{"error":"invalid_resource","error_description":"AADSTS50001: x"}"#.to_owned(),
            "Fdx.Identity.ResourceUnknown",
        ),
        (
            "App Service",
            400,
            r#"{"StatusCode":400,"Message":"No MSI found for specified ClientId/ResourceId."}"#.to_owned(),
            "Fdx.Identity.UnknownIdentity",
        ),
    ] {
        let network = network(source_case(name), move |_, _| Answer::Status(code, &[], body.clone()));
        let error =
            access_token(&context_of(source_case(name), &network), TENANT, SCOPE, false).await.unwrap_err();
        assert_eq!(error.id, id, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_with_more_in_it_than_it_should_have_is_read_all_the_same() {
    let arc = SourceCase {
        credential: r#"{"type":"managedIdentity","resourceId":"/subscriptions/s/x"}"#,
        ..*subject_without_check(source_case("Azure Arc"))
    };
    let network = Network::new(move |request, n| match (source_case("Azure Arc").answer)(request) {
        _ if is_entra(request) => token_answer(n),
        challenge @ Answer::Said(401, ..) => challenge,
        _ => ok(json!({
            "access_token": assertion(), "expires_on": {}, "expires_in": 3599, "refresh_in": true,
            "msi_res_id": "/subscriptions/s/x", "mi_res_id": "/subscriptions/s/x",
        })
        .to_string()),
    });
    access_token(&context_of(&arc, &network), TENANT, SCOPE, false).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_key_that_the_agent_quotes_alone_is_not_repeated() {
    let network =
        network(source_case("Azure Arc"), |request, _| match (source_case("Azure Arc").answer)(request) {
            challenge @ Answer::Said(401, ..) => challenge,
            _ => Answer::Status(403, &[], "the key 'fake-arc-key' is not good".to_owned()),
        });
    let error = access_token(&context_of(source_case("Azure Arc"), &network), TENANT, SCOPE, false)
        .await
        .unwrap_err();
    assert!(error.message.contains("the key '***' is not good"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_hybrid_worker_that_knows_no_user_assigned_identity_is_told_apart() {
    let automation = source_case("Azure Automation");
    let message = "User assigned identity is currently not supported clientID must not be passed in request";
    let body = json!({"error": {"code": "invalid_request", "message": message}}).to_string();
    let network = network(automation, move |_, _| Answer::Status(400, &[], body.clone()));
    let error = access_token(&context_of(automation, &network), TENANT, SCOPE, false).await.unwrap_err();
    assert_eq!(error.id, "Fdx.Identity.HybridWorker");
    assert!(error.advice.contains("turn off the identities of the Automation account"), "{}", error.advice);
}

/// What the endpoint answers to its nth request.
type Script = fn(usize) -> Answer;

/// Cloud Shell has no exchange, so it is not among the sources above; the same table, for direct use.
#[tokio::test(start_paused = true)]
async fn cloud_shell_used_directly_keeps_to_the_same_table() {
    const ENVIRONMENT: &[(&str, &str)] = &[("MSI_ENDPOINT", "http://localhost:50342/oauth2/token")];
    let shell = |answer: Script| {
        let network = Network::new(move |request, n| {
            assert_eq!((request.method.as_str(), request.url.query()), ("POST", None));
            assert_eq!(request.headers["metadata"], "true");
            assert_eq!(request.headers["content-type"], "application/x-www-form-urlencoded");
            let form = pairs(request.body.as_ref().unwrap());
            assert_eq!(
                (form["resource"].as_str(), form.len()),
                ("https://api.securitycenter.microsoft.com", 1)
            );
            answer(n)
        });
        let context = context(&network, r#"{"credential":{"type":"default"}}"#, ENVIRONMENT);
        (network, context)
    };
    let good: Script = |_| {
        ok(json!({"access_token": jwt(&json!({"scp": "user_impersonation"})), "expires_in": "3599"})
            .to_string())
    };
    // Fresh, cached, expired.
    let (network, place) = shell(good);
    assert!(!access_token(&place, "", SCOPE, false).await.unwrap().from_cache);
    assert!(access_token(&place, "", SCOPE, false).await.unwrap().from_cache);
    place.clock.sleep(Duration::from_secs(3599)).await;
    assert!(!access_token(&place, "", SCOPE, false).await.unwrap().from_cache);
    assert_eq!(network.count(), 2);
    // Missing, never answering, wrong answers, refusals.
    let bad: [(Script, &str, usize); 5] = [
        (|_| Answer::Fails(TransportErrorKind::Connect), "Fdx.Identity.Unreachable", 4),
        (|_| Answer::Never, "Fdx.Identity.Unreachable", 4),
        (|_| ok("<html>"), "Fdx.Identity.InvalidAnswer", 1),
        (|_| status(429), "Fdx.Identity.Unavailable", 4),
        (|_| status(400), "Fdx.Identity.UnknownIdentity", 1),
    ];
    for (answer, id, attempts) in bad {
        let (network, place) = shell(answer);
        let error = access_token(&place, "", SCOPE, false).await.unwrap_err();
        assert_eq!((error.id, network.count()), (id, attempts));
    }
    // Cancelled while it waits.
    let (network, place) = shell(|n| match n {
        0 => Answer::Status(429, &[("retry-after", "3000")], String::new()),
        _ => ok(json!({"access_token": jwt(&json!({})), "expires_in": 3599}).to_string()),
    });
    let wait = access_token(&place, "", SCOPE, false);
    assert!(tokio::time::timeout(Duration::from_secs(1), wait).await.is_err());
    access_token(&place, "", SCOPE, false).await.unwrap();
    assert_eq!(network.count(), 2);
}
