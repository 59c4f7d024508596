//! What callers and services write: settings, requests, links.

use std::sync::LazyLock;

use url::Url;

use crate::cloud::Family;
use crate::errors::{Error, Result};
use crate::query::request::{QueryRequest, Work};
use crate::read::address;
use crate::settings::Settings;

/// Settings with their own address for one API, in the public cloud.
static SETTINGS: LazyLock<Option<Settings>> = LazyLock::new(|| {
    let document = r#"{
        "tenants": ["11111111-1111-1111-1111-111111111111"],
        "clientId": "22222222-2222-2222-2222-222222222222",
        "credential": {"type": "managedIdentity"},
        "endpoints": {"graph": "http://127.0.0.1:5000"}
    }"#;
    Settings::parse(document).ok()
});

/// Members of the documents that hold secrets.
const SECRET_MEMBERS: &[&str] =
    &["secret", "password", "assertion", "token", "body", "IDENTITY_HEADER", "MSI_SECRET"];
/// How a secret begins in the corpus.
const SECRET: &str = "fake-secret-";

/// A settings document is read or refused, and an error does not repeat a secret of it.
pub(super) fn settings(data: &[u8]) {
    let Ok(document) = std::str::from_utf8(data) else { return };
    match Settings::parse(document) {
        Ok(settings) => {
            for family in Family::ALL {
                let _ = settings.target(family);
            }
        }
        Err(error) => has_no_secret(&error, document),
    }
}

/// A request document is read or refused, an error does not repeat a secret of it, and its addresses are the API's.
pub(super) fn request(data: &[u8]) {
    let (Ok(document), Some(settings)) = (std::str::from_utf8(data), SETTINGS.as_ref()) else { return };
    let request = match QueryRequest::parse(document, settings, settings) {
        Ok(request) => request,
        Err(error) => return has_no_secret(&error, document),
    };
    assert!(!request.tenants.is_empty(), "a request without a tenant");
    let (family, url) = match &request.work {
        Work::Call(call) => (call.family, address::build(settings, call.family, &call.path, &[])),
        Work::Rows(rows) => {
            let Some((path, id)) = rows.resource.item_path.zip(rows.id.as_deref()) else { return };
            let query = rows.filter.as_ref().map(|filter| ("$filter", filter.clone()));
            let url = address::with_id(path, id)
                .and_then(|path| address::build(settings, rows.resource.family, &path, query.as_slice()));
            (rows.resource.family, url)
        }
        _ => return,
    };
    belongs_to(settings, family, url);
}

/// The address of a request is one of the API that it is for.
fn belongs_to(settings: &Settings, family: Family, url: Result<Url>) {
    let (Ok(url), Ok(target)) = (url, settings.target(family)) else { return };
    let own = Url::parse(&target.base).map(|base| base.origin());
    assert_eq!(own, Ok(url.origin()), "{url} is not an address of {}", target.base);
    assert!(url.username().is_empty() && url.password().is_none(), "{url} has a user");
}

/// A link to the next page is refused or leads to a host that may get the token.
pub(super) fn next_link(data: &[u8]) {
    let (Ok(link), Some(settings)) = (std::str::from_utf8(data), SETTINGS.as_ref()) else { return };
    for (family, current) in [
        (Family::Defender, "https://api.security.microsoft.com/api/machines?$top=5"),
        (Family::Graph, "http://127.0.0.1:5000/v1.0/security/alerts_v2"),
    ] {
        let Ok(current) = Url::parse(current) else { return };
        if let Ok(url) = address::next_page(settings, family, &current, link) {
            assert!(may_get_the_token(family, &url), "{link:?} leads to {url}");
        }
    }
}

/// Says again, in other words than the code, where tokens may go.
fn may_get_the_token(family: Family, url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    match (family, url.scheme(), url.port()) {
        (Family::Graph, "http", Some(5000)) => host == "127.0.0.1",
        (Family::Graph, "https", None) => host == "graph.microsoft.com",
        (Family::Defender, "https", None) => ["microsoft.com", "windows.com"].iter().any(|domain| {
            let name = host.strip_suffix(domain).and_then(|rest| rest.strip_suffix('.'));
            name.is_some_and(|name| {
                name.rsplit('.').next() == Some("securitycenter")
                    || (*domain == "microsoft.com" && name.ends_with("api.security"))
            })
        }),
        _ => false,
    }
}

fn has_no_secret(error: &Error, document: &str) {
    let told = format!("{error} {} {}", error.advice, error.detail());
    for secret in secrets(document) {
        assert!(!told.contains(secret), "the error {told:?} repeats {secret:?}");
    }
}

/// The values of members that hold secrets, as far as they look like those of the corpus and stand nowhere else.
fn secrets(document: &str) -> impl Iterator<Item = &str> {
    SECRET_MEMBERS
        .iter()
        .flat_map(|member| {
            document.match_indices(member).filter_map(|(at, _)| {
                let value = document[at + member.len()..].strip_prefix(r#"":""#)?;
                value.split('"').next()
            })
        })
        .filter(|secret| secret.starts_with(SECRET) && document.matches(secret).count() == 1)
}
