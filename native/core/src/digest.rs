//! Digests, for thumbprints and for telling secrets apart without keeping them.

use std::sync::LazyLock;

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use ring::hmac;
use ring::rand::SystemRandom;

/// SHA-1, which Windows and Service Fabric call a thumbprint. It tells certificates apart; it proves nothing.
pub(crate) fn sha1(bytes: &[u8]) -> [u8; 20] {
    let mut out = [0; 20];
    out.copy_from_slice(digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref());
    out
}

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

/// What tells this secret from others within this process, and means nothing outside of it.
pub(crate) fn fingerprint(secret: &str) -> String {
    static KEY: LazyLock<Option<hmac::Key>> =
        LazyLock::new(|| hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).ok());
    match &*KEY {
        Some(key) => hex(hmac::sign(key, secret.as_bytes()).as_ref()),
        // Without random numbers no two secrets are taken for the same one.
        None => format!("{:016x}", crate::clock::random()),
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
