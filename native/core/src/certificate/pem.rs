//! PEM (RFC 7468).

use ring::signature::RsaKeyPair;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::key::{invalid, rsa_key};
use crate::errors::Result;
use crate::errors::{CERTIFICATE_KEY_MISSING, CERTIFICATE_KEY_UNSUITABLE, CERTIFICATE_PASSWORD_MISSING};

/// Reads the certificates and the private key of a PEM file.
pub(super) fn read(bytes: &[u8]) -> Result<(Vec<Vec<u8>>, RsaKeyPair)> {
    // Editors on Windows add a byte order mark, which would hide the first line.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let certificates = CertificateDer::pem_slice_iter(bytes)
        .map(|der| der.map(|der| der.to_vec()))
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(|e| invalid(&e.to_string()))?;
    if certificates.is_empty() {
        return Err(invalid("it contains no CERTIFICATE"));
    }
    let key = match PrivateKeyDer::from_pem_slice(bytes) {
        Ok(PrivateKeyDer::Pkcs8(key)) => rsa_key(key.secret_pkcs8_der())?,
        Ok(PrivateKeyDer::Pkcs1(key)) => RsaKeyPair::from_der(key.secret_pkcs1_der()).map_err(|e| {
            CERTIFICATE_KEY_UNSUITABLE.error(format!("the certificate's private key cannot be used: {e}"))
        })?,
        Ok(_) => {
            return Err(CERTIFICATE_KEY_UNSUITABLE.error("the certificate's private key is not an RSA key"));
        }
        Err(_) if has(bytes, b"ENCRYPTED") => {
            return Err(CERTIFICATE_PASSWORD_MISSING.error(
                "the private key of the PEM file is encrypted, which only a PFX file supports: convert it \
                 with openssl pkcs12 -export -in x.pem -out x.pfx",
            ));
        }
        Err(_) => {
            return Err(
                CERTIFICATE_KEY_MISSING.error("the PEM file contains a certificate but no private key")
            );
        }
    };
    Ok((certificates, key))
}

fn has(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}
