//! An access token that the caller passes in. It is valid for one API of one tenant and cannot be renewed.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::Source;
use super::client_assertion::{UNKNOWN_LIFETIME, read_claims};
use crate::context::Context;
use crate::digest::fingerprint;
use crate::errors::Result;
use crate::errors::{TOKEN_AUDIENCE, TOKEN_EXPIRED, TOKEN_INVALID, TOKEN_TENANT};
use crate::secret::Secret;
use crate::settings::is_guid;
use crate::token::AccessToken;
use crate::token::cache::seconds;

/// The token and the tenant to use it in.
pub(crate) struct ReadyToken {
    token: Secret,
    tenant: String,
}

impl ReadyToken {
    pub(crate) fn new(token: &Secret, tenant: &str) -> Self {
        ReadyToken { token: token.clone(), tenant: tenant.to_owned() }
    }

    fn check(self, resource: &str, context: &Context) -> Result<AccessToken> {
        let claims = read_claims(&self.token).ok_or_else(|| TOKEN_INVALID.error(TOKEN_INVALID.cause))?;
        let now = seconds(context.clock.as_ref());
        let ends = claims.exp.unwrap_or(now + UNKNOWN_LIFETIME);
        if ends <= now {
            return Err(TOKEN_EXPIRED.error(format!("the access token expired {} seconds ago", now - ends)));
        }
        if let Some(audience) = claims.audience()
            && !claims.aud.iter().any(|audience| context.settings.is_same_api(audience, resource))
        {
            let message = format!("the access token is for {audience}, but {resource} is required");
            return Err(TOKEN_AUDIENCE.error(message).fill("resource", resource));
        }
        // A domain cannot be compared with an id here. The service does that.
        let foreign = |tid: &&str| is_guid(&self.tenant) && !tid.eq_ignore_ascii_case(&self.tenant);
        if let Some(tid) = claims.tid.as_deref().filter(foreign) {
            let message = format!("the access token is for tenant {tid}");
            return Err(TOKEN_TENANT.error(message).fill("tenant", self.tenant));
        }
        Ok(AccessToken::new(self.token, now, ends, None))
    }
}

impl Source for ReadyToken {
    fn key(&self) -> String {
        format!("token {}", fingerprint(self.token.expose()))
    }

    fn token(&self, resource: String, context: Context) -> BoxFuture<'static, Result<AccessToken>> {
        let ready = ReadyToken::new(&self.token, &self.tenant);
        async move { ready.check(&resource, &context) }.boxed()
    }
}
