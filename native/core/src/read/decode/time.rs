//! Dates, as the services write them and as a batch has them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::batch::{EPOCH, TICKS_PER_SECOND};

const DAY: i64 = 86_400;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParsedTime {
    /// 100 ns since 0001-01-01 UTC.
    Ticks(i64),
    /// The services write the year 1.
    Never,
    Unreadable,
}

/// Reads a date in any form that the services use: RFC 3339 with up to seven digits, or a blank instead of `T` and no
/// zone, which means UTC.
pub(crate) fn parse_time(text: &str) -> ParsedTime {
    ticks(text).map_or(ParsedTime::Unreadable, ParsedTime::from_ticks)
}

/// As [`parse_time`], for a date in the form that most services use: `YYYY-MM-DDTHH:MM:SS` or with a blank, then a
/// fraction and `Z`, if anything. `None` for any other form.
pub(crate) fn parse_fixed_time(text: &str) -> Option<ParsedTime> {
    parse_fixed(text.as_bytes()).map(ParsedTime::from_ticks)
}

impl ParsedTime {
    fn from_ticks(ticks: i64) -> Self {
        if ticks < 366 * DAY * TICKS_PER_SECOND { ParsedTime::Never } else { ParsedTime::Ticks(ticks) }
    }
}

/// The time in ticks since the year 1, also in that year.
pub(crate) fn ticks(text: &str) -> Option<i64> {
    parse_fixed(text.as_bytes()).or_else(|| parse_any(text))
}

/// `YYYY-MM-DDTHH:MM:SS`, or with a blank; then up to nine digits of a second, if any; then `Z`, if anything.
fn parse_fixed(text: &[u8]) -> Option<i64> {
    let (head, mut rest) = text.split_first_chunk::<19>()?;
    if !matches!((head[4], head[7], head[10], head[13], head[16]), (b'-', b'-', b'T' | b' ', b':', b':')) {
        return None;
    }
    let [century, year, month, day] = [pair(head, 0)?, pair(head, 2)?, pair(head, 5)?, pair(head, 8)?];
    let [hour, minute, second] = [pair(head, 11)?, pair(head, 14)?, pair(head, 17)?];
    let year = century * 100 + year;
    if year < 1 || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut fraction = 0;
    if let [b'.', digits @ ..] = rest {
        let count = digits.iter().take_while(|digit| digit.is_ascii_digit()).count();
        if !(1..=9).contains(&count) {
            return None;
        }
        let (digits, zone) = digits.split_at(count);
        // Ticks have seven digits.
        fraction =
            digits.iter().chain(b"000000").take(7).fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        rest = zone;
    }
    if !matches!(rest, b"" | b"Z") {
        return None;
    }
    let seconds = days(year, month, day)? * DAY + hour * 3600 + minute * 60 + second;
    Some(seconds * TICKS_PER_SECOND + fraction)
}

/// The number of the two digits that stand here.
fn pair(text: &[u8; 19], at: usize) -> Option<i64> {
    let (tens, ones) = (text[at].wrapping_sub(b'0'), text[at + 1].wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| i64::from(tens * 10 + ones))
}

/// Days since 0001-01-01.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    const BEFORE: [i64; 13] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let month = usize::try_from(month).ok().filter(|month| (1..=12).contains(month))?;
    let leap_day = i64::from(is_leap && month == 2);
    if day < 1 || day > BEFORE[month] - BEFORE[month - 1] + leap_day {
        return None;
    }
    let before = year - 1;
    let of_years = before * 365 + before / 4 - before / 100 + before / 400;
    Some(of_years + BEFORE[month - 1] + i64::from(is_leap && month > 2) + day - 1)
}

/// Year, month and day of a number of days since 0001-01-01: years are counted from March, so that the leap day is the
/// last one.
pub(crate) fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 306;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

/// Any other form of RFC 3339, and of ISO 8601 without a zone.
fn parse_any(text: &str) -> Option<i64> {
    let utc = || text.parse::<DateTime>().and_then(|civil| Offset::UTC.to_timestamp(civil));
    let timestamp = text.parse::<Timestamp>().or_else(|_| utc()).ok()?;
    let ticks = timestamp.as_nanosecond().div_euclid(100) + i128::from(EPOCH * TICKS_PER_SECOND);
    i64::try_from(ticks).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_date_form_of_the_services_is_read() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", EPOCH * TICKS_PER_SECOND),
            ("2021-01-26T20:33:57.7220239Z", 637_472_900_377_220_239),
            ("2020-12-30 14:17:26", 637_449_346_460_000_000),
            ("2020-12-30T14:17:26", 637_449_346_460_000_000),
            ("2020-11-03 10:13:34.8476880", 637_399_952_148_476_880),
            ("2021-01-26T21:33:57.7220239+01:00", 637_472_900_377_220_239),
            // .NET's largest date.
            ("9999-12-31T23:59:59.9999999Z", 3_155_378_975_999_999_999),
        ] {
            assert_eq!(parse_time(text), ParsedTime::Ticks(expected), "{text}");
        }
        assert_eq!(parse_time("0001-01-01T00:00:00Z"), ParsedTime::Never);
        assert_eq!(parse_time("0001-01-01 00:00:00"), ParsedTime::Never);
        for text in ["yesterday", "", "2021-02-29T00:00:00Z", "2021-01-01T24:00:00Z", "2021-01-26T20:33:57.Z"]
        {
            assert_eq!(parse_time(text), ParsedTime::Unreadable, "{text}");
        }
    }

    proptest! {
        /// The quick way and the library agree wherever both read a date; and both refuse what is not a date.
        #[test]
        fn fixed_forms_mean_what_the_library_says(
            year in 0_u32..=9999, month in 0_u32..=13, day in 0_u32..=32,
            hour in 0_u32..=25, minute in 0_u32..=60, second in 0_u32..=60,
            fraction in prop::option::of("[0-9]{1,10}"), separator in "[T t_]", zone in "(Z|z||\\+00:00|x)",
        ) {
            let fraction = fraction.map(|digits| format!(".{digits}")).unwrap_or_default();
            let text = format!(
                "{year:04}-{month:02}-{day:02}{separator}{hour:02}:{minute:02}:{second:02}{fraction}{zone}"
            );
            let (quick, library) = (parse_fixed(text.as_bytes()), parse_any(&text));
            let beyond_the_library = text.as_str() > "9999-12-30";
            if quick.is_some() && !beyond_the_library {
                prop_assert_eq!(quick, library, "{}", text);
            }
            let is_quick_form = matches!(separator.as_str(), "T" | " ")
                && matches!(zone.as_str(), "Z" | "")
                && fraction.len() <= 10
                && year > 0
                && second < 60;
            if is_quick_form && library.is_some() {
                prop_assert!(quick.is_some(), "{} is read by the library only", text);
            }
        }
    }
}
