//! How a connection gets a token for an API.

use std::sync::Arc;

use super::sources::Source;
use crate::context::Context;
use crate::digest::{fingerprint, hex, sha256};
use crate::secret::Secret;

/// The client authentication of an app at the token endpoint (RFC 6749 §2.3, RFC 7523 §2.2).
#[derive(Clone)]
pub(crate) enum ClientCredential {
    /// The token of an identity that the app trusts.
    Federated(Arc<dyn Source>),
    /// A certificate of the app, from a file.
    Certificate,
    /// A certificate whose key the consumer holds: what identifies it.
    CallerCertificate(String),
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
                let der = context.certificate.as_ref().map(|certificate| certificate.der());
                format!("certificate {}", hex(&sha256(der.unwrap_or_default())))
            }
            // Its tokens are those of the sessions that answer each other's questions.
            TokenFlow::ClientCredentials(ClientCredential::CallerCertificate(key)) => {
                format!("caller's certificate {key}")
            }
            TokenFlow::ClientCredentials(ClientCredential::Secret(secret)) => {
                format!("secret {}", fingerprint(secret.expose()))
            }
        }
    }
}
