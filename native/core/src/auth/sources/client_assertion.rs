//! A token of another issuer that the caller brings: once, or by a script block whenever one is needed.

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

/// Life of a token that does not say when it ends.
pub(super) const UNKNOWN_LIFETIME: i64 = 300;

/// A token that was handed in once.
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
            context.reporter.identity("client assertion", "as handed in");
            accept(&context, token)
        }
        .boxed()
    }
}

/// A token that the consumer of a query makes whenever it is asked.
pub(crate) struct AskedAssertion {
    /// Tells the connection: another one has another script block.
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
            context.reporter.identity("client assertion", "by the connection's script block");
            let token = context.broker.ask().await?;
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
    context.reporter.assertion(&token);
    Ok(token)
}

fn expired(ago: i64) -> Error {
    ASSERTION_EXPIRED.error(format!("the client assertion ended {ago} seconds ago"))
}

/// The claims of what looks like a token from its first to its last character.
pub(super) fn read_claims(token: &Secret) -> Option<Claims> {
    let text = token.expose();
    let bare = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.=".contains(&b));
    if bare && text.split('.').count() == 3 { Claims::of(text) } else { None }
}
