//! What real client libraries send is accepted: MSAL for Python, .NET, Go and Node, and Kubernetes.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use fedxdr_tenant::{FakeTenant, FederatedCredential, World};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use ring::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256};
use serde_json::{Value, json};

use common::{SCOPE, URLENCODED, certificate, encode, exchange, now, send, send_for_head, signed};

#[test]
fn a_certificates_assertion_may_have_padding_and_other_forms_of_time() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let addresses = tenant.addresses().clone();
    let customer = &addresses.tenants[0].tenant_id;
    let der = certificate();
    tenant.change(|world| world.app.certificates.push(STANDARD.encode(&der)));
    let (sha1, sha256) = (digest(&SHA1_FOR_LEGACY_USE_ONLY, &der), digest(&SHA256, &der));
    let endpoint = format!("{}/{customer}/oauth2/v2.0/token", addresses.authority);
    let claims = |id: &str, times: Value| {
        let mut claims = json!({
            "aud": endpoint, "iss": addresses.client_id, "sub": addresses.client_id, "jti": id,
        });
        claims.as_object_mut().unwrap().extend(times.as_object().unwrap().clone());
        claims
    };
    let chain = json!([STANDARD.encode(&der)]);
    let python = json!({"alg": "RS256", "typ": "JWT", "x5t": URL_SAFE.encode(sha1), "x5c": chain});
    let go = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": STANDARD.encode(sha256)});
    let with = |assertion: String| exchange(&tenant, customer, URLENCODED, |f| f.assertion = assertion);
    // MSAL for Python: a fraction, and no nbf.
    let fraction = json!({"iat": now(), "exp": format!("{}.25", now() + 600).parse::<f64>().unwrap()});
    assert_eq!(with(signed(&python, &claims("python", fraction), &RSA_PKCS1_SHA256)), 0);
    // MSAL for .NET: text, and no iat.
    let text = json!({"nbf": now().to_string(), "exp": (now() + 600).to_string()});
    assert_eq!(with(signed(&go, &claims("net", text), &RSA_PSS_SHA256)), 0);
    assert_eq!(with(signed(&go, &claims("least", json!({"exp": now() + 600})), &RSA_PSS_SHA256)), 0);
    // The forms do not make a wrong time right.
    let over = json!({"iat": now(), "exp": (now() - 1).to_string()});
    assert_eq!(with(signed(&go, &claims("over", over), &RSA_PSS_SHA256)), 700_024);
    let early = json!({"nbf": (now() + 400).to_string(), "exp": now() + 600});
    assert_eq!(with(signed(&go, &claims("early", early), &RSA_PSS_SHA256)), 700_024);
    assert_eq!(tenant.report().violations, [""; 0]);
}

#[test]
fn a_secret_may_be_in_the_authorization_header() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let addresses = tenant.addresses().clone();
    let body = format!("scope={}&grant_type=client_credentials", encode(SCOPE));
    let line = format!("POST /{}/oauth2/v2.0/token", addresses.tenants[0].tenant_id);
    let ask = |pair: &str, body: &str| {
        let basic = STANDARD.encode(pair);
        let headers = format!("Content-Type: {URLENCODED}\r\nAuthorization: Basic {basic}\r\n");
        let (status, answer) = send(&addresses.authority, &line, &headers, body);
        (status, answer["error_codes"][0].as_u64().unwrap_or(0))
    };
    let pair = format!("{}:{}", addresses.client_id, encode(&addresses.client_secret));
    assert_eq!(ask(&pair, &body), (200, 0));
    assert_eq!(ask(&format!("{}:wrong", addresses.client_id), &body), (401, 7_000_215));
    assert_eq!(tenant.report().violations, [""; 0]);
    let twice = format!("{body}&client_secret={}", encode(&addresses.client_secret));
    assert_eq!(ask(&pair, &twice), (400, 9_002_313));
}

#[test]
fn telemetry_capitals_and_a_slash_at_the_end_change_nothing() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let addresses = tenant.addresses().clone();
    let body = format!(
        "client_id={}&scope={}&grant_type=client_credentials&client_secret={}&client_info=1&x-client-SKU=msal.js.node\
         &x-client-VER=7.2.1&x-client-OS=linux&x-client-CPU=x64&x-ms-lib-capability=retry-after%2C%20h429\
         &x-client-current-telemetry=5%7C771%2C2%2C%2C%2C%7C%2C&x-client-last-telemetry=5%7C0%7C%7C%7C0%2C0\
         &client-request-id=1&x-app-name=collector",
        addresses.client_id,
        encode(SCOPE),
        encode(&addresses.client_secret)
    );
    let line = format!("POST /{}/oauth2/v2.0/token/", addresses.tenants[0].tenant_id);
    let headers =
        "Content-Type: APPLICATION/X-WWW-FORM-URLENCODED; charset=UTF-8\r\nclient-request-id: abc\r\n";
    let (status, head, _) = send_for_head(&addresses.authority, &line, headers, &body);
    assert_eq!(status, 200);
    assert!(head.contains("client-request-id: abc") && head.contains("x-ms-request-id: "), "{head}");

    let resource = format!("resource={}", encode("api://AzureADTokenExchange"));
    let imds = format!("GET /metadata/identity/oauth2/token/?api-version=2018-02-01&{resource}");
    assert_eq!(send(&addresses.imds, &imds, "Metadata: TRUE\r\n", "").0, 200);
    assert_eq!(send(&addresses.imds, &imds, "Metadata: yes\r\n", "").0, 400);
    let arc = format!("GET /metadata/identity/oauth2/token?api-version=2020-06-01&{resource}");
    assert_eq!(send(&addresses.arc_imds_endpoint, &arc, "Metadata: True\r\n", "").0, 401);
    let (shell, path) = addresses.cloud_shell_endpoint.split_at("http://127.0.0.1:".len());
    let (port, path) = path.split_once('/').unwrap();
    let headers = "Metadata: True\r\nContent-Type: Application/X-WWW-Form-Urlencoded\r\n";
    let line = format!("POST /{path}");
    assert_eq!(send(&format!("{shell}{port}"), &line, headers, &resource).0, 200);
    // Azure Automation: MSAL's spelling of the header, and the documentation's POST without a version.
    let (host, path) = addresses.automation_identity_endpoint["http://".len()..].split_once('/').unwrap();
    let secret = format!("X-IDENTITY-HEADER: {}\r\nMetadata: true\r\n", addresses.identity_header);
    let host = format!("http://{host}");
    let line = format!("GET /{path}?api-version=2019-08-01&{resource}");
    assert_eq!(send(&host, &line, &secret, "").0, 200);
    let form = format!("{secret}Content-Type: {URLENCODED}\r\n");
    let named = format!("{resource}&client_id={}", addresses.second_identity.client_id);
    let (status, answer) = send(&host, &format!("POST /{path}"), &form, &named);
    assert_eq!((status, &answer["client_id"]), (200, &json!(addresses.second_identity.client_id)));
    assert_eq!(tenant.report().violations, [""; 0]);
}

#[test]
fn a_token_of_kubernetes_has_a_list_of_audiences() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let customer = tenant.addresses().tenants[0].tenant_id.clone();
    let issuer = "https://oidc.example.net/cluster/";
    tenant.change(|world| {
        world.app.federated_credentials.push(FederatedCredential {
            issuer: issuer.to_owned(),
            subject: "system:serviceaccount:security:collector".to_owned(),
            audience: "api://AzureADTokenExchange".to_owned(),
        });
    });
    let with = |audience: Value| {
        let assertion = tenant.mint(&json!({
            "iss": issuer, "sub": "system:serviceaccount:security:collector", "aud": audience,
            "iat": now(), "exp": format!("{}.5", now() + 3600).parse::<f64>().unwrap(),
        }));
        exchange(&tenant, &customer, URLENCODED, |form| form.assertion = assertion)
    };
    assert_eq!(with(json!(["api://AzureADTokenExchange"])), 0);
    assert_eq!(with(json!(["https://kubernetes.default.svc", "api://AzureADTokenExchange"])), 0);
    assert_eq!(with(json!(["https://kubernetes.default.svc"])), 700_212);
    assert_eq!(with(json!([])), 700_212);
    assert_eq!(tenant.report().violations, [""; 0]);
}

#[test]
fn the_metadata_leads_to_the_token_endpoint() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let addresses = tenant.addresses().clone();
    let customer = &addresses.tenants[0];
    let get = |path: &str| send(&addresses.authority, &format!("GET {path}"), "", "");
    for name in [&customer.tenant_id, &customer.domain] {
        let (status, answer) = get(&format!("/{name}/v2.0/.well-known/openid-configuration"));
        let endpoint = format!("{}/{}/oauth2/v2.0/token", addresses.authority, customer.tenant_id);
        assert_eq!((status, answer["token_endpoint"].as_str()), (200, Some(endpoint.as_str())));
        let issuer = format!("https://login.microsoftonline.com/{}/v2.0", customer.tenant_id);
        assert_eq!(answer["issuer"], issuer.as_str());
        let keys = answer["jwks_uri"].as_str().unwrap().strip_prefix(&addresses.authority).unwrap();
        let key = &get(keys).1["keys"][0];
        assert_eq!((key["kty"].as_str(), key["x"].as_str().unwrap().len()), (Some("EC"), 43));
    }
    let (status, answer) = get("/unknown.example/v2.0/.well-known/openid-configuration");
    assert_eq!((status, &answer["error_codes"]), (400, &json!([90002])));
    let instance = |endpoint: &str| {
        get(&format!(
            "/common/discovery/instance?api-version=1.1&authorization_endpoint={}",
            encode(endpoint)
        ))
    };
    let own = format!("{}/contoso.onmicrosoft.com/oauth2/v2.0/authorize", addresses.authority);
    let next =
        format!("{}/contoso.onmicrosoft.com/v2.0/.well-known/openid-configuration", addresses.authority);
    assert_eq!(instance(&own).1["tenant_discovery_endpoint"], next.as_str());
    let (status, answer) = instance("https://login.windows.net/common/oauth2/v2.0/authorize");
    assert_eq!(status, 200);
    assert_eq!(answer["metadata"][0]["preferred_network"], "login.microsoftonline.com");
    let (status, answer) = instance("https://login.example/common/oauth2/v2.0/authorize");
    assert_eq!((status, &answer["error"]), (400, &json!("invalid_instance")));
    assert_eq!(tenant.report().violations, [""; 0]);
}
