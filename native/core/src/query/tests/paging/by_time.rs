//! Alerts and incidents of Microsoft Graph, whose lists go on by time.

use std::cmp::Reverse;
use std::fmt::Write as _;

use super::{End, STATE, Service, Truth, index, read, some};
use crate::http::Request;
use crate::testing::{Answer, Numbers, ok, pairs};

/// The service takes no larger `$skip`.
const MAX_SKIP: usize = 500;
/// What the user filters by.
const OWN: &str = "severity eq 'high' or status eq 'new'";

struct Row {
    id: u64,
    /// In 1/300 s.
    time: u64,
    state: u64,
    /// Its place among the rows of one time.
    place: u64,
    is_high: bool,
}

/// What the service says about the next page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Links {
    None,
    /// A token that remembers the last row and the filter.
    Token,
    /// The request with a larger `$skip`.
    Position,
    /// As `Position`, without the filter.
    PositionOnly,
    /// A page number without the filter.
    NumberOnly,
}

struct World {
    numbers: Numbers,
    /// Rows of the largest page.
    top: usize,
    rows: Vec<Row>,
    now: u64,
    newest_first: bool,
    links: Links,
    /// In how many of 4 cases a link is left out after a full page.
    lost: u64,
    has_short_pages: bool,
    /// The most rows that come, go or change between two requests.
    changes: [u64; 3],
    /// Filter and last row of each token.
    tokens: Vec<(Option<String>, (u64, u64))>,
    /// The row that changes before the second request.
    changes_first: Option<u64>,
    /// The most rows that had one time.
    most: usize,
    truth: Truth,
}

/// A time as the service writes it: an SQL datetime, with the zeros at the end cut off.
fn text(time: u64) -> String {
    let (second, fraction) = (time / 300, (time % 300 * 10_000_000 + 150) / 300);
    let mut text = format!("2024-05-01T{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
    if fraction > 0 {
        let _ = write!(text, ".{fraction:07}");
        text.truncate(text.trim_end_matches('0').len());
    }
    text + "Z"
}

/// A time of a filter in ticks.
fn ticks(text: &str) -> u64 {
    let text = text.strip_prefix("2024-05-01T").unwrap().strip_suffix('Z').unwrap();
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds = clock.split(':').fold(0, |sum, part| 60 * sum + part.parse::<u64>().unwrap());
    seconds * 10_000_000 + format!("{fraction:0<7}").parse::<u64>().unwrap()
}

impl World {
    fn draw(seed: u64, top: usize, most_rows: usize) -> Self {
        let mut numbers = Numbers(seed);
        let pick = |numbers: &mut Numbers| {
            [Links::None, Links::None, Links::Token, Links::Position, Links::PositionOnly, Links::NumberOnly]
                [index(numbers, 6)]
        };
        let links = pick(&mut numbers);
        let is_still = numbers.below(3) == 0;
        let mut change = |most: u64| if is_still { 0 } else { numbers.below(most + 1) };
        let changes = [change(5), change(3), change(top as u64 / 4)];
        let mut world = World {
            top,
            rows: Vec::new(),
            now: 1,
            newest_first: numbers.below(3) == 0,
            links,
            lost: numbers.below(5),
            has_short_pages: numbers.below(2) == 0,
            changes,
            tokens: Vec::new(),
            changes_first: None,
            most: 0,
            truth: Truth::default(),
            numbers,
        };
        let count = index(&mut world.numbers, most_rows + 1);
        // How many rows have one time.
        let tie = [1, 2, top as u64 / 2, top as u64 + 100, 600][index(&mut world.numbers, 5)];
        while world.rows.len() < count {
            world.now += 1 + world.numbers.below(5);
            for _ in 0..=world.numbers.below(tie) {
                let id = world.new_row();
                world.truth.begin(id);
            }
        }
        world
    }

    /// A world that stands still, with so many rows of each time.
    fn of(counts: &[u64], top: usize) -> Self {
        let mut world = World::draw(0, top, 0);
        (world.links, world.changes, world.newest_first) = (Links::None, [0; 3], false);
        for count in counts {
            world.now += 1;
            for _ in 0..*count {
                let id = world.new_row();
                world.truth.begin(id);
            }
        }
        world
    }

    fn new_row(&mut self) -> u64 {
        let id = self.truth.states.len() as u64;
        let (place, is_high) = (self.numbers.below(1 << 30), self.numbers.below(2) == 0);
        self.rows.push(Row { id, time: self.now, state: 0, place, is_high });
        id
    }

    /// Whether a row meets the filter of a request.
    fn passes(row: &Row, filter: &str) -> bool {
        let own = format!("({OWN})");
        filter.split(" and ").all(|condition| {
            if condition == own || condition == OWN {
                return row.is_high;
            }
            let words: Vec<_> = condition.split(' ').collect();
            assert_eq!((words.len(), words[0]), (3, "lastUpdateDateTime"), "{filter}");
            let (time, limit) = (ticks(&text(row.time)), ticks(words[2]));
            match words[1] {
                "ge" => time >= limit,
                "gt" => time > limit,
                "le" => time <= limit,
                "lt" => time < limit,
                other => panic!("{other}"),
            }
        })
    }

    fn link(&mut self, request: &Request, filter: Option<&String>, to: usize, last: (u64, u64)) -> String {
        let base = format!("https://graph.microsoft.com{}", request.url.path());
        self.tokens.push((filter.cloned(), last));
        let token = self.tokens.len() - 1;
        let of = |name: &str| crate::read::address::with_parameter(&request.url, name, &to.to_string());
        match self.links {
            Links::None => unreachable!(),
            Links::Token => format!("{base}?$skiptoken={token}"),
            Links::Position => of("$skip").into(),
            Links::PositionOnly => format!("{base}?$top={}&$skip={to}", self.top),
            Links::NumberOnly => format!("{base}?page={token}"),
        }
    }
}

impl Service for World {
    fn change(&mut self) {
        let [inserted, deleted, updated] = self.changes;
        if let Some(id) = self.changes_first.take() {
            self.now += 1;
            let state = self.truth.update(id);
            let row = self.rows.iter_mut().find(|row| row.id == id).unwrap();
            (row.time, row.state) = (self.now, state);
        }
        self.now += self.numbers.below(3);
        for _ in 0..some(&mut self.numbers, inserted) {
            let id = self.new_row();
            self.truth.insert(id);
        }
        for _ in 0..some(&mut self.numbers, deleted).min(self.rows.len() as u64) {
            let at = index(&mut self.numbers, self.rows.len());
            self.truth.delete(self.rows.swap_remove(at).id);
        }
        if self.rows.is_empty() {
            return;
        }
        for _ in 0..some(&mut self.numbers, updated) {
            let at = index(&mut self.numbers, self.rows.len());
            let row = &mut self.rows[at];
            (row.time, row.state) = (self.now, self.truth.update(row.id));
        }
    }

    fn truth(&mut self) -> &mut Truth {
        &mut self.truth
    }

    fn answer(&mut self, request: &Request) -> Answer {
        let query = pairs(request.url.query().unwrap_or_default().as_bytes());
        let number = |name: &str| query.get(name).map(|text| text.parse::<usize>().unwrap());
        let largest = self.top;
        let top = number("$top").unwrap_or(largest);
        assert_eq!(top, largest, "the largest page that the service has");
        let skip = number("$skip").unwrap_or(0);
        if skip > MAX_SKIP {
            return Answer::Status(
                400,
                &[],
                r#"{"error":{"code":"","message":"The limit has been exceeded."}}"#.into(),
            );
        }
        let token = number("$skiptoken").or(number("page")).map(|token| self.tokens[token].clone());
        assert!(token.is_some() || query["$orderby"] == "lastUpdateDateTime asc");
        let (filter, after) = token.unzip();
        let filter = filter.unwrap_or_else(|| query.get("$filter").cloned());
        // A number is no filter.
        let applied = if query.contains_key("page") { None } else { filter.clone() };
        let key = |row: &Row| (row.time, row.place);
        if self.newest_first {
            self.rows.sort_by_key(|row| Reverse(key(row)));
        } else {
            self.rows.sort_by_key(key);
        }
        let is_after = |row: &Row| match after {
            None => true,
            Some(after) if self.newest_first => key(row) < after,
            Some(after) => key(row) > after,
        };
        let rows = self.rows.iter().filter(|row| is_after(row));
        let rows: Vec<_> =
            rows.filter(|row| applied.as_ref().is_none_or(|filter| Self::passes(row, filter))).collect();
        for tie in rows.chunk_by(|a, b| a.time == b.time) {
            self.most = self.most.max(tie.len());
        }
        let mut size = top.min(largest);
        if self.has_short_pages && self.links != Links::None {
            // A page of one row cannot overlap with the one before.
            size = 2 + index(&mut self.numbers, size - 1);
        }
        let to = rows.len().min(skip + size);
        let page = &rows[skip.min(to)..to];
        let mut body = String::from(r#"{"value":["#);
        for (number, row) in page.iter().enumerate() {
            let comma = if number > 0 { "," } else { "" };
            let (id, state, time) = (row.id, row.state, text(row.time));
            let _ =
                write!(body, r#"{comma}{{"id":"{id}",{STATE}{id}/{state}","lastUpdateDateTime":"{time}"}}"#);
        }
        body.push(']');
        let is_full = page.len() == top.min(largest);
        let last = page.last().map(|row| key(row));
        let is_kept = !is_full || self.numbers.below(4) >= self.lost;
        if let Some(last) = last
            && to < rows.len()
            && self.links != Links::None
            && is_kept
        {
            let link = self.link(request, filter.as_ref(), to, last);
            let _ = write!(body, r#","@odata.nextLink":"{link}""#);
        }
        ok(body + "}")
    }
}

async fn check(resource: &str, seed: u64, top: usize, most_rows: usize) {
    let world = World::draw(seed, top, most_rows);
    let (links, is_still, newest_first) = (world.links, world.changes == [0; 3], world.newest_first);
    let is_filtered = seed % 2 == 1;
    let own = if is_filtered { format!(r#","filter":"{OWN}""#) } else { String::new() };
    let document = format!(r#"{{"kind":"rows","resource":"{resource}","raw":true{own}}}"#);
    let mut read = read(world, &document).await;
    let what = format!("{resource} {seed}: {links:?}, still: {is_still}, newest first: {newest_first}");
    if read.outcome.error_ids() == ["Fdx.Protocol.FilterLost"] {
        assert_eq!(links, Links::NumberOnly, "{what}");
    } else {
        assert_eq!((read.outcome.end, read.outcome.error_ids()), (End::Complete, vec![]), "{what}");
        if is_filtered {
            read.service
                .truth
                .always
                .retain(|id| read.service.rows.iter().any(|row| row.id == *id && row.is_high));
        }
        let missing = read.missing();
        // More rows of one time than a page and `$skip` reach.
        let least = if read.service.has_short_pages { 2 } else { top };
        let is_beyond_skip = read.service.most >= MAX_SKIP + least;
        // With tiny pages, rows change faster than those that changed are read.
        let is_too_fast = newest_first && read.service.has_short_pages && !is_still;
        let may_miss = is_beyond_skip || is_too_fast;
        assert!(
            missing.is_empty() || may_miss && read.says_missing(),
            "{what}: {missing:?} {:?}",
            read.warnings
        );
        assert!(may_miss || !read.says_missing(), "{what}: a false alarm: {:?}", read.warnings);
    }
    read.check_rows(&what);
    let again = read.by_id().values().map(|states| states.len() - 1).sum::<usize>();
    let said = format!("{again} of its rows come more than once");
    let is_said = read.warnings.iter().any(|text| text.contains(&said));
    assert_eq!(is_said, again > 0 && read.outcome.errors.is_empty(), "{what}: {again} {:?}", read.warnings);
    assert!(!is_still || again == 0, "{what}");
    if !read.service.has_short_pages {
        let least = read.rows.len() / top;
        // One request more for each group of rows of one time that is larger than a page.
        assert!(
            read.requests <= 3 * least + 40,
            "{what}: {} requests for {} rows",
            read.requests,
            read.rows.len()
        );
    }
}

const INCIDENTS: &str = r#"{"kind":"rows","resource":"incidents","raw":true}"#;

#[tokio::test(start_paused = true)]
async fn rows_of_one_time_are_read_as_far_as_skip_reaches_and_the_rest_is_said_to_be_missing() {
    for (counts, missing) in [([30, 549, 30], 0), ([0, 549, 0], 0), ([30, 551, 30], 1), ([30, 900, 30], 350)]
    {
        let mut read = read(World::of(&counts, 50), INCIDENTS).await;
        assert_eq!((read.outcome.end, read.outcome.error_ids()), (End::Complete, vec![]), "{counts:?}");
        assert_eq!(read.missing().len(), missing, "{counts:?}");
        assert_eq!(
            (read.says_missing(), read.warnings.len()),
            (missing > 0, usize::from(missing > 0)),
            "{counts:?}"
        );
        assert!(read.requests < 40, "{counts:?}: {}", read.requests);
    }
}

#[tokio::test(start_paused = true)]
async fn a_row_that_moves_to_the_front_of_a_list_with_the_newest_first_comes_in_the_end() {
    for links in [Links::None, Links::Token, Links::Position] {
        let mut world = World::of(&[1; 120], 50);
        (world.newest_first, world.links, world.lost) = (true, links, 0);
        world.has_short_pages = false;
        // The oldest one, which the first page does not have.
        world.changes_first = Some(0);
        let mut read = read(world, INCIDENTS).await;
        assert_eq!((read.missing(), read.rows.len(), read.warnings.len()), (vec![], 120, 0), "{links:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_row_that_changes_after_it_came_comes_again_and_that_is_said() {
    for links in [Links::None, Links::Position] {
        let mut world = World::of(&[1; 120], 50);
        (world.links, world.lost, world.has_short_pages) = (links, 0, false);
        world.changes_first = Some(0);
        let mut read = read(world, INCIDENTS).await;
        // No other row slips through the position.
        assert_eq!((read.missing(), read.rows.len()), (vec![], 121), "{links:?}");
        assert_eq!(read.warnings.len(), 1, "{:?}", read.warnings);
        assert!(read.warnings[0].contains("1 of its rows come more than once"), "{:?}", read.warnings);
    }
}

#[tokio::test(start_paused = true)]
async fn incidents_of_any_world_come_once_each() {
    for seed in 0..60 {
        check("incidents", seed, 50, 700).await;
    }
}

#[tokio::test(start_paused = true)]
async fn alerts_of_any_world_come_once_each() {
    for seed in 0..10 {
        check("alerts", seed, 1000, 9_000).await;
    }
}

#[tokio::test(start_paused = true)]
#[ignore = "takes minutes"]
async fn thousands_of_worlds_by_time() {
    for seed in 1_000..4_000 {
        check("incidents", seed, 50, 700).await;
    }
    for seed in 1_000..1_200 {
        check("alerts", seed, 1000, 9_000).await;
    }
}
