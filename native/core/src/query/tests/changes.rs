//! Full lists and the changes since, in a world that changes: what is read back is what the service has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Fixture;
use crate::http::Request;
use crate::testing::{Answer, Numbers, START, TENANT, TestFolder, ok, status};

const LIST: &str = "/api/machines/SoftwareVulnerabilitiesByMachine";
const CHANGES: &str = "/api/machines/SoftwareVulnerabilityChangesByMachine";
const PERIOD: i64 = 6 * 3600;
const DAYS: i64 = 24 * 3600;

/// What tells rows apart: id and group.
type Rows = BTreeMap<(String, i64), Value>;

/// A service whose rows change. A snapshot is made every six hours, and then the changes that it shows.
struct World {
    numbers: Numbers,
    now: i64,
    rows: Rows,
    /// The rows of the newest snapshot, and when that was made.
    snapshot: (i64, Rows),
    /// Changes with their times; those of the last period may not be told yet.
    changes: Vec<(i64, Value)>,
    told: usize,
    created: u64,
    /// Requests that are answered before the service goes down.
    answers: Option<u64>,
    violations: Vec<String>,
}

fn text(time: i64) -> String {
    jiff::Timestamp::from_second(time).unwrap().to_string()
}

impl World {
    fn new(seed: u64) -> Self {
        let now = i64::try_from(START).unwrap() / PERIOD * PERIOD + 60;
        let mut world = World {
            numbers: Numbers(seed),
            now,
            rows: Rows::new(),
            snapshot: (now, Rows::new()),
            changes: Vec::new(),
            told: 0,
            created: 0,
            answers: None,
            violations: Vec::new(),
        };
        for _ in 0..30 {
            world.create();
        }
        world.snapshot.1 = world.rows.clone();
        world
    }

    fn create(&mut self) {
        let (id, group) = (format!("row-{:04} ä\"", self.created), self.group());
        self.created += 1;
        let row = json!({
            "id": id, "deviceId": "d1", "rbacGroupId": group, "cveId": null, "softwareName": "a, b",
            "cvssScore": 5.5, "diskPaths": ["C:\\a", "C:\\b"], "securityUpdateAvailable": true,
            "firstSeenTimestamp": "2026-11-03 10:13:34.8476880", "newMember": {"a": [1, null]},
            "isOnboarded": true,
        });
        self.rows.insert((id, group), row);
    }

    fn group(&mut self) -> i64 {
        i64::try_from(self.numbers.below(3)).unwrap()
    }

    /// Six hours later: rows are new, gone, changed or in another group, and a snapshot is made.
    fn pass(&mut self) {
        for _ in 0..self.numbers.below(9) {
            let index = usize::try_from(self.numbers.below(self.rows.len() as u64 + 1)).unwrap();
            let key = self.rows.keys().nth(index).cloned();
            let gone = |world: &mut Self| key.as_ref().and_then(|key| world.rows.remove(key));
            match self.numbers.below(4) {
                0 => self.create(),
                1 => drop(gone(self)),
                2 => {
                    let score = u32::try_from(self.numbers.below(100)).unwrap();
                    if let Some(row) = key.as_ref().and_then(|key| self.rows.get_mut(key)) {
                        row["cvssScore"] = json!(f64::from(score) / 10.0);
                    }
                }
                _ => {
                    if let Some(mut row) = gone(self) {
                        let group = self.group();
                        row["rbacGroupId"] = group.into();
                        self.rows.insert((row["id"].as_str().unwrap().to_owned(), group), row);
                    }
                }
            }
        }
        self.told = self.changes.len();
        let (last, before) = std::mem::replace(&mut self.snapshot, (self.now + PERIOD, self.rows.clone()));
        let keys: BTreeSet<_> = before.keys().chain(self.rows.keys()).cloned().collect();
        for key in keys {
            let (status, row) = match (before.get(&key), self.rows.get(&key)) {
                (None, Some(row)) => ("New", row),
                (Some(row), None) => ("Fixed", row),
                (Some(row), Some(now)) if row != now => ("Updated", now),
                _ => continue,
            };
            let mut row = row.clone();
            let time = last + 1 + i64::try_from(self.numbers.below(PERIOD as u64 - 1)).unwrap();
            let written = text(time);
            row["status"] = status.into();
            // The documentation has both forms.
            row["eventTimestamp"] = match self.numbers.below(2) {
                0 => written.into(),
                _ => format!("{}.0000000", written.replace('T', " ").trim_end_matches('Z')).into(),
            };
            self.changes.push((time, row));
        }
        // Mostly they are told at once.
        if self.numbers.below(4) > 0 {
            self.told = self.changes.len();
        }
        self.now += PERIOD;
    }

    fn is_all_told(&self) -> bool {
        self.told == self.changes.len()
    }

    fn answer(&mut self, request: &Request) -> Answer {
        if let Some(left) = &mut self.answers {
            if *left == 0 {
                return status(503);
            }
            *left -= 1;
        }
        let query: BTreeMap<String, String> = request.url.query_pairs().into_owned().collect();
        let token = query.get("$skiptoken").map(|token| {
            let token: Value = serde_json::from_slice(&STANDARD.decode(token).unwrap()).unwrap();
            (token["ExportDefinition"]["TimePath"].clone(), token["LineStoppedAt"].as_u64().unwrap())
        });
        let made = jiff::Timestamp::from_second(self.snapshot.0).unwrap();
        let path = made.strftime("%Y-%m-%d/%H%M/").to_string();
        if token.as_ref().is_some_and(|(of, _)| *of != path) {
            return status(404);
        }
        let is_changes = request.url.path() == CHANGES;
        let rows: Vec<Value> = if is_changes {
            let since = query.get("sinceTime").and_then(|since| since.parse::<jiff::Timestamp>().ok());
            let Some(since) = since.map(jiff::Timestamp::as_second) else {
                self.violations.push(format!("no time in {}", request.url));
                return status(400);
            };
            if self.now - since > 14 * DAYS {
                self.violations.push(format!("{} is too old", text(since)));
                return status(400);
            }
            let from = since / PERIOD * PERIOD;
            let told = self.changes[..self.told].iter();
            told.filter(|(time, _)| *time >= from).map(|(_, row)| row.clone()).collect()
        } else {
            assert_eq!(request.url.path(), LIST);
            self.snapshot.1.values().cloned().collect()
        };
        let from = usize::try_from(token.map_or(0, |(_, from)| from)).unwrap();
        let size = query.get("pageSize").map_or(4, |size| size.parse().unwrap());
        let to = (from + size).min(rows.len());
        let mut page = json!({ "value": rows[from..to] });
        if to < rows.len() {
            let definition = json!({"TimePath": path});
            let token = json!({"ExportDefinition": definition, "ExportFileIndex": 0, "LineStoppedAt": to});
            let mut link = request.url.clone();
            link.query_pairs_mut().clear().append_pair("$skiptoken", &STANDARD.encode(token.to_string()));
            if let Some(since) = query.get("sinceTime") {
                link.query_pairs_mut().append_pair("sinceTime", since);
            }
            page["@odata.nextLink"] = link.to_string().into();
        }
        ok(page.to_string())
    }
}

/// A world, and a session that reads it.
struct Service {
    world: Arc<Mutex<World>>,
    fixture: Fixture,
}

impl Service {
    fn new(world: World) -> Self {
        let world = Arc::new(Mutex::new(world));
        let of = Arc::clone(&world);
        Service { world, fixture: Fixture::new(move |request, _| of.lock().unwrap().answer(request)) }
    }

    fn world(&self) -> std::sync::MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    async fn pass(&self) {
        self.world().pass();
        tokio::time::advance(Duration::from_secs(PERIOD.unsigned_abs())).await;
    }

    /// Six hours in which something changes, which is told at once.
    async fn pass_with_news(&self) {
        self.world().create();
        self.pass().await;
        let mut world = self.world();
        world.told = world.changes.len();
    }

    /// Exports, and says what became of it: result and mode, or the error.
    async fn export(&self, folder: &Path, more: &str) -> (String, String) {
        let destination = Value::from(folder.to_str().unwrap());
        let document = format!(
            r#"{{"kind":"export","destination":{destination},"datasets":["vulnerabilities"]{more}}}"#
        );
        let outcome = self.fixture.run(&document).await;
        let [row] = outcome.rows.as_slice() else { panic!("{:?}", outcome.errors) };
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let what = if row["result"] == "Failed" { text("id") } else { text("mode") };
        (text("result"), what)
    }

    /// The rows that a folder has, as texts, in the order of their ids.
    async fn import(&self, folder: &Path, dataset: &str, more: &str) -> Vec<String> {
        let path = Value::from(folder.to_str().unwrap());
        let document = format!(r#"{{"kind":"import","path":{path},"dataset":"{dataset}"{more}}}"#);
        let outcome = self.fixture.run(&document).await;
        assert!(outcome.errors.is_empty(), "{:?}", outcome.errors);
        let mut rows: Vec<_> = outcome.rows.into_iter().map(|row| Value::Object(row).to_string()).collect();
        rows.sort();
        rows
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_list_and_the_changes_since_are_what_the_service_has() {
    let (mut modes, mut compared, mut failed) = (BTreeMap::<String, u64>::new(), 0, 0);
    for seed in 0..4 {
        let service = Service::new(World::new(seed));
        let folder = TestFolder::new();
        let format = ["JsonLines", "Csv"][usize::try_from(seed % 2).unwrap()];
        let shape = format!(r#","rowsPerFile":{},"format":"{format}""#, 1 + seed % 7);
        for _ in 0..40 {
            let runs = service.world().numbers.below(3);
            for _ in 0..runs {
                // Now and then the service goes down in the middle; the next run goes on.
                if service.world().numbers.below(3) == 0 {
                    let answers = service.world().numbers.below(4);
                    service.world().answers = Some(answers);
                    failed += u64::from(service.export(&folder.0, &shape).await.0 == "Failed");
                    service.world().answers = None;
                }
                let (result, mode) = service.export(&folder.0, &shape).await;
                assert_ne!(result, "Failed", "{seed}: {mode}");
                *modes.entry(format!("{mode} {result}")).or_default() += 1;
            }
            if runs > 0 && service.world().is_all_told() {
                let fresh = TestFolder::new();
                service.export(&fresh.0, &shape).await;
                let expected = service.import(&fresh.0, "vulnerabilities", "").await;
                assert_eq!(service.import(&folder.0, "vulnerabilities", "").await, expected, "{seed}");
                compared += 1;
            }
            service.pass().await;
        }
        // No change is delivered twice, or lies where full lists are.
        let changes = service.import(&folder.0, "vulnerabilityChanges", r#","raw":true"#).await;
        let keys = changes.iter().map(|row| {
            let row: Value = serde_json::from_str(row).unwrap();
            let row: Value = serde_json::from_str(row["json"].as_str().unwrap()).unwrap();
            ["id", "rbacGroupId", "eventTimestamp", "status"].map(|name| row[name].to_string())
        });
        let keys: BTreeSet<_> = keys.collect();
        assert_eq!(keys.len(), changes.len(), "{seed}");
        assert!(!changes.is_empty());
        let full = service.import(&folder.0, "vulnerabilities", r#","raw":true"#).await;
        assert!(full.iter().all(|row| !row.contains("eventTimestamp")));
        assert_eq!(service.world().violations, [] as [String; 0]);
    }
    // Every way was taken.
    for way in ["Delta Complete", "Delta Unchanged", "Full Complete", "Full Resumed"] {
        assert!(modes.contains_key(way), "{way}: {modes:?}");
    }
    assert!(compared > 40 && failed > 15, "{compared} {failed}");
}

#[tokio::test(start_paused = true)]
async fn changes_need_a_full_list_that_is_whole_and_not_too_old() {
    let service = Service::new(World::new(1));
    let folder = TestFolder::new();
    let delta = r#","mode":"Delta","compression":"None""#;
    let auto = r#","compression":"None""#;
    let no_baseline = ("Failed".to_owned(), "Fdx.Dataset.NoBaseline".to_owned());
    let was = |result: &str, mode: &str| (result.to_owned(), mode.to_owned());
    assert_eq!(service.export(&folder.0, delta).await, no_baseline);
    assert_eq!(service.export(&folder.0, auto).await, was("Complete", "Full"));
    assert_eq!(service.export(&folder.0, delta).await, was("Unchanged", "Delta"));
    let files = |part: &str| folder.files(|name| name.contains(part));
    for _ in 0..4 {
        service.pass_with_news().await;
        assert_eq!(service.export(&folder.0, delta).await, was("Complete", "Delta"));
    }
    // The files of a day add up, and each run has its manifest.
    let manifests = files(&format!("_fedxdr/vulnerabilityChanges/tenant={TENANT}/2023-"));
    assert_eq!(manifests.len(), 4, "{:?}", manifests.keys());
    assert_eq!(files("vulnerabilityChanges/tenant=").len(), 8);
    // Who only takes changes has them for two weeks; otherwise a full list comes every week.
    for _ in 0..30 {
        service.pass_with_news().await;
    }
    assert_eq!(service.export(&folder.0, delta).await, was("Complete", "Delta"));
    service.pass().await;
    assert_eq!(service.export(&folder.0, auto).await, was("Complete", "Full"));
    for _ in 0..60 {
        service.pass().await;
    }
    assert_eq!(service.export(&folder.0, delta).await, no_baseline);
    assert_eq!(service.export(&folder.0, auto).await, was("Complete", "Full"));

    // Changes whose file is missing or damaged are read again, and so are those of a full list.
    for (damage, mode) in [(true, delta), (false, delta), (true, auto), (false, r#","mode":"Auto""#)] {
        for _ in 0..3 {
            service.pass_with_news().await;
            assert_eq!(service.export(&folder.0, auto).await, was("Complete", "Delta"));
        }
        let last = files("vulnerabilityChanges/").into_keys().filter(|name| name.contains("part-"));
        let last: Vec<_> = last.collect();
        // Damage of older files shows when they are read.
        let path = folder.0.join(&last[last.len() - if damage { 1 } else { 2 }]);
        if damage {
            let mut content = std::fs::read(&path).unwrap();
            content[3] ^= 1;
            std::fs::write(&path, content).unwrap();
        } else {
            std::fs::remove_file(&path).unwrap();
        }
        let before = std::fs::read(&path).ok();
        // A run that does not come to its end leaves what tells the next one.
        service.world().answers = Some(0);
        assert_eq!(service.export(&folder.0, mode).await.0, "Failed");
        service.world().answers = None;
        assert_eq!(std::fs::read(&path).ok(), before);
        assert_eq!(service.export(&folder.0, mode).await, was("Complete", "Delta"));
        let fresh = TestFolder::new();
        service.export(&fresh.0, auto).await;
        let expected = service.import(&fresh.0, "vulnerabilities", "").await;
        assert_eq!(service.import(&folder.0, "vulnerabilities", "").await, expected);
        assert_eq!(service.export(&folder.0, mode).await, was("Unchanged", "Delta"));
    }
    assert_eq!(service.world().violations, [] as [String; 0]);
}

#[tokio::test(start_paused = true)]
async fn only_what_has_changes_can_be_read_as_changes() {
    let service = Service::new(World::new(2));
    let folder = TestFolder::new();
    let destination = Value::from(folder.0.to_str().unwrap());
    let document = format!(
        r#"{{"kind":"export","destination":{destination},"datasets":["vulnerabilities","machines"],"mode":"delta"}}"#
    );
    let error = service.fixture.session.query(&document).err().unwrap();
    assert_eq!(error.id, "Fdx.Dataset.NoChanges");
    assert!(error.to_string().contains("machines") && error.advice.contains("vulnerabilities"), "{error}");
    let unknown = document.replace("vulnerabilities\"", "vulnerabilityChanges\"");
    assert_eq!(service.fixture.session.query(&unknown).err().unwrap().id, "Fdx.Dataset.Unknown");
}
