//! JSON web tokens, signed with a key that lives as long as the process.

use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, Engine as _};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
};
use serde_json::{Value, json};

/// Signs and checks.
pub(crate) struct Signer {
    key: EcdsaKeyPair,
    random: SystemRandom,
}

/// Why a token is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TokenError {
    /// Not three parts of base64url with JSON in them.
    Malformed,
    /// Not signed by this world.
    Signature,
}

impl Signer {
    /// A signer with a new key.
    pub(crate) fn new() -> Result<Self, ring::error::Unspecified> {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)?;
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random)
            .map_err(|_| ring::error::Unspecified)?;
        Ok(Signer { key, random })
    }

    /// A token with these claims.
    pub(crate) fn sign(&self, claims: &Value) -> Result<String, ring::error::Unspecified> {
        let header = json!({"typ": "JWT", "alg": "ES256", "kid": KEY_ID});
        let text = format!("{}.{}", encode(&header), encode(claims));
        let signature = self.key.sign(&self.random, text.as_bytes())?;
        Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The claims of a token that this world signed.
    pub(crate) fn verify(&self, token: &str) -> Result<Value, TokenError> {
        let (text, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (_, payload) = text.split_once('.').ok_or(TokenError::Malformed)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| TokenError::Malformed)?;
        let claims = URL_SAFE_NO_PAD.decode(payload).map_err(|_| TokenError::Malformed)?;
        let claims = serde_json::from_slice(&claims).map_err(|_| TokenError::Malformed)?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.key.public_key().as_ref())
            .verify(text.as_bytes(), &signature)
            .map_err(|_| TokenError::Signature)?;
        Ok(claims)
    }

    /// The key that checks the signatures, as a member of a key set (RFC 7517).
    pub(crate) fn public_key(&self) -> Value {
        // A byte that says "uncompressed", then both coordinates (SEC 1 §2.3.3).
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        json!({"kty": "EC", "use": "sig", "alg": "ES256", "crv": "P-256", "kid": KEY_ID, "x": x, "y": y})
    }
}

const KEY_ID: &str = "fake-key";

/// Decodes base64 in either alphabet, with or without padding. Entra takes all of these from the libraries that sign
/// assertions.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    const EITHER: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, EITHER);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, EITHER);
    URL_SAFE.decode(text).or_else(|_| STANDARD.decode(text)).ok()
}

/// The seconds of a time (RFC 7519 §2), which libraries also write with a fraction or as text.
pub(crate) fn seconds(time: &Value) -> Option<u64> {
    let text = match time {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    text.split('.').next()?.parse().ok()
}

/// The audiences: one, or a list, as Kubernetes writes it.
pub(crate) fn audiences(audience: &Value) -> Vec<&str> {
    match audience {
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().into_iter().collect(),
    }
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_comes_in_four_forms_and_times_in_three() {
        for text in ["-_8=", "-_8", "+/8=", "+/8"] {
            assert_eq!(decode_base64(text), Some(vec![0xFB, 0xFF]), "{text}");
        }
        assert_eq!(decode_base64("-_8?"), None);
        for time in [json!(1_764_124_800), json!(1_764_124_800.25), json!("1764124800")] {
            assert_eq!(seconds(&time), Some(1_764_124_800), "{time}");
        }
        for time in [json!(null), json!(-1), json!("soon"), json!(true)] {
            assert_eq!(seconds(&time), None, "{time}");
        }
    }
}
