//! The present state of a dataset: its last full list, with the changes since. The list is streamed; of the changes,
//! the last one of each row is kept.

use std::collections::HashMap;

use crate::catalog::Dataset;
use crate::dataset::format::{TENANT_COLUMN, file_columns};
use crate::dataset::manifest::PERIOD;
use crate::read::decode::time::{ParsedTime, parse_time};
use crate::read::members::{pick, pick_all, text};

/// What tells rows apart: a machine that moves to another group has the same rows there, with the same ids.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    id: String,
    group: String,
}

impl Key {
    fn of(id: Option<String>, group: Option<String>) -> Option<Self> {
        Some(Key { id: id?, group: group.unwrap_or_default() })
    }
}

/// The last change of a row.
struct Change {
    /// When it was noticed, and its rank: of two changes at one time, a new row goes before one that is gone.
    order: (i64, u8),
    /// The row, as a file of the full list has it. `None` if it is gone, or was handed on.
    row: Option<Box<str>>,
}

/// The changes since a full list.
pub(super) struct Changes {
    names: Vec<&'static str>,
    /// Changes that were noticed before this time are in the full list.
    from: i64,
    last: HashMap<Key, Change>,
}

impl Changes {
    /// `taken`: when the full list was made.
    pub(super) fn since(dataset: &Dataset, taken: i64) -> Self {
        let columns = file_columns(dataset.resource).into_iter().map(|(_, column)| column.name);
        let names = std::iter::once(TENANT_COLUMN).chain(columns).collect();
        Changes { names, from: taken - PERIOD, last: HashMap::new() }
    }

    /// Takes a change, a row of the list of changes.
    pub(super) fn note(&mut self, json: &str) {
        let Some([id, group, status, time]) = pick(json, ["id", "rbacGroupId", "status", "eventTimestamp"])
        else {
            return;
        };
        let Some(key) = Key::of(text(id), text(group)) else { return };
        let time = match text(time).as_deref().map(parse_time) {
            Some(ParsedTime::Ticks(time)) if time < self.from => return,
            Some(ParsedTime::Ticks(time)) => time,
            // It was noticed at some time since the full list.
            _ => i64::MIN,
        };
        let rank = match text(status).unwrap_or_default().to_ascii_lowercase().as_str() {
            "fixed" => 0,
            "updated" => 1,
            _ => 2,
        };
        let order = (time, rank);
        if self.last.get(&key).is_some_and(|known| known.order > order) {
            return;
        }
        let row = (rank > 0).then(|| self.row(json).into_boxed_str());
        self.last.insert(key, Change { order, row });
    }

    /// A change as a row of the full list: without what only changes say.
    fn row(&self, json: &str) -> String {
        let mut row = String::from("{");
        for (name, value) in self.names.iter().zip(pick_all(json, &self.names)) {
            if row.len() > 1 {
                row.push(',');
            }
            row.push('"');
            row.push_str(name);
            row.push_str("\":");
            row.push_str(value.map_or("null", |value| value.get()));
        }
        row.push('}');
        row
    }

    /// What has become of a row of the full list: it is the same, another one, or gone.
    pub(super) fn apply(&mut self, json: &str) -> Became {
        if self.last.is_empty() {
            return Became::Same;
        }
        let key = pick(json, ["id", "rbacGroupId"]).and_then(|[id, group]| Key::of(text(id), text(group)));
        match key.and_then(|key| self.last.get_mut(&key)) {
            None => Became::Same,
            Some(change) => change.row.take().map_or(Became::Gone, Became::Other),
        }
    }

    /// The rows that the full list does not have, in the order of their ids.
    pub(super) fn rest(self) -> impl Iterator<Item = Box<str>> {
        let mut rest: Vec<_> =
            self.last.into_iter().filter_map(|(key, change)| Some((key, change.row?))).collect();
        rest.sort();
        rest.into_iter().map(|(_, row)| row)
    }
}

/// What has become of a row.
pub(super) enum Became {
    Same,
    Other(Box<str>),
    Gone,
}
