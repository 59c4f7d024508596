//! The window of time that a query reads: ISO 8601, as the service takes it.
//! <https://learn.microsoft.com/graph/api/security-security-runhuntingquery>

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{Span, Timestamp, ToSpan};

use super::literal::time;
use crate::batch::{EPOCH, TICKS_PER_SECOND};
use crate::errors::{Error, HUNTING_INVALID_TIMESPAN, Result, excerpt};
use crate::read::decode::time::{ParsedTime, parse_time};

/// Days that the service reads unless told otherwise.
const DEFAULT_DAYS: i64 = 30;
/// The smallest part of a window.
const SMALLEST: i64 = 60 * TICKS_PER_SECOND;

/// What was asked for.
#[derive(Clone, Debug)]
pub(super) struct Timespan {
    /// As it was written, without blanks.
    pub(super) text: String,
    bounds: Bounds,
}

#[derive(Clone, Debug)]
enum Bounds {
    Since(i64),
    Between(i64, i64),
    Back(Span),
    Before(Span, i64),
    After(i64, Span),
}

/// A window of time, in ticks; both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) start: i64,
    pub(super) end: i64,
}

impl Timespan {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let bounds = bounds(text).ok_or_else(|| invalid(text, "is no duration, start, or two of them"))?;
        let timespan = Timespan { text: text.to_owned(), bounds };
        // A time for now that makes every duration valid.
        let window = timespan.window(ticks_of(Timestamp::UNIX_EPOCH) + 20_000 * 86_400 * TICKS_PER_SECOND);
        match window {
            Some(window) if window.start < window.end || matches!(timespan.bounds, Bounds::Since(_)) => {
                Ok(timespan)
            }
            _ => Err(invalid(text, "ends before it starts")),
        }
    }

    /// The window at this time.
    fn window(&self, now: i64) -> Option<Window> {
        let (start, end) = match &self.bounds {
            Bounds::Since(start) => (*start, now),
            Bounds::Between(start, end) => (*start, *end),
            Bounds::Back(span) => (moved(now, &span.negate())?, now),
            Bounds::Before(span, end) => (moved(*end, &span.negate())?, *end),
            Bounds::After(start, span) => (*start, moved(*start, span)?),
        };
        Some(Window { start, end })
    }
}

impl Window {
    /// The window of a timespan, or the service's own, at this time in seconds since 1970.
    pub(super) fn of(timespan: Option<&Timespan>, now: i64) -> Result<Self> {
        let now = (now + EPOCH) * TICKS_PER_SECOND;
        let window = match timespan {
            Some(timespan) => timespan.window(now),
            None => moved(now, &(-DEFAULT_DAYS).days()).map(|start| Window { start, end: now }),
        };
        window
            .filter(|window| window.start < window.end)
            .ok_or_else(|| invalid(timespan.map_or("", |timespan| &timespan.text), "has no time in it"))
    }

    /// Two windows that follow each other, or `None` if this one is too small.
    pub(super) fn halves(self) -> Option<[Window; 2]> {
        let length = self.end - self.start;
        if length < 2 * SMALLEST {
            return None;
        }
        // No time in the data is likely to be the last one before a whole second, so it does not matter whether the
        // service takes the end of a window as a part of it.
        let middle = (self.start + length / 2) / TICKS_PER_SECOND * TICKS_PER_SECOND;
        Some([Window { end: middle - 1, ..self }, Window { start: middle, ..self }])
    }

    /// As the service takes it.
    pub(super) fn text(self) -> String {
        let text = |ticks| time(ticks).unwrap_or_default();
        format!("{}/{}", text(self.start), text(self.end))
    }
}

fn invalid(text: &str, why: &str) -> Error {
    HUNTING_INVALID_TIMESPAN.error(format!("the timespan '{}' {why}", excerpt(text, 80)))
}

fn bounds(text: &str) -> Option<Bounds> {
    Some(match text.split_once('/') {
        None if text.starts_with('P') => Bounds::Back(duration(text)?),
        None => Bounds::Since(moment(text)?),
        Some((from, to)) if from.starts_with('P') => Bounds::Before(duration(from)?, moment(to)?),
        Some((from, to)) if to.starts_with('P') => Bounds::After(moment(from)?, duration(to)?),
        Some((from, to)) => Bounds::Between(moment(from)?, moment(to)?),
    })
}

fn duration(text: &str) -> Option<Span> {
    text.parse::<Span>().ok().filter(|span| span.is_positive())
}

/// A date, or a date and a time; without a zone in UTC.
fn moment(text: &str) -> Option<i64> {
    let with_time = || format!("{text}T00:00:00Z");
    let parsed = if text.len() == "2026-11-25".len() { parse_time(&with_time()) } else { parse_time(text) };
    match parsed {
        ParsedTime::Ticks(ticks) => Some(ticks),
        ParsedTime::Never | ParsedTime::Unreadable => None,
    }
}

/// A time, moved by a duration of the calendar.
fn moved(ticks: i64, span: &Span) -> Option<i64> {
    let at = Timestamp::from_second(ticks.div_euclid(TICKS_PER_SECOND) - EPOCH).ok()?;
    let civil: DateTime = Offset::UTC.to_datetime(at).checked_add(*span).ok()?;
    let at = Offset::UTC.to_timestamp(civil).ok()?;
    Some(ticks_of(at) + ticks.rem_euclid(TICKS_PER_SECOND))
}

fn ticks_of(at: Timestamp) -> i64 {
    let whole = (at.as_second() + EPOCH) * TICKS_PER_SECOND;
    whole + i64::from(at.subsec_nanosecond() / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-25T12:00:00Z.
    const NOW: i64 = 1_795_608_000;

    fn window(text: &str) -> String {
        Window::of(Some(&Timespan::parse(text).unwrap()), NOW).unwrap().text()
    }

    #[test]
    fn every_form_of_the_service_is_a_window() {
        for (text, expected) in [
            ("P7D", "2026-11-18T12:00:00.0000000Z/2026-11-25T12:00:00.0000000Z"),
            ("PT90M", "2026-11-25T10:30:00.0000000Z/2026-11-25T12:00:00.0000000Z"),
            ("P1M", "2026-10-25T12:00:00.0000000Z/2026-11-25T12:00:00.0000000Z"),
            ("PT0.5S", "2026-11-25T11:59:59.5000000Z/2026-11-25T12:00:00.0000000Z"),
            (" 2026-11-25 ", "2026-11-25T00:00:00.0000000Z/2026-11-25T12:00:00.0000000Z"),
            (
                "2026-11-01T00:00:00.1234567Z/2026-11-02T01:00:00+01:00",
                "2026-11-01T00:00:00.1234567Z/2026-11-02T00:00:00.0000000Z",
            ),
            ("P1D/2026-11-08", "2026-11-07T00:00:00.0000000Z/2026-11-08T00:00:00.0000000Z"),
            ("2026-11-08/PT1H", "2026-11-08T00:00:00.0000000Z/2026-11-08T01:00:00.0000000Z"),
        ] {
            assert_eq!(window(text), expected, "{text}");
        }
        let default = Window::of(None, NOW).unwrap().text();
        assert_eq!(default, "2026-10-26T12:00:00.0000000Z/2026-11-25T12:00:00.0000000Z");
    }

    #[test]
    fn what_is_no_window_is_refused() {
        for text in
            ["", "7", "7d", "P", "-P1D", "P1D/P1D", "a/b", "2026-11-08/2026-11-01", "2026-13-01", "P1D/x"]
        {
            assert_eq!(Timespan::parse(text).unwrap_err().id, "Fdx.Hunting.InvalidTimespan", "{text}");
        }
        let future = Timespan::parse("2027-01-01").unwrap();
        assert_eq!(Window::of(Some(&future), NOW).unwrap_err().id, "Fdx.Hunting.InvalidTimespan");
    }

    #[test]
    fn the_parts_of_a_window_are_all_of_it_down_to_a_minute() {
        let whole = Window::of(Some(&Timespan::parse("2026-11-01T00:00:00.5Z/P1D").unwrap()), NOW).unwrap();
        let mut parts = vec![whole];
        let mut leaves = Vec::new();
        while let Some(part) = parts.pop() {
            match part.halves() {
                Some([first, second]) => parts.extend([second, first]),
                None => leaves.push(part),
            }
        }
        assert_eq!((leaves[0].start, leaves[leaves.len() - 1].end), (whole.start, whole.end));
        for pair in leaves.windows(2) {
            assert_eq!(pair[0].end + 1, pair[1].start);
            assert_eq!(pair[1].start % TICKS_PER_SECOND, 0);
        }
        assert!(leaves.iter().all(|leaf| leaf.end - leaf.start >= SMALLEST - TICKS_PER_SECOND - 1));
    }
}
