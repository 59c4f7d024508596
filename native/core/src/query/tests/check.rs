//! `Test-FdxConnection` from the request document to the rows: which step fails, why, and what was not known then.

use serde_json::json;

use super::{End, Fixture, is_token_request, token_answer};
use crate::http::{Request, TransportErrorKind};
use crate::testing::{Answer, CLIENT, Network, TENANT, jwt, ok, status};

const OTHER: &str = "99999999-9999-9999-9999-999999999999";

/// One check: its name, what it is for, its result, and the id of an error.
type Step = (&'static str, &'static str, &'static str, &'static str);

/// The steps of a check, in their order. `""` where a row has null.
async fn check(answer: fn(&Request, usize) -> Answer, document: &str) -> (Vec<[String; 4]>, Fixture) {
    let network = Network::new(answer);
    let fixture = Fixture::over(&network, r#","retry":{"attempts":0}"#);
    let outcome = fixture.run(document).await;
    assert_eq!((outcome.end, outcome.error_ids()), (End::Complete, vec![]));
    for row in &outcome.rows {
        let is_failure = matches!(row["result"].as_str().unwrap(), "Failed" | "Warning");
        assert_eq!(row["fix"].is_string(), is_failure, "{row:?}");
        assert!(!row["detail"].as_str().unwrap().is_empty(), "{row:?}");
    }
    let steps = outcome.rows.iter().map(|row| {
        ["check", "resource", "result", "id"].map(|name| row[name].as_str().unwrap_or_default().to_owned())
    });
    (steps.collect(), fixture)
}

async fn expect(
    name: &str,
    answer: fn(&Request, usize) -> Answer,
    document: &str,
    expected: &[Step],
) -> Fixture {
    let (steps, fixture) = check(answer, document).await;
    let expected: Vec<_> =
        expected.iter().map(|(check, resource, result, id)| [*check, resource, result, id]).collect();
    assert_eq!(steps, expected, "{name}");
    fixture
}

const HUNTING: &str = r#"{"kind":"check","resources":["Hunting"]}"#;

fn graph_token(roles: &[&str]) -> Answer {
    let token = jwt(&json!({
        "aud": "https://graph.microsoft.com", "tid": TENANT, "appid": CLIENT, "roles": roles,
    }));
    ok(json!({"token_type": "Bearer", "expires_in": 3599, "access_token": token}).to_string())
}

#[tokio::test(start_paused = true)]
async fn hunting_is_checked_by_a_query_that_reads_no_table() {
    for (document, target) in [(HUNTING, "Hunting"), (r#"{"kind":"check","resources":["Graph"]}"#, "Graph")] {
        let (steps, fixture) = check(
            |request, _| {
                if is_token_request(request) {
                    return graph_token(&["ThreatHunting.Read.All"]);
                }
                ok(r#"{"schema":[{"name":"Ready","type":"SByte"}],"results":[{"Ready":1}]}"#)
            },
            document,
        )
        .await;
        let of_the_target: Vec<_> = steps.iter().filter(|step| step[1] == target).collect();
        assert!(of_the_target.iter().any(|step| step[0] == "Answer"), "{steps:?}");
        assert!(of_the_target.iter().all(|step| step[2] == "Passed"), "{steps:?}");
        let request = &fixture.api_requests()[0];
        assert_eq!(request.url.path(), "/v1.0/security/runHuntingQuery");
        assert_eq!(request.body.as_deref(), Some(&br#"{"Query":"print Ready = true"}"#[..]));
    }
    let (steps, _) = check(
        |request, _| {
            if is_token_request(request) { graph_token(&["SecurityAlert.Read.All"]) } else { status(403) }
        },
        HUNTING,
    )
    .await;
    assert!(steps.iter().any(|step| step[3] == "Fdx.Api.RoleMissing"), "{steps:?}");
}

const MACHINE: &str = r#"{"kind":"check","resources":["Machine"]}"#;

fn token_with(roles: &[&str]) -> Answer {
    let token = jwt(&json!({
        "aud": "https://api.securitycenter.microsoft.com", "tid": TENANT, "appid": CLIENT, "roles": roles,
    }));
    ok(json!({"token_type": "Bearer", "expires_in": 3599, "access_token": token}).to_string())
}

fn refused_token(code: u32) -> Answer {
    let body = json!({
        "error": "invalid_client", "error_codes": [code],
        "error_description": format!("AADSTS{code}: as the fake endpoint says"),
    });
    Answer::Said(401, Vec::new(), body.to_string())
}

const TOKEN_STEPS: [Step; 4] = [
    ("TokenEndpoint", "Defender", "Passed", ""),
    ("App", "Defender", "Passed", ""),
    ("Credential", "Defender", "Passed", ""),
    ("Resource", "Defender", "Passed", ""),
];
const CONNECTION_STEPS: [Step; 2] = [("Connection", "", "Passed", ""), ("Assertion", "", "Passed", "")];

fn after_token(steps: &[Step]) -> Vec<Step> {
    [&CONNECTION_STEPS, &TOKEN_STEPS[..], steps].concat()
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_works_passes_every_check() {
    let steps = after_token(&[
        ("Roles", "Machine", "Passed", ""),
        ("Answer", "Machine", "Passed", ""),
        ("Licence", "Machine", "Passed", ""),
    ]);
    let fixture = expect("all well", machines, MACHINE, &steps).await;
    let sent = fixture.api_requests();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].url.path(), "/api/machines");
    assert!(sent[0].url.query().unwrap().contains("top=1"), "one row is enough: {}", sent[0].url);
}

fn machines(request: &Request, count: usize) -> Answer {
    if is_token_request(request) { token_answer(request, count) } else { ok(r#"{"value":[{"id":"1"}]}"#) }
}

#[tokio::test(start_paused = true)]
async fn an_empty_tenant_passes_too() {
    fn none(request: &Request, count: usize) -> Answer {
        if is_token_request(request) { token_answer(request, count) } else { status(404) }
    }
    let steps = after_token(&[
        ("Roles", "Machine", "Passed", ""),
        ("Answer", "Machine", "Passed", ""),
        ("Licence", "Machine", "Passed", ""),
    ]);
    expect("no machines", none, MACHINE, &steps).await;
}

#[tokio::test(start_paused = true)]
async fn each_failure_is_in_the_row_of_its_step() {
    type Case = (&'static str, fn(&Request, usize) -> Answer, Vec<Step>);
    const SKIPPED: [Step; 3] = [
        ("Roles", "Machine", "Skipped", ""),
        ("Answer", "Machine", "Skipped", ""),
        ("Licence", "Machine", "Skipped", ""),
    ];
    fn fails_at(step: usize, id: &'static str) -> Vec<Step> {
        let steps = TOKEN_STEPS.iter().enumerate().map(|(index, (check, resource, ..))| match index {
            index if index == step => (*check, *resource, "Failed", id),
            // An endpoint that refuses works.
            0 => (*check, *resource, "Passed", ""),
            _ => (*check, *resource, "Skipped", ""),
        });
        CONNECTION_STEPS.into_iter().chain(steps).chain(SKIPPED).collect()
    }
    let cases: Vec<Case> = vec![
        (
            "no token endpoint",
            |_, _| Answer::Fails(TransportErrorKind::Connect),
            fails_at(0, "Fdx.Auth.Unreachable"),
        ),
        ("no app in the tenant", |_, _| refused_token(700_016), fails_at(1, "Fdx.Auth.AppNotConsented")),
        ("a wrong secret", |_, _| refused_token(7_000_215), fails_at(2, "Fdx.Auth.SecretWrong")),
        ("no such API", |_, _| refused_token(500_011), fails_at(3, "Fdx.Auth.ResourceNotInTenant")),
        (
            "no role",
            |request, _| if is_token_request(request) { token_with(&[]) } else { status(403) },
            after_token(&[
                ("Roles", "Machine", "Failed", "Fdx.Api.RoleMissing"),
                ("Answer", "Machine", "Failed", "Fdx.Api.RoleMissing"),
                ("Licence", "Machine", "Skipped", ""),
            ]),
        ),
        (
            "a refusal",
            |request, count| {
                if is_token_request(request) { token_answer(request, count) } else { status(403) }
            },
            after_token(&[
                ("Roles", "Machine", "Passed", ""),
                ("Answer", "Machine", "Failed", "Fdx.Api.Forbidden"),
                ("Licence", "Machine", "Skipped", ""),
            ]),
        ),
        (
            "no licence",
            |request, count| {
                let body = r#"{"error":{"code":"Forbidden","message":"no valid license"}}"#;
                if is_token_request(request) {
                    token_answer(request, count)
                } else {
                    Answer::Said(403, Vec::new(), body.to_owned())
                }
            },
            after_token(&[
                ("Roles", "Machine", "Passed", ""),
                ("Answer", "Machine", "Passed", ""),
                ("Licence", "Machine", "Failed", "Fdx.Api.NotLicensed"),
            ]),
        ),
        (
            "no API host",
            |request, count| {
                if is_token_request(request) {
                    token_answer(request, count)
                } else {
                    Answer::Fails(TransportErrorKind::Connect)
                }
            },
            after_token(&[
                ("Roles", "Machine", "Passed", ""),
                ("Answer", "Machine", "Failed", "Fdx.Network.Unreachable"),
                ("Licence", "Machine", "Skipped", ""),
            ]),
        ),
    ];
    for (name, answer, steps) in cases {
        expect(name, answer, MACHINE, &steps).await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_tenants_failure_leaves_the_others_checks() {
    fn answer(request: &Request, count: usize) -> Answer {
        match is_token_request(request) {
            _ if request.url.path().contains(OTHER) => refused_token(700_016),
            true => token_answer(request, count),
            false => ok(r#"{"value":[]}"#),
        }
    }
    let network = Network::new(answer);
    let fixture = Fixture::over(&network, "");
    let document = format!(r#"{{"kind":"check","resources":["Machine"],"tenants":["{OTHER}","{TENANT}"]}}"#);
    let outcome = fixture.run(&document).await;
    let result = |tenant: &str, check: &str| {
        let of_tenant = outcome.rows.iter().zip(&outcome.tenants).filter(|(_, known)| known.0 == *tenant);
        let mut found =
            of_tenant.filter(|(row, _)| row["check"] == check).map(|(row, _)| row["result"].clone());
        let result = found.next().unwrap();
        assert!(found.next().is_none(), "{tenant} {check}");
        result
    };
    assert_eq!((result(OTHER, "App"), result(OTHER, "Licence")), (json!("Failed"), json!("Skipped")));
    assert_eq!((result(TENANT, "App"), result(TENANT, "Licence")), (json!("Passed"), json!("Passed")));
    assert_eq!(result("", "Connection"), "Passed");
}

#[tokio::test(start_paused = true)]
async fn without_resources_no_tenant_is_asked() {
    let (steps, fixture) =
        check(|_, _| panic!("nothing may be sent"), r#"{"kind":"check","resources":[]}"#).await;
    assert_eq!(steps.len(), 1);
    assert_eq!(steps[0][0], "Assertion");
    assert_eq!(fixture.network.count(), 0);
}
