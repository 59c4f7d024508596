//! The forms in which token endpoints state the expiry of a token.

use jiff::fmt::{rfc2822, strtime};
use jiff::{Timestamp, civil::DateTime};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// A number, or a number or date in quotes.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Expiry {
    Number(f64),
    Text(String),
    /// An unknown form, which must not invalidate the rest of the answer.
    Other(IgnoredAny),
}

/// Dates without an offset are UTC. Some hosts write AM or PM after the hours of 24.
const WITH_OFFSET: &[&str] = &[
    "%m/%d/%Y %I:%M:%S %p %:z",
    "%m/%d/%Y %H:%M:%S %p %:z",
    "%m/%d/%Y %H:%M:%S %:z",
    "%Y-%m-%d %H:%M:%S %:z",
];
const WITHOUT_OFFSET: &[&str] = &["%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S %p", "%m/%d/%Y %H:%M:%S"];

/// The end of the year 9999, the last that .NET and Entra know.
const LAST: i64 = 253_402_300_799;
/// Such numbers are milliseconds: as seconds they would be after the year 9999.
const LEAST_MILLISECONDS: i64 = 1_000_000_000_000;

/// A time, unless it is before 1970 or after the year 9999.
pub(crate) fn in_range(seconds: i64) -> Option<i64> {
    (0..=LAST).contains(&seconds).then_some(seconds)
}

impl Expiry {
    /// Seconds of a duration or a time that is a number.
    pub(crate) fn seconds(&self) -> Option<i64> {
        let number = match self {
            Expiry::Number(number) => *number,
            Expiry::Text(text) => text.trim().parse().ok()?,
            Expiry::Other(_) => return None,
        };
        #[expect(clippy::cast_possible_truncation, reason = "checked to be in range")]
        (number.is_finite() && number.abs() < 1e15).then_some(number as i64)
    }

    /// Seconds since 1970 of a time in any known form, if it is one that a token can have.
    pub(crate) fn timestamp(&self) -> Option<i64> {
        if let Some(number) = self.seconds() {
            let seconds = if number >= LEAST_MILLISECONDS { number / 1000 } else { number };
            return in_range(seconds);
        }
        let Expiry::Text(text) = self else { return None };
        in_range(date(text)?)
    }
}

fn date(text: &str) -> Option<i64> {
    // .NET writes a narrow space before AM and PM.
    let text = text.replace(['\u{202f}', '\u{a0}'], " ");
    let text = text.trim();
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp.as_second());
    }
    if let Ok(timestamp) = rfc2822::DateTimeParser::new().parse_timestamp(text) {
        return Some(timestamp.as_second());
    }
    for format in WITH_OFFSET {
        if let Ok(timestamp) = strtime::parse(format, text).and_then(|parsed| parsed.to_timestamp()) {
            return Some(timestamp.as_second());
        }
    }
    let civil = WITHOUT_OFFSET
        .iter()
        .find_map(|format| strtime::parse(format, text).and_then(|parsed| parsed.to_datetime()).ok())
        .or_else(|| text.parse::<DateTime>().ok())?;
    civil.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_that_an_endpoint_is_known_to_use_is_read() {
        for (text, seconds) in [
            ("\"1586984735\"", 1_586_984_735),
            ("1586984735", 1_586_984_735),
            ("1586984735.25", 1_586_984_735),
            ("\"2024-10-18T19:51:37.0000000+00:00\"", 1_729_281_097),
            ("\"2024-10-18T19:51:37Z\"", 1_729_281_097),
            ("\"06/20/2019 02:57:58 +00:00\"", 1_560_999_478),
            ("\"1/16/2020 5:24:12 AM +00:00\"", 1_579_152_252),
            ("\"1/16/2020 5:24:12 PM +00:00\"", 1_579_195_452),
            ("\"2021-07-02 08:00:34Z\"", 1_625_212_834),
            ("\"10/18/2024 19:51:37\"", 1_729_281_097),
            ("\"2024-10-18 19:51:37\"", 1_729_281_097),
            ("\"1/16/2020 5:24:12\u{202f}PM +00:00\"", 1_579_195_452),
            ("\"01/16/2020 17:24:12 PM +00:00\"", 1_579_195_452),
            ("\"Thu, 16 Jan 2020 17:24:12 GMT\"", 1_579_195_452),
            ("1729281097000", 1_729_281_097),
            ("\"1729281097123\"", 1_729_281_097),
            ("253402300799", 253_402_300_799),
        ] {
            let expiry: Expiry = serde_json::from_str(text).unwrap();
            assert_eq!(expiry.timestamp(), Some(seconds), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "true",
            "{}",
            "[1]",
            "\"\"",
            "\"soon\"",
            "\"99/99/2020 1:00:00 AM +00:00\"",
            "1e300",
            "-1",
            "9e14",
        ] {
            let expiry: Expiry = serde_json::from_str(text).unwrap();
            assert_eq!(expiry.timestamp(), None, "{text}");
        }
    }
}
