//! A certificate with its private key, read from PEM or PFX. It signs assertions (RFC 7523, PS256 of RFC 7518 §3.5).
//! The key stays in memory and is never written.

mod key;
mod pem;
mod pfx;

use std::path::Path;

use key::invalid;
use ring::rand::SystemRandom;
use ring::signature::{KeyPair, RSA_PSS_SHA256, RsaKeyPair};

use crate::blocking::{FileError, FileRules, read_file};
use crate::digest::sha256;
use crate::errors::{CERTIFICATE_INVALID, CERTIFICATE_KEY_UNSUITABLE, CERTIFICATE_UNREADABLE};
use crate::errors::{Error, Result};
use crate::secret::Secret;
use crate::settings::Credential;

/// A certificate file has a few KB, with its chain a few dozen.
pub(crate) const FILE: FileRules = FileRules { size_limit: 1 << 20, symlinks: true };

/// A certificate and its key.
pub(crate) struct Certificate {
    der: Vec<u8>,
    key: RsaKeyPair,
    /// SHA-256 of the source file.
    file: [u8; 32],
}

impl Certificate {
    /// The certificate of a credential, if it has one. Reads the file on the caller's thread.
    pub(crate) fn of(credential: &Credential) -> Result<Option<Self>> {
        let Credential::Certificate { path, password } = credential else { return Ok(None) };
        let bytes = read_file(Path::new(path), FILE).map_err(|e| unreadable(path, &e))?;
        Self::read(&bytes, password.as_ref().map(Secret::expose)).map(Some)
    }

    /// Reads the content of a PEM or PFX file.
    pub(crate) fn read(bytes: &[u8], password: Option<&str>) -> Result<Self> {
        // Windows PowerShell 5.1 writes UTF-16 where it redirects.
        if bytes.starts_with(&[0xff, 0xfe]) {
            return Err(invalid("it is UTF-16 text; save it as UTF-8"));
        }
        let is_pem = bytes.windows(11).any(|window| window == b"-----BEGIN ");
        let (certificates, key) = if is_pem { pem::read(bytes)? } else { pfx::read(bytes, password)? };
        // The file may contain a chain, in any order.
        let public = key.public_key().as_ref();
        let der = certificates.into_iter().find(|der| contains(der, public)).ok_or_else(|| {
            CERTIFICATE_KEY_UNSUITABLE.error("the private key does not belong to any certificate in the file")
        })?;
        let certificate = Certificate { der, key, file: sha256(bytes) };
        // A damaged key can look sound until it is used.
        certificate.sign(b"")?;
        Ok(certificate)
    }

    /// Whether it was read from a file with these bytes.
    pub(crate) fn is_from(&self, bytes: &[u8]) -> bool {
        self.file == sha256(bytes)
    }

    /// The certificate itself.
    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }

    /// Signs with PS256.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key.sign(&RSA_PSS_SHA256, &SystemRandom::new(), message, &mut signature).map_err(|_| {
            CERTIFICATE_KEY_UNSUITABLE.error("the certificate's private key cannot sign: it is damaged")
        })?;
        Ok(signature)
    }
}

fn unreadable(path: &str, why: &FileError) -> Error {
    match why {
        FileError::TooLarge(size) => CERTIFICATE_INVALID
            .error(format!("the file {path} has {size} bytes, which is too large for a certificate")),
        why => CERTIFICATE_UNREADABLE.error(format!("the certificate file {path} cannot be read: {why}")),
    }
}

/// Whether a certificate contains this RSA public key: its DER includes the DER of the key (RFC 5280 §4.1, RFC 8017
/// §A.1.1).
fn contains(der: &[u8], public: &[u8]) -> bool {
    der.windows(public.len()).any(|window| window == public)
}

#[cfg(test)]
mod tests;
