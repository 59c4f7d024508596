//! The sources that the tests go through, each with what its endpoint checks, and the scripted network around them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::context::Context;
use crate::http::Request;
use crate::testing::{Answer, CLIENT, IDENTITY, Network, START, TENANT, context, jwt, ok, pairs, status};

pub(crate) const SCOPE: &str = "https://api.securitycenter.microsoft.com/.default";
pub(crate) const EXCHANGE: &str = "api://AzureADTokenExchange";
const DAY: u64 = 24 * 3600;

/// One source: what leads to it, what its requests look like, what it answers, when it is asked again.
#[derive(Clone, Copy)]
pub(crate) struct SourceCase {
    pub(crate) name: &'static str,
    pub(crate) credential: &'static str,
    pub(crate) environment: &'static [(&'static str, &'static str)],
    /// `retry.attempts` of the settings: managed identity endpoints have tables of their own.
    pub(crate) attempts: u32,
    pub(crate) check: fn(&Request),
    pub(crate) answer: fn(&Request) -> Answer,
    /// Requests that one token takes.
    pub(crate) requests: usize,
    /// What the settings' `endpoints` have to hold.
    pub(crate) endpoints: fn() -> serde_json::Value,
    /// Answers without a token.
    pub(crate) wrong: &'static [&'static str],
    pub(crate) wrong_id: &'static str,
    /// Statuses that are asked again, with the number of attempts in all and the seconds that they take at least.
    pub(crate) again: &'static [(u16, usize, u64)],
    pub(crate) missing: &'static str,
}

pub(crate) const BY_CLIENT: &str =
    r#"{"type":"managedIdentity","clientId":"33333333-3333-3333-3333-333333333333"}"#;
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

const APP_SERVICE: SourceCase = SourceCase {
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
    requests: 1,
    endpoints: none,
    wrong: WRONG_TOKENS,
    wrong_id: "Fdx.Identity.InvalidAnswer",
    again: &[(404, 4, 3), (408, 4, 3), (429, 4, 3), (500, 4, 3), (502, 4, 3), (503, 4, 3), (504, 4, 3)],
    missing: "Fdx.Identity.Unreachable",
};

/// The managed identities, which all have ids to choose by.
pub(crate) const IDENTITIES: &[SourceCase] = &[
    APP_SERVICE,
    SourceCase {
        name: "Azure Automation",
        credential: BY_CLIENT,
        environment: &[
            ("IDENTITY_ENDPOINT", "http://localhost/metadata/identity/oauth2/token"),
            ("IDENTITY_HEADER", "fake-identity-header"),
        ],
        check: |request| {
            assert_eq!(request.method, "GET");
            assert_eq!(request.url.path(), "/metadata/identity/oauth2/token");
            assert_eq!(request.headers["x-identity-header"], "fake-identity-header");
            assert_eq!(request.headers["metadata"], "True");
            let query = pairs(request.url.query().unwrap().as_bytes());
            assert_eq!((query["resource"].as_str(), query["client_id"].as_str()), (EXCHANGE, IDENTITY));
            assert!(request.direct);
        },
        answer: |_| {
            // A hybrid worker's way to write a time.
            let body = json!({"access_token": assertion(), "expires_on": "2023-11-15 22:13:20Z",
                  "client_id": IDENTITY});
            ok(body.to_string())
        },
        ..APP_SERVICE
    },
    SourceCase {
        name: "IMDS",
        credential: BY_CLIENT,
        environment: &[],
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
        again: &[(404, 4, 7), (408, 4, 7), (410, 8, 70), (429, 4, 7), (500, 4, 7), (503, 4, 7), (504, 4, 7)],
        missing: "Fdx.Identity.NotFound",
        ..APP_SERVICE
    },
    SourceCase {
        name: "Azure Machine Learning",
        credential: BY_CLIENT,
        environment: &[("MSI_ENDPOINT", "http://127.0.0.1:41001/old"), ("MSI_SECRET", "fake-old-secret")],
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
        again: &[(404, 4, 3), (408, 4, 3), (429, 4, 3), (500, 4, 3), (503, 4, 3), (504, 4, 3)],
        ..APP_SERVICE
    },
];

pub(crate) const BUILD_SERVICES: &[SourceCase] = &[
    SourceCase {
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
        answer: |_| ok(json!({"value": assertion()}).to_string()),
        requests: 1,
        endpoints: none,
        wrong: WRONG_OIDC,
        wrong_id: "Fdx.Oidc.InvalidAnswer",
        again: &[(408, 4, 3), (429, 4, 3), (500, 4, 3), (502, 4, 3), (503, 4, 3), (504, 4, 3)],
        missing: "Fdx.Oidc.Unreachable",
    },
    SourceCase {
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
        answer: |_| ok(json!({"oidcToken": assertion()}).to_string()),
        requests: 1,
        endpoints: none,
        wrong: WRONG_OIDC,
        wrong_id: "Fdx.Oidc.InvalidAnswer",
        again: &[(408, 4, 3), (429, 4, 3), (500, 4, 3), (502, 4, 3), (503, 4, 3), (504, 4, 3)],
        missing: "Fdx.Oidc.Unreachable",
    },
];

pub(crate) const PLATFORMS: &[SourceCase] = &[
    SourceCase {
        name: "Service Fabric",
        credential: r#"{"type":"managedIdentity"}"#,
        environment: &[
            ("IDENTITY_ENDPOINT", "https://localhost:2377/metadata/identity/oauth2/token"),
            ("IDENTITY_HEADER", "fake-fabric-secret"),
            ("IDENTITY_SERVER_THUMBPRINT", "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33"),
        ],
        attempts: 0,
        check: |request| {
            assert_eq!(request.method, "GET");
            assert_eq!(request.headers["secret"], "fake-fabric-secret");
            assert!(request.headers["secret"].is_sensitive());
            assert_eq!(request.pin.unwrap()[..3], [0, 0x11, 0x22]);
            let query = pairs(request.url.query().unwrap().as_bytes());
            assert_eq!(query["api-version"], "2019-07-01-preview");
            assert_eq!(query["resource"], EXCHANGE);
            assert_eq!(query.len(), 2);
            assert!(request.direct);
        },
        requests: 1,
        endpoints: none,
        answer: |_| {
            // A number here, where the others have text.
            ok(json!({"access_token": assertion(), "expires_on": START + DAY, "token_type": "Bearer"})
                .to_string())
        },
        wrong: WRONG_TOKENS,
        wrong_id: "Fdx.Identity.InvalidAnswer",
        again: &[(408, 6, 31), (429, 6, 31), (500, 6, 31), (502, 6, 31), (503, 6, 31), (504, 6, 31)],
        missing: "Fdx.Identity.Unreachable",
    },
    SourceCase {
        name: "Azure Arc",
        credential: BY_CLIENT,
        environment: &[
            ("IDENTITY_ENDPOINT", "http://localhost:40342/metadata/identity/oauth2/token"),
            ("IMDS_ENDPOINT", "http://localhost:40342"),
        ],
        attempts: 0,
        check: |request| {
            assert_eq!(request.method, "GET");
            assert_eq!(request.headers["metadata"], "true");
            let query = pairs(request.url.query().unwrap().as_bytes());
            assert_eq!(query["api-version"], "2020-06-01");
            assert_eq!(query["resource"], EXCHANGE);
            assert_eq!(query["client_id"], IDENTITY);
            assert_eq!(query.len(), 3);
            assert!(request.direct);
            if let Some(basic) = request.headers.get("authorization") {
                assert_eq!(basic, "Basic fake-arc-key");
                assert!(basic.is_sensitive());
            }
        },
        answer: |request| match request.headers.get("authorization") {
            Some(_) => assertion_answer(request),
            None => challenge(&format!("Basic realm={}", arc_directory().join("good.key").display())),
        },
        requests: 2,
        endpoints: || json!({"arcTokens": arc_directory()}),
        wrong: WRONG_TOKENS,
        wrong_id: "Fdx.Identity.InvalidAnswer",
        again: &[(404, 4, 3), (408, 4, 3), (429, 4, 3), (500, 4, 3), (503, 4, 3), (504, 4, 3)],
        missing: "Fdx.Identity.Unreachable",
    },
];

fn none() -> serde_json::Value {
    json!({})
}

/// A 401 of the Azure Arc agent.
pub(crate) fn challenge(header: &str) -> Answer {
    Answer::Said(401, vec![("www-authenticate", header.to_owned())], String::new())
}

/// Where the Azure Arc agent of the tests has its keys: made once, with one good key.
pub(crate) fn arc_directory() -> std::path::PathBuf {
    static DIRECTORY: std::sync::OnceLock<std::path::PathBuf> = std::sync::OnceLock::new();
    DIRECTORY
        .get_or_init(|| {
            let directory = std::env::temp_dir().join(format!("fedxdr-arc-{}", std::process::id()));
            std::fs::create_dir_all(&directory).unwrap();
            std::fs::write(directory.join("good.key"), "fake-arc-key\n").unwrap();
            directory
        })
        .clone()
}

/// The same place without the check of its requests, for a test that chooses the identity in another way.
pub(crate) fn subject_without_check(case: &SourceCase) -> &'static SourceCase {
    Box::leak(Box::new(SourceCase { check: |_| {}, ..*case }))
}

/// The case with this name.
pub(crate) fn source_case(name: &str) -> &'static SourceCase {
    source_cases().find(|case| case.name == name).unwrap()
}

pub(crate) fn source_cases() -> impl Iterator<Item = &'static SourceCase> {
    IDENTITIES.iter().chain(BUILD_SERVICES).chain(PLATFORMS)
}

pub(crate) fn settings(case: &SourceCase) -> String {
    format!(
        r#"{{"clientId":"{CLIENT}","tenants":["{TENANT}"],"credential":{},"retry":{{"attempts":{}}},"endpoints":{}}}"#,
        case.credential,
        case.attempts,
        (case.endpoints)()
    )
}

pub(crate) fn assertion() -> String {
    jwt(&json!({
        "iss": "https://login.microsoftonline.com/home/v2.0", "aud": "fb60f99c-7a34-4190-8149-302f77469936",
        "sub": "44444444-4444-4444-4444-444444444444", "oid": "44444444-4444-4444-4444-444444444444",
        "azp": IDENTITY, "tid": "home",
    }))
}

pub(crate) fn assertion_answer(_request: &Request) -> Answer {
    let ends = (START + DAY).to_string();
    ok(json!({"access_token": assertion(), "expires_on": ends, "resource": EXCHANGE, "token_type": "Bearer",
          "client_id": IDENTITY})
    .to_string())
}

pub(crate) fn token_answer(number: usize) -> Answer {
    let token =
        jwt(&json!({"aud": "https://api.securitycenter.microsoft.com", "tid": TENANT, "appid": CLIENT,
              "roles": ["Machine.Read.All"], "n": number}));
    ok(json!({"token_type": "Bearer", "expires_in": 3599, "access_token": token}).to_string())
}

pub(crate) fn is_entra(request: &Request) -> bool {
    request.url.host_str() == Some("login.microsoftonline.com")
}

/// Asks whether the instance metadata service is there: without the header that a token takes.
pub(crate) fn is_probe(request: &Request) -> bool {
    request.url.host_str() == Some("169.254.169.254") && !request.headers.contains_key("metadata")
}

/// A network where Entra accepts what it should, and the identity endpoint answers by `identity`, which is told how
/// often it was asked. A probe finds the endpoint there unless that answer would be none.
pub(crate) fn network(
    case: &SourceCase,
    identity: impl Fn(&Request, usize) -> Answer + Send + Sync + 'static,
) -> Arc<Network> {
    let check = case.check;
    let is_fabric = case.name == "Service Fabric";
    let asked = AtomicUsize::new(0);
    Network::new(move |request, number| {
        if is_entra(request) {
            check_exchange(request);
            return token_answer(number);
        }
        let asked_before = || asked.load(Ordering::SeqCst);
        if is_probe(request) {
            return match identity(request, asked_before()) {
                absent @ (Answer::Fails(_) | Answer::Never) => absent,
                _ => status(400),
            };
        }
        check(request);
        // Another server's certificate is the platform's business.
        assert_eq!(request.pin.is_some(), is_fabric);
        identity(request, asked.fetch_add(1, Ordering::SeqCst))
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

/// Requests for a token of the identity.
pub(crate) fn identity_requests(network: &Network) -> usize {
    let sent = network.sent.lock().unwrap();
    sent.iter().filter(|request| !is_entra(request) && !is_probe(request)).count()
}

/// Requests for a token of the app.
pub(crate) fn exchanges(network: &Network) -> usize {
    network.sent.lock().unwrap().iter().filter(|request| is_entra(request)).count()
}

pub(crate) fn context_of(case: &SourceCase, network: &Arc<Network>) -> Context {
    context(network, &settings(case), case.environment)
}
