//! The question whether the instance metadata service is there, which comes before the first token of it: asked so that
//! nobody waits long where it is not, and nobody is turned away where it is slow.

use std::time::Duration;

use super::table::*;
use crate::auth::access_token;
use crate::http::TransportErrorKind;
use crate::testing::{Answer, Network, TENANT, context, status};

const BY_NOTHING: &str = r#"{"type":"default"}"#;

fn probes(network: &Network) -> usize {
    network.sent.lock().unwrap().iter().filter(|request| is_probe(request)).count()
}

#[tokio::test(start_paused = true)]
async fn whatever_azure_answers_to_the_probe_it_is_there() {
    for code in [200, 400, 410, 429, 500] {
        let network = Network::new(move |request, n| match request {
            request if is_entra(request) => token_answer(n),
            request if is_probe(request) => {
                assert!(request.headers.is_empty() && request.direct && request.body.is_none());
                status(code)
            }
            request => assertion_answer(request),
        });
        access_token(&context_of(source_case("IMDS"), &network), TENANT, SCOPE, false).await.unwrap();
        assert_eq!((probes(&network), identity_requests(&network)), (1, 1), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_clouds_service_at_this_address_is_none_of_azures() {
    for code in [401, 403, 404] {
        let network = Network::new(move |_, _| status(code));
        let error =
            access_token(&context_of(source_case("IMDS"), &network), TENANT, SCOPE, false).await.unwrap_err();
        assert_eq!((error.id, network.count()), ("Fdx.Identity.NotFound", 1), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_probe_finds_what_the_first_one_missed() {
    for missed in
        [Answer::Never, Answer::Fails(TransportErrorKind::Connect), Answer::After(2, Box::new(status(400)))]
    {
        let network = Network::new(move |request, n| match request {
            request if is_entra(request) => token_answer(n),
            request if is_probe(request) => {
                if n == 0 {
                    missed.clone()
                } else {
                    status(400)
                }
            }
            request => assertion_answer(request),
        });
        access_token(&context_of(source_case("IMDS"), &network), TENANT, SCOPE, false).await.unwrap();
        assert_eq!(probes(&network), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn where_it_is_not_that_is_known_within_seconds() {
    for absent in [Answer::Never, Answer::Fails(TransportErrorKind::Connect)] {
        let network = Network::new(move |_, _| absent.clone());
        let context = context_of(source_case("IMDS"), &network);
        let begun = context.clock.now();
        let error = access_token(&context, TENANT, SCOPE, false).await.unwrap_err();
        assert_eq!((error.id, probes(&network)), ("Fdx.Identity.NotFound", 2));
        assert!(context.clock.now() - begun <= Duration::from_secs(4));
        assert_eq!(identity_requests(&network), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn where_it_is_slow_it_is_waited_for() {
    let network =
        network(source_case("IMDS"), |request, _| Answer::After(20, Box::new(assertion_answer(request))));
    access_token(&context_of(source_case("IMDS"), &network), TENANT, SCOPE, false).await.unwrap();
    assert_eq!(identity_requests(&network), 1);
}

#[tokio::test(start_paused = true)]
async fn what_has_given_a_token_is_not_asked_again_whether_it_is_there() {
    let network = network(source_case("IMDS"), |request, _| assertion_answer(request));
    let context = context_of(source_case("IMDS"), &network);
    access_token(&context, TENANT, SCOPE, false).await.unwrap();
    context.clock.sleep(Duration::from_secs(25 * 3600)).await;
    access_token(&context, TENANT, SCOPE, false).await.unwrap();
    assert_eq!((probes(&network), identity_requests(&network)), (1, 2));
    // What was not there may be tomorrow.
    let coming = Network::new(|request, n| match request {
        request if is_entra(request) => token_answer(n),
        request if is_probe(request) => {
            if n < 2 {
                Answer::Fails(TransportErrorKind::Connect)
            } else {
                status(400)
            }
        }
        request => assertion_answer(request),
    });
    let context = context_of(source_case("IMDS"), &coming);
    access_token(&context, TENANT, SCOPE, false).await.unwrap_err();
    access_token(&context, TENANT, SCOPE, false).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_build_without_any_identity_is_told_what_a_build_needs() {
    for (variable, id, advice) in [
        ("GITHUB_ACTIONS", "Fdx.GitHub.PermissionMissing", "id-token: write"),
        ("TF_BUILD", "Fdx.Pipelines.VariableMissing", "-ServiceConnectionId"),
        ("OTHER", "Fdx.Identity.NotFound", "managed identity"),
    ] {
        let network = Network::new(|_, _| Answer::Never);
        let case = SourceCase { credential: BY_NOTHING, ..*source_case("IMDS") };
        let place = context(&network, &settings(&case), &[(variable, "True")]);
        let error = access_token(&place, TENANT, SCOPE, false).await.unwrap_err();
        assert_eq!(error.id, id);
        assert!(error.advice.contains(advice), "{}", error.advice);
    }
    // Without an app a build's token is of no use.
    let network = Network::new(|_, _| Answer::Never);
    let place = context(&network, r#"{"credential":{"type":"default"}}"#, &[("GITHUB_ACTIONS", "true")]);
    assert_eq!(access_token(&place, "", SCOPE, false).await.unwrap_err().id, "Fdx.Identity.NotFound");
}
