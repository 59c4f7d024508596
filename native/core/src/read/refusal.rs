//! What an API's refusal means, from its status, its body and the token that was sent.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::hunting_refusal;
use super::plan::Plan;
use crate::cloud::resource_of;
use crate::context::Context;
use crate::errors::{
    API_NOT_FOUND, API_REDIRECTED, API_REFUSED, API_THROTTLED, API_UNAVAILABLE, BAD_REQUEST, FORBIDDEN,
    IDENTITY_ROLE_MISSING, INVALID_FILTER, KnownError, NOT_LICENSED, NOT_PROVISIONED, PROXY_REFUSED,
    ROLE_MISSING, UNAUTHORIZED, WRONG_AUDIENCE,
};
use crate::errors::{Error, Quoter};
use crate::http::ErrorBody;
use crate::settings::Credential;
use crate::token::AccessToken;

/// An entry of the table, with what happened in this case.
pub(crate) type Verdict = (&'static KnownError, String);

/// The error of an answer with `status` and `body`.
pub(crate) fn error(
    context: &Context,
    tenant: &str,
    plan: &Plan,
    token: &AccessToken,
    status: u16,
    body: &ErrorBody,
    quoter: &Quoter,
) -> Error {
    let said = if body.message.is_empty() { &body.code } else { &body.message };
    let said = quoter.text(said, 300);
    let (entry, what) = verdict(context, tenant, plan, token, status, body);
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    let target = context.settings.target(plan.family);
    let wanted =
        target.as_ref().map_or_else(|_| String::new(), |target| resource_of(&target.scope).to_owned());
    let mut error = entry
        .error(format!("{what} (HTTP {status}{said})"))
        .with_status(status)
        .fill("tenant", tenant)
        .fill("client", client(context, token))
        .fill("authority", context.settings.authority())
        .fill("wanted", wanted)
        .fill("host", plan.url.host_str().unwrap_or_default())
        .fill("fields", plan.filter_fields.unwrap_or_default().join(", "));
    error.correlation_id = body.correlation_id.as_deref().and_then(|id| quoter.id(id));
    error
}

fn verdict(
    context: &Context,
    tenant: &str,
    plan: &Plan,
    token: &AccessToken,
    status: u16,
    body: &ErrorBody,
) -> Verdict {
    let family = plan.family.name();
    match status {
        407 => (&PROXY_REFUSED, "the proxy requires authentication".to_owned()),
        _ if is_of_proxy(status, body) => {
            (&PROXY_REFUSED, format!("the request was refused, but not by the {family} API"))
        }
        _ if plan.is_hunting && hunting_refusal::entry(status, body).is_some() => {
            hunting_refusal::verdict(family, status, body)
        }
        400 if plan.filter_fields.is_some() => (&INVALID_FILTER, INVALID_FILTER.cause.to_owned()),
        400 => (&BAD_REQUEST, BAD_REQUEST.cause.to_owned()),
        401 | 403 => refused(context, tenant, plan, token, status, body),
        404 => (&API_NOT_FOUND, format!("there is nothing at {}", plan.url.path())),
        429 => (&API_THROTTLED, format!("the {family} API's quota for this app in this tenant is used up")),
        300..=399 => {
            (&API_REDIRECTED, format!("the {family} API answered with a redirect, which is not followed"))
        }
        500..=599 | 408 => (&API_UNAVAILABLE, format!("the {family} API failed")),
        _ => (&API_REFUSED, format!("the {family} API refused the request")),
    }
}

/// Whether something else than the service refused the request: a service answers a refusal with JSON, or nothing.
pub(crate) fn is_of_proxy(status: u16, body: &ErrorBody) -> bool {
    match status {
        403 => !body.is_json && !body.message.is_empty(),
        400 | 404..=407 | 409..=428 => body.is_page,
        _ => false,
    }
}

fn refused(
    context: &Context,
    tenant: &str,
    plan: &Plan,
    token: &AccessToken,
    status: u16,
    body: &ErrorBody,
) -> Verdict {
    let family = plan.family.name();
    let message = body.message.to_ascii_lowercase();
    if message.contains("license") || message.contains("licence") {
        return (&NOT_LICENSED, format!("tenant {tenant} has no licence for this data"));
    }
    if message.contains("account mode is inactive") || message.contains("not provisioned") {
        return (&NOT_PROVISIONED, format!("Defender is not set up in tenant {tenant}"));
    }
    let target = context.settings.target(plan.family);
    let wanted = target.as_ref().map(|target| resource_of(&target.scope)).unwrap_or_default();
    let claims = token.claims();
    if let Some(audience) = claims.audience()
        && !claims.aud.iter().any(|audience| context.settings.is_audience_of(plan.family, audience))
    {
        return (
            &WRONG_AUDIENCE,
            format!("the token is for {audience}, and the {family} API wants one for {wanted}"),
        );
    }
    let missing =
        !plan.permissions.is_empty() && !plan.permissions.iter().any(|p| claims.roles.iter().any(|r| r == p));
    if missing || message.contains("missing application roles") {
        return role_missing(context, tenant, plan.permissions, token);
    }
    if status == 401 {
        return (&UNAUTHORIZED, format!("the {family} API does not accept the token"));
    }
    (&FORBIDDEN, format!("the app may not do this in tenant {tenant}"))
}

/// What the app, or the identity itself, lacks and what it has.
pub(crate) fn role_missing(
    context: &Context,
    tenant: &str,
    permissions: &[&str],
    token: &AccessToken,
) -> Verdict {
    // For a path that the catalog does not know, the service's text names the permission.
    let wanted = match permissions {
        [] => "an application permission that this needs".to_owned(),
        known => format!("the application permission {}", known.join(" or ")),
    };
    let roles = token.claims().roles;
    let has = if roles.is_empty() { "none".to_owned() } else { roles.join(", ") };
    let handed_in = matches!(context.settings.credential, Credential::AccessToken { .. });
    if context.settings.client_id.is_some() || handed_in {
        (&ROLE_MISSING, format!("the app lacks {wanted} in tenant {tenant}; it has {has}"))
    } else {
        (&IDENTITY_ROLE_MISSING, format!("the identity lacks {wanted}; it has {has}"))
    }
}

/// The app as people know it: by the settings, or by the token that was handed in.
pub(crate) fn client(context: &Context, token: &AccessToken) -> String {
    let known = context.settings.client_id.clone();
    known
        .or_else(|| token.claims().client_id().map(str::to_owned))
        .unwrap_or_else(|| "<client id>".to_owned())
}

/// The claims that a challenge asks for (RFC 6750 §3, `error="insufficient_claims"`), as JSON.
/// <https://learn.microsoft.com/entra/identity-platform/claims-challenge>
pub(crate) fn challenge(header: &str) -> Option<String> {
    let claims = header.split_once("claims=")?.1.trim_start_matches('"');
    let claims = &claims[..claims.find(['"', ',', ' ']).unwrap_or(claims.len())];
    let bytes = STANDARD_NO_PAD
        .decode(claims.trim_end_matches('='))
        .or_else(|_| URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')))
        .ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let is_object = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text).is_ok();
    is_object.then_some(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cloud::Family;
    use crate::secret::Secret;
    use crate::testing::{CLIENT, Network, TENANT, context, jwt};

    #[tokio::test(start_paused = true)]
    async fn a_missing_role_is_told_to_whom_it_concerns() {
        let network = Network::new(|_, _| panic!("nothing may be sent"));
        let app = format!(r#""clientId":"{CLIENT}","tenants":["{TENANT}"],"#);
        let token = AccessToken::new(Secret::new("opaque".to_owned()), 0, 1, None);
        for (settings, id) in [
            (format!(r#"{{{app}"credential":{{"type":"managedIdentity"}}}}"#), "Fdx.Api.RoleMissing"),
            (r#"{"credential":{"type":"accessToken","token":"a.b.c"}}"#.to_owned(), "Fdx.Api.RoleMissing"),
            (r#"{"credential":{"type":"managedIdentity"}}"#.to_owned(), "Fdx.Api.IdentityRoleMissing"),
        ] {
            let context = context(&network, &settings, &[]);
            let (entry, what) = role_missing(&context, TENANT, &["Machine.Read.All"], &token);
            assert_eq!(entry.id, id);
            assert!(what.contains("Machine.Read.All") && what.contains("none"), "{what}");
        }
    }

    #[test]
    fn a_token_is_for_another_api_only_if_no_form_of_its_audience_is_the_apis() {
        let network = Network::new(|_, _| panic!("nothing may be sent"));
        let context = context(&network, r#"{"credential":{"type":"managedIdentity"}}"#, &[]);
        for (family, audience, id) in [
            (Family::Graph, "00000003-0000-0000-c000-000000000000", "Fdx.Api.Forbidden"),
            (Family::Graph, "https://graph.microsoft.com/", "Fdx.Api.Forbidden"),
            (Family::Defender, "https://api.securitycenter.windows.com", "Fdx.Api.Forbidden"),
            (Family::Xdr, "8ee8fdad-f234-4243-8f3b-15c294843740", "Fdx.Api.Forbidden"),
            (Family::Arm, "https://management.core.windows.net/", "Fdx.Api.Forbidden"),
            (Family::Defender, "8ee8fdad-f234-4243-8f3b-15c294843740", "Fdx.Api.WrongAudience"),
            (Family::Graph, "https://api.securitycenter.microsoft.com", "Fdx.Api.WrongAudience"),
        ] {
            let url = url::Url::parse("https://api.example/x").unwrap();
            let plan = Plan::of_address(family, reqwest::Method::GET, url, None, false);
            let token = AccessToken::new(Secret::new(jwt(&json!({"aud": audience}))), 0, 1, None);
            let refused =
                error(&context, TENANT, &plan, &token, 403, &ErrorBody::read(b"{}"), &Quoter::default());
            assert_eq!(refused.id, id, "{family:?} {audience}");
        }
    }

    #[test]
    fn a_challenge_is_read_and_what_is_none_is_not() {
        let header = r#"Bearer realm="", authorization_uri="https://login.example/common", \
            error="insufficient_claims", \
 claims="eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxNjA0MTA2NjUxIn19fQ==""#;
        assert_eq!(
            challenge(header).unwrap(),
            r#"{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}"#
        );
        for none in ["Bearer", r#"Bearer claims="%%%""#, r#"Bearer claims="aGVsbG8=""#, r#"Bearer claims="""#]
        {
            assert_eq!(challenge(none), None, "{none}");
        }
    }
}
