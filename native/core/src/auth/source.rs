//! What every source of a first token is, and what proves an app.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::context::Context;
use crate::error::Result;
use crate::secret::Secret;
use crate::token::AccessToken;

/// Where the first token comes from.
pub(crate) trait Source: Send + Sync {
    /// What tells this identity from every other; part of the cache's key, so nothing secret.
    fn key(&self) -> String;
    /// A token of the identity itself for `resource`.
    fn token(&self, resource: String, context: Context) -> BoxFuture<'static, Result<AccessToken>>;
}

/// What an app proves itself with at the token endpoint.
#[derive(Clone)]
pub(crate) enum Proof {
    /// The token of an identity that the app trusts.
    Federated(Arc<dyn Source>),
    /// A certificate of the app.
    Certificate,
    /// A secret of the app.
    Secret(Secret),
}

/// How a connection comes to the token for an API.
#[derive(Clone)]
pub(crate) enum Way {
    /// The identity's own token is the one.
    Direct(Arc<dyn Source>),
    /// The app gets it, by a proof.
    App(Proof),
}

/// The resource of a v2 scope: identity endpoints speak v1.
pub(crate) fn resource_of(scope: &str) -> &str {
    scope.strip_suffix("/.default").unwrap_or(scope)
}
