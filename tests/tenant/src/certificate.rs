//! An assertion that the app signs with its own certificate.
//! <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use rustls::pki_types::CertificateDer;
use serde_json::Value;
use webpki::EndEntityCert;
use webpki::ring::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256_LEGACY_KEY};

use crate::aadsts::{Refusal, no, plain};
use crate::jwt::{audiences, decode_base64, seconds};
use crate::state::{State, now};
use crate::world::World;

/// Longest life that the documentation allows, in seconds.
const LONGEST: u64 = 600;
/// How far the clocks may differ, in seconds.
const SKEW: u64 = 300;

/// An assertion whose issuer is the app itself.
pub(crate) struct Assertion<'a> {
    header: Value,
    claims: Value,
    signed: &'a str,
    signature: Vec<u8>,
}

impl<'a> Assertion<'a> {
    /// The assertion, if `client` issued it. Nothing is verified yet.
    pub(crate) fn of(client: &str, assertion: &'a str) -> Option<Self> {
        let (signed, signature) = assertion.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let json = |text: &str| serde_json::from_slice(&decode_base64(text)?).ok();
        let claims: Value = json(claims)?;
        let own = claims["iss"].as_str().is_some_and(|issuer| issuer.eq_ignore_ascii_case(client));
        own.then_some(())?;
        Some(Assertion { header: json(header)?, claims, signed, signature: decode_base64(signature)? })
    }

    /// Checks signature, audience, subject and times. `path` is the request's.
    pub(crate) fn check(&self, state: &State, world: &World, path: &str) -> Result<(), Refusal> {
        self.signed_by_the_app(world)?;
        if self.header["typ"] != "JWT" {
            state.violation("authority: the assertion's header does not say that it is a JWT".to_owned());
        }
        let client = &world.app.client_id;
        if self.claims["sub"] != self.claims["iss"] {
            let text =
                format!("Client assertion subject does not match the application identifier '{client}'.");
            return Err(no(700_021, text));
        }
        let endpoint = format!("{}{path}", state.address("authority"));
        if !audiences(&self.claims["aud"]).contains(&endpoint.as_str()) {
            return Err(plain(700_023));
        }
        self.times(state)?;
        let Some(id) = self.claims["jti"].as_str().filter(|id| !id.is_empty()) else {
            state.violation("authority: the assertion has no jti".to_owned());
            return Err(plain(50027));
        };
        // MSAL sends the same assertion for several tokens.
        if !state.first_use(id) {
            state.count("repeated-assertions");
        }
        Ok(())
    }

    fn signed_by_the_app(&self, world: &World) -> Result<(), Refusal> {
        let refused = |why: &str| {
            no(
                700_027,
                format!(
                    "The certificate used to sign the client assertion is not registered, or the signature \
                     is invalid. [Reason - {why}]"
                ),
            )
        };
        let (digest_of, thumbprint, algorithm) = match self.header["alg"].as_str() {
            Some("PS256") => (&SHA256, "x5t#S256", RSA_PSS_2048_8192_SHA256_LEGACY_KEY),
            Some("RS256") => (&SHA1_FOR_LEGACY_USE_ONLY, "x5t", RSA_PKCS1_2048_8192_SHA256),
            _ => return Err(refused("The algorithm is not supported.")),
        };
        let named = decode_base64(self.header[thumbprint].as_str().unwrap_or_default());
        let registered = world.app.certificates.iter().filter_map(|text| STANDARD.decode(text).ok());
        let der = registered
            .filter(|der| named.as_deref() == Some(digest(digest_of, der).as_ref()))
            .map(CertificateDer::from)
            .next()
            .ok_or_else(|| refused("The key was not found."))?;
        let certificate = EndEntityCert::try_from(&der)
            .map_err(|_| refused("The registered certificate is unreadable."))?;
        certificate
            .verify_signature(algorithm, self.signed.as_bytes(), &self.signature)
            .map_err(|_| refused("The key was found, but use of the key to verify the signature failed."))
    }

    /// `nbf` and `iat` may be missing: MSAL for Python sends no `nbf`, MSAL for .NET no `iat`.
    fn times(&self, state: &State) -> Result<(), Refusal> {
        let time = |name: &str| seconds(&self.claims[name]);
        let Some(ends) = time("exp") else {
            state.violation("authority: the assertion has no exp".to_owned());
            return Err(plain(50027));
        };
        let lifetime = time("nbf").or(time("iat")).map_or(0, |begins| ends.saturating_sub(begins));
        if lifetime > LONGEST {
            state.violation(format!("authority: the assertion lives for {lifetime} seconds"));
        }
        if now() >= ends || now() + SKEW < time("nbf").unwrap_or(0) {
            return Err(plain(700_024));
        }
        Ok(())
    }
}
