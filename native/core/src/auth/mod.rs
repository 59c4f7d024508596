//! Tokens: a source gives the identity's own token, the exchange turns it into the app's token in a tenant, the cache keeps it.

pub mod aadsts;
mod app_service;
mod azure_pipelines;
pub mod cache;
mod claims;
mod exchange;
mod expiry;
mod github_actions;
mod imds;
mod legacy_msi;
mod managed_identity;
mod oidc;
mod workload_identity;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

pub use self::claims::Claims;
use crate::error::Result;
use crate::secret::Secret;
use crate::session::Context;
use crate::settings::Credential;
use azure_pipelines::AzurePipelines;
use cache::{CacheKey, Cached};
use github_actions::GitHubActions;
use workload_identity::WorkloadIdentity;

/// A token and what is known of it.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// The token.
    pub secret: Secret,
    /// Seconds since 1970 at which it ends.
    pub expires_on: i64,
    /// Seconds since 1970 from which on a new one is fetched while this one still serves.
    pub refresh_on: i64,
    /// Seconds since 1970 at which it was fetched.
    pub fetched_on: i64,
    /// Its claims; empty for an opaque token.
    pub claims: Claims,
}

impl AccessToken {
    /// A token that ends at `expires_on`; `refresh_in` is what the endpoint said of refreshing, in seconds.
    pub(crate) fn new(secret: Secret, now: i64, expires_on: i64, refresh_in: Option<i64>) -> Self {
        let lifetime = (expires_on - now).max(0);
        let refresh_in = refresh_in.filter(|seconds| (1..lifetime).contains(seconds)).unwrap_or_else(|| {
            // Long-lived tokens at half their life, as MSAL does; short ones when two margins are left.
            if lifetime > 2 * 3600 { lifetime / 2 } else { lifetime - 2 * margin(lifetime) }
        });
        let claims = Claims::of(secret.expose()).unwrap_or_default();
        AccessToken { secret, expires_on, refresh_on: now + refresh_in, fetched_on: now, claims }
    }

    /// Whether it can still be sent: it has to outlast the request and a clock that is a little off.
    pub(crate) fn is_usable(&self, now: i64) -> bool {
        now < self.expires_on - margin(self.expires_on - self.fetched_on)
    }
}

/// Seconds before its end at which a token is no longer used: five minutes, or a quarter of a shorter life.
fn margin(lifetime: i64) -> i64 {
    (lifetime / 4).clamp(0, 300)
}

/// Where the first token comes from.
pub(crate) trait Source: Send + Sync {
    /// What tells this identity from every other; part of the cache's key, so nothing secret.
    fn key(&self) -> String;
    /// A token of the identity itself for `resource`.
    fn token(&self, resource: String, context: Context) -> BoxFuture<'static, Result<AccessToken>>;
}

/// The source that the settings and the environment mean.
pub(crate) fn source(context: &Context) -> Result<Arc<dyn Source>> {
    Ok(match &context.settings.credential {
        Credential::ManagedIdentity { .. } => managed_identity::source(context)?,
        Credential::WorkloadIdentity { token_file } => {
            Arc::new(WorkloadIdentity::new(context, token_file.as_deref())?)
        }
        Credential::GitHubActions {} => Arc::new(GitHubActions::new(&context.environment)?),
        Credential::AzurePipelines { service_connection_id } => {
            Arc::new(AzurePipelines::new(&context.environment, service_connection_id)?)
        }
    })
}

/// A token for `scope` in `tenant`, from the cache or fetched. `force` asks for one that was not in the cache.
pub(crate) async fn access_token(
    context: &Context,
    tenant: &str,
    scope: &str,
    force: bool,
) -> Result<Cached> {
    let source = source(context)?;
    let key = key(context, source.as_ref(), tenant, scope);
    if force {
        context.cache.remove(&key);
    }
    let (fetch_context, tenant, scope) = (context.clone(), tenant.to_owned(), scope.to_owned());
    context
        .cache
        .get(key, &context.clock, move || {
            if fetch_context.settings.client_id.is_some() {
                exchange::token(source, tenant, scope, fetch_context).boxed()
            } else {
                source.token(resource_of(&scope).to_owned(), fetch_context)
            }
        })
        .await
}

/// Takes a token that a service refused out of the cache, unless another caller has put a new one there.
pub(crate) fn refuse(context: &Context, tenant: &str, scope: &str, token: &Arc<AccessToken>) -> Result<()> {
    let key = key(context, source(context)?.as_ref(), tenant, scope);
    context.cache.refuse(&key, token);
    Ok(())
}

fn key(context: &Context, source: &dyn Source, tenant: &str, scope: &str) -> CacheKey {
    CacheKey {
        authority: context.settings.authority().to_owned(),
        tenant: tenant.to_owned(),
        client: context.settings.client_id.clone().unwrap_or_default(),
        source: source.key(),
        scope: scope.to_owned(),
    }
}

/// The resource of a v2 scope: identity endpoints speak v1.
pub(crate) fn resource_of(scope: &str) -> &str {
    scope.strip_suffix("/.default").unwrap_or(scope)
}

/// The scope of a resource: what has no scope yet gets `/.default`.
pub(crate) fn scope_of(resource: &str) -> String {
    if resource.ends_with("/.default") { resource.to_owned() } else { format!("{resource}/.default") }
}

#[cfg(test)]
mod source_tests;
