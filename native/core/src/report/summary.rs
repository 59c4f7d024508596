//! All tenants together: what a report shows.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::tally::{Findings, Severities, Snapshot, Tally};
use crate::errors::Error;

/// Lines of a table that would have thousands.
const SHOWN: usize = 25;

/// A tenant that was read.
#[derive(Debug)]
pub(super) struct Customer {
    pub(super) id: String,
    pub(super) name: Option<String>,
    /// Machines that have a vulnerability.
    pub(super) machines: u64,
    /// The oldest first.
    snapshots: Vec<Snapshot>,
    pub(super) newest: Snapshot,
}

impl Customer {
    /// What people call the tenant.
    pub(super) fn shown(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }

    /// The last snapshot up to a day.
    fn last(&self, day: &str) -> Option<&Snapshot> {
        self.snapshots.iter().rfind(|snapshot| snapshot.day.as_str() <= day)
    }
}

/// A tenant that could not be read.
pub(super) struct Failure {
    pub(super) tenant: String,
    pub(super) error: String,
    pub(super) id: &'static str,
    pub(super) advice: String,
}

/// A machine, and whose it is.
pub(super) struct Machine {
    pub(super) tenant: String,
    pub(super) found: Findings,
}

/// The numbers of all tenants on one day.
pub(super) struct Day {
    /// UTC.
    pub(super) date: String,
    pub(super) severities: Severities,
    pub(super) fixed: u64,
}

/// What a report shows.
#[derive(Default)]
pub(super) struct Summary {
    pub(super) customers: Vec<Customer>,
    pub(super) failures: Vec<Failure>,
    /// The numbers of every day on which some tenant has a snapshot; known when the summary is complete.
    pub(super) days: Vec<Day>,
    cves: HashMap<Arc<str>, Findings>,
    software: HashMap<String, Findings>,
    machines: Vec<Machine>,
    fixed: HashMap<Arc<str>, u64>,
    pub(super) unreadable: u64,
    pub(super) rows: u64,
}

impl Summary {
    /// Adds a tenant that was read to its end.
    pub(super) fn add(&mut self, id: &str, name: Option<&str>, tally: Tally) {
        let customer = Customer {
            id: id.to_owned(),
            name: name.map(str::to_owned),
            machines: tally.machines.len() as u64,
            newest: tally.snapshots.last().cloned().unwrap_or_default(),
            snapshots: tally.snapshots,
        };
        for (cve, found) in tally.cves {
            merge(&mut self.cves, cve, &found);
        }
        for (software, found) in tally.software {
            merge(&mut self.software, software, &found);
        }
        for (cve, rows) in tally.fixed {
            *self.fixed.entry(cve).or_default() += rows;
        }
        let tenant = customer.shown();
        let machines = tally.machines.into_values();
        self.machines.extend(machines.map(|found| Machine { tenant: tenant.to_owned(), found }));
        self.machines.sort_by_cached_key(|machine| urgency_of_place(&machine.found));
        self.machines.truncate(SHOWN);
        self.unreadable += tally.unreadable;
        self.rows += tally.rows;
        self.customers.push(customer);
    }

    /// Adds a tenant that could not be read.
    pub(super) fn add_failure(&mut self, tenant: &str, error: &Error) {
        self.failures.push(Failure {
            tenant: tenant.to_owned(),
            error: error.to_string(),
            id: error.id,
            advice: error.advice.clone(),
        });
    }

    /// All tenants were added: brings everything into the order in which it is shown.
    pub(super) fn complete(&mut self) {
        self.days = self.all_days();
        self.customers.sort_by_cached_key(|customer| {
            (Reverse(customer.newest.severities), customer.shown().to_lowercase())
        });
        self.failures.sort_by(|a, b| a.tenant.cmp(&b.tenant));
    }

    pub(super) fn severities(&self) -> Severities {
        self.customers.iter().map(|customer| customer.newest.severities).fold(Severities::default(), sum)
    }

    pub(super) fn exploitable(&self) -> u64 {
        self.customers.iter().map(|customer| customer.newest.exploitable).sum()
    }

    pub(super) fn affected_machines(&self) -> u64 {
        self.customers.iter().map(|customer| customer.machines).sum()
    }

    pub(super) fn fixed_rows(&self) -> u64 {
        self.fixed.values().sum()
    }

    /// The CVEs that should be fixed first.
    pub(super) fn first_cves(&self) -> Vec<&Findings> {
        top(self.cves.values(), |found| {
            // Numbers from 0 on have the order of their bits.
            let score = Reverse(found.cvss.unwrap_or(0.0).max(0.0).to_bits());
            (Reverse(found.exploit), found.severity, score, Reverse(found.machines), found.name.clone())
        })
    }

    /// How many different CVEs there are.
    pub(super) fn cves(&self) -> usize {
        self.cves.len()
    }

    pub(super) fn first_software(&self) -> Vec<&Findings> {
        top(self.software.values(), urgency_of_place)
    }

    pub(super) fn first_machines(&self) -> &[Machine] {
        &self.machines
    }

    /// CVEs that the newest snapshots no longer have, with the number of their rows, and whether some are left.
    pub(super) fn fixed(&self) -> Vec<(&str, u64, bool)> {
        let fixed = self.fixed.iter();
        let mut fixed: Vec<_> =
            fixed.map(|(cve, rows)| (&**cve, *rows, self.cves.contains_key(cve))).collect();
        fixed.sort_by_key(|(cve, rows, _)| (Reverse(*rows), *cve));
        fixed.truncate(SHOWN);
        fixed
    }

    /// A tenant without a snapshot of a day has the numbers of its last one.
    fn all_days(&self) -> Vec<Day> {
        let all = self.customers.iter().flat_map(|customer| &customer.snapshots);
        let days: BTreeSet<&str> = all.map(|snapshot| snapshot.day.as_str()).collect();
        let day = |day: &str| {
            let customers = self.customers.iter();
            let known: Vec<&Snapshot> = customers.filter_map(|customer| customer.last(day)).collect();
            Day {
                date: day.to_owned(),
                severities: known.iter().map(|snapshot| snapshot.severities).fold(Severities::default(), sum),
                fixed: known
                    .iter()
                    .filter(|snapshot| snapshot.day == day)
                    .map(|snapshot| snapshot.fixed)
                    .sum(),
            }
        };
        days.into_iter().map(day).collect()
    }
}

fn merge<K: std::hash::Hash + Eq>(all: &mut HashMap<K, Findings>, key: K, found: &Findings) {
    match all.get_mut(&key) {
        Some(known) => known.merge(found),
        None => {
            all.insert(key, found.clone());
        }
    }
}

fn sum(mut a: Severities, b: Severities) -> Severities {
    for (a, b) in a.iter_mut().zip(b) {
        *a += b;
    }
    a
}

/// What is exploitable comes first, then what is severe.
fn urgency_of_place(found: &Findings) -> impl Ord + use<> {
    (Reverse(found.exploitable), Reverse(found.severities), found.name.clone())
}

fn top<'a, K: Ord>(
    all: impl Iterator<Item = &'a Findings>,
    urgency: impl Fn(&Findings) -> K,
) -> Vec<&'a Findings> {
    let mut all: Vec<&Findings> = all.collect();
    all.sort_by_cached_key(|found| urgency(found));
    all.truncate(SHOWN);
    all
}
