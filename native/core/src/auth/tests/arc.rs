//! What Azure Arc's agent may ask of us, and what nothing at its address may.

use serde_json::{Value, json};

use super::table::*;
use crate::auth::access_token;
use crate::errors::Error;
use crate::http::Request;
use crate::testing::{Answer, IDENTITY, Network, TENANT, context, jwt, ok};

const CREDENTIALS: [&str; 4] = [
    r#"{"type":"managedIdentity"}"#,
    r#"{"type":"managedIdentity","clientId":"33333333-3333-3333-3333-333333333333"}"#,
    r#"{"type":"managedIdentity","objectId":"33333333-3333-3333-3333-333333333333"}"#,
    r#"{"type":"managedIdentity","resourceId":"/subscriptions/s/x"}"#,
];

async fn answer(
    credential: &'static str,
    agent: impl Fn(&Request) -> Answer + Send + Sync + 'static,
) -> Result<(), Error> {
    let case = SourceCase { credential, ..*source_case("Azure Arc") };
    let network =
        Network::new(move |request, n| if is_entra(request) { token_answer(n) } else { agent(request) });
    let context = context(&network, &settings(&case), case.environment);
    access_token(&context, TENANT, SCOPE, false).await.map(|_| ())
}

fn token(more: &Value) -> Answer {
    let mut body = json!({"access_token": jwt(&json!({})), "expires_on": "9999999999"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ok(body.to_string())
}

fn good_challenge() -> Answer {
    challenge(&format!("Basic realm={}", arc_directory().join("good.key").display()))
}

#[tokio::test(start_paused = true)]
async fn a_challenge_that_leads_anywhere_but_to_a_key_is_refused_and_nothing_is_read() {
    let directory = arc_directory();
    std::fs::write(directory.join("big.key"), "k".repeat(4097)).unwrap();
    std::fs::write(directory.join("good.txt"), "fake-arc-key").unwrap();
    std::fs::create_dir_all(directory.join("folder.key")).unwrap();
    std::fs::create_dir_all(directory.join("below")).unwrap();
    std::fs::write(directory.join("below").join("good.key"), "fake-arc-key").unwrap();
    let here = directory.display();
    for header in [
        String::new(),
        "Basic".to_owned(),
        "Basic realm=".to_owned(),
        format!("Bearer realm={here}/good.key"),
        format!("Basic other={here}/good.key"),
        format!("Basic realm={here}/good.key, realm=x"),
        format!("Basic realm={here}/good.txt"),
        format!("Basic realm={here}/big.key"),
        format!("Basic realm={here}/folder.key"),
        format!("Basic realm={here}/below/good.key"),
        format!("Basic realm={here}/../good.key"),
        format!("Basic realm={here}/below/../good.key"),
        "Basic realm=/etc/shadow".to_owned(),
        "Basic realm=good.key".to_owned(),
    ] {
        let said = header.clone();
        let error = answer(CREDENTIALS[0], move |request| {
            assert!(!request.headers.contains_key("authorization"), "{said}");
            if said.is_empty() { Answer::Said(401, vec![], String::new()) } else { challenge(&said) }
        })
        .await
        .unwrap_err();
        assert_eq!(error.id, "Fdx.Arc.InvalidChallenge", "{header}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_directory_in_another_case_is_the_same_one_on_windows_alone() {
    let directory = arc_directory().display().to_string().to_uppercase();
    let answered = answer(CREDENTIALS[0], move |request| match request.headers.get("authorization") {
        Some(_) => token(&json!({})),
        None => challenge(&format!("Basic realm={directory}/good.key")),
    })
    .await;
    if cfg!(windows) {
        answered.unwrap();
    } else {
        assert_eq!(answered.unwrap_err().id, "Fdx.Arc.InvalidChallenge");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_without_a_challenge_is_not_taken() {
    let error = answer(CREDENTIALS[0], |_| token(&json!({}))).await.unwrap_err();
    assert_eq!(error.id, "Fdx.Arc.InvalidChallenge");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_not_there_or_may_not_be_read_says_which_group_may() {
    let path = arc_directory().join("missing.key");
    let error = answer(CREDENTIALS[0], move |_| challenge(&format!("Basic realm={}", path.display())))
        .await
        .unwrap_err();
    assert_eq!(error.id, "Fdx.Arc.KeyUnreadable");
    assert!(error.advice.contains("himds"), "{}", error.advice);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_does_not_echo_the_identity_is_too_old_and_its_token_is_not_used() {
    let echoes = [
        json!({}),
        json!({"client_id": IDENTITY}),
        json!({"object_id": IDENTITY.to_uppercase()}),
        // Another endpoint's name for it is taken too.
        json!({"mi_res_id": "/subscriptions/S/X"}),
    ];
    for (credential, echo) in CREDENTIALS.into_iter().zip(echoes) {
        let with = move |request: &Request| match request.headers.get("authorization") {
            Some(_) => token(&echo),
            None => good_challenge(),
        };
        answer(credential, with).await.unwrap();
    }
    for credential in &CREDENTIALS[1..] {
        for echo in [json!({}), json!({"client_id": "other", "object_id": "other", "msi_res_id": "other"})] {
            let without = move |request: &Request| match request.headers.get("authorization") {
                Some(_) => token(&echo),
                None => good_challenge(),
            };
            let error = answer(credential, without).await.unwrap_err();
            assert_eq!(error.id, "Fdx.Arc.IdentityIgnored", "{credential}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_agents_own_words_are_told() {
    let error = answer(CREDENTIALS[0], |request| match request.headers.get("authorization") {
        Some(_) => Answer::Status(
            400,
            &[],
            r#"{"error":"invalid_resource","error_description":"no such resource"}"#.into(),
        ),
        None => good_challenge(),
    })
    .await
    .unwrap_err();
    assert_eq!(error.id, "Fdx.Identity.ResourceUnknown");
    assert!(error.message.contains("no such resource"), "{error}");
}
