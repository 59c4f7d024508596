//! The rows from the time of the last one on. The list is sorted by a time that a filter can name, so the next request
//! asks for the rows from there on. Rows with that very time come again and are dropped.
//!
//! More rows of one time than a page has are read with `$skip`, which Microsoft Graph takes up to 500.
//! <https://learn.microsoft.com/graph/api/security-list-alerts_v2>

use std::collections::HashSet;
use std::fmt;
use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use serde::Deserializer;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use url::Url;

use crate::read::address;
use crate::read::decode::time::{ParsedTime, parse_time};

/// Largest `$skip` of the lists that need this.
const MAX_SKIP: u64 = 500;

/// The state of a list that is read by its times.
#[derive(Debug)]
pub(super) struct TimeWindow {
    field: &'static str,
    /// Time of the last row, in ticks and as the service wrote it: cut to other digits it would be another time.
    last: Option<(i64, String)>,
    /// Hashes of the ids of the rows that have this time.
    ids: HashSet<u64>,
    /// Where the window of this page begins.
    begin: Option<String>,
    order: Order,
    skipped: bool,
    has_gap: bool,
}

/// How the times of the rows so far follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// All are the same.
    Open,
    Ascending,
    Descending,
    Mixed,
}

impl Order {
    /// The order with one more row, whose time is later or earlier than the last one.
    fn with(self, is_later: bool) -> Self {
        match (self, is_later) {
            (Order::Open | Order::Ascending, true) => Order::Ascending,
            (Order::Open | Order::Descending, false) => Order::Descending,
            _ => Order::Mixed,
        }
    }
}

impl TimeWindow {
    pub(super) fn new(field: &'static str) -> Self {
        TimeWindow {
            field,
            last: None,
            ids: HashSet::new(),
            begin: None,
            order: Order::Open,
            skipped: false,
            has_gap: false,
        }
    }

    /// Notes a row; false if it came before.
    pub(super) fn is_new(&mut self, json: &str) -> bool {
        let Some((id, time, ticks)) = pick(json, self.field) else {
            self.order = Order::Mixed;
            return true;
        };
        let id = FixedState::default().hash_one(&id);
        match &self.last {
            Some((last, _)) if *last == ticks => return self.ids.insert(id),
            Some((last, _)) => self.order = self.order.with(ticks > *last),
            None => {}
        }
        self.last = Some((ticks, time));
        self.ids.clear();
        self.ids.insert(id)
    }

    /// The next window after a full page, or `None` if the order of the rows does not allow one.
    pub(super) fn next(&mut self, first: &Url, rows: u64) -> Option<Url> {
        self.has_gap = false;
        let (_, time) = self.last.clone()?;
        let (at, after) = match self.order {
            // The request asks for this order.
            Order::Open | Order::Ascending => ("ge", "gt"),
            Order::Descending => ("le", "lt"),
            Order::Mixed => return None,
        };
        let (mut operator, mut skip) = (at, None);
        if self.begin.as_ref() == Some(&time) {
            // A whole page of one time.
            if self.skipped {
                operator = after;
                self.has_gap = true;
            } else {
                skip = Some(MAX_SKIP.min(rows));
            }
        }
        self.skipped = skip.is_some();
        let condition = format!("{} {operator} {time}", self.field);
        self.begin = (operator == at).then_some(time);
        let filter = match address::parameter(first, "$filter") {
            Some(own) => format!("({own}) and {condition}"),
            None => condition,
        };
        let next = address::with_parameter(first, "$filter", &filter);
        Some(match skip {
            Some(skip) => address::with_parameter(&next, "$skip", &skip.to_string()),
            None => next,
        })
    }

    /// Whether a full page of one time came, and nothing has shown since how the list is sorted.
    pub(super) fn is_ambiguous(&self) -> bool {
        self.begin.is_some() && self.order == Order::Open
    }

    /// Whether rows may be missing before the window that [`TimeWindow::next`] gave.
    pub(super) fn has_gap(&self) -> bool {
        self.has_gap
    }
}

/// A row's id and its time, as text and in ticks, if it has both.
fn pick(json: &str, field: &str) -> Option<(String, String, i64)> {
    let (id, time) = serde_json::Deserializer::from_str(json).deserialize_map(Pick { field }).ok()?;
    let time = time?;
    match parse_time(&time) {
        ParsedTime::Ticks(ticks) => Some((id?, time, ticks)),
        ParsedTime::Never | ParsedTime::Unreadable => None,
    }
}

struct Pick<'a> {
    field: &'a str,
}

impl<'de> Visitor<'de> for Pick<'_> {
    type Value = (Option<String>, Option<String>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut id, mut time) = (None, None);
        while let Some(name) = map.next_key::<String>()? {
            if name.eq_ignore_ascii_case("id") {
                id = map.next_value()?;
            } else if name.eq_ignore_ascii_case(self.field) {
                time = map.next_value()?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok((id, time))
    }
}
