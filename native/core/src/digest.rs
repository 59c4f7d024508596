//! Digests: for thumbprints, to distinguish secrets without storing them, and to recognize rows.

use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::LazyLock;

use foldhash::fast::FixedState;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use ring::hmac;
use ring::rand::SystemRandom;
use zeroize::Zeroizing;

/// SHA-1, which Windows and Service Fabric use as thumbprint. It identifies certificates and is not secure.
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

/// Distinguishes secrets within this process. The value has no meaning outside.
pub(crate) fn fingerprint(secret: &str) -> String {
    static KEY: LazyLock<Option<hmac::Key>> =
        LazyLock::new(|| hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).ok());
    match &*KEY {
        Some(key) => hex(hmac::sign(key, &whole_blocks(secret)).as_ref()),
        // Without random numbers, every secret counts as different.
        None => format!("{:016x}", crate::clock::random()),
    }
}

/// The secret with its length, padded to whole blocks. A partial block would be copied into the state of the digest,
/// which is on the stack and not wiped. Whole blocks are read in place.
fn whole_blocks(secret: &str) -> Zeroizing<Vec<u8>> {
    const BLOCK: usize = 64;
    let length = size_of::<usize>() + secret.len();
    let mut blocks = Zeroizing::new(Vec::with_capacity(length.next_multiple_of(BLOCK)));
    blocks.extend_from_slice(&secret.len().to_le_bytes());
    blocks.extend_from_slice(secret.as_bytes());
    blocks.resize(length.next_multiple_of(BLOCK), 0);
    blocks
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

/// The digest of rows after one more. It tells whether rows that come again are the same; it is no protection.
pub(crate) fn with_row(so_far: u64, row: &str) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    hasher.write_u64(so_far);
    hasher.write(row.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_tells_secrets_apart_whatever_their_length() {
        let long = "x".repeat(200);
        let secrets = ["", "a", "a\0", "b", &long[..55], &long[..56], &long[..57], &long];
        for (i, one) in secrets.iter().enumerate() {
            for (j, other) in secrets.iter().enumerate() {
                assert_eq!(fingerprint(one) == fingerprint(other), i == j, "{i} {j}");
            }
            assert_eq!(whole_blocks(one).len() % 64, 0);
        }
    }
}
