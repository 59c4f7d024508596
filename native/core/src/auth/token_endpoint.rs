//! Entra's token endpoint: client credentials with a credential of the app (RFC 6749 §4.4, RFC 7523 §2.2).
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>

use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{self, HeaderValue};
use serde::Deserialize;
use url::Url;
use url::form_urlencoded;
use zeroize::Zeroizing;

use crate::cloud::Family;
use crate::context::Context;
use crate::errors::{
    self, AUTHORITY_ANSWER, AUTHORITY_FAILED, AUTHORITY_REFUSED, AUTHORITY_UNREACHABLE, PROXY_REFUSED,
    TENANT_THROTTLED,
};
use crate::errors::{Check, Error, ErrorKind, Quoter, Result};
use crate::http::retry::{is_transient, quota_delay, retry_after};
use crate::http::{ErrorBody, Received, Request, limits};
use crate::secret::Secret;
use crate::token::cache::{Cached, seconds};
use crate::token::expiry::{Expiry, in_range};
use crate::token::{AccessToken, Claims, TokenType, check_token};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The client authentication of one request.
pub(super) enum ClientAuthentication {
    /// The token of an identity that the app trusts.
    Federated(Cached),
    /// An assertion that the app signed itself.
    Signed(Secret),
    /// The app's secret.
    Secret(Secret),
}

impl ClientAuthentication {
    /// The claims that Entra compares with the app's federated credential.
    fn claims(&self) -> Option<Claims> {
        match self {
            ClientAuthentication::Federated(cached) => Some(cached.token.claims()),
            ClientAuthentication::Signed(_) | ClientAuthentication::Secret(_) => None,
        }
    }

    fn secret(&self) -> &Secret {
        match self {
            ClientAuthentication::Federated(cached) => &cached.token.secret,
            ClientAuthentication::Signed(secret) | ClientAuthentication::Secret(secret) => secret,
        }
    }
}

/// One request for a token.
pub(super) struct TokenRequest<'a> {
    pub(super) endpoint: &'a Url,
    pub(super) tenant: &'a str,
    pub(super) scope: &'a str,
    /// The claims challenge of an API.
    pub(super) claims: Option<&'a str>,
    pub(super) authentication: &'a ClientAuthentication,
}

/// Why a request gave no token.
pub(super) struct Failure {
    pub(super) error: Error,
    /// Whether the same request may succeed a moment later.
    pub(super) may_pass: bool,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure { error, may_pass: false }
    }
}

/// Sends one request.
pub(super) async fn ask(context: &Context, grant: &TokenRequest<'_>) -> Result<AccessToken, Failure> {
    let id = random_guid();
    let request = request(context, grant, &id);
    let answer = context.receive(request, limits::TOKEN).await.map_err(|e| {
        let message = format!("the token endpoint {} cannot be reached", context.settings.authority());
        let mut error = e.cause_of(AUTHORITY_UNREACHABLE.error(message));
        error.correlation_id = Some(id.clone());
        Failure { error, may_pass: e.kind.may_pass() }
    })?;
    if answer.status == 200 {
        return Ok(read(context, answer.json())?);
    }
    let body = ErrorBody::read(&answer.body);
    let mut error = refusal(context, grant, answer.status, &body);
    let (header, now) = (answer.header("retry-after"), context.clock.now());
    let is_throttled = answer.status == 429 || error.is(&TENANT_THROTTLED);
    error.retry_after =
        if is_throttled { Some(quota_delay(header, &body.message, now)) } else { retry_after(header, now) };
    // Prefer the id of the answer. The id of the request is in Entra's logs too.
    error.correlation_id.get_or_insert(id);
    if error.is(&errors::ASSERTION_OUTDATED)
        && let Some(skew) = clock_skew(&answer, context.clock.now())
    {
        let advice = format!("The clock of this machine is {skew} seconds off: correct it. {}", error.advice);
        error = error.with_advice(advice);
    }
    let may_pass =
        is_transient(answer.status) || error.is(&errors::SERVICE_UNAVAILABLE) || error.is(&TENANT_THROTTLED);
    Err(Failure { error, may_pass })
}

fn request(context: &Context, grant: &TokenRequest<'_>, id: &str) -> Request {
    let mut form = form_urlencoded::Serializer::new(String::with_capacity(4096));
    form.append_pair("client_id", context.settings.client_id.as_deref().unwrap_or_default())
        .append_pair("scope", grant.scope)
        .append_pair("grant_type", "client_credentials");
    match grant.authentication {
        ClientAuthentication::Secret(secret) => form.append_pair("client_secret", secret.expose()),
        authentication => form
            .append_pair("client_assertion_type", ASSERTION_TYPE)
            .append_pair("client_assertion", authentication.secret().expose()),
    };
    if let Some(claims) = grant.claims {
        form.append_pair("claims", claims);
    }
    let mut request = Request::new(Method::POST, grant.endpoint.clone());
    request
        .headers
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    request.headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    if let Ok(id) = HeaderValue::from_str(id) {
        request.headers.insert("client-request-id", id);
        request.headers.insert("return-client-request-id", HeaderValue::from_static("true"));
    }
    request.body = Some(Bytes::from_owner(Zeroizing::new(form.finish().into_bytes())));
    request
}

#[derive(Deserialize)]
struct Answer {
    access_token: Option<Secret>,
    token_type: Option<TokenType>,
    expires_in: Option<Expiry>,
    refresh_in: Option<Expiry>,
}

fn read(context: &Context, body: &[u8]) -> Result<AccessToken> {
    let invalid = |why: &str| AUTHORITY_ANSWER.error(format!("the token endpoint returned {why}"));
    let answer: Answer = serde_json::from_slice(body).map_err(|_| invalid("an invalid token response"))?;
    let secret = answer.access_token.filter(|token| !token.is_empty());
    let secret = secret.ok_or_else(|| invalid("a response without a token"))?;
    check_token(&secret, answer.token_type.as_ref()).map_err(invalid)?;
    let now = seconds(context.clock.as_ref());
    let lifetime = answer.expires_in.as_ref().and_then(Expiry::seconds).filter(|lifetime| *lifetime >= 0);
    let said = lifetime.map(|lifetime| now.saturating_add(lifetime));
    let expires_on = said
        .and_then(in_range)
        .or_else(|| Claims::of(secret.expose()).and_then(|claims| claims.exp))
        .or(said)
        .ok_or_else(|| invalid("a response without the token's expiry"))?;
    let refresh_in = answer.refresh_in.as_ref().and_then(Expiry::seconds);
    let token = AccessToken::new(secret, now, expires_on, refresh_in);
    let family = token.claims().audience().and_then(|audience| context.settings.family_of(audience));
    context.reporter.token(&token, family.is_some_and(Family::takes_roles));
    Ok(token)
}

fn refusal(context: &Context, grant: &TokenRequest<'_>, status: u16, body: &ErrorBody) -> Error {
    let quoter = Quoter::new([grant.authentication.secret().expose()]);
    let said = description(body, &quoter);
    let code = body.aadsts;
    // Without a known code, use the error words of RFC 6749 §4.1.2.1 and MSAL.
    let by_word = matches!(body.code.as_str(), "temporarily_unavailable" | "request_timeout");
    let entry = code.and_then(errors::of_code).or(by_word.then_some(&errors::SERVICE_UNAVAILABLE));
    let words = if said.is_empty() { String::new() } else { format!(": {said}") };
    let mut error = match entry {
        Some(entry) => entry.error(format!("{} ({said})", entry.cause)),
        None if matches!(status, 300..=399 | 408 | 429 | 500..) => {
            AUTHORITY_FAILED.error(format!("the token endpoint answered HTTP {status}{words}"))
        }
        None if status == 407 || !body.is_json => {
            let what = "the request was refused, but not by the token endpoint";
            PROXY_REFUSED.error(format!("{what} (HTTP {status}{words})"))
        }
        None => AUTHORITY_REFUSED
            .error(format!("Entra rejected the request (HTTP {status}{words})"))
            .fill("code", code.map(|code| code.to_string()).unwrap_or_default()),
    };
    error = fill(error, context, grant);
    error.check = match error.check {
        // The table has the place where the error is most frequent.
        Check::Answer => Check::TokenEndpoint,
        check => check,
    };
    match status {
        429 => error.kind = ErrorKind::Throttled,
        500.. => error.kind = ErrorKind::Service,
        _ => {}
    }
    error.http_status = Some(status);
    error.aadsts = code;
    error.tenant = Some(grant.tenant.to_owned());
    error.correlation_id = body.correlation_id.as_deref().and_then(|id| quoter.id(id));
    error
}

/// Entra's text without its trace lines.
fn description(body: &ErrorBody, quoter: &Quoter) -> String {
    let text = body.message.as_str();
    let end = text.find("Trace ID:").unwrap_or(text.len());
    let said = quoter.text(&text[..end], 400);
    if said.is_empty() { quoter.text(&body.code, 100) } else { said }
}

fn fill(error: Error, context: &Context, grant: &TokenRequest<'_>) -> Error {
    let claims = grant.authentication.claims().unwrap_or_default();
    error
        .fill("tenant", grant.tenant)
        .fill("client", context.settings.client_id.clone().unwrap_or_default())
        .fill("issuer", claims.iss.unwrap_or_default())
        .fill("subject", claims.sub.unwrap_or_default())
        .fill("audience", context.settings.cloud.exchange_audience())
        .fill("scope", grant.scope)
        .fill("authority", context.settings.authority())
        .fill("host", grant.endpoint.host_str().unwrap_or_default())
}

/// A random GUID (RFC 9562 §5.4) by which Entra's support finds the request.
pub(super) fn random_guid() -> String {
    let (high, low) = (crate::clock::random(), crate::clock::random());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | ((low >> 48) & 0x3fff),
        low & 0xffff_ffff_ffff
    )
}

/// Seconds between this machine's clock and the answer's Date header, if they are significant.
fn clock_skew(answer: &Received, now: Duration) -> Option<i64> {
    let date = answer.header("date")?;
    let there = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok()?.as_second();
    let skew = i64::try_from(now.as_secs()).ok()? - there;
    (skew.abs() > 120).then_some(skew)
}
