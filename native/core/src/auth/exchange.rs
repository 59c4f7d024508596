//! Exchanges a credential of the app for its token in a tenant, with retries.

use std::sync::Arc;

use futures_util::FutureExt;
use url::Url;

use super::flow::{ClientCredential, TokenFlow};
use super::signed_assertion;
use super::sources::Source;
use super::token_endpoint::{self, ClientAuthentication, Failure, TokenRequest};
use crate::context::Context;
use crate::errors::{Error, REPLICATION_LAG, Result, STALE_ASSERTION};
use crate::http::retry::{Attempt, Outcome, Policy};
use crate::token::AccessToken;
use crate::token::cache::{CacheKey, Cached, Challenge, TokenKind, Want};

/// A token of the app for `scope` in `tenant`.
pub(crate) async fn token(
    credential: ClientCredential,
    tenant: String,
    scope: String,
    challenge: Challenge,
    context: Context,
) -> Result<AccessToken> {
    let exchange = Exchange {
        endpoint: address(&context, &tenant)?,
        context: &context,
        credential: &credential,
        tenant: &tenant,
        scope: &scope,
        claims: challenge.as_deref(),
        authentication: None,
        renewed: false,
    };
    let policy = Policy::of(&context.settings.retry);
    context.retry("the token endpoint", &policy, exchange).await
}

/// A request for a token with its retries.
struct Exchange<'a> {
    context: &'a Context,
    credential: &'a ClientCredential,
    endpoint: Url,
    tenant: &'a str,
    scope: &'a str,
    claims: Option<&'a str>,
    /// Client authentication of the next attempt, if it can be reused.
    authentication: Option<ClientAuthentication>,
    /// Whether an expired assertion has been replaced.
    renewed: bool,
}

impl Attempt for Exchange<'_> {
    type Answer = AccessToken;

    const IS_TOKEN: bool = true;

    async fn attempt(&mut self) -> Result<Outcome<AccessToken>> {
        let authentication = match self.authentication.take() {
            Some(known) => known,
            None => authentication(self.credential, &self.endpoint, self.context).await?,
        };
        self.context.reporter.exchange(self.tenant, self.scope);
        let grant = TokenRequest {
            endpoint: &self.endpoint,
            tenant: self.tenant,
            scope: self.scope,
            claims: self.claims,
            authentication: &authentication,
        };
        let Failure { error, may_pass } = match token_endpoint::ask(self.context, &grant).await {
            Ok(token) => return Ok(Outcome::Done(token)),
            Err(failure) => failure,
        };
        let code = error.aadsts.unwrap_or(0);
        if STALE_ASSERTION.contains(&code) && !self.renewed {
            self.renewed = true;
            if self.refuse(&authentication) {
                return Ok(Outcome::Renewed);
            }
        }
        let not_replicated =
            REPLICATION_LAG.contains(&code) && worked_before(self.credential, self.tenant, self.context);
        if !may_pass && !not_replicated {
            return Err(error);
        }
        // A signed assertion is valid for one request, because of its id.
        if !matches!(authentication, ClientAuthentication::Signed(_)) {
            self.authentication = Some(authentication);
        }
        Ok(Outcome::transient(error))
    }
}

impl Exchange<'_> {
    /// Removes an assertion that Entra considers expired from the cache. Returns false if a new one would be the same.
    fn refuse(&self, authentication: &ClientAuthentication) -> bool {
        if let (ClientCredential::Federated(source), ClientAuthentication::Federated(old)) =
            (self.credential, authentication)
            && old.from_cache
        {
            self.context.cache.refuse(&assertion_key(source, self.context), &old.token, None);
            return true;
        }
        false
    }
}

/// Whether the app has already received a token in this tenant with this credential. If so, an error can come from a
/// replica that does not have the credential yet. Otherwise the error is final, so that a mistake shows at once.
fn worked_before(credential: &ClientCredential, tenant: &str, context: &Context) -> bool {
    let source = TokenFlow::ClientCredentials(credential.clone()).source_key(context);
    let client = context.settings.client_id.as_deref().unwrap_or_default();
    let authority = context.settings.authority();
    context.cache.worked(|kind, known| {
        kind.source == source && known == tenant && kind.client == client && kind.authority == authority
    })
}

/// The token endpoint of a tenant.
fn address(context: &Context, tenant: &str) -> Result<Url> {
    // `tenant` was checked to contain no characters with a meaning in a path.
    let address =
        format!("{}/{tenant}/oauth2/v2.0/token", context.settings.authority().trim_end_matches('/'));
    Url::parse(&address).map_err(|e| Error::internal(&format!("the token endpoint's address: {e}")))
}

async fn authentication(
    credential: &ClientCredential,
    endpoint: &Url,
    context: &Context,
) -> Result<ClientAuthentication> {
    Ok(match credential {
        ClientCredential::Federated(source) => {
            ClientAuthentication::Federated(assertion(source, context).await?)
        }
        ClientCredential::Certificate | ClientCredential::CallerCertificate(_) => {
            ClientAuthentication::Signed(signed_assertion::assertion(context, endpoint).await?)
        }
        ClientCredential::Secret(secret) => ClientAuthentication::Secret(secret.clone()),
    })
}

/// The identity's token for the exchange. It is valid for a day, so many tenants share it.
pub(crate) async fn assertion(source: &Arc<dyn Source>, context: &Context) -> Result<Cached> {
    let (source_for_fetch, context_for_fetch) = (Arc::clone(source), context.clone());
    let audience = context.settings.cloud.exchange_audience().to_owned();
    context
        .cache
        .get(assertion_key(source, context), &context.clock, Want::Usable, move |_| {
            source_for_fetch.token(audience, context_for_fetch).boxed()
        })
        .await
}

fn assertion_key(source: &Arc<dyn Source>, context: &Context) -> CacheKey {
    let kind = TokenKind {
        authority: context.settings.authority().to_owned(),
        client: String::new(),
        source: source.key(),
        scope: context.settings.cloud.exchange_audience().to_owned(),
    };
    CacheKey { tenant: String::new(), kind }
}
