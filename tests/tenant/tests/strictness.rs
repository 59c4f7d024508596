//! The fake tenant refuses what the real services refuse: requests as a person writes them, sent over a bare socket.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod common;

use fedxdr_tenant::{Cloud, FakeTenant, Fault, IDENTITY_HEADER, World};
use serde_json::json;

use common::{Form, SCOPE, URLENCODED, assertion, encode, exchange, send, send_for_head};

#[test]
fn a_right_token_request_is_granted_and_each_wrong_one_has_its_code() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let customer = tenant.addresses().tenants[0].tenant_id.clone();
    let ask = |change: fn(&mut Form)| exchange(&tenant, &customer, URLENCODED, change);
    assert_eq!(ask(|_| {}), 0);
    assert_eq!(ask(|f| f.assertion_type = "urn:ietf:params:oauth:grant-type:jwt-bearer".into()), 90023);
    assert_eq!(exchange(&tenant, &customer, "multipart/form-data; boundary=x", |_| {}), 900_144);
    assert_eq!(exchange(&tenant, &customer, "application/json", |_| {}), 900_144);
    assert_eq!(ask(|f| f.grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer".into()), 7_000_114);
    assert_eq!(ask(|f| f.grant_type = "password".into()), 70003);
    assert_eq!(ask(|f| f.assertion.clear()), 7_000_218);
    assert_eq!(ask(|f| f.assertion = "not a token".into()), 50027);
    assert_eq!(ask(|f| f.assertion.replace_range(f.assertion.len() - 8.., "AAAAAAAA")), 900_384);
    assert_eq!(ask(|f| f.scope = "https://api.securitycenter.microsoft.com".into()), 1_002_012);
    assert_eq!(ask(|f| f.scope = format!("{SCOPE} https://graph.microsoft.com/.default")), 700_022);
    assert_eq!(ask(|f| f.scope = "https://unknown.example/.default".into()), 500_011);
    assert_eq!(ask(|f| f.client_id = "99999999-9999-4999-8999-999999999999".into()), 700_016);
    for (path, code) in
        [("common", 9_001_023), ("not-a-tenant", 900_023), ("dddddddd-0000-4000-8000-000000000001", 90002)]
    {
        assert_eq!(exchange(&tenant, path, URLENCODED, |_| {}), code, "{path}");
    }
}

#[test]
fn an_assertion_that_is_not_the_identitys_token_for_the_exchange_is_refused() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let customer = tenant.addresses().tenants[0].tenant_id.clone();
    let uami = format!("&client_id={}", tenant.addresses().managed_identity.client_id);
    let with = |assertion: String| exchange(&tenant, &customer, URLENCODED, |f| f.assertion = assertion);
    assert_eq!(with(assertion(&tenant, "https://management.azure.com", &uami)), 700_227);
    // Without an id the system-assigned identity answers. The app does not trust it.
    assert_eq!(with(assertion(&tenant, "api://AzureADTokenExchange", "")), 700_213);
    tenant.change(|world| world.app.federated_credentials.clear());
    assert_eq!(with(assertion(&tenant, "api://AzureADTokenExchange", &uami)), 70025);
    tenant.change(|world| "c0000000-0000-4000-8000-000000000001".clone_into(&mut world.app.home_tenant_id));
    assert_eq!(with(assertion(&tenant, "api://AzureADTokenExchange", &uami)), 700_236);
}

#[test]
fn the_identity_endpoint_wants_its_header_its_version_and_one_id_that_it_knows() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let addresses = tenant.addresses().clone();
    let base = addresses.identity_endpoint.strip_suffix("/msi/token").unwrap().to_owned();
    let resource = format!("resource={}", encode("api://AzureADTokenExchange"));
    let good = format!("X-IDENTITY-HEADER: {IDENTITY_HEADER}\r\n");
    let ask = |query: &str, headers: &str| send(&base, &format!("GET /msi/token?{query}"), headers, "").0;
    assert_eq!(ask(&format!("api-version=2019-08-01&{resource}"), &good), 200);
    // The header and version of the other generation of this endpoint.
    assert_eq!(
        ask(&format!("api-version=2019-08-01&{resource}"), &format!("secret: {IDENTITY_HEADER}\r\n")),
        401
    );
    assert_eq!(ask(&format!("api-version=2017-09-01&{resource}"), &good), 400);
    assert_eq!(ask("api-version=2019-08-01&resource=x", &good), 500);
    assert_eq!(ask(&format!("api-version=2019-08-01&{resource}&client_id=nobody"), &good), 400);
    let second = &addresses.second_identity;
    let both = format!(
        "api-version=2019-08-01&{resource}&client_id={}&object_id={}",
        second.client_id, second.object_id
    );
    assert_eq!(ask(&both, &good), 400);
    // IMDS's name of the parameter means nothing here: another identity answers, and the report says so.
    let before = tenant.report().violations.len();
    assert_eq!(
        ask(&format!("api-version=2019-08-01&{resource}&msi_res_id={}", encode(&second.resource_id)), &good),
        200
    );
    assert_eq!(tenant.report().violations.len(), before + 1);
}

#[test]
fn automation_wants_one_header_more_and_the_endpoint_of_2017_its_own_names() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let addresses = tenant.addresses().clone();
    let resource = format!("resource={}", encode("api://AzureADTokenExchange"));
    let ask = |endpoint: &str, query: &str, headers: &str| {
        let (host, path) = endpoint.strip_prefix("http://").unwrap().split_once('/').unwrap();
        send(&format!("http://{host}"), &format!("GET /{path}?{query}&{resource}"), headers, "")
    };
    let header = format!("X-IDENTITY-HEADER: {IDENTITY_HEADER}\r\n");
    let automation =
        |headers: &str| ask(&addresses.automation_identity_endpoint, "api-version=2019-08-01", headers).0;
    assert_eq!(automation(&format!("{header}Metadata: True\r\n")), 200);
    assert_eq!(automation(&header), 400);
    assert_eq!(automation("Metadata: True\r\n"), 401);

    let secret = format!("secret: {IDENTITY_HEADER}\r\n");
    let client = &addresses.managed_identity.client_id;
    let of_2017 = |query: &str, headers: &str| ask(&addresses.machine_learning_endpoint, query, headers);
    let (status, body) = of_2017(&format!("api-version=2017-09-01&clientid={client}"), &secret);
    assert_eq!((status, body["client_id"].as_str()), (200, Some(client.as_str())));
    assert!(body["expires_on"].as_str().unwrap().ends_with("M +00:00"), "a date: {body}");
    assert_eq!(of_2017("api-version=2017-09-01", &header).0, 401);
    assert_eq!(of_2017("api-version=2019-08-01", &secret).0, 400);
    // The later version's name means nothing here: another identity answers, and the report says so.
    let before = tenant.report().violations.len();
    let (_, body) = of_2017(&format!("api-version=2017-09-01&client_id={client}"), &secret);
    assert_ne!(body["client_id"].as_str(), Some(client.as_str()));
    assert_eq!(tenant.report().violations.len(), before + 1);
}

#[test]
fn defender_wants_a_token_for_itself_from_the_right_world() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let base = tenant.addresses().defender.clone();
    let ask = |path: &str, token: &str| {
        send(&base, &format!("GET {path}"), &format!("Authorization: Bearer {token}\r\n"), "").0
    };
    let own = assertion(&tenant, "https://api.securitycenter.microsoft.com", "");
    assert_eq!(ask("/api/machines?$top=1", &own), 200);
    assert_eq!(ask("/api/Machines?$top=1", &own), 404);
    assert_eq!(ask("/api/machines?pageSize=1", &own), 400);
    assert_eq!(ask("/api/machines?$top=10001", &own), 400);
    assert_eq!(ask("/api/machines", "fake.token.here"), 401);
    assert_eq!(ask("/api/machines", &assertion(&tenant, "https://graph.microsoft.com", "")), 403);
    assert_eq!(send(&base, "GET /api/machines", "", "").0, 401);
}

#[test]
fn an_identity_and_an_app_of_another_cloud_are_refused() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let addresses = tenant.addresses().clone();
    let customer = addresses.tenants[0].tenant_id.clone();
    let uami = format!("&client_id={}", addresses.managed_identity.client_id);
    let base = addresses.identity_endpoint.strip_suffix("/msi/token").unwrap().to_owned();
    let may_ask = |resource: &str| {
        let line = format!("GET /msi/token?api-version=2019-08-01&resource={}{uami}", encode(resource));
        send(&base, &line, &format!("X-IDENTITY-HEADER: {IDENTITY_HEADER}\r\n"), "").0
    };
    let from_before = assertion(&tenant, "api://AzureADTokenExchange", &uami);
    let (status, _) = send(&addresses.control, "PATCH /world", "", &json!({"cloud": "USGov"}).to_string());
    assert_eq!(status, 200);
    assert_eq!(may_ask("api://AzureADTokenExchange"), 500);
    assert_eq!(may_ask("https://api.securitycenter.microsoft.com"), 500);
    let own = assertion(&tenant, "api://AzureADTokenExchangeUSGov", &uami);
    let scope = "https://api-gov.securitycenter.microsoft.us/.default";
    let ask = |assertion: &str, scope: &str| {
        let body = format!(
            "client_id={}&scope={}&grant_type=client_credentials&client_assertion_type={}\
             &client_assertion={assertion}",
            addresses.client_id,
            encode(scope),
            encode(common::ASSERTION_TYPE)
        );
        common::token_request(&tenant, &customer, URLENCODED, &body)
    };
    assert_eq!(ask(&own, scope), 0);
    assert_eq!(ask(&own, SCOPE), 500_011);
    assert_eq!(ask(&from_before, scope), 700_211);
    // The wrong audience in the credential, copied from a page about the public cloud.
    tenant.change(|world| {
        "api://AzureADTokenExchange".clone_into(&mut world.app.federated_credentials[0].audience);
    });
    assert_eq!(ask(&own, scope), 700_212);
    // A credential that a test has set stays.
    tenant.change(|world| world.cloud = Cloud::Public);
    assert_eq!(ask(&from_before, SCOPE), 700_211);
    let defender = |cloud: Cloud, resource: &str| {
        tenant.change(|world| world.cloud = cloud);
        let token = assertion(&tenant, resource, "");
        let bearer = format!("Authorization: Bearer {token}\r\n");
        tenant.change(|world| world.cloud = Cloud::UsGovDoD);
        send(&addresses.defender, "GET /api/machines?$top=1", &bearer, "").0
    };
    assert_eq!(defender(Cloud::UsGovDoD, "https://api-gov.securitycenter.microsoft.us"), 200);
    assert_eq!(defender(Cloud::Gcc, "https://api-gcc.securitycenter.microsoft.us"), 403);
    assert_eq!(defender(Cloud::Public, "https://api.securitycenter.microsoft.com"), 403);
    assert_eq!(send(&addresses.control, "PATCH /world", "", r#"{"cloud": "Moon"}"#).0, 400);
}

#[test]
fn each_list_wants_a_token_for_its_own_api_with_its_own_role() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let addresses = tenant.addresses().clone();
    let ask = |base: &str, path: &str, resource: &str| {
        let bearer = format!("Authorization: Bearer {}\r\n", assertion(&tenant, resource, ""));
        send(base, &format!("GET {path}"), &bearer, "").0
    };
    let (mde, xdr) = ("https://api.securitycenter.microsoft.com", "https://api.security.microsoft.com");
    let (graph, arm) = ("https://graph.microsoft.com", "https://management.azure.com");
    assert_eq!(ask(&addresses.defender, "/api/incidents", xdr), 200);
    assert_eq!(ask(&addresses.defender, "/api/incidents", mde), 403);
    assert_eq!(ask(&addresses.defender, "/api/incidents?$top=101", xdr), 400);
    assert_eq!(ask(&addresses.defender, "/api/machines", xdr), 403);
    assert_eq!(ask(&addresses.graph, "/v1.0/security/alerts_v2", graph), 200);
    assert_eq!(ask(&addresses.graph, "/v1.0/security/alerts_v2", mde), 401);
    assert_eq!(ask(&addresses.graph, "/v1.0/security/alerts", graph), 404);
    let subscriptions = "/subscriptions?api-version=2022-12-01";
    assert_eq!(ask(&addresses.arm, subscriptions, arm), 200);
    assert_eq!(ask(&addresses.arm, subscriptions, "https://management.azure.com/"), 200);
    assert_eq!(ask(&addresses.arm, subscriptions, graph), 401);
    assert_eq!(ask(&addresses.arm, "/subscriptions", arm), 400);
    assert_eq!(ask(&addresses.arm, "/subscriptions?api-version=latest", arm), 400);
    assert_eq!(send(&addresses.arm, &format!("GET {subscriptions}"), "", "").0, 401);
    // Graph's list refuses a token without the role.
    tenant.change(|world| world.tenants[0].graph_roles = vec!["User.Read.All".to_owned()]);
    let token = common::secret_token(&tenant, "https://graph.microsoft.com/.default", "");
    let bearer = format!("Authorization: Bearer {token}\r\n");
    assert_eq!(send(&addresses.graph, "GET /v1.0/security/alerts_v2", &bearer, "").0, 403);
}

#[test]
fn a_claims_challenge_is_answered_by_a_token_that_was_asked_for_with_claims() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let base = tenant.addresses().defender.clone();
    let fault = json!({"service": "defender", "name": "claims-challenge", "times": 2});
    tenant.fault(serde_json::from_value::<Fault>(fault).unwrap());
    let ask = |token: &str| {
        let bearer = format!("Authorization: Bearer {token}\r\n");
        send_for_head(&base, "GET /api/machines?$top=1", &bearer, "")
    };
    let plain = common::secret_token(&tenant, SCOPE, "");
    let (status, head, _) = ask(&plain);
    assert_eq!(status, 401);
    let (_, claims) = head.split_once("error=\"insufficient_claims\", claims=\"").unwrap();
    let claims =
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, claims.split_once('"').unwrap().0);
    let claims = String::from_utf8(claims.unwrap()).unwrap();
    assert!(claims.starts_with(r#"{"access_token":{"nbf":{"essential":true,"value":""#), "{claims}");
    let answered = common::secret_token(&tenant, SCOPE, &format!("&claims={}", encode(&claims)));
    assert_eq!(ask(&answered).0, 200);
    assert_eq!(ask(&answered).0, 200);
    assert_eq!(ask(&plain).0, 401);
    assert_eq!(ask(&plain).0, 200);
    assert_eq!(tenant.report().counts["claims"], 1);
    assert!(tenant.report().violations.is_empty());
}

/// A body as .NET and PowerShell's `-Form` write it.
fn multipart(fields: &[(&str, &str)]) -> String {
    let part = |(name, value): &(&str, &str)| {
        let head = format!("Content-Type: text/plain\r\nContent-Disposition: form-data; name={name}\r\n");
        format!("--b0undary\r\n{head}\r\n{value}\r\n")
    };
    format!("{}--b0undary--\r\n", fields.iter().map(part).collect::<String>())
}

#[test]
fn a_multipart_body_is_read_as_far_as_a_wrong_assertion_type() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let addresses = tenant.addresses().clone();
    let uami = format!("&client_id={}", addresses.managed_identity.client_id);
    let assertion = assertion(&tenant, "api://AzureADTokenExchange", &uami);
    let ask = |assertion_type: &str| {
        let body = multipart(&[
            ("client_id", &addresses.client_id),
            ("scope", SCOPE),
            ("grant_type", "client_credentials"),
            ("client_assertion_type", assertion_type),
            ("client_assertion", &assertion),
        ]);
        let kind = "multipart/form-data; boundary=\"b0undary\"";
        common::token_request(&tenant, &addresses.tenants[0].tenant_id, kind, &body)
    };
    assert_eq!(ask("urn:ietf:params:oauth:grant-type:jwt-bearer"), 90023);
    assert_eq!(ask(common::ASSERTION_TYPE), 900_144);
}

#[test]
fn only_a_managed_identitys_own_v2_token_of_the_home_tenant_is_an_assertion() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let addresses = tenant.addresses().clone();
    let (home, customer) = (&addresses.home_tenant_id, &addresses.tenants[0].tenant_id);
    let with = |assertion: String| exchange(&tenant, customer, URLENCODED, |form| form.assertion = assertion);
    let v2 = format!("https://login.microsoftonline.com/{home}/v2.0");
    let token = |change: &dyn Fn(&mut serde_json::Value)| {
        let identity = &addresses.managed_identity.object_id;
        let mut claims = json!({
            "iss": v2, "aud": "fb60f99c-7a34-4190-8149-302f77469936", "tid": home, "idtyp": "app",
            "sub": identity, "oid": identity, "exp": common::now() + 3600,
        });
        change(&mut claims);
        tenant.mint(&claims)
    };
    assert_eq!(with(token(&|_| {})), 0);
    assert_eq!(with(token(&|claims| claims["idtyp"] = json!("user"))), 700_229);
    assert_eq!(with(token(&|claims| claims["xms_ficinfo"] = json!("x"))), 700_231);
    assert_eq!(with(token(&|claims| claims["tid"] = json!(customer))), 700_236);
    assert_eq!(with(token(&|claims| claims["sub"] = json!("prefix/sc/organization/connection"))), 70052);
    // The app's own token for the exchange: the app is not a managed identity.
    tenant.change(|world| world.app.home_tenant_id.clone_from(customer));
    let own = common::secret_token(&tenant, "api://AzureADTokenExchange/.default", "");
    assert_eq!(with(own), 700_226);
    tenant.change(|world| world.app.home_tenant_id.clone_from(home));
    // A v1.0 token, even if a credential names its issuer.
    let v1 = format!("https://sts.windows.net/{home}/");
    tenant.change(|world| world.app.federated_credentials[0].issuer.clone_from(&v1));
    assert_eq!(with(token(&|claims| claims["iss"] = json!(v1))), 700_227);
    assert_eq!(with(token(&|_| {})), 700_211);
    tenant.change(|world| {
        let credential = &mut world.app.federated_credentials[0];
        credential.issuer.clone_from(&v2);
        "fb60f99c-7a34-4190-8149-302f77469936".clone_into(&mut credential.audience);
    });
    assert_eq!(with(token(&|_| {})), 700_214);
    tenant.change(|world| {
        let credential = &mut world.app.federated_credentials[0];
        "api://AzureADTokenExchange".clone_into(&mut credential.audience);
        credential.subject = credential.subject.to_uppercase();
    });
    assert_eq!(with(token(&|_| {})), 7_002_138);
    assert_eq!(tenant.report().violations, [""; 0]);
}

#[test]
fn a_fault_refuses_some_requests() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let customer = tenant.addresses().tenants[0].tenant_id.clone();
    let fault = json!({"service": "authority", "name": "refusal", "aadsts": 70021, "skip": 1, "times": 2});
    tenant.fault(serde_json::from_value::<Fault>(fault).unwrap());
    let codes = [(); 4].map(|()| exchange(&tenant, &customer, URLENCODED, |_| {}));
    assert_eq!(codes, [0, 70021, 70021, 0]);
}

#[test]
fn a_tenant_can_refuse_with_any_code() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let addresses = tenant.addresses().clone();
    let line = format!("POST /{}/oauth2/v2.0/token", addresses.tenants[0].tenant_id);
    let body = format!(
        "client_id={}&scope={}&grant_type=client_credentials&client_secret={}",
        addresses.client_id,
        encode(SCOPE),
        encode(&addresses.client_secret)
    );
    let headers = format!("Content-Type: {URLENCODED}\r\nclient-request-id: 1d\r\n");
    for (code, status, error) in [
        (53003, 400, "access_denied"),
        (7_000_112, 401, "unauthorized_client"),
        (500_014, 400, "invalid_resource"),
        (90033, 503, "temporarily_unavailable"),
        (90055, 429, "temporarily_unavailable"),
    ] {
        tenant.change(|world| world.tenants[0].refusal = Some(code));
        let (found, head, answer) = send_for_head(&addresses.authority, &line, &headers, &body);
        assert_eq!((found, answer["error"].as_str()), (status, Some(error)), "{code}");
        assert_eq!(answer["error_codes"], json!([code]));
        assert_eq!(answer["correlation_id"], "1d");
        assert_eq!(head.contains("retry-after: 60"), status == 429, "{head}");
    }
}

#[test]
fn an_azure_vm_without_a_system_assigned_identity_answers_for_its_only_identity() {
    let tenant = FakeTenant::start_blocking(World::default()).unwrap();
    let addresses = tenant.addresses().clone();
    let ask = |resource: &str| {
        let path = "/metadata/identity/oauth2/token?api-version=2018-02-01";
        let line = format!("GET {path}&resource={}", encode(resource));
        send(&addresses.imds, &line, "Metadata: true\r\n", "")
    };
    let graph = "https://graph.microsoft.com";
    assert_eq!(ask(graph).1["client_id"], json!(addresses.system_identity.client_id));
    tenant.change(|world| world.identities.retain(|identity| !identity.system_assigned));
    let (status, answer) = ask(graph);
    assert_eq!(status, 400);
    assert!(answer["error_description"].as_str().unwrap().starts_with("Multiple user assigned identities"));
    tenant.change(|world| world.identities.truncate(1));
    assert_eq!(ask(graph).1["client_id"], json!(addresses.managed_identity.client_id));
    let (status, answer) = ask("https://unknown.example");
    assert_eq!((status, &answer["error"]), (400, &json!("invalid_resource")));
    assert!(answer["error_description"].as_str().unwrap().starts_with("AADSTS50001"));
}
