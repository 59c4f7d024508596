use super::*;

fn settings(more: &str) -> Result<Settings> {
    Settings::parse(&format!(r#"{{"credential":{{"type":"managedIdentity"}}{more}}}"#))
}

#[test]
fn a_token_goes_to_named_hosts_alone() {
    let settings = settings("").unwrap();
    let defender = settings.target(Family::Defender).unwrap();
    for good in
        ["api.security.microsoft.com", "eu.api.security.microsoft.com", "api.securitycenter.microsoft.com"]
    {
        assert!(defender.allows(good), "{good}");
    }
    for bad in [
        "security.microsoft.com",
        "api.security.microsoft.com.evil.example",
        "evilapi.security.microsoft.com",
    ] {
        assert!(!defender.allows(bad), "{bad}");
    }
}

#[test]
fn each_cloud_has_its_authority_its_audience_and_its_hosts() {
    for (cloud, authority, audience, base, scope) in [
        (
            "Public",
            "login.microsoftonline.com",
            "api://AzureADTokenExchange",
            "api.security.microsoft.com",
            "api.securitycenter.microsoft.com",
        ),
        (
            "GCC",
            "login.microsoftonline.com",
            "api://AzureADTokenExchange",
            "api-gcc.securitycenter.microsoft.us",
            "api-gcc.securitycenter.microsoft.us",
        ),
        (
            "USGov",
            "login.microsoftonline.us",
            "api://AzureADTokenExchangeUSGov",
            "api-gov.securitycenter.microsoft.us",
            "api-gov.securitycenter.microsoft.us",
        ),
        (
            "USGovDoD",
            "login.microsoftonline.us",
            "api://AzureADTokenExchangeUSGov",
            "api-gov.securitycenter.microsoft.us",
            "api-gov.securitycenter.microsoft.us",
        ),
    ] {
        let settings = settings(&format!(r#","cloud":"{cloud}""#)).unwrap();
        let target = settings.target(Family::Defender).unwrap();
        assert_eq!(settings.authority(), format!("https://{authority}"), "{cloud}");
        assert_eq!(settings.cloud.exchange_audience(), audience, "{cloud}");
        assert_eq!(
            (target.base.as_ref(), target.scope.as_ref()),
            (&*format!("https://{base}"), &*format!("https://{scope}/.default")),
            "{cloud}"
        );
        for family in Family::ALL {
            let target = settings.target(family).unwrap();
            let host = target.base.strip_prefix("https://").unwrap();
            assert!(target.allows(host), "{cloud} {family:?}: its own host");
            assert!(!target.allows("graph.microsoft.com.evil.example"));
        }
    }
}

#[test]
fn what_a_cloud_does_not_have_is_said_and_can_be_given_by_hand() {
    let china = settings(r#","cloud":"China""#).unwrap();
    assert_eq!(china.target(Family::Defender).unwrap_err().id, "Fdx.Settings.ApiNotInCloud");
    assert!(china.target(Family::Graph).is_ok());
    let by_hand =
        settings(r#","cloud":"China","endpoints":{"defender":"https://defender.example.cn/"}"#).unwrap();
    assert_eq!(by_hand.target(Family::Defender).unwrap().scope, "https://defender.example.cn/.default");
    let scope =
        settings(r#","cloud":"USGov","endpoints":{"defenderScope":"https://other.example.us/.default"}"#)
            .unwrap();
    assert_eq!(scope.target(Family::Defender).unwrap().scope, "https://other.example.us/.default");
}

#[test]
fn china_has_an_authority_and_an_audience_of_its_own_and_no_defender() {
    let china = settings(r#","cloud":"China""#).unwrap();
    assert_eq!(china.authority(), "https://login.partner.microsoftonline.cn");
    assert_eq!(china.cloud.exchange_audience(), "api://AzureADTokenExchangeChina");
    for family in [Family::Defender, Family::Xdr] {
        assert_eq!(china.target(family).unwrap_err().id, "Fdx.Settings.ApiNotInCloud");
    }
    for (host, cloud) in [
        ("login.windows.net", Cloud::Public),
        ("login.microsoftonline.com", Cloud::Gcc),
        ("login.usgovcloudapi.net", Cloud::USGovDoD),
        ("login.chinacloudapi.cn", Cloud::China),
    ] {
        assert!(cloud.has_authority(host), "{host}");
        assert!(!Cloud::USGov.has_authority(host) || cloud == Cloud::USGovDoD, "{host}");
    }
}

#[test]
fn a_region_changes_the_host_and_never_the_scope() {
    let near = settings(r#","geo":"EU""#).unwrap();
    let defender = near.target(Family::Defender).unwrap();
    assert_eq!(defender.base, "https://eu.api.security.microsoft.com");
    assert_eq!(defender.scope, "https://api.securitycenter.microsoft.com/.default");
    assert!(defender.allows("eu.api.security.microsoft.com"));
    assert_eq!(near.target(Family::Xdr).unwrap().base, "https://api-eu.security.microsoft.com");
    assert_eq!(near.target(Family::Graph).unwrap().base, "https://graph.microsoft.com");
    // XDR has no host there: the worldwide one has the same data.
    assert_eq!(
        settings(r#","geo":"au""#).unwrap().target(Family::Xdr).unwrap().base,
        "https://api.security.microsoft.com"
    );
    for bad in
        [r#","geo":"mars""#, r#","geo":"eu.evil.example/""#, r#","geo":"""#, r#","geo":"eu","cloud":"USGov""#]
    {
        assert_eq!(settings(bad).unwrap_err().id, "Fdx.Settings.InvalidGeo");
    }
}

/// The audiences that each API's tokens may have, as the services document them.
const AUDIENCES: &[(Family, &[&str])] = &[
    (
        Family::Defender,
        &[
            "https://api.securitycenter.microsoft.com",
            "https://api.securitycenter.microsoft.com/",
            "HTTPS://API.SECURITYCENTER.MICROSOFT.COM",
            "https://api.securitycenter.windows.com",
            "https://securitycenter.onmicrosoft.com/windowsatpservice",
            "fc780465-2017-40d4-a0c5-307022471b92",
        ],
    ),
    (
        Family::Xdr,
        &[
            "https://api.security.microsoft.com",
            "https://security.microsoft.com/mtp/",
            "8ee8fdad-f234-4243-8f3b-15c294843740",
        ],
    ),
    (Family::Graph, &["https://graph.microsoft.com/", "00000003-0000-0000-c000-000000000000"]),
    (
        Family::Arm,
        &[
            "https://management.azure.com/",
            "https://management.core.windows.net/",
            "797f4846-ba00-4fd7-ba43-dac1f8f63013",
        ],
    ),
];

#[test]
fn every_form_of_an_audience_names_its_own_api_and_no_other() {
    let settings = settings("").unwrap();
    for (family, forms) in AUDIENCES {
        let wanted = settings.target(*family).unwrap().scope.into_owned();
        for form in *forms {
            for other in Family::ALL {
                assert_eq!(settings.is_audience_of(other, form), other == *family, "{form}");
            }
            assert_eq!(settings.family_of(form), Some(*family), "{form}");
            for other in forms.iter().copied().chain([resource_of(&wanted)]) {
                assert!(settings.is_same_api(form, other), "{form} {other}");
            }
            assert!(!settings.is_same_api(form, "https://vault.azure.net"), "{form}");
        }
    }
    assert_eq!(settings.family_of("https://vault.azure.net"), None);
    assert!(settings.is_same_api("https://vault.azure.net", "https://vault.azure.net/"));
}

#[test]
fn a_scope_of_the_users_own_is_an_audience_too() {
    let given = settings(r#","endpoints":{"defenderScope":"https://other.example.us/.default"}"#).unwrap();
    for audience in ["https://other.example.us", "fc780465-2017-40d4-a0c5-307022471b92"] {
        assert!(given.is_audience_of(Family::Defender, audience), "{audience}");
    }
    assert!(given.is_same_api("fc780465-2017-40d4-a0c5-307022471b92", "https://other.example.us"));
}

/// Every member that each credential may have.
const CREDENTIALS: &[(&str, &[&str])] = &[
    ("default", &[]),
    ("managedIdentity", &["clientId", "objectId", "resourceId"]),
    ("workloadIdentity", &["tokenFile"]),
    ("gitHubActions", &[]),
    ("azurePipelines", &["serviceConnectionId"]),
    ("certificate", &["path", "password"]),
    ("callerCertificate", &["certificate", "algorithm"]),
    ("clientSecret", &["secret"]),
    ("clientAssertion", &["assertion"]),
    ("accessToken", &["token"]),
];

#[test]
fn each_credential_takes_its_own_members_and_no_member_of_another() {
    let id = "44444444-4444-4444-4444-444444444444";
    let required = ["serviceConnectionId", "path", "certificate", "algorithm", "secret", "token"];
    for (kind, own) in CREDENTIALS {
        let document = |more: &[&str]| {
            let mut credential = serde_json::json!({"type": kind});
            for name in own.iter().filter(|name| required.contains(name)).chain(more) {
                let value = match *name {
                    "certificate" => "fake",
                    "algorithm" => "PS256",
                    _ => id,
                };
                credential[*name] = value.into();
            }
            Settings::parse(
                &serde_json::json!({
                    "clientId": "22222222-2222-2222-2222-222222222222",
                    "tenants": ["11111111-1111-1111-1111-111111111111"],
                    "credential": credential,
                })
                .to_string(),
            )
        };
        document(&[]).unwrap_or_else(|e| panic!("{kind}: {e}"));
        let foreign = CREDENTIALS.iter().flat_map(|(_, names)| *names).chain(&["colour"]);
        for name in foreign.filter(|name| !own.contains(name)) {
            let error = document(&[name]).unwrap_err();
            assert_eq!(error.id, "Fdx.Settings.InvalidArgument", "{kind} {name}");
            assert!(error.message.contains(&format!("`{name}`")), "{kind}: {error}");
        }
    }
}

#[test]
fn a_member_that_no_part_of_the_settings_has_is_refused() {
    for (more, name) in [
        (r#","colour":1"#, "colour"),
        (r#","endpoints":{"colour":"https://x.example"}"#, "colour"),
        (r#","retry":{"colour":1}"#, "colour"),
    ] {
        let error = settings(more).unwrap_err();
        assert_eq!(error.id, "Fdx.Settings.InvalidArgument");
        assert!(error.message.contains(&format!("`{name}`")), "{error}");
    }
}

#[test]
fn the_names_of_the_endpoints_are_those_that_the_document_has_and_the_advice_names() {
    let refused = settings(r#","endpoints":{"colour":""}"#).unwrap_err().to_string();
    let advice = crate::errors::INVALID_ENDPOINT_SETTING.fix;
    for name in ENDPOINT_NAMES {
        assert!(refused.contains(&format!("`{name}`")), "{name}: {refused}");
        assert!(advice.contains(name), "{name}");
    }
    assert_eq!(refused.matches('`').count(), 2 * (ENDPOINT_NAMES.len() + 1), "{refused}");
    for geo in Cloud::Public.geos() {
        assert!(INVALID_GEO.fix.contains(geo), "{geo}");
    }
}
