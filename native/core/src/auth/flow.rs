//! How a connection gets a token for an API.

use std::sync::Arc;

use super::sources::Source;
use crate::context::Context;
use crate::digest::{fingerprint, hex};
use crate::secret::Secret;

/// The client authentication of an app at the token endpoint (RFC 6749 §2.3, RFC 7523 §2.2).
#[derive(Clone)]
pub(crate) enum ClientCredential {
    /// The token of an identity that the app trusts.
    Federated(Arc<dyn Source>),
    /// A certificate of the app.
    Certificate,
    /// A secret of the app.
    Secret(Secret),
}

/// How a connection gets a token for an API.
#[derive(Clone)]
pub(crate) enum TokenFlow {
    /// The identity's own token is used directly.
    IdentityToken(Arc<dyn Source>),
    /// The app uses the client credentials grant (RFC 6749 §4.4).
    ClientCredentials(ClientCredential),
}

impl TokenFlow {
    /// The part of a cache key that identifies the credential.
    pub(crate) fn source_key(&self, context: &Context) -> String {
        match self {
            TokenFlow::IdentityToken(source)
            | TokenFlow::ClientCredentials(ClientCredential::Federated(source)) => source.key(),
            TokenFlow::ClientCredentials(ClientCredential::Certificate) => {
                let thumbprint =
                    context.certificate.as_ref().map(|certificate| hex(&certificate.thumbprint()));
                format!("certificate {}", thumbprint.unwrap_or_default())
            }
            TokenFlow::ClientCredentials(ClientCredential::Secret(secret)) => {
                format!("secret {}", fingerprint(secret.expose()))
            }
        }
    }
}
