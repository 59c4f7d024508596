//! Addresses: how they are made, and which of them a token may go to.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::cloud::Family;
use crate::errors::{
    FOREIGN_NEXT_LINK, INSECURE_NEXT_LINK, INVALID_ITEM_ID, INVALID_NEXT_LINK, INVALID_PATH,
};
use crate::errors::{Result, excerpt};
use crate::settings::{Settings, is_secure};

/// What stands for itself in a path segment or a query value (RFC 3986 §2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `path` with `{id}` replaced. A segment of dots only would be taken for a step up, even when it is percent-encoded
/// (RFC 3986 §5.2.4).
pub(crate) fn with_id(path: &str, id: &str) -> Result<String> {
    if id.bytes().all(|byte| byte == b'.') {
        return Err(INVALID_ITEM_ID.error(format!("'{}' is no id", excerpt(id, 80))));
    }
    Ok(path.replace("{id}", &utf8_percent_encode(id, UNRESERVED).to_string()))
}

/// The address of `path` at the family's API.
pub(crate) fn build(
    settings: &Settings,
    family: Family,
    path: &str,
    query: &[(&str, String)],
) -> Result<Url> {
    if !path.starts_with('/') || path.starts_with("//") || path.contains(['\\', '#']) {
        return Err(
            INVALID_PATH.error(format!("'{}' is not a path below the API's host", excerpt(path, 200)))
        );
    }
    let mut address = format!("{}{path}", settings.target(family)?.base.trim_end_matches('/'));
    for (index, (name, value)) in query.iter().enumerate() {
        address.push(if index == 0 { '?' } else { '&' });
        address.push_str(name);
        address.push('=');
        address.extend(utf8_percent_encode(value, UNRESERVED));
    }
    let url = Url::parse(&address)
        .map_err(|e| INVALID_PATH.error(format!("'{}' makes no address: {e}", excerpt(path, 200))))?;
    Ok(url)
}

/// The value of a query parameter.
pub(crate) fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.into_owned())
}

/// The address with another value of one query parameter.
pub(crate) fn with_parameter(url: &Url, name: &str, value: &str) -> Url {
    let is_other = |pair: &&str| !pair.split('=').next().unwrap_or_default().eq_ignore_ascii_case(name);
    let mut query = String::new();
    for pair in url.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).filter(is_other) {
        query.push_str(pair);
        query.push('&');
    }
    query.push_str(name);
    query.push('=');
    query.extend(utf8_percent_encode(value, UNRESERVED));
    let mut changed = url.clone();
    changed.set_query(Some(&query));
    changed
}

/// The address of the next page, if the token may go there.
pub(crate) fn next_page(settings: &Settings, family: Family, current: &Url, link: &str) -> Result<Url> {
    let url = current
        .join(link)
        .map_err(|e| INVALID_NEXT_LINK.error(format!("the link to the next page is no address: {e}")))?;
    let host = url.host_str().unwrap_or_default();
    if !is_secure(&url) {
        let why = format!("the link to the next page is not https ({host}); the token was not sent there");
        return Err(INSECURE_NEXT_LINK.error(why));
    }
    let target = settings.target(family)?;
    let own = Url::parse(&target.base).is_ok_and(|base| base.origin() == url.origin());
    let known = url.scheme() == "https" && url.port().is_none() && target.allows(host);
    if own || known {
        return Ok(url);
    }
    let why = format!(
        "the link to the next page leads to another host ({}); the token was not sent there",
        excerpt(host, 100)
    );
    Err(FOREIGN_NEXT_LINK.error(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(endpoints: &str) -> Settings {
        Settings::parse(&format!(r#"{{"credential":{{"type":"managedIdentity"}},"endpoints":{endpoints}}}"#))
            .unwrap()
    }

    #[test]
    fn a_path_cannot_leave_the_host() {
        let settings = settings("{}");
        let good =
            build(&settings, Family::Defender, "/api/machines", &[("$filter", "a eq 'b&c'".into())]).unwrap();
        assert_eq!(
            good.as_str(),
            "https://api.security.microsoft.com/api/machines?$filter=a%20eq%20%27b%26c%27"
        );
        for bad in ["api/machines", "//evil.example/x", "/\\evil.example", "https://evil.example/", ""] {
            assert_eq!(
                build(&settings, Family::Defender, bad, &[]).unwrap_err().id,
                "Fdx.Settings.InvalidPath",
                "{bad}"
            );
        }
        assert_eq!(with_id("/a/{id}/b", "../x y").unwrap(), "/a/..%2Fx%20y/b");
        for bad in ["", ".", ".."] {
            assert_eq!(with_id("/a/{id}", bad).unwrap_err().id, "Fdx.Settings.InvalidItemId", "{bad}");
        }
    }

    #[test]
    fn a_next_page_is_followed_to_known_hosts_alone() {
        let public = settings("{}");
        let current = Url::parse("https://api.security.microsoft.com/api/machines").unwrap();
        let next = |link: &str| next_page(&public, Family::Defender, &current, link).map_err(|e| e.id);
        assert!(next("https://eu.api.security.microsoft.com/api/machines?$skiptoken=x").is_ok());
        assert!(next("/api/machines?$skiptoken=x").is_ok());
        assert_eq!(next("http://api.security.microsoft.com/x"), Err("Fdx.Protocol.InsecureNextLink"));
        assert_eq!(
            next("https://api.security.microsoft.com.evil.example/x"),
            Err("Fdx.Protocol.ForeignNextLink")
        );
        assert_eq!(next("https://api.security.microsoft.com:8443/x"), Err("Fdx.Protocol.ForeignNextLink"));
        assert_eq!(next("https://user@evil.example/x"), Err("Fdx.Protocol.ForeignNextLink"));
    }

    #[test]
    fn an_override_has_its_own_origin_and_no_other_loopback() {
        let local = settings(r#"{"defender":"http://127.0.0.1:5000"}"#);
        let current = Url::parse("http://127.0.0.1:5000/api/machines").unwrap();
        assert!(next_page(&local, Family::Defender, &current, "http://127.0.0.1:5000/api/x").is_ok());
        let other = next_page(&local, Family::Defender, &current, "http://127.0.0.1:5001/api/x").unwrap_err();
        assert_eq!(other.id, "Fdx.Protocol.ForeignNextLink");
    }
}
