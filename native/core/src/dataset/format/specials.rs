//! Where a row has quotes, backslashes and control characters. They are found for many bytes at a time, because texts
//! are short: looking for the end of each alone costs a branch per text that no processor predicts.
#![expect(clippy::inline_always, reason = "the library is compiled for size, and this runs for every value")]

use wide::u8x16;

/// Bytes that a word has a bit for.
const WORD: usize = 64;
/// Bytes that are compared at a time.
const PART: usize = 16;
/// Words that are found at a time.
const WORDS: usize = 8;

/// A bit per byte of a row, set where a quote, a backslash or a control character is, and behind its end.
#[derive(Default)]
pub(super) struct Specials(Vec<u64>);

impl Specials {
    /// Begins another row.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The first one that is not before `at`. `json` is the row, which may be cut; without one, it is behind its end.
    #[inline(always)]
    pub(super) fn next(&mut self, json: &[u8], mut at: usize) -> usize {
        loop {
            let (index, offset) = (at / WORD, at % WORD);
            let (Some(low), Some(high)) = (self.0.get(index), self.0.get(index + 1)) else {
                self.extend(json);
                continue;
            };
            let bits = low >> offset | high << 1 << (WORD - 1 - offset);
            if bits != 0 {
                return at + bits.trailing_zeros() as usize;
            }
            at += WORD;
        }
    }

    #[inline(never)]
    fn extend(&mut self, json: &[u8]) {
        let rest = json.get(self.0.len() * WORD..).unwrap_or_default();
        let (words, rest) = rest.as_chunks::<WORD>();
        self.0.extend(words.iter().take(WORDS).map(bits));
        if words.len() < WORDS {
            let mut word = [0; WORD];
            word[..rest.len()].copy_from_slice(rest);
            // A row that is cut ends in control characters.
            self.0.extend([bits(&word), u64::MAX]);
        }
    }
}

fn bits(word: &[u8; WORD]) -> u64 {
    let (parts, _) = word.as_chunks();
    let [a, b, c, d] = parts else { return 0 };
    part_bits(a) | part_bits(b) << PART | part_bits(c) << (2 * PART) | part_bits(d) << (3 * PART)
}

fn part_bits(part: &[u8; PART]) -> u64 {
    let part = u8x16::new(*part);
    let is_control = part.min(u8x16::splat(0x1f)).simd_eq(part);
    let is_special = part.simd_eq(u8x16::splat(b'"')) | part.simd_eq(u8x16::splat(b'\\')) | is_control;
    u64::from(is_special.to_bitmask())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn none_is_missed_wherever_the_reading_goes_on(
            // Many rows have none for long, and then several.
            parts in prop::collection::vec(("[ -!#-\\[\\]-~é]{0,300}", "[\"\\\\\n\u{1f}]{0,3}"), 0..9),
            steps in prop::collection::vec(0..200_usize, 0..30),
        ) {
            let text: String = parts.into_iter().flat_map(|(plain, specials)| [plain, specials]).collect();
            let json = text.as_bytes();
            let mut specials = Specials::default();
            let mut at = 0;
            for step in steps {
                let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
                let expected = json.iter().skip(at).position(is_special).map(|offset| at + offset);
                let found = specials.next(json, at);
                prop_assert_eq!((found < json.len()).then_some(found), expected, "from {}", at);
                at = (at + step).min(found);
                at += usize::from(at == found && at < json.len());
            }
        }
    }
}
