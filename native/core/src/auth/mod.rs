//! Tokens: a source gives the identity's own token, the exchange turns it into the app's token in a tenant, the cache keeps it.

mod access_token;
mod app_service;
mod azure_arc;
mod azure_pipelines;
mod certificate;
mod client_assertion;
mod cloud_shell;
pub(crate) mod detection;
mod exchange;
mod expiry;
pub(crate) mod findings;
mod github_actions;
mod imds;
mod legacy_msi;
mod managed_identity;
mod oidc;
mod service_fabric;
pub(crate) mod source;
mod token_endpoint;
mod workload_identity;

use std::sync::Arc;

use futures_util::FutureExt;

use crate::context::Context;
use crate::digest::{fingerprint, hex};
use crate::error::Result;
use crate::settings::Credential;
use crate::token::AccessToken;
use crate::token::cache::{CacheKey, Cached, TokenKind, Want};
use access_token::ReadyToken;
use azure_pipelines::AzurePipelines;
use client_assertion::{AskedAssertion, StaticAssertion};
use github_actions::GitHubActions;
use managed_identity::Selector;
use source::{Proof, Source, Way, resource_of};
use workload_identity::WorkloadIdentity;

pub(crate) use exchange::assertion;

/// The way to a token that the settings and the environment mean.
pub(crate) fn way(context: &Context, tenant: &str) -> Result<Way> {
    Ok(match &context.settings.credential {
        Credential::Certificate { .. } => Way::App(Proof::Certificate),
        Credential::ClientSecret { secret } => Way::App(Proof::Secret(secret.clone())),
        Credential::AccessToken { token } => Way::Direct(Arc::new(ReadyToken::new(token, tenant))),
        _ if context.settings.client_id.is_some() => Way::App(Proof::Federated(identity(context)?)),
        _ => Way::Direct(identity(context)?),
    })
}

/// The identity that the settings and the environment mean.
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

/// A token for `scope` in `tenant`, from the cache or fetched. `force` asks for one that was not in the cache, which others use on until it has come.
pub(crate) async fn access_token(
    context: &Context,
    tenant: &str,
    scope: &str,
    force: bool,
) -> Result<Cached> {
    let way = way(context, tenant)?;
    let key = key(context, &way, tenant, scope);
    let want = if force { Want::New } else { Want::Usable };
    let (fetch_context, tenant, scope) = (context.clone(), tenant.to_owned(), scope.to_owned());
    context
        .cache
        .get(key, &context.clock, want, move |challenge| {
            if matches!(fetch_context.settings.credential, Credential::Default {}) {
                detection::tell(&fetch_context);
            }
            match way {
                Way::App(proof) => exchange::token(proof, tenant, scope, challenge, fetch_context).boxed(),
                Way::Direct(source) => source.token(resource_of(&scope).to_owned(), fetch_context),
            }
        })
        .await
}

/// Takes a token that a service refused out of the cache, unless another caller has put a new one there. `claims` is what the service said that it
/// lacks; the next token is asked for with it.
pub(crate) fn refuse(
    context: &Context,
    tenant: &str,
    scope: &str,
    token: &Arc<AccessToken>,
    claims: Option<String>,
) -> Result<()> {
    let key = key(context, &way(context, tenant)?, tenant, scope);
    context.cache.refuse(&key, token, claims);
    Ok(())
}

/// The part of a cache's key that tells the identity.
pub(crate) fn source_key(context: &Context, way: &Way) -> String {
    match way {
        Way::Direct(source) | Way::App(Proof::Federated(source)) => source.key(),
        Way::App(Proof::Certificate) => {
            let thumbprint = context.certificate.as_ref().map(|certificate| hex(&certificate.thumbprint()));
            format!("certificate {}", thumbprint.unwrap_or_default())
        }
        Way::App(Proof::Secret(secret)) => format!("secret {}", fingerprint(secret.expose())),
    }
}

fn key(context: &Context, way: &Way, tenant: &str, scope: &str) -> CacheKey {
    let kind = TokenKind {
        authority: context.settings.authority().to_owned(),
        client: context.settings.client_id.clone().unwrap_or_default(),
        source: source_key(context, way),
        scope: scope.to_owned(),
    };
    CacheKey { tenant: tenant.to_owned(), kind }
}

/// The scope of a resource: what has no scope yet gets `/.default`.
pub(crate) fn scope_of(resource: &str) -> String {
    if resource.ends_with("/.default") { resource.to_owned() } else { format!("{resource}/.default") }
}

#[cfg(test)]
mod arc_tests;
#[cfg(test)]
mod imds_tests;
#[cfg(test)]
mod measurements;
#[cfg(test)]
mod place_tests;
#[cfg(test)]
mod proof_tests;
#[cfg(test)]
mod source_tests;
#[cfg(test)]
mod subjects;
#[cfg(test)]
mod workload_tests;
