//! How a list goes on where the service gives no link, or one that only counts rows.

use super::skip::Skip;
use super::target::{Next, Target};
use super::time_window::TimeWindow;
use crate::catalog::{Paging, WithoutLink};
use crate::read::plan::Plan;

/// How a list goes on without a link.
#[derive(Debug)]
pub(super) enum Course {
    /// Not known.
    Unknown,
    Skip(Skip),
    Time(Box<TimeWindow>),
}

impl Course {
    pub(super) fn of(plan: &Plan) -> Self {
        match (plan.paging, plan.without_link) {
            (Paging::Single, _) => Course::Unknown,
            (Paging::Skip { .. }, _) | (_, WithoutLink::Skip) => Course::Skip(Skip::new(plan.key, &plan.url)),
            (_, WithoutLink::TimeWindow(field)) => Course::Time(Box::new(TimeWindow::new(field, plan.key))),
            (_, WithoutLink::Unknown) => Course::Unknown,
        }
    }

    /// The members that tell rows apart and say their time, if it is a time window.
    pub(super) fn members(&self) -> Option<[&'static str; 2]> {
        match self {
            Course::Time(window) => Some(window.members()),
            Course::Unknown | Course::Skip(_) => None,
        }
    }

    /// Notes a row, with the texts of [`Course::members`] if they are known; false if it came before.
    pub(super) fn is_new(&mut self, json: &str, told: Option<[&str; 2]>) -> bool {
        match self {
            Course::Unknown => true,
            Course::Skip(skip) => skip.is_new(json),
            Course::Time(window) => window.is_new(json, told),
        }
    }

    /// Whether it leads on from the page without a link.
    pub(super) fn can_go_on(&self) -> bool {
        match self {
            Course::Unknown => false,
            Course::Skip(_) => true,
            Course::Time(window) => window.can_go_on(),
        }
    }

    /// Whether rows have gone before this page, so that others may be missing.
    pub(super) fn is_torn(&self) -> bool {
        match self {
            Course::Unknown => false,
            Course::Skip(skip) => skip.is_torn(),
            Course::Time(window) => window.is_torn(),
        }
    }

    /// The page after one with so many rows.
    pub(super) fn next(&mut self, first: &Target, current: &Target, rows: u64, is_last: bool) -> Next {
        match self {
            Course::Unknown if is_last => Next::End,
            Course::Unknown => Next::Unknown,
            Course::Skip(skip) => skip.next(current, rows, is_last),
            Course::Time(window) => window.next(first, rows, is_last),
        }
    }

    /// The next page is one that a link leads to.
    pub(super) fn pass(&mut self, rows: u64) {
        match self {
            Course::Unknown => {}
            Course::Skip(skip) => skip.pass(rows),
            Course::Time(window) => window.pass(rows),
        }
    }

    /// Whether rows may be missing before the page that [`Course::next`] gave.
    pub(super) fn has_gap(&self) -> bool {
        match self {
            Course::Unknown => false,
            Course::Skip(skip) => skip.has_gap(),
            Course::Time(window) => window.has_gap(),
        }
    }

    /// What the user is to know of changes while the list was read.
    pub(super) fn changes(&self) -> Option<String> {
        match self {
            Course::Skip(skip) if skip.has_moved() => {
                Some("Rows that moved in it may be missing. Read it again to be sure.".to_owned())
            }
            Course::Time(window) if window.changed() > 0 => {
                let rows = window.changed();
                Some(format!("{rows} of its rows come more than once, each time with a new state."))
            }
            _ => None,
        }
    }
}
