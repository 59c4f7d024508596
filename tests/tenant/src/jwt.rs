//! JSON web tokens, signed with a key that lives as long as the process.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
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

/// Why a token is no good.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TokenError {
    /// Not three parts of base64url, or no JSON in them.
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
        let header = json!({"typ": "JWT", "alg": "ES256", "kid": "fake-key"});
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
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}
