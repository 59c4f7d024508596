//! What an error answer of an identity endpoint means, and what to do about it on that kind of host.

use crate::context::Context;
use crate::errors::{
    Error, ErrorKind, FABRIC_IDENTITY, HYBRID_WORKER, IDENTITY_ANSWER, IDENTITY_DELETED, IDENTITY_NOT_FOUND,
    IDENTITY_REFUSED, IDENTITY_REFUSED_BY_ENTRA, IDENTITY_RESOURCE, IDENTITY_UNAVAILABLE, IDENTITY_UNKNOWN,
    IDENTITY_VERSION, KnownError, METADATA_REFUSED, SERVICE_UNAVAILABLE, TENANT_THROTTLED,
};
use crate::http::header::HeaderMap;
use crate::http::retry::{quota_window, retry_after};
use crate::http::{ErrorBody, Received, quoter};

/// Name of the instance metadata service in messages.
pub(super) const IMDS: &str = "IMDS";

/// The error for an answer without a token. `identity` describes the requested identity, `sent` are the headers of the
/// request.
pub(crate) fn refusal(
    context: &Context,
    host: &str,
    identity: &str,
    answer: &Received,
    sent: &HeaderMap,
) -> Error {
    let status = answer.status;
    let (body, quoter) = (ErrorBody::read(&answer.body), quoter(sent));
    let said = body.said();
    let (entry, what) = meaning(host, status, &body, &said, identity);
    let said = quoter.text(&said, 300);
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    let mut error = entry
        .error(format!("the {host} identity endpoint {what} (HTTP {status}{said})"))
        .with_status(status)
        .fill("code", body.aadsts.map(|code| code.to_string()).unwrap_or_default());
    if entry.is(&IDENTITY_REFUSED) {
        error = error.with_advice(advice(host));
    }
    error.aadsts = body.aadsts;
    error.correlation_id = body.correlation_id.as_deref().and_then(|id| quoter.id(id));
    let asked = retry_after(answer.header("retry-after"), context.clock.now());
    error.retry_after = asked.or_else(|| quota_window(&body.message).filter(|_| status == 429));
    if status == 429 { error.of_kind(ErrorKind::Throttled) } else { error }
}

/// Interprets an error answer by its status, by Entra's code if the endpoint passes one on, and by the words in the
/// hosts' documentation.
fn meaning(
    host: &str,
    status: u16,
    body: &ErrorBody,
    said: &str,
    identity: &str,
) -> (&'static KnownError, String) {
    let lower = said.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let unknown = status == 400 || status == 404;
    if is_unreachable_proxy(status, &lower) {
        (&IDENTITY_NOT_FOUND, "does not exist".to_owned())
    } else if let Some(code) = body.aadsts {
        of_entra(code)
    } else if status == 407 || body.is_page && status < 408 {
        (&IDENTITY_ANSWER, "did not answer itself".to_owned())
    } else if says(&["required metadata header", "secretheadernotfound"]) {
        (&IDENTITY_REFUSED, "rejected the request header".to_owned())
    } else if host == IMDS && (status == 401 || status == 403) {
        (&METADATA_REFUSED, "refused the request".to_owned())
    } else if status == 401 || status == 403 {
        (&IDENTITY_REFUSED, "rejected the request header".to_owned())
    } else if says(&["managedidentitynotfound"]) {
        (&FABRIC_IDENTITY, "has no identity for this application".to_owned())
    } else if unknown && says(&["apiversion", "api-version"]) {
        (&IDENTITY_VERSION, "does not support the API version of the request".to_owned())
    } else if unknown && says(&["invalid_resource", "resource principal"]) {
        (&IDENTITY_RESOURCE, "does not know the requested resource".to_owned())
    } else if unknown && says(&["user assigned identity is currently not supported"]) {
        (&HYBRID_WORKER, "does not support user-assigned identities".to_owned())
    } else if unknown {
        (&IDENTITY_UNKNOWN, format!("does not know the identity ({identity})"))
    } else {
        (&IDENTITY_UNAVAILABLE, "failed".to_owned())
    }
}

/// What a code of Entra means that an endpoint passes on. The table of Entra's codes is about apps, and its advice
/// would be wrong for a managed identity.
fn of_entra(code: u32) -> (&'static KnownError, String) {
    match code {
        50001 | 70011 | 500_011 | 500_014 | 1_002_012 => {
            (&IDENTITY_RESOURCE, "does not know the requested resource".to_owned())
        }
        70001 | 90002 | 700_011 | 700_016 | 7_000_112 | 7_000_229 => {
            (&IDENTITY_DELETED, "passed on that Entra does not know the identity".to_owned())
        }
        code if SERVICE_UNAVAILABLE.codes.contains(&code) || TENANT_THROTTLED.codes.contains(&code) => {
            (&IDENTITY_UNAVAILABLE, "passed on a temporary error of Entra".to_owned())
        }
        _ => (&IDENTITY_REFUSED_BY_ENTRA, "passed on an error of Entra".to_owned()),
    }
}

/// Whether a container's proxy answered for an unreachable address.
fn is_unreachable_proxy(status: u16, lower: &str) -> bool {
    status == 403 && lower.contains("unreachable")
}

/// What to do on this host if its endpoint rejects the header of the request.
fn advice(host: &str) -> &'static str {
    match host {
        IMDS => {
            "Something between this process and 169.254.169.254 removed the header Metadata. The metadata service must \
             be reached directly, without a proxy."
        }
        "Azure Arc" => {
            "Restart the Azure Connected Machine agent (on Linux: sudo systemctl restart himdsd), and check its state \
             with azcmagent show."
        }
        "Service Fabric" => {
            "Restart the service: Service Fabric sets IDENTITY_ENDPOINT and IDENTITY_HEADER when it starts. Do not \
             set them yourself."
        }
        "Cloud Shell" => "Restart Cloud Shell, and sign in again.",
        "MSI" => {
            "MSI_SECRET does not match MSI_ENDPOINT. The host sets both: restart it, and do not set them yourself."
        }
        _ => {
            "Restart the app: the platform sets IDENTITY_ENDPOINT and IDENTITY_HEADER when it starts. Do not set \
             either variable yourself, and never mix them with MSI_ENDPOINT and MSI_SECRET."
        }
    }
}
