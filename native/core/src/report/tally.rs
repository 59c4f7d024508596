//! Counts the vulnerabilities of one tenant, row by row. Memory grows with the rows of the tenant's newest snapshots,
//! and is free again when the tenant is done.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::FixedState;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Names of severities, the worst first. The last one is that of a service that names another or none.
pub(super) const SEVERITIES: [&str; 5] = ["Critical", "High", "Medium", "Low", "Unknown"];

/// Number of vulnerabilities by severity.
pub(super) type Severities = [u64; SEVERITIES.len()];

/// How an exploit is known, the worst last.
const EXPLOITS: [&str; 4] = ["NoExploit", "ExploitIsPublic", "ExploitIsVerified", "ExploitIsInKit"];

/// What is counted of a row.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default)]
    device_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    device_name: Option<Text<'a>>,
    #[serde(borrow, default)]
    software_vendor: Option<Text<'a>>,
    #[serde(borrow, default)]
    software_name: Option<Text<'a>>,
    #[serde(borrow, default)]
    cve_id: Option<Text<'a>>,
    /// A number, or a text in some answers.
    #[serde(borrow, default)]
    cvss_score: Option<&'a RawValue>,
    #[serde(borrow, default)]
    vulnerability_severity_level: Option<Text<'a>>,
    #[serde(borrow, default)]
    exploitability_level: Option<Text<'a>>,
}

/// A text that is borrowed where it can be.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Row<'_> {
    fn severity(&self) -> usize {
        let level = text(self.vulnerability_severity_level.as_ref());
        let known = SEVERITIES.iter().position(|name| name.eq_ignore_ascii_case(level));
        known.unwrap_or(SEVERITIES.len() - 1)
    }

    fn exploit(&self) -> usize {
        let level = text(self.exploitability_level.as_ref());
        EXPLOITS.iter().position(|name| name.eq_ignore_ascii_case(level)).unwrap_or(0)
    }

    fn cvss(&self) -> Option<f64> {
        let score = self.cvss_score?.get().trim_matches('"').parse::<f64>().ok()?;
        score.is_finite().then_some(score)
    }
}

fn text<'a>(text: Option<&'a Text<'_>>) -> &'a str {
    text.map_or("", |Text(text)| text)
}

/// What was found in one place: a CVE, a software or a machine.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    /// Name for people.
    pub(super) name: String,
    pub(super) severities: Severities,
    /// Those of them that have an exploit.
    pub(super) exploitable: u64,
    /// Machines that are affected.
    pub(super) machines: u64,
    /// Tenants that are affected.
    pub(super) tenants: u64,
    /// The worst severity, as an index of [`SEVERITIES`].
    pub(super) severity: usize,
    pub(super) cvss: Option<f64>,
    /// The best known exploit, as an index of [`EXPLOITS`].
    pub(super) exploit: usize,
}

impl Findings {
    fn new(name: &str) -> Self {
        let severity = SEVERITIES.len() - 1;
        Findings { name: name.to_owned(), severity, tenants: 1, ..Findings::default() }
    }

    fn add(&mut self, row: &Row, severity: usize, exploit: usize) {
        self.severities[severity] += 1;
        self.exploitable += u64::from(exploit > 0);
        self.severity = self.severity.min(severity);
        self.exploit = self.exploit.max(exploit);
        self.cvss = larger(self.cvss, row.cvss());
    }

    /// Adds what was found in another tenant.
    pub(super) fn merge(&mut self, other: &Findings) {
        for (mine, others) in self.severities.iter_mut().zip(other.severities) {
            *mine += others;
        }
        self.exploitable += other.exploitable;
        self.machines += other.machines;
        self.tenants += other.tenants;
        self.severity = self.severity.min(other.severity);
        self.exploit = self.exploit.max(other.exploit);
        self.cvss = larger(self.cvss, other.cvss);
    }

    /// What people call the exploit.
    pub(super) fn exploit_name(&self) -> &'static str {
        ["", "public", "verified", "in an exploit kit"][self.exploit.min(EXPLOITS.len() - 1)]
    }
}

fn larger(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.max(b)),
        (a, b) => a.or(b),
    }
}

/// The numbers of one snapshot of a tenant.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshot {
    /// UTC day.
    pub(super) day: String,
    pub(super) severities: Severities,
    pub(super) exploitable: u64,
    /// Vulnerabilities that the snapshot before did not have, and that only it had; none of the first snapshot.
    pub(super) new: u64,
    pub(super) fixed: u64,
}

/// The vulnerabilities of one tenant.
pub(super) struct Tally {
    hasher: FixedState,
    /// The snapshots so far, the oldest first.
    pub(super) snapshots: Vec<Snapshot>,
    /// Of the newest snapshot.
    pub(super) cves: HashMap<Arc<str>, Findings>,
    pub(super) software: HashMap<String, Findings>,
    pub(super) machines: HashMap<String, Findings>,
    /// Pairs of a machine and a CVE or software that were counted.
    pairs: HashSet<u64>,
    /// The rows of the snapshot before the one that is read, and of that one: hash of the id, and the CVE.
    before: HashMap<u64, Arc<str>>,
    now: HashMap<u64, Arc<str>>,
    /// CVEs that went with the newest snapshot, and from how many rows.
    pub(super) fixed: HashMap<Arc<str>, u64>,
    /// Rows that cannot be read.
    pub(super) unreadable: u64,
    pub(super) rows: u64,
}

impl Tally {
    pub(super) fn new() -> Self {
        Tally {
            hasher: FixedState::default(),
            snapshots: Vec::new(),
            cves: HashMap::new(),
            software: HashMap::new(),
            machines: HashMap::new(),
            pairs: HashSet::new(),
            before: HashMap::new(),
            now: HashMap::new(),
            fixed: HashMap::new(),
            unreadable: 0,
            rows: 0,
        }
    }

    /// Begins a snapshot that is newer than those before.
    pub(super) fn begin(&mut self, day: &str) {
        self.before = std::mem::take(&mut self.now);
        self.pairs.clear();
        self.cves.clear();
        self.software.clear();
        self.machines.clear();
        self.fixed.clear();
        self.snapshots.push(Snapshot { day: day.to_owned(), ..Snapshot::default() });
    }

    /// Counts a row of the snapshot.
    pub(super) fn row(&mut self, json: &str) {
        self.rows += 1;
        let Ok(row) = serde_json::from_str::<Row>(json) else {
            self.unreadable += 1;
            return;
        };
        let cve = text(row.cve_id.as_ref());
        // A row without a CVE says only that the software is installed.
        if cve.is_empty() {
            return;
        }
        let (severity, exploit) = (row.severity(), row.exploit());
        let device = text(row.device_id.as_ref());
        let cve = self.count_cve(&row, cve, device, (severity, exploit));
        self.count_software(&row, device, (severity, exploit));
        let machine = self.machines.entry(device.to_owned());
        let name = text(row.device_name.as_ref());
        machine.or_insert_with(|| Findings::new(name)).add(&row, severity, exploit);

        let is_first = self.snapshots.len() == 1;
        let Some(snapshot) = self.snapshots.last_mut() else { return };
        snapshot.severities[severity] += 1;
        snapshot.exploitable += u64::from(exploit > 0);
        let id = self.hasher.hash_one(text(row.id.as_ref()));
        snapshot.new += u64::from(!is_first && self.before.remove(&id).is_none());
        self.now.insert(id, cve);
    }

    fn count_cve(
        &mut self,
        row: &Row,
        cve: &str,
        device: &str,
        (severity, exploit): (usize, usize),
    ) -> Arc<str> {
        let name: Arc<str> = match self.cves.get_key_value(cve) {
            Some((known, _)) => Arc::clone(known),
            None => cve.into(),
        };
        let found = self.cves.entry(Arc::clone(&name)).or_insert_with(|| Findings::new(cve));
        found.add(row, severity, exploit);
        let is_new = self.pairs.insert(self.hasher.hash_one((device, "cve", cve)));
        found.machines += u64::from(is_new);
        name
    }

    fn count_software(&mut self, row: &Row, device: &str, (severity, exploit): (usize, usize)) {
        let (vendor, name) = (text(row.software_vendor.as_ref()), text(row.software_name.as_ref()));
        let key = format!("{vendor}\0{name}");
        let is_new = self.pairs.insert(self.hasher.hash_one((device, "software", &key)));
        let named = || Findings::new([vendor, name].join(" ").replace('_', " ").trim());
        let found = self.software.entry(key).or_insert_with(named);
        found.add(row, severity, exploit);
        found.machines += u64::from(is_new);
    }

    /// Ends a snapshot: what is left of the one before was fixed.
    pub(super) fn end(&mut self) {
        let fixed = self.before.len() as u64;
        for cve in std::mem::take(&mut self.before).into_values() {
            *self.fixed.entry(cve).or_default() += 1;
        }
        if let Some(snapshot) = self.snapshots.last_mut() {
            snapshot.fixed = fixed;
        }
    }
}
