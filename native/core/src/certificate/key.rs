//! The private key, whichever file it came in, and the errors that every form of file shares.

use ring::signature::RsaKeyPair;

use crate::errors::{CERTIFICATE_INVALID, CERTIFICATE_KEY_UNSUITABLE};
use crate::errors::{Error, Result};

/// A key in PKCS #8.
pub(super) fn rsa_key(pkcs8: &[u8]) -> Result<RsaKeyPair> {
    RsaKeyPair::from_pkcs8(pkcs8).map_err(|e| {
        CERTIFICATE_KEY_UNSUITABLE.error(format!("the certificate's private key cannot be used: {e}"))
    })
}

/// A file that cannot be understood.
pub(super) fn invalid(why: &str) -> Error {
    CERTIFICATE_INVALID.error(format!("the certificate cannot be read: {why}"))
}
