//! Times as ISO 8601 in UTC, with as many digits of a second as the value has: the services send up to seven.

use crate::batch::TICKS_PER_SECOND;
use crate::read::decode::time::date;

const SECONDS_PER_DAY: i64 = 86_400;

/// Writes a time in ticks of 100 ns since 0001-01-01.
pub(super) fn write(ticks: i64, out: &mut Vec<u8>) {
    let (seconds, fraction) = (ticks.div_euclid(TICKS_PER_SECOND), ticks.rem_euclid(TICKS_PER_SECOND));
    let (days, second) = (seconds.div_euclid(SECONDS_PER_DAY), seconds.rem_euclid(SECONDS_PER_DAY));
    let (year, month, day) = date(days);
    let mut text = *b"0000-00-00T00:00:00.0000000";
    digits(year, &mut text[..4]);
    digits(month, &mut text[5..7]);
    digits(day, &mut text[8..10]);
    digits(second / 3600, &mut text[11..13]);
    digits(second / 60 % 60, &mut text[14..16]);
    digits(second % 60, &mut text[17..19]);
    digits(fraction, &mut text[20..]);
    let length = match fraction {
        0 => 19,
        _ => text.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1),
    };
    out.extend_from_slice(&text[..length]);
    out.push(b'Z');
}

/// Writes a time from its text, which has the form that [`parse_fixed_time`] reads.
pub(super) fn write_fixed(text: &str, out: &mut Vec<u8>) {
    let ([digits @ .., b'Z'] | digits) = text.as_bytes();
    let Some((seconds, fraction)) = digits.split_first_chunk::<19>() else { return };
    let mut seconds = *seconds;
    seconds[10] = b'T';
    out.extend_from_slice(&seconds);
    if !fraction.is_empty() {
        // A point and seven digits are the ticks of a second.
        let fraction = fraction.get(..8).unwrap_or(fraction);
        let length =
            fraction.iter().rposition(|digit| !matches!(digit, b'0' | b'.')).map_or(0, |last| last + 1);
        out.extend_from_slice(&fraction[..length]);
    }
    out.push(b'Z');
}

/// Writes a number into zeros, from the right.
fn digits(mut number: i64, zeros: &mut [u8]) {
    for digit in zeros.iter_mut().rev() {
        *digit += u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::EPOCH;
    use crate::read::decode::time::{ParsedTime, parse_time};

    #[test]
    fn a_time_is_written_as_the_calendar_says() {
        for day in (-700_000_i64..2_900_000).step_by(97) {
            let stamp = jiff::Timestamp::from_second(day * SECONDS_PER_DAY + day.rem_euclid(86_399));
            let Ok(stamp) = stamp else { continue };
            let mut out = Vec::new();
            write((stamp.as_second() + EPOCH) * TICKS_PER_SECOND, &mut out);
            if stamp.as_second() >= -EPOCH {
                assert_eq!(String::from_utf8(out).unwrap(), stamp.to_string());
            }
        }
    }

    #[test]
    fn a_fraction_has_the_digits_that_the_service_sent() {
        for text in ["2026-11-03T10:13:34.847688Z", "2026-12-31T23:59:59.0000001Z", "2024-02-29T00:00:00Z"] {
            let ParsedTime::Ticks(ticks) = parse_time(text) else { panic!("{text}") };
            let mut out = Vec::new();
            write(ticks, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }
}
