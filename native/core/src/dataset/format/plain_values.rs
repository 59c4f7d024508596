//! Values that are in JSON lines what they are in the JSON of the service.
#![expect(clippy::inline_always, reason = "the library is compiled for size, and this runs for every value")]

use std::ops::Range;

use super::encoding::Encoding;
use super::json::JsonLines;
use super::specials::Specials;
use super::time;
use crate::batch::ColumnKind;
use crate::read::decode::time::{ParsedTime, parse_fixed_time, parse_time};

/// Digits of a number with a fraction that its 64 bits keep in every case.
const FLOAT_DIGITS: usize = 15;
/// Digits of a whole number that fits into 64 bits in every case.
const INT_DIGITS: usize = 18;
/// Zeros after the point of a number that is written without an exponent.
const LEADING_ZEROS: usize = 3;

/// A value of a column, as it is written.
pub(super) enum Plain {
    Null,
    /// As it came.
    Same,
    /// As it stands among the values that are not written as they came.
    Rewritten(Range<usize>),
}

/// Reads the values of a row.
#[derive(Default)]
pub(super) struct PlainValues {
    specials: Specials,
    /// Values that are not written as they came.
    pub(super) rewritten: Vec<u8>,
}

impl PlainValues {
    /// Begins another row.
    pub(super) fn clear(&mut self) {
        self.specials.clear();
        self.rewritten.clear();
    }

    /// The value that stands here, and its end. `None` if it is cut, or if anything but a look at its bytes is needed
    /// to write it. What is behind it is not looked at.
    #[inline(always)]
    pub(super) fn value(&mut self, row: &str, at: usize, kind: ColumnKind) -> Option<(Plain, usize)> {
        // Most values are such texts: the loop over them has to be small.
        if matches!(kind, ColumnKind::Text | ColumnKind::Dictionary)
            && let Some((end, Escapes::Same)) = self.text_end(row.as_bytes(), at)
        {
            return Some((Plain::Same, end));
        }
        self.any_value(row, at, kind)
    }

    #[inline(never)]
    fn any_value(&mut self, row: &str, at: usize, kind: ColumnKind) -> Option<(Plain, usize)> {
        let json = row.as_bytes();
        let rest = json.get(at..)?;
        if let [b'n', b'u', b'l', b'l', ..] = rest {
            return Some((Plain::Null, at + 4));
        }
        let begun = self.rewritten.len();
        let end = match kind {
            ColumnKind::Text | ColumnKind::Dictionary => {
                let (end, _) = self.text_end(json, at)?;
                let text: String = serde_json::from_str(row.get(at..end)?).ok()?;
                JsonLines.text(&text, &mut self.rewritten);
                end
            }
            ColumnKind::TextList => {
                let (end, escapes) = self.list_end(json, at)?;
                if escapes == Escapes::Others {
                    let items: Vec<Option<String>> = serde_json::from_str(row.get(at..end)?).ok()?;
                    JsonLines.list(items.iter().map(Option::as_deref), &mut self.rewritten);
                }
                end
            }
            ColumnKind::Bool => match rest {
                [b't', b'r', b'u', b'e', ..] => at + 4,
                [b'f', b'a', b'l', b's', b'e', ..] => at + 5,
                _ => return None,
            },
            ColumnKind::Int => at + int_length(rest)?,
            ColumnKind::Float => at + float(rest, &mut self.rewritten)?,
            ColumnKind::Time => {
                let (end, _) = self.text_end(json, at)?;
                let text = row.get(at + 1..end - 1)?;
                let fixed = parse_fixed_time(text);
                match fixed.unwrap_or_else(|| parse_time(text)) {
                    ParsedTime::Ticks(ticks) => {
                        self.rewritten.push(b'"');
                        match fixed {
                            Some(_) => time::write_fixed(text, &mut self.rewritten),
                            None => time::write(ticks, &mut self.rewritten),
                        }
                        self.rewritten.push(b'"');
                        end
                    }
                    ParsedTime::Never => return Some((Plain::Null, end)),
                    ParsedTime::Unreadable => return None,
                }
            }
            ColumnKind::Variant => return None,
        };
        let rewritten = begun..self.rewritten.len();
        Some((if rewritten.is_empty() { Plain::Same } else { Plain::Rewritten(rewritten) }, end))
    }

    /// The end of the text that begins here.
    #[inline(always)]
    pub(super) fn text_end(&mut self, json: &[u8], at: usize) -> Option<(usize, Escapes)> {
        json.get(at).filter(|byte| **byte == b'"')?;
        let (mut at, mut escapes) = (at + 1, Escapes::Same);
        loop {
            at = self.specials.next(json, at);
            match json.get(at)? {
                b'"' => return Some((at + 1, escapes)),
                b'\\' => match json.get(at + 1)? {
                    b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                    b'u' | b'/' => escapes = Escapes::Others,
                    _ => return None,
                },
                _ => return None,
            }
            at += 2;
        }
    }

    /// The end of the list of texts that begins here, if it has no white space.
    fn list_end(&mut self, json: &[u8], at: usize) -> Option<(usize, Escapes)> {
        json.get(at).filter(|byte| **byte == b'[')?;
        let (mut at, mut escapes) = (at + 1, Escapes::Same);
        if json.get(at)? == &b']' {
            return Some((at + 1, escapes));
        }
        loop {
            if let [b'n', b'u', b'l', b'l', ..] = json.get(at..)? {
                at += 4;
            } else {
                let (end, of_item) = self.text_end(json, at)?;
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
}

/// Where the next byte is that is no white space.
#[inline(always)]
pub(super) fn after_space(json: &[u8], at: usize) -> usize {
    match json.get(at) {
        Some(..=b' ') => after_spaces(json, at),
        _ => at,
    }
}

fn after_spaces(json: &[u8], at: usize) -> usize {
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

fn digits(text: &[u8]) -> &[u8] {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    text.get(..count).unwrap_or_default()
}

/// The digits of a whole number that is not negative.
fn whole(text: &[u8]) -> Option<&[u8]> {
    Some(digits(text)).filter(|digits| matches!(digits, [b'0'] | [b'1'..=b'9', ..]))
}

fn int_length(text: &[u8]) -> Option<usize> {
    let sign = usize::from(text.starts_with(b"-"));
    let digits = whole(text.get(sign..)?)?;
    let is_plain = digits.len() <= INT_DIGITS && (sign == 0 || !matches!(digits, b"0"));
    is_plain.then_some(sign + digits.len())
}

/// A number that is not negative; a whole one gets its fraction.
fn float(text: &[u8], rewritten: &mut Vec<u8>) -> Option<usize> {
    let whole = whole(text)?;
    let Some(fraction) = text.get(whole.len()..)?.strip_prefix(b".").map(digits) else {
        rewritten.extend_from_slice(whole);
        rewritten.extend_from_slice(b".0");
        return (whole.len() <= FLOAT_DIGITS).then_some(whole.len());
    };
    let zeros = fraction.iter().take_while(|digit| **digit == b'0').count();
    let is_plain = matches!(fraction, b"0")
        || zeros <= LEADING_ZEROS && fraction.last().is_some_and(|last| *last != b'0');
    let is_exact = whole.len() + fraction.len() <= FLOAT_DIGITS;
    (is_plain && is_exact).then_some(whole.len() + 1 + fraction.len())
}
