//! PFX (PKCS #12, RFC 7292).

use p12_keystore::Pkcs12Archive;
use p12_keystore::error::Error as PfxError;
use ring::signature::RsaKeyPair;

use super::key::{invalid, rsa_key};
use crate::errors::Result;
use crate::errors::{CERTIFICATE_KEY_MISSING, CERTIFICATE_PASSWORD, CERTIFICATE_PASSWORD_MISSING};

/// First byte of every DER document (a SEQUENCE).
const DER_SEQUENCE: u8 = 0x30;

/// Reads the certificates and the private key of a PFX file.
pub(super) fn read(bytes: &[u8], password: Option<&str>) -> Result<(Vec<Vec<u8>>, RsaKeyPair)> {
    if bytes.first() != Some(&DER_SEQUENCE) {
        return Err(invalid("it is neither PEM nor PFX"));
    }
    // A certificate without its key is DER too. This is the most likely mistake.
    if is_bare_certificate(bytes) {
        return Err(CERTIFICATE_KEY_MISSING.error("the file contains a certificate without its private key"));
    }
    let archive = Pkcs12Archive::from_pkcs12(bytes, password.unwrap_or_default()).map_err(|e| match e {
        PfxError::MacError(_) if password.is_none_or(str::is_empty) => {
            CERTIFICATE_PASSWORD_MISSING.error("the PFX file has a password, and none was specified")
        }
        PfxError::MacError(_) => CERTIFICATE_PASSWORD.error("the password of the PFX file is wrong"),
        e => invalid(&e.to_string()),
    })?;
    let certificates = archive.certs.iter().map(|bag| bag.cert.as_der().to_vec()).collect();
    let key = archive.keys.first().ok_or_else(|| {
        CERTIFICATE_KEY_MISSING.error("the PFX file contains a certificate but no private key")
    })?;
    Ok((certificates, rsa_key(key.key.as_der())?))
}

/// A certificate starts with two sequences, a PFX with a sequence and a number (RFC 5280 §4.1, RFC 7292 §4).
fn is_bare_certificate(der: &[u8]) -> bool {
    let header = match der.get(1) {
        Some(length) if *length >= 0x80 => 2 + usize::from(length & 0x7f),
        _ => 2,
    };
    der.get(header) == Some(&DER_SEQUENCE)
}
