//! Values that are in JSON lines what they are in the JSON of the service.

use super::encoding::Encoding;
use super::json::JsonLines;
use super::time;
use crate::batch::ColumnKind;
use crate::read::decode::time::{ParsedTime, parse_fixed_time, parse_time};

/// Digits of a number with a fraction that its 64 bits keep in every case.
const FLOAT_DIGITS: usize = 15;
/// Digits of a whole number that fits into 64 bits in every case.
const INT_DIGITS: usize = 18;
/// Zeros after the point of a number that is written without an exponent.
const LEADING_ZEROS: usize = 3;
/// Bytes of a text that are tested at a time.
const WORD: usize = size_of::<u64>();

/// A value of a column, as it is written.
pub(super) enum Plain {
    Null,
    /// As it came.
    Same,
    /// As it was added to the text.
    Rewritten,
}

impl Plain {
    /// The value that stands here, and its end. `None` if it is cut, or if anything but a look at its bytes is needed
    /// to write it. What is behind it is not looked at.
    pub(super) fn at(
        row: &str,
        at: usize,
        kind: ColumnKind,
        rewritten: &mut Vec<u8>,
    ) -> Option<(Self, usize)> {
        let json = row.as_bytes();
        let rest = json.get(at..)?;
        if rest.starts_with(b"null") {
            return Some((Plain::Null, at + 4));
        }
        match kind {
            ColumnKind::Text | ColumnKind::Dictionary => {
                let (end, escapes) = text_end(json, at)?;
                if escapes == Escapes::Same {
                    return Some((Plain::Same, end));
                }
                let text: String = serde_json::from_str(row.get(at..end)?).ok()?;
                JsonLines.text(&text, rewritten);
                Some((Plain::Rewritten, end))
            }
            ColumnKind::TextList => {
                let (end, escapes) = list_end(json, at)?;
                if escapes == Escapes::Same {
                    return Some((Plain::Same, end));
                }
                let items: Vec<Option<String>> = serde_json::from_str(row.get(at..end)?).ok()?;
                JsonLines.list(items.iter().map(Option::as_deref), rewritten);
                Some((Plain::Rewritten, end))
            }
            ColumnKind::Bool => {
                let length = [&b"true"[..], b"false"].iter().find(|word| rest.starts_with(word))?.len();
                Some((Plain::Same, at + length))
            }
            ColumnKind::Int => Some((Plain::Same, at + int_length(rest)?)),
            ColumnKind::Float => {
                let (plain, length) = float(rest, rewritten)?;
                Some((plain, at + length))
            }
            ColumnKind::Time => {
                let (end, _) = text_end(json, at)?;
                let text = row.get(at + 1..end - 1)?;
                let fixed = parse_fixed_time(text);
                match fixed.unwrap_or_else(|| parse_time(text)) {
                    ParsedTime::Ticks(ticks) => {
                        rewritten.push(b'"');
                        match fixed {
                            Some(_) => time::write_fixed(text, rewritten),
                            None => time::write(ticks, rewritten),
                        }
                        rewritten.push(b'"');
                        Some((Plain::Rewritten, end))
                    }
                    ParsedTime::Never => Some((Plain::Null, end)),
                    ParsedTime::Unreadable => None,
                }
            }
            ColumnKind::Variant => None,
        }
    }
}

/// Where the next byte is that is no white space.
pub(super) fn after_space(json: &[u8], at: usize) -> usize {
    let is_space = |byte: &&u8| matches!(byte, b' ' | b'\n' | b'\t' | b'\r');
    at + json.get(at..).map_or(0, |rest| rest.iter().take_while(is_space).count())
}

/// How a text is escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escapes {
    /// As JSON lines are.
    Same,
    /// With others: some services escape all but letters of ASCII.
    Others,
}

/// The end of the text that begins here.
pub(super) fn text_end(json: &[u8], at: usize) -> Option<(usize, Escapes)> {
    json.get(at).filter(|byte| **byte == b'"')?;
    let (mut at, mut escapes) = (at + 1, Escapes::Same);
    loop {
        at += plain_length(json.get(at..)?);
        match (json.get(at)?, json.get(at + 1)) {
            (b'"', _) => return Some((at + 1, escapes)),
            (b'\\', Some(b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't')) => {}
            (b'\\', Some(b'u' | b'/')) => escapes = Escapes::Others,
            _ => return None,
        }
        at += 2;
    }
}

/// How many bytes come before the first one that is a quote, a backslash or a control character.
fn plain_length(text: &[u8]) -> usize {
    let mut length = 0;
    let mut rest = text;
    while let Some((word, after)) = rest.split_first_chunk::<WORD>() {
        let found = special(u64::from_le_bytes(*word));
        if found != 0 {
            return length + found.trailing_zeros() as usize / 8;
        }
        length += WORD;
        rest = after;
    }
    let is_plain = |byte: &&u8| !matches!(byte, b'"' | b'\\' | 0..=0x1f);
    length + rest.iter().take_while(is_plain).count()
}

/// A number whose lowest bit that is set is in the byte of the first quote, backslash or control character.
fn special(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGH_BITS: u64 = ONES << 7;
    let below = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word & HIGH_BITS;
    let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    is(b'"') | is(b'\\') | below(word, b' ')
}

/// The end of the list of texts that begins here, if it has no white space.
fn list_end(json: &[u8], at: usize) -> Option<(usize, Escapes)> {
    let mut at = at + json.get(at..)?.starts_with(b"[").then_some(1)?;
    let mut escapes = Escapes::Same;
    if json.get(at)? == &b']' {
        return Some((at + 1, escapes));
    }
    loop {
        if json.get(at..)?.starts_with(b"null") {
            at += 4;
        } else {
            let (end, of_item) = text_end(json, at)?;
            at = end;
            if of_item == Escapes::Others {
                escapes = of_item;
            }
        }
        match json.get(at)? {
            b',' => at += 1,
            b']' => return Some((at + 1, escapes)),
            _ => return None,
        }
    }
}

fn digits(text: &[u8]) -> &[u8] {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    text.get(..count).unwrap_or_default()
}

/// The digits of a whole number that is not negative.
fn whole(text: &[u8]) -> Option<&[u8]> {
    Some(digits(text)).filter(|digits| *digits == b"0" || !digits.is_empty() && !digits.starts_with(b"0"))
}

fn int_length(text: &[u8]) -> Option<usize> {
    let sign = usize::from(text.starts_with(b"-"));
    let digits = whole(text.get(sign..)?)?;
    let is_plain = digits.len() <= INT_DIGITS && (sign == 0 || digits != b"0");
    is_plain.then_some(sign + digits.len())
}

/// A number that is not negative; a whole one gets its fraction.
fn float(text: &[u8], rewritten: &mut Vec<u8>) -> Option<(Plain, usize)> {
    let whole = whole(text)?;
    let Some(fraction) = text.get(whole.len()..)?.strip_prefix(b".").map(digits) else {
        rewritten.extend_from_slice(whole);
        rewritten.extend_from_slice(b".0");
        return (whole.len() <= FLOAT_DIGITS).then_some((Plain::Rewritten, whole.len()));
    };
    let zeros = fraction.iter().take_while(|digit| **digit == b'0').count();
    let is_plain =
        fraction == b"0" || zeros <= LEADING_ZEROS && fraction.last().is_some_and(|last| *last != b'0');
    let is_exact = whole.len() + fraction.len() <= FLOAT_DIGITS;
    (is_plain && is_exact).then_some((Plain::Same, whole.len() + 1 + fraction.len()))
}
