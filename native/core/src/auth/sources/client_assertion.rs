//! A client assertion from the caller: a static one, or one from a script block whenever it is needed.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::Source;
use crate::context::Context;
use crate::digest::fingerprint;
use crate::errors::{ASSERTION_EXPIRED, ASSERTION_INVALID};
use crate::errors::{Error, Result};
use crate::secret::Secret;
use crate::token::cache::seconds;
use crate::token::{AccessToken, Claims};

/// Assumed lifetime of a token without an expiry.
pub(super) const UNKNOWN_LIFETIME: i64 = 300;

/// A static assertion.
pub(crate) struct StaticAssertion {
    token: Secret,
}

impl StaticAssertion {
    pub(crate) fn new(token: &Secret) -> Self {
        StaticAssertion { token: token.clone() }
    }
}

impl Source for StaticAssertion {
    fn key(&self) -> String {
        format!("assertion {}", fingerprint(self.token.expose()))
    }

    fn token(&self, _audience: String, context: Context) -> BoxFuture<'static, Result<AccessToken>> {
        let token = self.token.clone();
        async move {
            context.reporter.identity("the client assertion", "static");
            accept(&context, token)
        }
        .boxed()
    }
}

/// An assertion that the consumer of a query creates on request.
pub(crate) struct AskedAssertion {
    /// Identifies the connection and so its script block.
    broker: u64,
}

impl AskedAssertion {
    pub(crate) fn new(context: &Context) -> Self {
        AskedAssertion { broker: context.broker.id() }
    }
}

impl Source for AskedAssertion {
    fn key(&self) -> String {
        format!("script {}", self.broker)
    }

    fn token(&self, _audience: String, context: Context) -> BoxFuture<'static, Result<AccessToken>> {
        async move {
            context.reporter.identity("the client assertion", "script block");
            let token = context.broker.assertion().await?;
            accept(&context, token)
        }
        .boxed()
    }
}

fn accept(context: &Context, token: Secret) -> Result<AccessToken> {
    let claims = read_claims(&token).ok_or_else(|| ASSERTION_INVALID.error(ASSERTION_INVALID.cause))?;
    let now = seconds(context.clock.as_ref());
    let ends = claims.exp.unwrap_or(now + UNKNOWN_LIFETIME);
    if ends <= now {
        return Err(expired(now - ends));
    }
    let token = AccessToken::new(token, now, ends, None);
    context.reporter.assertion(&token, context.settings.cloud);
    Ok(token)
}

fn expired(ago: i64) -> Error {
    ASSERTION_EXPIRED.error(format!("the client assertion expired {ago} seconds ago"))
}

/// The claims of a text that consists only of a token.
pub(super) fn read_claims(token: &Secret) -> Option<Claims> {
    let text = token.expose();
    let bare = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.=".contains(&b));
    if bare && text.split('.').count() == 3 { Claims::of(text) } else { None }
}
