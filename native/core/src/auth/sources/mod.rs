//! Where an identity's own token comes from: one file per source.

pub(crate) mod access_token;
pub(crate) mod azure_pipelines;
pub(crate) mod client_assertion;
pub(crate) mod github_actions;
pub(crate) mod managed_identity;
mod oidc;
pub(crate) mod workload_identity;

use futures_util::future::BoxFuture;

use crate::context::Context;
use crate::errors::Result;
use crate::token::AccessToken;

/// Where the first token comes from.
pub(crate) trait Source: Send + Sync {
    /// What tells this identity from every other; part of the cache's key, so nothing secret.
    fn key(&self) -> String;
    /// A token of the identity itself for `resource`.
    fn token(&self, resource: String, context: Context) -> BoxFuture<'static, Result<AccessToken>>;
}
