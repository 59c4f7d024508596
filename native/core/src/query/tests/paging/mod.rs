//! Lists that change while they are read, against services as wrong as the real ones: rows of one time, links that get
//! lost, pages that are cut. Whatever existed all the time comes, nothing comes twice, and what changed is said.

mod by_position;
mod by_time;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use super::waits::messages;
use super::{End, Fixture, Outcome, drain};
use crate::http::Request;
use crate::testing::{Answer, Numbers};

/// What each row says of itself, before its id and its state.
const STATE: &str = r#""state":""#;

/// A service with a list.
trait Service: Send + 'static {
    fn answer(&mut self, request: &Request) -> Answer;
    /// What happens between two requests.
    fn change(&mut self);
    /// What has existed.
    fn truth(&mut self) -> &mut Truth;
}

/// What has existed while the list was read.
#[derive(Default)]
struct Truth {
    requests: usize,
    /// The states that each row has had.
    states: HashMap<u64, u64>,
    /// Rows that have existed since the first request.
    always: HashSet<u64>,
}

impl Truth {
    /// Counts a request. True if it is not the first one.
    fn request(&mut self) -> bool {
        self.requests += 1;
        assert!(self.requests < 1000, "it does not end");
        self.requests > 1
    }

    /// A row that exists before the first request.
    fn begin(&mut self, id: u64) {
        self.states.insert(id, 1);
        self.always.insert(id);
    }

    /// A row that comes later.
    fn insert(&mut self, id: u64) {
        self.states.insert(id, 1);
    }

    fn delete(&mut self, id: u64) {
        self.always.remove(&id);
    }

    /// The new state of a row.
    fn update(&mut self, id: u64) -> u64 {
        let state = self.states.entry(id).or_default();
        *state += 1;
        *state - 1
    }
}

/// What came of reading a list.
struct Reading<S> {
    outcome: Outcome,
    service: S,
    warnings: Vec<String>,
    requests: usize,
    /// The rows that came: id and state.
    rows: Vec<(u64, u64)>,
}

/// Reads a list to its end.
async fn read<S: Service>(service: S, document: &str) -> Reading<S> {
    let service = Arc::new(Mutex::new(service));
    let answering = Arc::clone(&service);
    let fixture = Fixture::new(move |request, _| {
        let mut service = answering.lock().unwrap();
        if service.truth().request() {
            service.change();
        }
        service.answer(request)
    });
    let query = fixture.query(document);
    let outcome = drain(&query).await;
    let warnings = messages(&query, "warning");
    let requests = fixture.api_requests().len();
    drop((query, fixture));
    let service = Arc::into_inner(service).unwrap().into_inner().unwrap();
    let rows = outcome.rows.iter().map(|row| {
        let json = row["json"].as_str().unwrap();
        let (_, text) = json.split_once(STATE).unwrap();
        let (id, state) = text.split_once('"').unwrap().0.split_once('/').unwrap();
        (id.parse().unwrap(), state.parse().unwrap())
    });
    let rows = rows.collect();
    Reading { outcome, service, warnings, requests, rows }
}

impl<S: Service> Reading<S> {
    /// Whether a warning says that rows may be missing.
    fn says_missing(&self) -> bool {
        self.warnings.iter().any(|text| text.contains("may be missing"))
    }

    /// What each id came with.
    fn by_id(&self) -> HashMap<u64, Vec<u64>> {
        let mut by_id: HashMap<_, Vec<_>> = HashMap::new();
        for (id, state) in &self.rows {
            by_id.entry(*id).or_default().push(*state);
        }
        by_id
    }

    /// Whatever came existed, and no state of a row came twice.
    fn check_rows(&mut self, what: &str) {
        let mut seen = HashSet::new();
        for (id, state) in &self.rows {
            assert!(seen.insert((*id, *state)), "{what}: row {id} came twice in state {state}");
            assert!(
                self.service.truth().states.get(id) > Some(state),
                "{what}: row {id} never had state {state}"
            );
        }
    }

    /// Rows that existed all the time and did not come.
    fn missing(&mut self) -> Vec<u64> {
        let came = self.by_id();
        let mut missing: Vec<_> =
            self.service.truth().always.iter().copied().filter(|id| !came.contains_key(id)).collect();
        missing.sort_unstable();
        missing
    }
}

/// A part of the changes that a world makes between two requests.
fn some(numbers: &mut Numbers, most: u64) -> u64 {
    if numbers.below(3) == 0 { numbers.below(most + 1) } else { 0 }
}

/// A number below `limit` as an index.
fn index(numbers: &mut Numbers, limit: usize) -> usize {
    usize::try_from(numbers.below(limit.max(1) as u64)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_its_service_calls_incomplete_is_a_warning_and_read_to_its_end() {
    let partial = r#"199 - "Microsoft/Office 365 Security/504/10000""#;
    for (status, header, said) in [
        (206, None, true),
        (206, Some(partial), true),
        (200, Some(partial), true),
        (200, Some("299 - \"deprecated\""), false),
        (200, None, false),
    ] {
        for resource in ["alerts", "incidents", "machines"] {
            let fixture = Fixture::new(move |request, _| {
                let headers = header.map(|text: &str| ("warning", text.to_owned())).into_iter().collect();
                let is_first = !request.url.as_str().contains("skiptoken");
                let link = if is_first { r#","@odata.nextLink":"?$skiptoken=a""# } else { "" };
                Answer::Said(status, headers, format!(r#"{{"value":[{{"id":"{is_first}"}}]{link}}}"#))
            });
            let query = fixture.query(&format!(r#"{{"kind":"rows","resource":"{resource}"}}"#));
            let outcome = drain(&query).await;
            assert_eq!(
                (outcome.ids(), outcome.error_ids()),
                (vec!["true", "false"], vec![]),
                "{status} {header:?}"
            );
            let warnings = messages(&query, "warning");
            assert_eq!(warnings.len(), 2 * usize::from(said), "{status} {header:?}: {warnings:?}");
            for text in warnings {
                assert!(text.contains("incomplete") && text.contains("may be missing"), "{text}");
                assert_eq!(text.contains("504"), header.is_some(), "{text}");
            }
        }
    }
}
