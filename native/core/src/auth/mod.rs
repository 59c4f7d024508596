//! Acquires tokens: a source returns the identity's own token, the exchange gets the app's token for a tenant, and the
//! cache stores both.

pub(crate) mod detection;
mod exchange;
pub(crate) mod flow;
mod signed_assertion;
mod sources;
mod token_endpoint;

use std::sync::Arc;

use futures_util::FutureExt;

use crate::cloud::resource_of;
use crate::context::Context;
use crate::errors::{HOME_TENANT_ONLY, Result};
use crate::settings::{Credential, is_guid};
use crate::token::AccessToken;
use crate::token::cache::{CacheKey, Cached, TokenKind, Want};
use flow::{ClientCredential, TokenFlow};
use sources::Source;
use sources::access_token::ReadyToken;
use sources::azure_pipelines::AzurePipelines;
use sources::client_assertion::{AskedAssertion, StaticAssertion};
use sources::github_actions::GitHubActions;
use sources::managed_identity::Selector;
use sources::workload_identity::WorkloadIdentity;

pub(crate) use exchange::assertion;
pub(crate) use sources::managed_identity::azure_arc::AzureArc;

/// The token flow for the settings and the environment.
pub(crate) fn flow(context: &Context, tenant: &str) -> Result<TokenFlow> {
    Ok(match &context.settings.credential {
        Credential::Certificate { .. } => TokenFlow::ClientCredentials(ClientCredential::Certificate),
        Credential::CallerCertificate(certificate) => {
            TokenFlow::ClientCredentials(ClientCredential::CallerCertificate(certificate.key()))
        }
        Credential::ClientSecret { secret } => {
            TokenFlow::ClientCredentials(ClientCredential::Secret(secret.clone()))
        }
        Credential::AccessToken { token } => {
            TokenFlow::IdentityToken(Arc::new(ReadyToken::new(token, tenant)))
        }
        _ if context.settings.client_id.is_some() => {
            TokenFlow::ClientCredentials(ClientCredential::Federated(identity(context)?))
        }
        _ => TokenFlow::IdentityToken(identity(context)?),
    })
}

/// The identity for the settings and the environment.
pub(crate) fn identity(context: &Context) -> Result<Arc<dyn Source>> {
    Ok(match &context.settings.credential {
        Credential::WorkloadIdentity { token_file } => {
            Arc::new(WorkloadIdentity::new(context, token_file.as_deref())?)
        }
        Credential::GitHubActions {} => Arc::new(GitHubActions::new(&context.environment)?),
        Credential::AzurePipelines { service_connection_id } => {
            Arc::new(AzurePipelines::new(&context.environment, service_connection_id)?)
        }
        Credential::ClientAssertion { assertion: Some(token) } => Arc::new(StaticAssertion::new(token)),
        Credential::ClientAssertion { assertion: None } => Arc::new(AskedAssertion::new(context)),
        Credential::Default {} => detection::any(context)?.source,
        other => detection::managed_identity(context, Selector::of(other))?.source,
    })
}

/// A token for `scope` in `tenant`, cached or fetched. `force` fetches a new one. Until it arrives, other callers keep
/// using the cached one.
pub(crate) async fn access_token(
    context: &Context,
    tenant: &str,
    scope: &str,
    force: bool,
) -> Result<Cached> {
    let flow = flow(context, tenant)?;
    let key = key(context, &flow, tenant, scope);
    let want = if force { Want::New } else { Want::Usable };
    // A ready token is checked by its source.
    let is_own = matches!(flow, TokenFlow::IdentityToken(_))
        && !matches!(context.settings.credential, Credential::AccessToken { .. });
    let (fetch_context, requested, scope) = (context.clone(), tenant.to_owned(), scope.to_owned());
    let cached = context
        .cache
        .get(key, &context.clock, want, move |challenge| {
            if matches!(fetch_context.settings.credential, Credential::Default {}) {
                detection::report(&fetch_context);
            }
            match flow {
                TokenFlow::ClientCredentials(credential) => {
                    exchange::token(credential, requested, scope, challenge, fetch_context).boxed()
                }
                TokenFlow::IdentityToken(source) => {
                    source.token(resource_of(&scope).to_owned(), fetch_context)
                }
            }
        })
        .await?;
    if is_own {
        check_home_tenant(tenant, &cached.token)?;
    }
    Ok(cached)
}

/// An identity's own token is for its home tenant, whatever tenant was requested: the rows of one tenant must not look
/// like those of another.
fn check_home_tenant(requested: &str, token: &AccessToken) -> Result<()> {
    match token.claims().tid.as_deref() {
        Some(home) if !requested.is_empty() && !home.eq_ignore_ascii_case(requested) => {
            let message = if is_guid(requested) {
                format!("without an app, the identity's token is for its home tenant {home} only")
            } else {
                format!(
                    "without an app, the identity's token is for its home tenant {home}, and whether that is \
                     {requested} is not known"
                )
            };
            Err(HOME_TENANT_ONLY.error(message).fill("home", home))
        }
        _ => Ok(()),
    }
}

/// Removes a token that a service rejected from the cache, unless another caller has already replaced it. `claims` is
/// the claims challenge of the service, which the next token request includes.
pub(crate) fn refuse(
    context: &Context,
    tenant: &str,
    scope: &str,
    token: &Arc<AccessToken>,
    claims: Option<String>,
) -> Result<()> {
    let key = key(context, &flow(context, tenant)?, tenant, scope);
    context.cache.refuse(&key, token, claims);
    Ok(())
}

fn key(context: &Context, flow: &TokenFlow, tenant: &str, scope: &str) -> CacheKey {
    let kind = TokenKind {
        authority: context.settings.authority().to_owned(),
        client: context.settings.client_id.clone().unwrap_or_default(),
        source: flow.source_key(context),
        scope: scope.to_owned(),
    };
    CacheKey { tenant: tenant.to_owned(), kind }
}

#[cfg(test)]
mod tests;
