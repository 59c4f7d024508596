//! Certificates for an app, as its owner makes them.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
use rcgen::{CertificateParams, DnType, KeyPair, PKCS_RSA_SHA256};
use rustls::pki_types::PrivatePkcs8KeyDer;

/// An RSA key for tests only. All certificates share it, because ring makes none.
const KEY: &[u8] = include_bytes!("fake-rsa-key.der");

/// A certificate and its key.
pub(crate) struct AppCertificate {
    /// The certificate.
    pub(crate) der: Vec<u8>,
    /// The certificate in PEM.
    pub(crate) pem: String,
    /// The key in PEM.
    pub(crate) key_pem: String,
    /// Both, with a password.
    pub(crate) pfx: Vec<u8>,
}

impl AppCertificate {
    /// A new certificate, which differs from others by its name.
    pub(crate) fn new(name: &str, password: &str) -> io::Result<Self> {
        let key = PrivatePkcs8KeyDer::from(KEY);
        let key = KeyPair::from_pkcs8_der_and_sign_algo(&key, &PKCS_RSA_SHA256).map_err(io::Error::other)?;
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, format!("fake collector {name}"));
        let certificate = parameters.self_signed(&key).map_err(io::Error::other)?;
        let der = certificate.der().to_vec();
        Ok(AppCertificate {
            pem: pem("CERTIFICATE", &der),
            key_pem: pem("PRIVATE KEY", KEY),
            pfx: pfx(&der, password).map_err(io::Error::other)?,
            der,
        })
    }
}

fn pfx(der: &[u8], password: &str) -> Result<Vec<u8>, p12_keystore::error::Error> {
    let chain = PrivateKeyChain::new("1", PrivateKey::from_der(KEY)?, [Certificate::from_der(der)?]);
    let mut store = KeyStore::new();
    store.add_entry("fake", KeyStoreEntry::PrivateKeyChain(chain));
    store.writer(password).write()
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
