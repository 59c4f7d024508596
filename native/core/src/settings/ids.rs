//! Checks of ids and addresses that need no network.

use url::Url;

use crate::errors::{INVALID_ID, INVALID_TENANT};
use crate::errors::{Result, excerpt};

/// Checks a tenant id or domain and returns it in lower case. Letters, digits, `.` and `-` need no escaping in a path.
pub(crate) fn check_tenant(tenant: &str) -> Result<String> {
    let malformed = |why: &str| INVALID_TENANT.error(format!("the tenant '{}' {why}", excerpt(tenant, 80)));
    if tenant.trim().is_empty() {
        return Err(malformed("is empty"));
    }
    let tenant_lower = tenant.to_ascii_lowercase();
    if ["common", "organizations", "consumers"].contains(&tenant_lower.as_str()) {
        return Err(malformed("does not name a single tenant, which an app's token requires"));
    }
    if tenant.starts_with('{') || tenant.ends_with('}') {
        return Err(malformed("must not have braces"));
    }
    if !tenant.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-') {
        return Err(malformed("contains characters that are not allowed in a tenant id or domain"));
    }
    if !is_guid(tenant) && !tenant.contains('.') {
        return Err(malformed("is neither a GUID nor a domain"));
    }
    Ok(tenant_lower)
}

/// Checks an id that must be a GUID and returns it in lower case.
pub(crate) fn check_id(id: &str, parameter: &str, what: &str) -> Result<String> {
    let plain = id.trim();
    if is_guid(plain) {
        return Ok(plain.to_ascii_lowercase());
    }
    Err(INVALID_ID.error(format!("{parameter} '{}' is not a GUID", excerpt(id, 80))).fill("the id", what))
}

/// Whether `text` has the form 8-4-4-4-12 hexadecimal digits.
pub(crate) fn is_guid(text: &str) -> bool {
    let mut groups = text.split('-');
    [8, 4, 4, 4, 12].into_iter().all(|length| {
        groups.next().is_some_and(|g| g.len() == length && g.bytes().all(|b| b.is_ascii_hexdigit()))
    }) && groups.next().is_none()
}

/// Whether the scheme is https, or http to this machine.
pub(crate) fn is_secure(url: &Url) -> bool {
    url.scheme() == "https" || url.scheme() == "http" && is_loopback(url)
}

/// Whether the address is this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
