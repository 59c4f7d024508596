//! What an API's refusal means, from its status, its body and the token that was sent.

use serde::Deserialize;

use super::plan::Plan;
use crate::auth::source::resource_of;
use crate::cloud::Family;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Step, excerpt};
use crate::token::AccessToken;

/// Application id of WindowsDefenderATP, which its tokens may name as the audience.
const DEFENDER_APP: &str = "fc780465-2017-40d4-a0c5-307022471b92";

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    error: Inner,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Inner {
    code: String,
    message: String,
    target: Option<String>,
    #[serde(alias = "innererror", rename = "innerError")]
    details: Option<Details>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Details {
    #[serde(rename = "request-id")]
    request_id: Option<String>,
}

type Verdict = (ErrorKind, &'static str, String, String);

/// The error of an answer with `status` and `body`.
pub(crate) fn error(
    context: &Context,
    tenant: &str,
    plan: &Plan,
    token: &AccessToken,
    status: u16,
    body: &[u8],
) -> Error {
    let parsed = serde_json::from_slice::<Body>(body).unwrap_or_default().error;
    let said = if parsed.message.is_empty() { parsed.code.clone() } else { parsed.message.clone() };
    let said = if said.is_empty() { String::from_utf8_lossy(body).into_owned() } else { said };
    let said = excerpt(&said, 300);
    let (kind, id, what, advice) = verdict(context, tenant, plan, token, status, &parsed);
    let quoted = if said.is_empty() { String::new() } else { format!(": {said}") };
    let mut error = Error::new(kind, id, Step::Request, format!("{what} (HTTP {status}{quoted})"), advice)
        .with_status(status);
    error.correlation_id =
        parsed.target.or(parsed.details.and_then(|details| details.request_id)).filter(|id| !id.is_empty());
    error
}

fn verdict(
    context: &Context,
    tenant: &str,
    plan: &Plan,
    token: &AccessToken,
    status: u16,
    body: &Inner,
) -> Verdict {
    let family = plan.family.name();
    match status {
        400 => bad_request(plan),
        401 | 403 => refused(context, tenant, plan, token, status, body),
        404 => (ErrorKind::NotFound, "Fdx.Api.NotFound",
                format!("there is nothing at {}", plan.url.path()),
                "Check the id, or the path of the request.".into()),
        429 => (ErrorKind::Throttled, "Fdx.Api.Throttled",
                format!("the {family} API's quota for this app in this tenant is used up"),
                "Run again after the pause that the service asks for; fewer calls that fetch more each, and an app of its own for each workload, help.".into()),
        300..=399 => (ErrorKind::Protocol, "Fdx.Api.Redirected",
                format!("the {family} API answered with a redirect, which is not followed"),
                "Check -Endpoint and the proxy.".into()),
        500..=599 | 408 => (ErrorKind::Service, "Fdx.Api.Unavailable",
                format!("the {family} API failed"),
                "Try again later.".into()),
        _ => (ErrorKind::Service, "Fdx.Api.Refused",
                format!("the {family} API refused the request"),
                "See the service's own text for what it wants.".into()),
    }
}

fn bad_request(plan: &Plan) -> Verdict {
    match plan.filter_fields {
        Some(fields) => (
            ErrorKind::Configuration,
            "Fdx.Api.InvalidFilter",
            "the service does not accept the filter".into(),
            format!("Use OData with these fields: {}.", fields.join(", ")),
        ),
        None => (
            ErrorKind::Configuration,
            "Fdx.Api.BadRequest",
            "the service does not accept the request".into(),
            "See the service's own text; its members are case-sensitive.".into(),
        ),
    }
}

fn refused(
    context: &Context,
    tenant: &str,
    plan: &Plan,
    token: &AccessToken,
    status: u16,
    body: &Inner,
) -> Verdict {
    let family = plan.family.name();
    let message = body.message.to_ascii_lowercase();
    if message.contains("license") || message.contains("licence") {
        return (
            ErrorKind::Authorization,
            "Fdx.Api.NotLicensed",
            format!("tenant {tenant} has no licence for this data"),
            "The tenant needs Defender Vulnerability Management or Defender for Endpoint Plan 2.".into(),
        );
    }
    if message.contains("account mode is inactive") || message.contains("not provisioned") {
        return (ErrorKind::Authorization, "Fdx.Api.NotProvisioned",
            format!("Defender is not set up in tenant {tenant}"),
            "An administrator of the tenant opens security.microsoft.com once and finishes the set-up of Defender for Endpoint.".into());
    }
    let wanted = resource_of(context.settings.cloud.api(plan.family).scope);
    if let Some(audience) =
        token.claims.aud.as_deref().filter(|audience| !is_audience(audience, wanted, plan.family))
    {
        return (
            ErrorKind::Authentication,
            "Fdx.Api.WrongAudience",
            format!("the token is for {audience}, and the {family} API wants one for {wanted}"),
            format!("The scope follows from the API, not from its host: ask for {wanted}/.default."),
        );
    }
    let missing = !plan.permissions.is_empty()
        && !plan.permissions.iter().any(|p| token.claims.roles.iter().any(|r| r == p));
    if missing || message.contains("missing application roles") {
        return role_missing(context, tenant, plan, token);
    }
    if status == 401 {
        return (ErrorKind::Authentication, "Fdx.Api.Unauthorized",
            format!("the {family} API does not accept the token"),
            "A new token was refused too: see Get-FdxToken for its audience, tenant and roles, and the service's text.".into());
    }
    (
        ErrorKind::Authorization,
        "Fdx.Api.Forbidden",
        format!("the app may not do this in tenant {tenant}"),
        "See the service's text; check the app's permissions and the machine groups it may see.".into(),
    )
}

fn role_missing(context: &Context, tenant: &str, plan: &Plan, token: &AccessToken) -> Verdict {
    // For a path that the catalog does not know, the service's text names the permission.
    let wanted = match plan.permissions {
        [] => "an application permission that this needs".to_owned(),
        known => format!("the application permission {}", known.join(" or ")),
    };
    let roles = &token.claims.roles;
    let has = if roles.is_empty() { "none".to_owned() } else { roles.join(", ") };
    let client = context.settings.client_id.as_deref().unwrap_or("<client id>");
    let authority = context.settings.authority();
    (
        ErrorKind::Authorization,
        "Fdx.Api.RoleMissing",
        format!("the app lacks {wanted} in tenant {tenant}; it has {has}"),
        format!(
            "Add it to app {client} as an application permission, then an administrator of {tenant} consents again: \
             {authority}/{tenant}/adminconsent?client_id={client}. A token from before keeps its old roles: use Disconnect-Fdx -ClearTokenCache."
        ),
    )
}

fn is_audience(audience: &str, wanted: &str, family: Family) -> bool {
    audience.trim_end_matches('/').eq_ignore_ascii_case(wanted.trim_end_matches('/'))
        || (family == Family::Defender && audience == DEFENDER_APP)
}
