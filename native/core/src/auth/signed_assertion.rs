//! A certificate of the app: it signs an assertion for each request itself.
//! <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use url::Url;

use super::token_endpoint::random_guid;
use crate::certificate::Certificate;
use crate::context::Context;
use crate::errors::{Error, Result};
use crate::secret::Secret;
use crate::token::cache::seconds;

/// Seconds that an assertion is good for; the longest that Microsoft documents.
const LIFETIME: i64 = 600;

/// An assertion for one request to `endpoint`.
pub(super) fn assertion(context: &Context, endpoint: &Url) -> Result<Secret> {
    // A file may have been replaced by a renewed certificate; while it is being replaced, the one from before serves.
    let renewed = Certificate::of(&context.settings.credential).ok().flatten();
    let certificate = renewed
        .as_ref()
        .or(context.certificate.as_deref())
        .ok_or_else(|| Error::internal("a connection by certificate has none"))?;
    context.reporter.identity("certificate", "the app's own");
    sign(certificate, context, endpoint).map(Secret::new)
}

fn sign(certificate: &Certificate, context: &Context, endpoint: &Url) -> Result<String> {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let client = context.settings.client_id.as_deref().unwrap_or_default();
    let now = seconds(context.clock.as_ref());
    let header = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": encode(&certificate.thumbprint())});
    let claims = json!({
        "aud": endpoint.as_str(), "iss": client, "sub": client, "jti": random_guid(),
        "nbf": now, "iat": now, "exp": now + LIFETIME,
    });
    let signed =
        format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
    let signature = certificate.sign(signed.as_bytes())?;
    Ok(format!("{signed}.{}", encode(&signature)))
}
