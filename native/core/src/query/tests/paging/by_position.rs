//! Lists that go on with `$top` and `$skip`: incidents of Defender XDR, and machines whose links get lost.

use std::fmt::Write as _;

use super::{End, STATE, Service, Truth, index, read, some};
use crate::http::Request;
use crate::testing::{Answer, Numbers, ok, pairs};

struct World {
    numbers: Numbers,
    /// Member with the id.
    key: &'static str,
    /// Rows of a page.
    size: usize,
    /// Id and state, in the order of the list.
    rows: Vec<(u64, u64)>,
    /// Whether a row that is updated becomes the first one.
    moves: bool,
    /// In how many of 4 cases a page has a link.
    linked: u64,
    /// The most rows that come, go or change between two requests.
    changes: [u64; 3],
    /// How many of the first rows go before the second request.
    gone: usize,
    truth: Truth,
}

impl World {
    fn draw(seed: u64, key: &'static str, size: usize, most_rows: usize) -> Self {
        let mut numbers = Numbers(seed);
        let moves = numbers.below(4) == 0;
        let is_still = numbers.below(4) == 0;
        let mut change = |most: u64| if is_still { 0 } else { numbers.below(most + 1) };
        let most = size as u64;
        let changes = [change(most / 3), if moves { 0 } else { change(most / 3) }, change(most / 3)];
        let count = index(&mut numbers, most_rows + 1) as u64;
        let linked = if key == "id" { numbers.below(5) } else { 0 };
        let mut truth = Truth::default();
        (0..count).for_each(|id| truth.begin(id));
        let rows = (0..count).map(|id| (id, 0)).collect();
        World { numbers, key, size, rows, moves, linked, changes, gone: 0, truth }
    }
}

impl Service for World {
    fn change(&mut self) {
        for (id, _) in self.rows.drain(..std::mem::take(&mut self.gone)) {
            self.truth.delete(id);
        }
        let [inserted, deleted, updated] = self.changes;
        for _ in 0..some(&mut self.numbers, inserted) {
            let id = self.truth.states.len() as u64;
            let at = if self.moves { 0 } else { index(&mut self.numbers, self.rows.len() + 1) };
            self.rows.insert(at, (id, 0));
            self.truth.insert(id);
        }
        for _ in 0..some(&mut self.numbers, deleted).min(self.rows.len() as u64) {
            let at = index(&mut self.numbers, self.rows.len());
            self.truth.delete(self.rows.remove(at).0);
        }
        if self.rows.is_empty() {
            return;
        }
        for _ in 0..some(&mut self.numbers, updated) {
            let at = index(&mut self.numbers, self.rows.len());
            self.rows[at].1 = self.truth.update(self.rows[at].0);
            if self.moves {
                self.rows[..=at].rotate_right(1);
            }
        }
    }

    fn truth(&mut self) -> &mut Truth {
        &mut self.truth
    }

    fn answer(&mut self, request: &Request) -> Answer {
        let query = pairs(request.url.query().unwrap_or_default().as_bytes());
        let number = |name: &str| query.get(name).map(|text| text.parse::<usize>().unwrap());
        let (top, skip) = (number("$top").unwrap_or(self.size), number("$skip").unwrap_or(0));
        assert!(top <= self.size);
        let is_linked = self.numbers.below(4) < self.linked;
        // Only a page with a link is short. One of one row could not overlap with the one before.
        let top = if is_linked { 2 + index(&mut self.numbers, top - 1) } else { top };
        let to = self.rows.len().min(skip + top);
        let page = &self.rows[skip.min(to)..to];
        let mut body = String::from(r#"{"value":["#);
        for (number, (id, state)) in page.iter().enumerate() {
            let comma = if number > 0 { "," } else { "" };
            let key = self.key;
            let _ = write!(body, r#"{comma}{{"{key}":"{id}",{STATE}{id}/{state}"}}"#);
        }
        body.push(']');
        if is_linked && to < self.rows.len() {
            let link = format!("https://api.security.microsoft.com{}?$skip={to}", request.url.path());
            let _ = write!(body, r#","@odata.nextLink":"{link}""#);
        }
        ok(body + "}")
    }
}

async fn check(resource: &str, seed: u64, key: &'static str, size: usize, most_rows: usize) {
    let world = World::draw(seed, key, size, most_rows);
    let (moves, is_still) = (world.moves, world.changes == [0; 3]);
    let document = format!(r#"{{"kind":"rows","resource":"{resource}","raw":true}}"#);
    let mut read = read(world, &document).await;
    let what = format!("{resource} {seed}: still: {is_still}, moves: {moves}");
    assert_eq!((read.outcome.end, read.outcome.error_ids()), (End::Complete, vec![]), "{what}");
    read.check_rows(&what);
    let missing = read.missing();
    // Rows that move to the front of those that were read cannot be found again by their position.
    assert!(missing.is_empty() || moves && read.says_missing(), "{what}: {missing:?} {:?}", read.warnings);
    assert!(!is_still || read.warnings.is_empty(), "{what}: a false alarm: {:?}", read.warnings);
    let came_twice = read.by_id().values().any(|states| states.len() > 1);
    assert!(!came_twice, "{what}: rows come once each");
}

#[tokio::test(start_paused = true)]
async fn rows_that_go_while_the_list_is_read_take_no_others_with_them() {
    for gone in [0, 1, 40, 150] {
        let mut world = World::draw(0, "incidentId", 100, 0);
        (world.changes, world.moves, world.gone) = ([0; 3], false, gone);
        (0..350).for_each(|id| world.truth.begin(id));
        world.rows = (0..350).map(|id| (id, 0)).collect();
        let mut read = read(world, r#"{"kind":"rows","resource":"xdrIncidents","raw":true}"#).await;
        assert_eq!((read.missing(), read.outcome.error_ids()), (vec![], vec![]), "{gone}");
        let text = "/api/incidents changed while it was read";
        assert_eq!(
            read.warnings.iter().filter(|said| said.contains(text)).count(),
            usize::from(gone > 0),
            "{gone}"
        );
        read.check_rows("rows that go");
    }
}

#[tokio::test(start_paused = true)]
async fn incidents_of_defender_xdr_come_once_each() {
    for seed in 0..200 {
        check("xdrIncidents", seed, "incidentId", 100, 900).await;
    }
}

#[tokio::test(start_paused = true)]
async fn machines_come_once_each() {
    for seed in 0..4 {
        check("machines", seed, "id", 10_000, 40_000).await;
    }
}

#[tokio::test(start_paused = true)]
#[ignore = "takes minutes"]
async fn thousands_of_worlds_by_position() {
    for seed in 1_000..6_000 {
        check("xdrIncidents", seed, "incidentId", 100, 900).await;
    }
    for seed in 1_000..1_040 {
        check("machines", seed, "id", 10_000, 40_000).await;
    }
}
