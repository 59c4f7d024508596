//! Sources of an identity's own token, one file per source.

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

/// A source of an identity's own token.
pub(crate) trait Source: Send + Sync {
    /// Identifies the identity in cache keys. Contains no secret.
    fn key(&self) -> String;
    /// Gets a token of the identity for `resource`.
    fn token(&self, resource: String, context: Context) -> BoxFuture<'static, Result<AccessToken>>;
}
