//! Assertions that the app signs with its certificate, one for each request.
//! <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use url::Url;

use super::token_endpoint::random_guid;
use crate::blocking::compute;
use crate::certificate::{self, Certificate};
use crate::clock::Clock;
use crate::context::Context;
use crate::digest::{sha1, sha256};
use crate::errors::{Error, Result};
use crate::secret::Secret;
use crate::settings::{Credential, SigningAlgorithm};
use crate::token::cache::seconds;

/// Lifetime of an assertion in seconds, the longest that Microsoft documents.
const LIFETIME: i64 = 600;

/// An assertion for one request to `endpoint`.
pub(super) async fn assertion(context: &Context, endpoint: &Url) -> Result<Secret> {
    context.reporter.identity("the certificate", "signed by the app");
    let client = context.settings.client_id.clone().unwrap_or_default();
    if let Credential::CallerCertificate(caller) = &context.settings.credential {
        let header = header(caller.algorithm, &caller.certificate);
        let (clock, endpoint) = (Arc::clone(&context.clock), endpoint.clone());
        let signing_input = move || signing_input(&header, &client, &endpoint, clock.as_ref());
        return context.broker.signed(signing_input).await;
    }
    // The file may have been replaced by a renewed certificate. While it is being replaced, use the previous one.
    let certificate = match renewed(context).await {
        Some(certificate) => Arc::new(certificate),
        None => context.certificate.clone().ok_or_else(|| {
            Error::internal("a connection with a certificate credential has no certificate")
        })?,
    };
    let header = header(SigningAlgorithm::PS256, certificate.der());
    let message = signing_input(&header, &client, endpoint, context.clock.as_ref());
    // A signature takes milliseconds.
    compute("signing an assertion", move || {
        let signature = certificate.sign(message.as_bytes())?;
        Ok(Secret::new(format!("{message}.{}", URL_SAFE_NO_PAD.encode(&signature))))
    })
    .await?
}

/// The certificate in the file, if it differs from that of the connection.
async fn renewed(context: &Context) -> Option<Certificate> {
    let Credential::Certificate { path, password } = &context.settings.credential else {
        return None;
    };
    let read = context.files.read(context.clock.as_ref(), Path::new(path), certificate::FILE).await;
    let bytes =
        read.ok().filter(|bytes| context.certificate.as_ref().is_none_or(|known| !known.is_from(bytes)))?;
    let password = password.clone();
    // Deriving the key of a PFX takes a hundred thousand hashes or more.
    let read = move || Certificate::read(&bytes, password.as_ref().map(Secret::expose));
    compute("reading a certificate", read).await.ok()?.ok()
}

/// The header. It names the certificate by the digest that Entra looks it up by.
fn header(algorithm: SigningAlgorithm, certificate: &[u8]) -> Value {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    match algorithm {
        SigningAlgorithm::PS256 => {
            json!({"alg": "PS256", "typ": "JWT", "x5t#S256": encode(&sha256(certificate))})
        }
        SigningAlgorithm::RS256 => json!({"alg": "RS256", "typ": "JWT", "x5t": encode(&sha1(certificate))}),
    }
}

/// Header and claims, as they are signed.
fn signing_input(header: &Value, client: &str, endpoint: &Url, clock: &dyn Clock) -> String {
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let now = seconds(clock);
    let claims = json!({
        "aud": endpoint.as_str(), "iss": client, "sub": client, "jti": random_guid(),
        "nbf": now, "iat": now, "exp": now + LIFETIME,
    });
    format!("{}.{}", encode(header), encode(&claims))
}
