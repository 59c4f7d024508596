//! The rows from the time of the last one on. The list is sorted by a time that a filter can name, so the next request
//! asks for the rows from there on. Rows with that very time come again and are dropped.
//!
//! More rows of one time than a page has are read with `$skip`, which Microsoft Graph takes up to 500.
//! <https://learn.microsoft.com/graph/api/security-list-alerts_v2>
//!
//! A row that changes while the list is read gets a later time. In the order that is asked for, it comes again. If the
//! service gives the newest rows first, it would be missed: then the rows since the newest one are read in the end.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use serde_json::value::RawValue;
use url::Url;

use super::skip::Position;
use super::target::{Next, Target};
use crate::read::decode::time::{ParsedTime, parse_time};
use crate::read::{address, members};

/// Largest `$skip` of the lists that need this.
const MAX_SKIP: u64 = 500;
/// How often the rows that changed in the meantime are read. Each time there are fewer.
const MAX_PASSES: usize = 8;

/// The state of a list that is read by its times.
#[derive(Debug)]
pub(super) struct TimeWindow {
    field: &'static str,
    key: &'static str,
    /// The time of each row, by the hash of its id.
    seen: HashMap<u64, i64, FixedState>,
    /// Time of the page's last row, in ticks and as the service wrote it: cut to other digits it would be another time.
    last: Option<(i64, String)>,
    /// Time of the first row of this pass.
    newest: Option<String>,
    /// Where this pass begins.
    floor: Option<String>,
    passes: usize,
    /// See [`Target::round`].
    round: u32,
    /// Rows of this pass that are new.
    fresh: u64,
    /// Pages of this pass.
    pages: usize,
    /// Where the window of this page begins: operator and time.
    begin: Option<(&'static str, String)>,
    /// Where the page is among the rows of the window.
    position: Position,
    order: Order,
    /// Whether this pass goes on to later times.
    is_upward: bool,
    /// Whether rows before those of one time have been looked for.
    is_checked: bool,
    has_gap: bool,
    /// Rows that came again with another time.
    changed: u64,
}

/// How the times of a page's rows follow each other. Rows that came since the page before may be anywhere.
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
    pub(super) fn new(field: &'static str, key: &'static str) -> Self {
        TimeWindow {
            field,
            key,
            seen: HashMap::default(),
            last: None,
            newest: None,
            floor: None,
            passes: 1,
            round: 0,
            fresh: 0,
            pages: 0,
            begin: None,
            position: Position::default(),
            order: Order::Open,
            is_upward: false,
            is_checked: false,
            has_gap: false,
            changed: 0,
        }
    }

    /// The members that tell rows apart and say their time.
    pub(super) fn members(&self) -> [&'static str; 2] {
        [self.key, self.field]
    }

    /// Notes a row, with the texts of [`TimeWindow::members`] if they are known; false if it came before.
    pub(super) fn is_new(&mut self, json: &str, told: Option<[&str; 2]>) -> bool {
        let told = told.and_then(|[id, time]| id_and_time(id, time.into()));
        let Some((id, time, ticks)) = told.or_else(|| pick(json, self.members())) else {
            self.order = Order::Mixed;
            return true;
        };
        match &self.last {
            Some((last, _)) if *last == ticks => {}
            last => {
                if let Some((last, _)) = last {
                    self.order = self.order.with(ticks > *last);
                }
                self.newest.get_or_insert_with(|| time.to_string());
                self.last = Some((ticks, time.into_owned()));
            }
        }
        let before = self.seen.insert(id, ticks);
        let is_known = before == Some(ticks);
        self.position.note(id, is_known);
        self.changed += u64::from(before.is_some() && !is_known);
        self.fresh += u64::from(!is_known);
        !is_known
    }

    /// Whether the rows of the page show where the list goes on.
    pub(super) fn can_go_on(&self) -> bool {
        self.last.is_some() && self.order != Order::Mixed
    }

    /// Whether rows have gone before this page.
    pub(super) fn is_torn(&self) -> bool {
        self.position.is_torn()
    }

    /// The window after a page with so many rows.
    pub(super) fn next(&mut self, first: &Target, rows: u64, is_last: bool) -> Next {
        self.has_gap = false;
        self.pages += 1;
        let is_torn = self.is_torn();
        if is_last && !is_torn {
            return self.end(first);
        }
        if !self.can_go_on() && !is_torn {
            return Next::Unknown;
        }
        let time = self.last.take().map(|(_, time)| time).unwrap_or_default();
        let (at, after) = match self.order {
            Order::Descending => ("le", "lt"),
            // The request asks for this order.
            _ => ("ge", "gt"),
        };
        self.is_upward = at == "ge";
        let (mut operator, begin) = match self.begin.take() {
            // A whole page of one time.
            Some(begin) if is_torn || begin == (at, time.clone()) => {
                let before = self.position.skip;
                self.position.advance(rows);
                self.has_gap = before == MAX_SKIP && self.position.skip > MAX_SKIP;
                self.position.skip = self.position.skip.min(MAX_SKIP);
                begin
            }
            _ => {
                self.position = Position::default();
                (at, time)
            }
        };
        self.round += u32::from(is_torn);
        if self.has_gap {
            self.position = Position::default();
            operator = after;
        }
        let url = self.address(&first.url, &format!("{} {operator} {begin}", self.field));
        self.begin = (!self.has_gap).then_some((operator, begin));
        Next::Page(Target { url, body: first.body.clone(), round: self.round })
    }

    /// The address of the rows that meet the condition.
    fn address(&self, first: &Url, condition: &str) -> Url {
        let floor = self.floor.as_ref().map(|floor| format!("{} ge {floor}", self.field));
        let floor = floor.filter(|floor| floor != condition);
        let own = address::parameter(first, "$filter").map(|own| format!("({own})"));
        let parts: Vec<_> = [own, floor, Some(condition.to_owned())].into_iter().flatten().collect();
        let url = address::with_parameter(first, "$filter", &parts.join(" and "));
        match self.position.skip {
            0 => url,
            skip => address::with_parameter(&url, "$skip", &skip.to_string()),
        }
    }

    /// The end of the list, or the rows that may be beyond it.
    fn end(&mut self, first: &Target) -> Next {
        if self.pages == 1 || self.fresh == 0 {
            return Next::End;
        }
        match (self.order, self.newest.take()) {
            (Order::Open, Some(time)) if !self.is_checked => self.down(first, time),
            (Order::Descending, Some(time)) if self.is_upward => self.down(first, time),
            (Order::Open | Order::Descending, Some(newest)) => {
                if self.passes == MAX_PASSES {
                    return Next::Unknown;
                }
                self.passes += 1;
                (self.order, self.is_checked, self.is_upward) = (Order::Open, false, false);
                (self.pages, self.fresh) = (0, 0);
                self.floor = Some(newest.clone());
                self.turn(first, "ge", newest)
            }
            _ => Next::End,
        }
    }

    /// A page was of one time, so the newest rows may have come first, and others be before them.
    fn down(&mut self, first: &Target, time: String) -> Next {
        (self.is_checked, self.is_upward, self.order) = (true, false, Order::Descending);
        self.turn(first, "le", time)
    }

    /// A window that begins anew.
    fn turn(&mut self, first: &Target, operator: &'static str, time: String) -> Next {
        self.round += 1;
        self.last = None;
        self.position = Position::default();
        let url = self.address(&first.url, &format!("{} {operator} {time}", self.field));
        self.newest = (operator == "le").then(|| time.clone());
        self.begin = Some((operator, time));
        Next::Page(Target { url, body: first.body.clone(), round: self.round })
    }

    /// The next page is one that a link leads to.
    pub(super) fn pass(&mut self, rows: u64) {
        self.pages += 1;
        self.last = None;
        self.position.pass(rows);
    }

    /// Whether rows may be missing before the window that [`TimeWindow::next`] gave.
    pub(super) fn has_gap(&self) -> bool {
        self.has_gap
    }

    /// Number of rows that came again because they changed while the list was read.
    pub(super) fn changed(&self) -> u64 {
        self.changed
    }
}

/// A hash of a row's id, and its time, as text and in ticks, if it has both.
fn pick<'a>(json: &'a str, names: [&str; 2]) -> Option<(u64, Cow<'a, str>, i64)> {
    let [id, time] = members::pick(json, names)?;
    let id = id.filter(|id| id.get() != "null")?;
    id_and_time(&text(id).unwrap_or(Cow::Borrowed(id.get())), text(time?)?)
}

/// As above, for a row of this id and time.
fn id_and_time<'a>(id: &str, time: Cow<'a, str>) -> Option<(u64, Cow<'a, str>, i64)> {
    match parse_time(&time) {
        ParsedTime::Ticks(ticks) => Some((FixedState::default().hash_one(id), time, ticks)),
        ParsedTime::Never | ParsedTime::Unreadable => None,
    }
}

/// The text of a JSON string.
fn text(json: &RawValue) -> Option<Cow<'_, str>> {
    let inner = json.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(json.get()).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}
