//! The exchange: the identity's token as the client assertion of an app, in the tenant that the token is for (RFC 7523 §2.2).
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow#third-case-access-token-request-with-a-federated-credential>

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use reqwest::Method;
use reqwest::header::{self, HeaderValue};
use serde::Deserialize;
use url::Url;
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::aadsts::{self, STALE_ASSERTION, TRANSIENT};
use super::expiry::Moment;
use super::source::Source;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result, Step, excerpt};
use crate::http::retry::{Backoff, is_transient, retry_after};
use crate::http::{Request, Response};
use crate::secret::Secret;
use crate::token::AccessToken;
use crate::token::cache::{CacheKey, Cached, seconds};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Longest wait for an answer; Entra's take well below a second.
const PATIENCE: Duration = Duration::from_secs(60);
/// Most that is read of an answer.
const ANSWER_LIMIT: usize = 1 << 20;

/// A token of the app for `scope` in `tenant`.
pub(crate) async fn token(
    source: Arc<dyn Source>,
    tenant: String,
    scope: String,
    context: Context,
) -> Result<AccessToken> {
    let mut assertion = assertion(&source, &context).await?;
    let mut backoff = Backoff::new(&context.settings.retry);
    let mut renewed = false;
    loop {
        context.reporter.exchange(&tenant, &scope);
        let error = match attempt(&context, &tenant, &scope, &assertion.token).await {
            Ok(token) => return Ok(token),
            Err(error) => error,
        };
        let code = error.aadsts.unwrap_or(0);
        if STALE_ASSERTION.contains(&code) && assertion.from_cache && !renewed {
            renewed = true;
            context.cache.refuse(&assertion_key(&source, &context), &assertion.token);
            assertion = self::assertion(&source, &context).await?;
            continue;
        }
        let passing = error.kind == ErrorKind::Network
            || error.http_status.is_some_and(is_transient)
            || TRANSIENT.contains(&code);
        match backoff.pause(error.retry_after) {
            Some(pause) if passing => {
                context.reporter.retry("the token endpoint", error.http_status.unwrap_or(0), pause);
                context.wait(pause).await;
            }
            _ => return Err(error),
        }
    }
}

/// The identity's token for the exchange. It lives for a day, so many tenants share one.
async fn assertion(source: &Arc<dyn Source>, context: &Context) -> Result<Cached> {
    let (source_for_fetch, context_for_fetch) = (Arc::clone(source), context.clone());
    let audience = context.settings.cloud.exchange_audience().to_owned();
    context
        .cache
        .get(assertion_key(source, context), &context.clock, move || {
            source_for_fetch.token(audience, context_for_fetch).boxed()
        })
        .await
}

fn assertion_key(source: &Arc<dyn Source>, context: &Context) -> CacheKey {
    CacheKey {
        authority: context.settings.authority().to_owned(),
        tenant: String::new(),
        client: String::new(),
        source: source.key(),
        scope: context.settings.cloud.exchange_audience().to_owned(),
    }
}

async fn attempt(
    context: &Context,
    tenant: &str,
    scope: &str,
    assertion: &AccessToken,
) -> Result<AccessToken> {
    let request = request(context, tenant, scope, assertion)?;
    let unreachable = |e: &crate::http::TransportError| {
        Error::new(
            ErrorKind::Network,
            "Fdx.Auth.Unreachable",
            Step::Exchange,
            format!("the token endpoint {} cannot be reached", context.settings.authority()),
            "Check the network and the proxy (-Proxy, HTTPS_PROXY), and that the firewall lets this host through.",
        )
        .caused_by(e)
    };
    let response = context.send(request, PATIENCE).await.map_err(|e| unreachable(&e))?;
    let status = response.status;
    let asked = retry_after(response.header("retry-after"), context.clock.now());
    let skew = clock_skew(&response, context.clock.now());
    let request_id = response.header("client-request-id").map(str::to_owned);
    let body = Zeroizing::new(response.bytes(ANSWER_LIMIT).await.map_err(|e| unreachable(&e))?);
    if status == 200 {
        return read(context, &body);
    }
    let mut error = refusal(context, tenant, scope, assertion, status, &body);
    error.retry_after = asked;
    error.correlation_id = error.correlation_id.take().or(request_id);
    if let Some(skew) = skew.filter(|_| error.id == "Fdx.Auth.AssertionExpired") {
        error.advice = format!("This machine's clock is {skew} seconds off: mend it. {}", error.advice);
    }
    Err(error)
}

fn request(context: &Context, tenant: &str, scope: &str, assertion: &AccessToken) -> Result<Request> {
    // `tenant` was checked to hold nothing that means anything in a path.
    let address =
        format!("{}/{tenant}/oauth2/v2.0/token", context.settings.authority().trim_end_matches('/'));
    let url =
        Url::parse(&address).map_err(|e| Error::internal(&format!("the token endpoint's address: {e}")))?;
    let mut form = form_urlencoded::Serializer::new(String::with_capacity(4096));
    form.append_pair("client_id", context.settings.client_id.as_deref().unwrap_or_default())
        .append_pair("scope", scope)
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_assertion_type", ASSERTION_TYPE)
        .append_pair("client_assertion", assertion.secret.expose());
    let mut request = Request::new(Method::POST, url);
    request
        .headers
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    request.headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    if let Ok(id) = HeaderValue::from_str(&random_guid()) {
        request.headers.insert("client-request-id", id);
        request.headers.insert("return-client-request-id", HeaderValue::from_static("true"));
    }
    request.body = Some(Bytes::from_owner(Zeroizing::new(form.finish().into_bytes())));
    Ok(request)
}

#[derive(Deserialize)]
struct Answer {
    access_token: Option<Secret>,
    expires_in: Option<Moment>,
    refresh_in: Option<Moment>,
}

fn read(context: &Context, body: &[u8]) -> Result<AccessToken> {
    let invalid = || {
        Error::new(
            ErrorKind::Protocol,
            "Fdx.Auth.InvalidAnswer",
            Step::Exchange,
            "the token endpoint answered something that is not a token answer",
            "Something stands between this process and Entra, such as a proxy with a sign-in page: check the proxy.",
        )
    };
    let answer: Answer = serde_json::from_slice(body).map_err(|_| invalid())?;
    let secret = answer.access_token.filter(|token| !token.is_empty()).ok_or_else(invalid)?;
    let lifetime = answer.expires_in.as_ref().and_then(Moment::seconds).ok_or_else(invalid)?;
    let now = seconds(context.clock.as_ref());
    let token =
        AccessToken::new(secret, now, now + lifetime, answer.refresh_in.as_ref().and_then(Moment::seconds));
    context.reporter.token(&token);
    Ok(token)
}

/// An error answer. Owned texts: Entra's descriptions hold escapes, which cannot be borrowed.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    error: String,
    error_description: String,
    error_codes: Vec<u32>,
    correlation_id: Option<String>,
}

fn refusal(
    context: &Context,
    tenant: &str,
    scope: &str,
    assertion: &AccessToken,
    status: u16,
    body: &[u8],
) -> Error {
    let Ok(refusal) = serde_json::from_slice::<Refusal>(body) else {
        let kind = if status == 429 { ErrorKind::Throttled } else { ErrorKind::Service };
        let said = excerpt(&String::from_utf8_lossy(body), 200);
        let message = format!("the token endpoint answered HTTP {status}: {said}");
        let advice = "Try again later; if it stays so, look for a proxy between this process and Entra.";
        return Error::new(kind, "Fdx.Auth.Failed", Step::Exchange, message, advice)
            .with_status(status)
            .in_tenant(tenant);
    };
    let code = refusal.error_codes.first().copied().or_else(|| code_in(&refusal.error_description));
    let said = description(&refusal);
    let meaning = code.and_then(aadsts::meaning);
    let mut error = match meaning {
        Some(m) => Error::new(
            m.kind,
            m.id,
            Step::Exchange,
            format!("{} ({said})", m.cause),
            fill(m.fix, context, tenant, scope, assertion),
        ),
        None => Error::new(
            ErrorKind::Authentication,
            "Fdx.Auth.Refused",
            Step::Exchange,
            format!("Entra refused the exchange ({said})"),
            code.map_or_else(
                || "See Entra's own text for what it wants.".to_owned(),
                |code| format!("See https://login.microsoftonline.com/error?code={code}."),
            ),
        ),
    };
    error.http_status = Some(status);
    error.aadsts = code;
    error.tenant = Some(tenant.to_owned());
    error.correlation_id = refusal.correlation_id;
    error
}

/// Entra's own text up to its trace lines.
fn description(refusal: &Refusal) -> String {
    let text = refusal.error_description.as_str();
    let end = text.find("Trace ID:").unwrap_or(text.len());
    let said = excerpt(&text[..end], 400);
    if said.is_empty() { excerpt(&refusal.error, 100) } else { said }
}

fn code_in(description: &str) -> Option<u32> {
    let digits = description.split_once("AADSTS")?.1;
    digits[..digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len())].parse().ok()
}

fn fill(fix: &str, context: &Context, tenant: &str, scope: &str, assertion: &AccessToken) -> String {
    let claims = &assertion.claims;
    let or = |value: &Option<String>, name: &str| value.clone().unwrap_or_else(|| format!("<{name}>"));
    fix.replace("{tenant}", tenant)
        .replace("{client}", context.settings.client_id.as_deref().unwrap_or("<client id>"))
        .replace("{issuer}", &or(&claims.iss, "issuer of the token"))
        .replace("{subject}", &or(&claims.sub, "subject of the token"))
        .replace("{audience}", context.settings.cloud.exchange_audience())
        .replace("{scope}", scope)
        .replace("{authority}", context.settings.authority())
}

/// An id in the form of a GUID (RFC 9562 §5.4), by which Entra's support finds the request.
fn random_guid() -> String {
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

/// Seconds between this machine's clock and the answer's Date header, when they are worth telling.
fn clock_skew(response: &Response, now: Duration) -> Option<i64> {
    let date = response.header("date")?;
    let there = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok()?.as_second();
    let skew = i64::try_from(now.as_secs()).ok()? - there;
    (skew.abs() > 120).then_some(skew)
}
