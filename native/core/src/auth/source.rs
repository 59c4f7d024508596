//! What every source of a first token is.

use futures_util::future::BoxFuture;

use crate::context::Context;
use crate::error::Result;
use crate::token::AccessToken;

/// Where the first token comes from.
pub(crate) trait Source: Send + Sync {
    /// What tells this identity from every other; part of the cache's key, so nothing secret.
    fn key(&self) -> String;
    /// A token of the identity itself for `resource`.
    fn token(&self, resource: String, context: Context) -> BoxFuture<'static, Result<AccessToken>>;
}

/// The resource of a v2 scope: identity endpoints speak v1.
pub(crate) fn resource_of(scope: &str) -> &str {
    scope.strip_suffix("/.default").unwrap_or(scope)
}
