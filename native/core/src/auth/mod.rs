//! Tokens: a source gives the identity's own token, the exchange turns it into the app's token in a tenant, the cache keeps it.

pub mod aadsts;
mod app_service;
mod azure_pipelines;
mod exchange;
mod expiry;
mod github_actions;
mod imds;
mod legacy_msi;
mod managed_identity;
mod oidc;
pub(crate) mod source;
mod workload_identity;

use std::sync::Arc;

use futures_util::FutureExt;

use crate::context::Context;
use crate::error::Result;
use crate::secret::Secret;
use crate::settings::Credential;
use crate::token::AccessToken;
use crate::token::cache::{CacheKey, Cached};
use app_service::AppService;
use azure_pipelines::AzurePipelines;
use github_actions::GitHubActions;
use imds::Imds;
use legacy_msi::LegacyMsi;
use managed_identity::{Selector, endpoint_url};
use source::{Source, resource_of};
use workload_identity::WorkloadIdentity;

/// The source that the settings and the environment mean.
pub(crate) fn chosen(context: &Context) -> Result<Arc<dyn Source>> {
    Ok(match &context.settings.credential {
        Credential::ManagedIdentity { .. } => managed_identity(context)?,
        Credential::WorkloadIdentity { token_file } => {
            Arc::new(WorkloadIdentity::new(context, token_file.as_deref())?)
        }
        Credential::GitHubActions {} => Arc::new(GitHubActions::new(&context.environment)?),
        Credential::AzurePipelines { service_connection_id } => {
            Arc::new(AzurePipelines::new(&context.environment, service_connection_id)?)
        }
    })
}

/// The endpoint of the place this runs in, in the order of the Azure SDKs. `IDENTITY_*` goes before `MSI_*`: App Service sets both.
fn managed_identity(context: &Context) -> Result<Arc<dyn Source>> {
    let selector = Selector::of(&context.settings.credential);
    let variable = |name| context.environment.get(name);
    if let (Some(endpoint), Some(header)) = (variable("IDENTITY_ENDPOINT"), variable("IDENTITY_HEADER")) {
        let endpoint = endpoint_url("IDENTITY_ENDPOINT", endpoint)?;
        return Ok(Arc::new(AppService::new(endpoint, Secret::new(header.to_owned()), selector)));
    }
    if let (Some(endpoint), Some(secret)) = (variable("MSI_ENDPOINT"), variable("MSI_SECRET")) {
        let endpoint = endpoint_url("MSI_ENDPOINT", endpoint)?;
        return Ok(Arc::new(LegacyMsi::new(endpoint, Secret::new(secret.to_owned()), selector)?));
    }
    Ok(Arc::new(Imds::new(context, selector)?))
}

/// A token for `scope` in `tenant`, from the cache or fetched. `force` asks for one that was not in the cache.
pub(crate) async fn access_token(
    context: &Context,
    tenant: &str,
    scope: &str,
    force: bool,
) -> Result<Cached> {
    let source = chosen(context)?;
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
    let key = key(context, chosen(context)?.as_ref(), tenant, scope);
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

/// The scope of a resource: what has no scope yet gets `/.default`.
pub(crate) fn scope_of(resource: &str) -> String {
    if resource.ends_with("/.default") { resource.to_owned() } else { format!("{resource}/.default") }
}

#[cfg(test)]
mod source_tests;
#[cfg(test)]
mod subjects;
#[cfg(test)]
mod workload_tests;
