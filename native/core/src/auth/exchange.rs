//! The way from a credential of the app to its token in a tenant: what is sent, and when it is sent again.

use std::sync::Arc;

use futures_util::FutureExt;
use url::Url;

use super::flow::{ClientCredential, TokenFlow};
use super::signed_assertion;
use super::sources::Source;
use super::token_endpoint::{self, ClientAuthentication, TokenRequest};
use crate::context::Context;
use crate::errors::{Error, ErrorKind, Result};
use crate::errors::{PASSING, SPREADING, STALE_ASSERTION, TENANT_THROTTLED};
use crate::http::retry::{Backoff, is_transient};
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
    let endpoint = address(&context, &tenant)?;
    let mut authentication = authentication(&credential, &endpoint, &context).await?;
    let mut backoff = Backoff::new(&context.settings.retry);
    let mut renewed = false;
    loop {
        context.reporter.exchange(&tenant, &scope);
        let grant = TokenRequest {
            endpoint: &endpoint,
            tenant: &tenant,
            scope: &scope,
            claims: challenge.as_deref(),
            authentication: &authentication,
        };
        let error = match token_endpoint::ask(&context, &grant).await {
            Ok(token) => return Ok(token),
            Err(error) => error,
        };
        let code = error.aadsts.unwrap_or(0);
        if STALE_ASSERTION.contains(&code) && !renewed {
            renewed = true;
            if let Some(newer) = renew(&credential, &authentication, &endpoint, &context).await? {
                authentication = newer;
                continue;
            }
        }
        let spreading = SPREADING.contains(&code) && worked_before(&credential, &tenant, &context);
        let passing = spreading
            || error.kind == ErrorKind::Network
            || error.http_status.is_some_and(is_transient)
            || error.is(&PASSING)
            || error.is(&TENANT_THROTTLED);
        match backoff.pause(error.retry_after) {
            Some(pause) if passing => {
                context.reporter.retry("the token endpoint", error.http_status.unwrap_or(0), pause);
                context.wait(pause).await;
                if matches!(credential, ClientCredential::Certificate) {
                    // One assertion, one request: its id is used up.
                    authentication = self::authentication(&credential, &endpoint, &context).await?;
                }
            }
            _ => return Err(error),
        }
    }
}

/// Whether the app has had a token in this tenant by this credential: then a refusal may come from a replica that has not heard of it yet. Without, it is taken
/// at its word, so that a mistake shows at once.
fn worked_before(credential: &ClientCredential, tenant: &str, context: &Context) -> bool {
    let source = super::source_key(context, &TokenFlow::ClientCredentials(credential.clone()));
    let client = context.settings.client_id.as_deref().unwrap_or_default();
    let authority = context.settings.authority();
    context.cache.worked(|kind, known| {
        kind.source == source && known == tenant && kind.client == client && kind.authority == authority
    })
}

/// The token endpoint of a tenant.
fn address(context: &Context, tenant: &str) -> Result<Url> {
    // `tenant` was checked to hold nothing that means anything in a path.
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
        ClientCredential::Certificate => {
            ClientAuthentication::Signed(signed_assertion::assertion(context, endpoint).await?)
        }
        ClientCredential::Secret(secret) => ClientAuthentication::Secret(secret.clone()),
    })
}

/// Another assertion in place of one that Entra takes for too old, where that can help.
async fn renew(
    credential: &ClientCredential,
    authentication: &ClientAuthentication,
    endpoint: &Url,
    context: &Context,
) -> Result<Option<ClientAuthentication>> {
    if let (ClientCredential::Federated(source), ClientAuthentication::Federated(old)) =
        (credential, authentication)
        && old.from_cache
    {
        context.cache.refuse(&assertion_key(source, context), &old.token, None);
        return self::authentication(credential, endpoint, context).await.map(Some);
    }
    Ok(None)
}

/// The identity's token for the exchange. It lives for a day, so many tenants share one.
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
