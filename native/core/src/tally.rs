//! What became of each tenant of a query. The producer counts here, and the summary per tenant reads it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::batch::{BatchBuilder, ColumnBuilder};
use crate::errors::Error;

/// The counters of one tenant.
pub(crate) struct Tally {
    /// The tenant as the request names it; empty for the identity's own.
    requested: String,
    /// What people call it, if the request says so.
    name: Option<String>,
    rows: AtomicU64,
    pages: AtomicU64,
    requests: AtomicU64,
    retries: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Id and name that the rows have.
    label: Option<(String, Option<String>)>,
    /// All waits; those at the same time count once.
    waited: Duration,
    /// When the last wait ends.
    waits_until: Duration,
    begun: Option<Duration>,
    ended: Option<Duration>,
    /// Why not all of the tenant was read, although nothing failed.
    left_out: Option<LeftOut>,
    errors: u64,
    first_error: Option<Error>,
}

/// Why a tenant was not read, or not to its end, although nothing failed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeftOut {
    /// The query reads it under another name.
    Repeated,
    /// The query has as many rows as it wanted.
    Satisfied,
}

/// How it ended.
enum Outcome {
    Succeeded,
    Failed,
    Partial(&'static str),
    Skipped(&'static str),
}

impl Tally {
    pub(crate) fn new(requested: &str, name: Option<&str>) -> Self {
        Tally {
            requested: requested.to_owned(),
            name: name.map(str::to_owned),
            rows: AtomicU64::new(0),
            pages: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            state: Mutex::default(),
        }
    }

    /// What people call the tenant, if the request says so.
    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// A message for people, with the name of the tenant beside its id.
    pub(crate) fn named(&self, text: String) -> String {
        match self.name() {
            Some(name) if !self.requested.is_empty() => {
                let id = &self.requested;
                text.replace(&format!("enant {id}"), &format!("enant {name} ({id})"))
            }
            _ => text,
        }
    }

    pub(crate) fn begin(&self, now: Duration) {
        self.lock().begun = Some(now);
    }

    pub(crate) fn end(&self, now: Duration) {
        self.lock().ended = Some(now);
    }

    /// Id and name that the rows have.
    pub(crate) fn label(&self, id: &str, name: Option<&str>) {
        self.lock().label = Some((id.to_owned(), name.map(str::to_owned)));
    }

    pub(crate) fn rows(&self, rows: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }

    pub(crate) fn page(&self) {
        // A tenant that the query reads already ends like a page, but nothing was requested.
        if self.lock().left_out != Some(LeftOut::Repeated) {
            self.pages.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn wait(&self, now: Duration, end: Duration) {
        let mut state = self.lock();
        let begun = state.waits_until.max(now);
        state.waited += end.saturating_sub(begun);
        state.waits_until = state.waits_until.max(end);
    }

    pub(crate) fn left_out(&self, why: LeftOut) {
        self.lock().left_out.get_or_insert(why);
    }

    /// Notes an error: of the tenant, or of one of its rows or items.
    pub(crate) fn failed(&self, error: &Error) {
        let mut state = self.lock();
        state.errors += 1;
        if state.first_error.is_none() {
            state.first_error = Some(error.clone());
        }
    }

    /// Writes the tenant's row of the summary.
    pub(crate) fn write(&self, resource: &str, now: Duration, builder: &mut BatchBuilder) {
        let state = self.lock();
        let rows = self.rows.load(Ordering::Relaxed);
        let outcome = outcome(&state, rows);
        let (id, name) = match &state.label {
            Some((id, name)) => (id.as_str(), name.as_deref()),
            None => (self.requested.as_str(), self.name()),
        };
        let error = state.first_error.as_ref();
        let message = match outcome {
            Outcome::Partial(why) | Outcome::Skipped(why) if error.is_none() => Some(why.to_owned()),
            _ => error.map(ToString::to_string),
        };
        let duration = state.begun.map(|begun| state.ended.unwrap_or(now).saturating_sub(begun));
        // What is left of a wait was not waited.
        let waited =
            state.waited.saturating_sub(state.waits_until.saturating_sub(state.ended.unwrap_or(now)));
        let c = builder.columns();
        text(&mut c[0], Some(id).filter(|id| !id.is_empty()));
        text(&mut c[1], name);
        c[2].text(resource);
        c[3].text(outcome.name());
        int(&mut c[4], rows);
        int(&mut c[5], self.pages.load(Ordering::Relaxed));
        int(&mut c[6], self.requests.load(Ordering::Relaxed));
        int(&mut c[7], self.retries.load(Ordering::Relaxed));
        int(&mut c[8], milliseconds(waited));
        int(&mut c[9], milliseconds(duration.unwrap_or_default()));
        int(&mut c[10], state.errors);
        text(&mut c[11], error.map(|error| error.id));
        text(&mut c[12], message.as_deref());
        text(&mut c[13], error.map(|error| error.advice.as_str()));
        builder.end_row();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outcome {
    fn name(&self) -> &'static str {
        match self {
            Outcome::Succeeded => "Succeeded",
            Outcome::Failed => "Failed",
            Outcome::Partial(_) => "Partial",
            Outcome::Skipped(_) => "Skipped",
        }
    }
}

fn outcome(state: &State, rows: u64) -> Outcome {
    const ENOUGH: &str = "the command had as many rows as it wanted before this tenant was read to its end";
    match state.left_out {
        _ if state.errors > 0 && rows == 0 => Outcome::Failed,
        _ if state.errors > 0 => Outcome::Partial("some of the rows could not be read"),
        Some(LeftOut::Repeated) => Outcome::Skipped("the command reads this tenant under another name"),
        _ if state.begun.is_none() => Outcome::Skipped("the command ended before this tenant was read"),
        _ if state.ended.is_none() => {
            Outcome::Partial("the command ended before this tenant was read to its end")
        }
        Some(LeftOut::Satisfied) if rows == 0 => Outcome::Skipped(ENOUGH),
        Some(LeftOut::Satisfied) => Outcome::Partial(ENOUGH),
        None => Outcome::Succeeded,
    }
}

fn text(column: &mut ColumnBuilder, text: Option<&str>) {
    match text {
        Some(text) => column.text(text),
        None => column.null(),
    }
}

fn int(column: &mut ColumnBuilder, number: u64) {
    column.int(i64::try_from(number).unwrap_or(i64::MAX));
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
