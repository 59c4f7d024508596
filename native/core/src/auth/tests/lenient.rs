//! Lenient in what proves something, strict in what is proven: odd forms of times and claims are read, and what cannot
//! be a bearer token is the server's fault.

use serde_json::{Value, json};

use super::table::*;
use crate::auth::{access_token, assertion as get_assertion, identity};
use crate::errors::{Error, ErrorKind, Result};
use crate::http::{Request, TransportErrorKind};
use crate::testing::{Answer, CLIENT, IDENTITY, Network, START, TENANT, context, jwt, ok};

const HOUR: u64 = START + 3600;

/// The sources whose answers have members as OAuth names them.
fn platforms() -> impl Iterator<Item = &'static SourceCase> {
    IDENTITIES.iter().chain(PLATFORMS)
}

/// What a source makes of this answer: when its token expires.
async fn read(case: &'static SourceCase, body: impl Fn() -> String + Send + Sync + 'static) -> Result<i64> {
    let network = network(case, move |request, _| match (case.answer)(request) {
        challenge @ Answer::Said(401, ..) => challenge,
        _ => ok(body()),
    });
    let context = context_of(case, &network);
    Ok(get_assertion(&identity(&context)?, &context).await?.token.expires_on)
}

fn own_expiry() -> String {
    jwt(&json!({"exp": HOUR, "azp": IDENTITY}))
}

#[tokio::test(start_paused = true)]
async fn an_expiry_that_cannot_be_read_is_the_tokens_own() {
    let times = [
        json!("09/14/2017 00:00:00 PM +99:00"),
        json!("soon"),
        json!(""),
        json!(null),
        json!({}),
        json!([1]),
        json!(true),
        json!(-5),
        json!(1e300),
        json!(9e14),
        json!("999999999999999999999999"),
        // Far ahead, or in milliseconds.
        json!(253_402_300_799_i64),
        json!(HOUR * 1000),
        json!((HOUR * 1000).to_string()),
        json!("Tue, 14 Nov 2023 23:13:20 GMT"),
        json!("11/14/2023 11:13:20\u{202f}PM +00:00"),
        json!("11/14/2023 23:13:20 PM +00:00"),
    ];
    for case in platforms() {
        for time in &times {
            for name in ["expires_on", "expires_in"] {
                let answer = json!({"access_token": own_expiry(), name: time, "client_id": IDENTITY,
                      "token_type": "bearer"});
                let expires_on = read(case, move || answer.to_string()).await;
                assert_eq!(expires_on.unwrap(), i64::try_from(HOUR).unwrap(), "{}: {name} {time}", case.name);
            }
        }
        let answer = json!({"access_token": own_expiry(), "client_id": IDENTITY});
        assert!(read(case, move || answer.to_string()).await.is_ok(), "{}", case.name);
    }
}

#[tokio::test(start_paused = true)]
async fn a_byte_order_mark_and_members_of_odd_types_do_no_harm() {
    for case in platforms() {
        let answer = json!({
            "access_token": own_expiry(), "expires_on": HOUR, "client_id": IDENTITY, "object_id": 7,
            "msi_res_id": null, "mi_res_id": [], "token_type": 7, "refresh_in": {}, "resource": ["x"],
        });
        assert!(read(case, move || format!("\u{feff}{answer}")).await.is_ok(), "{}", case.name);
    }
    for case in BUILD_SERVICES {
        let answer = json!({"value": own_expiry(), "oidcToken": own_expiry(), "count": []});
        assert!(read(case, move || format!("\u{feff}{answer}")).await.is_ok(), "{}", case.name);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_bearer_token_is_the_endpoints_fault() {
    let bad = ["a.b.c\r\nx: y", "a.b.c\n", " a.b.c", "a b.c.d", "a.b.\u{e9}", "a.b.\u{0}"];
    for case in platforms() {
        for token in bad {
            let answer = json!({"access_token": token, "expires_on": HOUR, "client_id": IDENTITY});
            let error = read(case, move || answer.to_string()).await.unwrap_err();
            assert_eq!(error.id, case.wrong_id, "{} {token:?}", case.name);
        }
        for kind in ["pop", "mtls_pop", "MAC"] {
            let answer = json!({"access_token": own_expiry(), "expires_on": HOUR, "client_id": IDENTITY,
                  "token_type": kind});
            let error = read(case, move || answer.to_string()).await.unwrap_err();
            assert_eq!(error.id, case.wrong_id, "{} {kind}", case.name);
            assert!(error.message.contains("not Bearer"), "{error}");
        }
    }
    for case in BUILD_SERVICES {
        for token in bad {
            let answer = json!({"value": token, "oidcToken": token});
            let error = read(case, move || answer.to_string()).await.unwrap_err();
            assert_eq!(error.id, case.wrong_id, "{} {token:?}", case.name);
        }
    }
}

fn app(credential: &str) -> String {
    format!(r#"{{"clientId":"{CLIENT}","tenants":["{TENANT}"],"credential":{credential}}}"#)
}

async fn exchange(body: impl Fn() -> String + Send + Sync + 'static) -> Result<i64, Error> {
    let network = Network::new(move |_, _| ok(body()));
    let context = context(&network, &app(r#"{"type":"clientSecret","secret":"fake-secret"}"#), &[]);
    Ok(access_token(&context, TENANT, SCOPE, false).await?.token.expires_on)
}

#[tokio::test(start_paused = true)]
async fn the_token_endpoints_answers_are_held_to_the_same() {
    let own = || jwt(&json!({"exp": HOUR}));
    for (members, ends) in [
        (json!({"expires_in": 60}), START + 60),
        (json!({"expires_in": "60", "token_type": "BEARER"}), START + 60),
        (json!({"expires_in": 60.9, "token_type": null}), START + 60),
        (json!({}), HOUR),
        (json!({"expires_in": null}), HOUR),
        (json!({"expires_in": "soon"}), HOUR),
        (json!({"expires_in": {}, "refresh_in": []}), HOUR),
        (json!({"expires_in": 1e18}), HOUR),
        (json!({"expires_in": 9e14}), HOUR),
    ] {
        let mut answer = members.clone();
        answer["access_token"] = Value::String(own());
        let expires_on = exchange(move || format!("\u{feff}{answer}")).await;
        assert_eq!(expires_on.unwrap(), i64::try_from(ends).unwrap(), "{members}");
    }
    for bad in [
        json!({"access_token": "a.b.c\r\nx: y", "expires_in": 60}),
        json!({"access_token": "a.b.c ", "expires_in": 60}),
        json!({"access_token": own(), "expires_in": 60, "token_type": "pop"}),
        json!({"access_token": "opaque"}),
        json!({"access_token": 7, "expires_in": 60}),
    ] {
        let error = exchange(move || bad.to_string()).await.unwrap_err();
        assert_eq!(error.id, "Fdx.Auth.InvalidAnswer", "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_assertion_with_odd_claims_is_sent() {
    for claims in [
        json!({"exp": 1_700_003_600.75, "aud": "api://AzureADTokenExchange"}),
        json!({"exp": "1700003600", "aud": ["https://kubernetes.default.svc", "api://AzureADTokenExchange"]}),
        json!({"exp": HOUR, "scp": ["a", "b"], "roles": "x", "oid": 7, "sub": null, "iss": {}}),
        json!({"exp": HOUR, "roles": [{"x": 1}], "tid": ["x"], "aud": null}),
    ] {
        let token = jwt(&claims);
        let expected = token.clone();
        let network = Network::new(move |request, n| {
            let form = crate::testing::pairs(request.body.as_ref().unwrap());
            assert_eq!(form["client_assertion"], expected);
            token_answer(n)
        });
        let credential = format!(r#"{{"type":"clientAssertion","assertion":"{token}"}}"#);
        let context = context(&network, &app(&credential), &[]);
        access_token(&context, TENANT, SCOPE, false).await.unwrap();
        let expires_on =
            get_assertion(&identity(&context).unwrap(), &context).await.unwrap().token.expires_on;
        assert_eq!(expires_on, i64::try_from(HOUR).unwrap(), "{claims}");
    }
}

/// The error of a source whose endpoint refuses with this answer.
async fn refusal(name: &str, answer: Answer) -> Error {
    let case = source_case(name);
    let network = network(case, move |request: &Request, _| match (case.answer)(request) {
        challenge @ Answer::Said(401, ..) => challenge,
        _ => answer.clone(),
    });
    let context = context_of(case, &network);
    get_assertion(&identity(&context).unwrap(), &context).await.unwrap_err()
}

fn text(code: u16, body: &str) -> Answer {
    Answer::Status(code, &[], body.to_owned())
}

#[tokio::test(start_paused = true)]
async fn each_host_gets_its_own_advice() {
    const IMDS_403: &str =
        "failed to refresh token, error: adal: Refresh request failed. Status Code = '400'.";
    for (name, answer, id, advice, not) in [
        ("App Service", text(401, ""), "Fdx.Identity.Refused", "Restart the app", "Metadata"),
        (
            "App Service",
            text(403, r#"{"message":"x"}"#),
            "Fdx.Identity.Refused",
            "Restart the app",
            "Metadata",
        ),
        ("IMDS", text(403, IMDS_403), "Fdx.Identity.MetadataRefused", "pod identity", "IDENTITY_HEADER"),
        (
            "IMDS",
            text(401, ""),
            "Fdx.Identity.MetadataRefused",
            "assigned to this machine",
            "IDENTITY_HEADER",
        ),
        (
            "IMDS",
            text(
                400,
                r#"{"error":"bad_request_102","error_description":"Required metadata header not specified"}"#,
            ),
            "Fdx.Identity.Refused",
            "without a proxy",
            "IDENTITY_HEADER",
        ),
        ("Azure Machine Learning", text(403, ""), "Fdx.Identity.Refused", "MSI_SECRET", "IDENTITY_HEADER"),
        ("Azure Arc", text(403, ""), "Fdx.Identity.Refused", "azcmagent", "IDENTITY_HEADER"),
        ("Service Fabric", text(401, ""), "Fdx.Identity.Refused", "Restart the service", "MSI_SECRET"),
        ("App Service", text(407, ""), "Fdx.Identity.InvalidAnswer", "bypass it", "IDENTITY_HEADER"),
        (
            "IMDS",
            text(403, "<html>Blocked</html>"),
            "Fdx.Identity.InvalidAnswer",
            "bypass it",
            "IDENTITY_HEADER",
        ),
        ("App Service", text(400, "<html>x</html>"), "Fdx.Identity.InvalidAnswer", "bypass it", "ClientId"),
    ] {
        let error = refusal(name, answer).await;
        assert_eq!(error.id, id, "{name}: {error}");
        assert!(error.advice.contains(advice) && !error.advice.contains(not), "{name}: {}", error.advice);
    }
}

#[tokio::test(start_paused = true)]
async fn a_code_of_entra_that_an_identity_endpoint_passes_on_is_about_the_identity() {
    for (code, id) in [
        (50001, "Fdx.Identity.ResourceUnknown"),
        (500_011, "Fdx.Identity.ResourceUnknown"),
        (700_016, "Fdx.Identity.Deleted"),
        (90002, "Fdx.Identity.Deleted"),
        (7_000_112, "Fdx.Identity.Deleted"),
        (90033, "Fdx.Identity.Unavailable"),
        (90055, "Fdx.Identity.Unavailable"),
        (65001, "Fdx.Identity.RefusedByEntra"),
        (123_456, "Fdx.Identity.RefusedByEntra"),
    ] {
        for body in [
            json!({"error": "unauthorized_client", "error_description": format!("AADSTS{code}: x")})
                .to_string(),
            json!({"error": {"code": "x", "message": format!("failed: AADSTS{code}: y")}}).to_string(),
            format!("plain text with AADSTS{code}"),
        ] {
            for name in ["IMDS", "App Service", "Azure Arc"] {
                let error = refusal(name, text(400, &body)).await;
                assert_eq!((error.id, error.aadsts), (id, Some(code)), "{name}: {body}");
                assert!(!error.advice.contains("adminconsent"), "{}", error.advice);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_token_endpoint_is_read_whatever_its_shape() {
    for (code, body, id) in [
        (
            400,
            "\u{feff}{\"error\":\"invalid_client\",\"error_codes\":[\"700016\"],\"error_description\":null}",
            "Fdx.Auth.AppNotConsented",
        ),
        (
            401,
            r#"{"error":{"code":"x","message":"AADSTS7000215: Invalid client secret"}}"#,
            "Fdx.Auth.SecretWrong",
        ),
        (400, r#"{"error":7,"error_description":["x"]}"#, "Fdx.Auth.Refused"),
        (403, "<html><title>Access denied</title></html>", "Fdx.Network.ProxyRefused"),
        (407, "", "Fdx.Network.ProxyRefused"),
        (403, "denied by policy", "Fdx.Network.ProxyRefused"),
        (502, "<html>Bad Gateway</html>", "Fdx.Auth.Failed"),
    ] {
        let network = Network::new(move |_, _| text(code, body));
        let settings = app(r#"{"type":"clientSecret","secret":"fake-secret"}"#)
            .replace("\"clientId\"", "\"retry\":{\"attempts\":0},\"clientId\"");
        let context = context(&network, &settings, &[]);
        let error = access_token(&context, TENANT, SCOPE, false).await.unwrap_err();
        assert_eq!(error.id, id, "{body}: {error}");
        assert!(!error.message.contains('<'), "{error}");
        assert_eq!(network.count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_quota_without_a_header_is_waited_for_as_its_text_says() {
    const THROTTLED: &str = r#"{"error":"x","error_description":"AADSTS90055: The tenant is throttled."}"#;
    for (code, body, seconds) in
        [(429, "quota: 10 per 00:00:40", 40), (429, "busy", 60), (400, THROTTLED, 60)]
    {
        let network = Network::new(move |_, n| if n == 0 { text(code, body) } else { token_answer(n) });
        let context = context(&network, &app(r#"{"type":"clientSecret","secret":"fake-secret"}"#), &[]);
        let begun = context.clock.now();
        access_token(&context, TENANT, SCOPE, false).await.unwrap();
        let waited = (context.clock.now() - begun).as_secs();
        assert!((seconds..seconds + 5).contains(&waited), "{body}: {waited}");
    }
    // An identity endpoint's own pauses are documented, and shorter; a window that its text names counts.
    for (body, seconds) in [(r#"{"message":"10 per 00:00:40"}"#, 40), ("busy", 1)] {
        let case = source_case("App Service");
        let network =
            network(case, move |request, n| if n == 0 { text(429, body) } else { (case.answer)(request) });
        let context = context_of(case, &network);
        let begun = context.clock.now();
        access_token(&context, TENANT, SCOPE, false).await.unwrap();
        let waited = (context.clock.now() - begun).as_secs();
        assert!((seconds..seconds + 2).contains(&waited), "{body}: {waited}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_pass_is_not_tried_again() {
    for kind in [TransportErrorKind::Address, TransportErrorKind::Certificate, TransportErrorKind::Proxy] {
        for case in source_cases() {
            let subject = SourceCase { attempts: 5, ..*subject_without_check(case) };
            let network =
                Network::new(move |request, _| if is_probe(request) { ok("") } else { Answer::Fails(kind) });
            let context = context_of(&subject, &network);
            let error = get_assertion(&identity(&context).unwrap(), &context).await.unwrap_err();
            assert_eq!(identity_requests(&network), 1, "{} {kind:?}", case.name);
            assert!(!error.advice.contains("Restart the app"), "{}: {}", case.name, error.advice);
        }
        let network = Network::new(move |_, _| Answer::Fails(kind));
        let context = context(&network, &app(r#"{"type":"clientSecret","secret":"fake-secret"}"#), &[]);
        let error = access_token(&context, TENANT, SCOPE, false).await.unwrap_err();
        assert_eq!((error.id, network.count()), ("Fdx.Auth.Unreachable", 1), "{kind:?}");
        assert_eq!(error.kind, ErrorKind::Network, "{kind:?}");
    }
}
