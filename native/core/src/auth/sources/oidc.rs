//! Requests to the token endpoints of build services.

use url::Url;

use crate::context::Context;
use crate::errors::{Error, ErrorKind, Result};
use crate::errors::{KnownError, OIDC_ANSWER, OIDC_ENDPOINT, OIDC_REFUSED, OIDC_UNREACHABLE};
use crate::http::header::HeaderMap;
use crate::http::retry::{Attempt, Outcome, Policy, is_transient, quota_window, retry_after};
use crate::http::{ErrorBody, Received, Request, limits, quoter};
use crate::secret::Secret;
use crate::settings::is_secure;
use crate::settings::variables::Variable;
use crate::token::cache::seconds;
use crate::token::{AccessToken, Claims, check_token};

/// Assumed lifetime of a token without an expiry. The services issue tokens for about five minutes.
const UNKNOWN_LIFETIME: i64 = 300;

/// A build service.
pub(crate) struct Provider {
    pub(crate) name: &'static str,
    /// Advice if it returns no token.
    pub(crate) advice: &'static str,
}

/// The address in a variable of the service. The job's token is sent there, so it must be https.
pub(crate) fn address(variable: Variable, text: &str) -> Result<Url> {
    Url::parse(text).ok().filter(is_secure).ok_or_else(|| {
        OIDC_ENDPOINT
            .error(format!("the environment variable {variable} is not an https address"))
            .fill("variable", variable.name())
    })
}

/// Requests a token. `read` extracts it from a successful answer.
pub(crate) async fn token(
    context: &Context,
    provider: &Provider,
    request: Request,
    read: fn(&[u8]) -> Option<Secret>,
) -> Result<AccessToken> {
    context.reporter.identity(provider.name, "token of the job");
    let policy = Policy::of(&context.settings.retry);
    context.retry(provider.name, &policy, TokenAttempt { context, provider, request, read }).await
}

struct TokenAttempt<'a> {
    context: &'a Context,
    provider: &'a Provider,
    request: Request,
    read: fn(&[u8]) -> Option<Secret>,
}

impl Attempt for TokenAttempt<'_> {
    type Answer = AccessToken;

    const IS_TOKEN: bool = true;

    async fn attempt(&mut self) -> Result<Outcome<AccessToken>> {
        let (context, provider) = (self.context, self.provider);
        let error = match context.receive(self.request.clone(), limits::TOKEN).await {
            Ok(answer) if answer.status == 200 => {
                return accept(context, provider, (self.read)(answer.json())).map(Outcome::Done);
            }
            Ok(answer) => refusal(context, provider, &answer, &self.request.headers),
            Err(e) => {
                let error = e.cause_of(failure(&OIDC_UNREACHABLE, provider, "cannot be reached"));
                if !e.kind.may_pass() {
                    return Err(error);
                }
                error
            }
        };
        let temporary = error.http_status.is_none_or(is_transient);
        if temporary { Ok(Outcome::transient(error)) } else { Err(error) }
    }
}

fn accept(context: &Context, provider: &Provider, answer: Option<Secret>) -> Result<AccessToken> {
    let secret = answer
        .filter(|token| !token.is_empty())
        .ok_or_else(|| failure(&OIDC_ANSWER, provider, "returned no token"))?;
    check_token(&secret, None).map_err(|why| failure(&OIDC_ANSWER, provider, &format!("returned {why}")))?;
    let now = seconds(context.clock.as_ref());
    let ends = Claims::of(secret.expose()).and_then(|claims| claims.exp).unwrap_or(now + UNKNOWN_LIFETIME);
    let token = AccessToken::new(secret, now, ends, None);
    context.reporter.assertion(&token, context.settings.cloud);
    Ok(token)
}

fn refusal(context: &Context, provider: &Provider, answer: &Received, sent: &HeaderMap) -> Error {
    let (status, now) = (answer.status, context.clock.now());
    let (body, quoter) = (ErrorBody::read(&answer.body), quoter(sent));
    // The support of Azure DevOps asks for this id.
    let id = ["x-vss-e2eid", "x-msedge-ref"].iter().find_map(|name| answer.header(name));
    let said = quoter.text(&body.said(), 200);
    let kind = match status {
        429 => ErrorKind::Throttled,
        500.. => ErrorKind::Service,
        _ => ErrorKind::Authentication,
    };
    let mut error =
        failure(&OIDC_REFUSED, provider, &format!("returned no token (HTTP {status}: {said})")).of_kind(kind);
    error.http_status = Some(status);
    let asked = retry_after(answer.header("retry-after"), now);
    error.retry_after = asked.or_else(|| quota_window(&body.message).filter(|_| status == 429));
    error.correlation_id = id.and_then(|id| quoter.id(id));
    error
}

fn failure(entry: &'static KnownError, provider: &Provider, what: &str) -> Error {
    entry.error(format!("the token endpoint of {} {what}", provider.name)).with_advice(provider.advice)
}
