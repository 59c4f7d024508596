//! The same request with a larger `$skip`. A page with fewer rows than the largest one is the last one.
//!
//! A position moves when rows come or go while the list is read. So each page begins with the last row of the one
//! before: if none of its rows has come before, rows have gone, and the one before is requested again. Rows that came
//! before are dropped by their id.

use std::collections::{HashSet, VecDeque};
use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use serde_json::value::RawValue;
use url::Url;

use super::target::{Next, Target};
use crate::read::address;
use crate::read::members::pick_of_sound;

/// How many pages in a row are requested again because rows have gone.
const MAX_BACK: usize = 3;

/// Where a page is in its list, by the number of rows before it.
#[derive(Debug, Default)]
pub(super) struct Position {
    pub(super) skip: u64,
    /// Where the furthest page ended.
    reached: u64,
    /// Hashes of the ids of the page's rows.
    page: Vec<u64>,
    /// Rows of the page that came before, in a page without a gap before it.
    known: u64,
    /// Rows that came after a gap, and were not read again since.
    loose: HashSet<u64, FixedState>,
    /// Whether the page was requested so that its first row came before.
    overlaps: bool,
    /// Rows of the largest page.
    largest: u64,
    /// How often in a row an earlier page was requested.
    back: usize,
    /// Whether a page did not begin where it was expected to.
    moved: bool,
    has_gap: bool,
}

impl Position {
    pub(super) fn at(skip: u64) -> Self {
        Position { skip, reached: skip, ..Position::default() }
    }

    /// Notes a row of the page, and whether it came before.
    pub(super) fn note(&mut self, id: u64, is_known: bool) {
        self.page.push(id);
        if is_known && !self.loose.contains(&id) {
            self.known += 1;
        }
    }

    /// Whether rows may be missing before the page: rows have gone since the one before.
    pub(super) fn is_torn(&self) -> bool {
        self.overlaps && self.known == 0 && self.back < MAX_BACK
    }

    /// Whether a page with so many rows has none beyond those that were read before.
    pub(super) fn is_within(&self, rows: u64) -> bool {
        self.skip + rows <= self.reached
    }

    /// A page has ended.
    fn end(&mut self, rows: u64) {
        self.largest = self.largest.max(rows);
        self.moved |= self.overlaps && self.known != 1 && !self.is_within(rows);
    }

    /// Moves to the next page, or back to the one before.
    pub(super) fn advance(&mut self, rows: u64) {
        self.end(rows);
        let is_torn = self.is_torn();
        let known = std::mem::take(&mut self.known);
        for id in self.page.drain(..) {
            if is_torn {
                self.loose.insert(id);
            } else {
                self.loose.remove(&id);
            }
        }
        self.reached = self.reached.max(self.skip + rows);
        if is_torn {
            self.back += 1;
            self.skip = self.skip.saturating_sub(self.largest.max(2) - 1);
            self.overlaps = self.skip > 0;
        } else {
            self.has_gap = self.overlaps && known == 0;
            self.back = 0;
            self.overlaps = rows > 1;
            self.skip += rows - u64::from(self.overlaps);
        }
    }

    /// The next page is one that a link leads to.
    pub(super) fn pass(&mut self, rows: u64) {
        self.known = 0;
        self.page.clear();
        self.largest = self.largest.max(rows);
        self.skip += rows;
        self.reached = self.reached.max(self.skip);
        self.overlaps = false;
    }
}

/// A list that is read by position.
#[derive(Debug)]
pub(super) struct Skip {
    key: &'static str,
    position: Position,
    /// Hashes of the ids of the last rows, in their order.
    last: VecDeque<u64>,
    /// The same.
    known: HashSet<u64, FixedState>,
    /// Whether rows of this page may have come before.
    may_repeat: bool,
    /// See [`Target::round`].
    round: u32,
}

impl Skip {
    /// `first`: address of the first page.
    pub(super) fn new(key: &'static str, first: &Url) -> Self {
        let skip = address::parameter(first, "$skip").and_then(|text| text.trim().parse().ok());
        let position = Position::at(skip.unwrap_or(0));
        Skip { key, position, last: VecDeque::new(), known: HashSet::default(), may_repeat: false, round: 0 }
    }

    /// Notes a row; false if it came before.
    pub(super) fn is_new(&mut self, json: &str) -> bool {
        let id = id_hash(json, self.key);
        let is_new = self.known.insert(id);
        if is_new {
            self.last.push_back(id);
        }
        self.position.note(id, !is_new);
        is_new || !self.may_repeat
    }

    /// Whether rows have gone before this page.
    pub(super) fn is_torn(&self) -> bool {
        self.position.is_torn()
    }

    /// The page after one with so many rows.
    pub(super) fn next(&mut self, current: &Target, rows: u64, is_last: bool) -> Next {
        if is_last && !self.is_torn() {
            self.position.end(rows);
            return Next::End;
        }
        self.round += u32::from(self.is_torn());
        self.position.advance(rows);
        self.turn(true);
        let url = address::with_parameter(&current.url, "$skip", &self.position.skip.to_string());
        Next::Page(Target { url, body: current.body.clone(), round: self.round })
    }

    /// The next page is one that a link leads to.
    pub(super) fn pass(&mut self, rows: u64) {
        self.position.pass(rows);
        self.turn(false);
    }

    fn turn(&mut self, may_repeat: bool) {
        self.may_repeat = may_repeat;
        let kept = usize::try_from(self.position.largest).unwrap_or(usize::MAX).saturating_mul(MAX_BACK + 2);
        while self.last.len() > kept
            && let Some(oldest) = self.last.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    /// Whether rows may be missing before the page that [`Skip::next`] gave.
    pub(super) fn has_gap(&self) -> bool {
        self.position.has_gap
    }

    /// Whether rows came or went while the list was read.
    pub(super) fn has_moved(&self) -> bool {
        self.position.moved
    }
}

/// A hash of the row's id, or of the whole row if it has none.
fn id_hash(json: &str, key: &str) -> u64 {
    let [id] = pick_of_sound(json, [key]);
    let id = id.map(RawValue::get).filter(|id| *id != "null");
    FixedState::default().hash_one(id.unwrap_or(json))
}
