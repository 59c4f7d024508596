//! What a text may begin with, compared without a branch on its length: that is not predicted where lengths alternate.
#![expect(clippy::inline_always, reason = "the library is compiled for size, and this runs for every value")]

use wide::u8x16;

/// Bytes that are compared at once.
const LENGTH: usize = 2 * PART;
const PART: usize = 16;

/// A text to look for.
pub(super) struct Prefix {
    text: Box<[u8]>,
    /// Its parts, and a bit for each byte of it. No bits if it is longer.
    parts: [u8x16; 2],
    bits: u32,
}

impl Prefix {
    pub(super) fn new(text: Vec<u8>) -> Self {
        let part = |begin: usize| {
            let byte = |index: usize| text.get(begin + index).copied().unwrap_or_default();
            u8x16::new(std::array::from_fn(byte))
        };
        let unused = LENGTH.checked_sub(text.len()).and_then(|unused| u32::try_from(unused).ok());
        let bits = unused.and_then(|unused| u32::MAX.checked_shr(unused)).unwrap_or(0);
        Prefix { parts: [part(0), part(PART)], bits, text: text.into() }
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether this text begins with it.
    #[inline(always)]
    pub(super) fn begins(&self, text: &[u8]) -> bool {
        if let Some(text) = text.first_chunk::<LENGTH>()
            && let ([first, second], _) = text.as_chunks()
            && self.bits != 0
        {
            let [one, two] = self.parts;
            let same = u8x16::new(*first).simd_eq(one).to_bitmask()
                | u8x16::new(*second).simd_eq(two).to_bitmask() << PART;
            return same & self.bits == self.bits;
        }
        text.starts_with(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_begins_with_each_of_its_beginnings_and_with_nothing_else() {
        let text: Vec<u8> = (b'0'..b'0' + 80).collect();
        for length in 0..=40 {
            let prefix = Prefix::new(text[..length].to_vec());
            assert_eq!(prefix.len(), length);
            for cut in [0, 1, 15, 16, 17, 31, 32, 33, 39, 40, 41, 80] {
                assert_eq!(prefix.begins(&text[..cut]), cut >= length, "{length} bytes of {cut}");
            }
            for changed in 0..80 {
                let mut other = text.clone();
                other[changed] ^= 0x80;
                assert_eq!(
                    prefix.begins(&other),
                    changed >= length,
                    "{length} bytes, byte {changed} is another"
                );
            }
        }
    }
}
