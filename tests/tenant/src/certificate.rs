//! An assertion that the app signs with its own certificate.
//! <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use rustls::pki_types::CertificateDer;
use serde_json::Value;
use webpki::EndEntityCert;
use webpki::ring::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256_LEGACY_KEY};

use crate::entra::{Refusal, no};
use crate::state::{State, now};
use crate::world::World;

/// Longest life that the documentation allows, in seconds.
const LONGEST: u64 = 600;

/// An assertion whose issuer is the app itself.
pub(crate) struct Assertion<'a> {
    header: Value,
    claims: Value,
    signed: &'a str,
    signature: Vec<u8>,
}

impl<'a> Assertion<'a> {
    /// The assertion, if `client` issued it; nothing is verified yet.
    pub(crate) fn of(client: &str, assertion: &'a str) -> Option<Self> {
        let (signed, signature) = assertion.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let json = |text: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok();
        let claims: Value = json(claims)?;
        let own = claims["iss"].as_str().is_some_and(|issuer| issuer.eq_ignore_ascii_case(client));
        own.then_some(())?;
        Some(Assertion {
            header: json(header)?,
            claims,
            signed,
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
        })
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
            return Err(no(700_021, "invalid_client", text));
        }
        if self.claims["aud"] != format!("{}{path}", state.address("authority")) {
            let text = "Client assertion audience claim does not match Realm issuer.";
            return Err(no(700_023, "invalid_client", text));
        }
        self.times(state)?;
        match self.claims["jti"].as_str().filter(|id| !id.is_empty()) {
            None => {
                state.violation("authority: the assertion has no jti".to_owned());
                Err(malformed())
            }
            Some(id) => {
                if !state.first_use(id) {
                    state.violation("authority: the jti of an assertion was there before".to_owned());
                }
                Ok(())
            }
        }
    }

    fn signed_by_the_app(&self, world: &World) -> Result<(), Refusal> {
        let refused = |why: &str| {
            no(
                700_027,
                "invalid_client",
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
        let named = self.header[thumbprint].as_str().unwrap_or_default();
        let registered = world.app.certificates.iter().filter_map(|text| STANDARD.decode(text).ok());
        let der = registered
            .filter(|der| URL_SAFE_NO_PAD.encode(digest(digest_of, der)) == named)
            .map(CertificateDer::from)
            .next()
            .ok_or_else(|| refused("The key was not found."))?;
        let certificate = EndEntityCert::try_from(&der)
            .map_err(|_| refused("The registered certificate is unreadable."))?;
        certificate
            .verify_signature(algorithm, self.signed.as_bytes(), &self.signature)
            .map_err(|_| refused("The key was found, but use of the key to verify the signature failed."))
    }

    fn times(&self, state: &State) -> Result<(), Refusal> {
        let time = |name: &str| self.claims[name].as_u64();
        let (Some(begins), Some(_), Some(ends)) = (time("nbf"), time("iat"), time("exp")) else {
            state.violation("authority: the assertion lacks nbf, iat or exp".to_owned());
            return Err(malformed());
        };
        if ends.saturating_sub(begins) > LONGEST {
            state.violation(format!("authority: the assertion lives for {} seconds", ends - begins));
        }
        if now() >= ends || now() + 300 < begins {
            let text = "Client assertion is not within its valid time range.";
            return Err(no(700_024, "invalid_client", text));
        }
        Ok(())
    }
}

fn malformed() -> Refusal {
    no(50027, "invalid_request", "JWT token is invalid or malformed.")
}
