//! A fleet of collectors on paused time: instances take exports from one queue, as `examples/collector` does. Each has
//! a governor of its own, and the service counts the requests of all of them per customer.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::sleep;

use super::simulation::{Counting, EXPORT, Service, send};
use super::tests::{Numbers, clock, seconds};
use super::{Governor, Key, Limit};
use crate::clock::Clock;
use crate::cloud::Family;

const INSTANCES: usize = 20;
/// `batchSize` of the collector's host.json.
const AT_ONCE: usize = 4;
/// How long the collector works on one message: `FEDXDR_MINUTES`.
const MESSAGE: Duration = seconds(8 * 60);
/// A message for the rest may come this often.
const ROUNDS: u32 = 20;
/// From one timer to the next.
const PERIOD: Duration = seconds(6 * 3600);
/// What a message costs before the first page: the function starts, gets tokens, and takes the lease.
const START: Duration = seconds(2);
/// A page of 50,000 rows: the service makes it, and it is read, compressed and uploaded.
const PAGE: Duration = seconds(10);
const PAGE_ROWS: u64 = 50_000;

/// What the service counts requests in.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Quota {
    /// The export assessments.
    Export,
    /// Other lists.
    Other,
}

impl Quota {
    fn limits(self) -> &'static [Limit] {
        match self {
            Quota::Export => &EXPORT,
            Quota::Other => const { &[Limit::per_minute(100), Limit::per_hour(1500)] },
        }
    }
}

/// Rows per machine of what is collected, and what the service counts them in.
const DATASETS: [(u64, Quota); 6] = [
    (150, Quota::Export), // vulnerabilities
    (100, Quota::Export), // softwareInventory
    (150, Quota::Export), // secureConfigurations
    (20, Quota::Export),  // browserExtensions
    (30, Quota::Export),  // certificates
    (1, Quota::Other),    // machines, 10,000 per page
];

/// An export, and how many pages it still has.
struct Job {
    customer: u64,
    quota: Quota,
    pages: u64,
    round: u32,
}

/// What became of a run of the timer.
#[derive(Default)]
struct Outcome {
    /// When the queue was empty and all work was done.
    took: Duration,
    done: usize,
    given_up: usize,
    pages: u64,
    refused: usize,
    /// Time in which a worker had no message.
    idle: Duration,
    /// The most that a customer's quota per hour was used.
    used: f64,
}

/// Customers as managed service providers have them: most are small.
fn machines(numbers: &mut Numbers) -> u64 {
    match numbers.below(100) {
        0 => 20_000,
        1..5 => 3_000,
        5..20 => 500,
        _ => 50,
    }
}

fn jobs(customer: u64, machines: u64) -> impl Iterator<Item = Job> {
    DATASETS.into_iter().map(move |(rows, quota)| {
        let page_rows = if quota == Quota::Other { 10_000 } else { PAGE_ROWS };
        Job { customer, quota, pages: (machines * rows).div_ceil(page_rows).max(1), round: 1 }
    })
}

/// What the service counts for each customer.
type Services = HashMap<(u64, Quota), Arc<Mutex<Service>>>;

/// What all instances share.
struct Fleet {
    queue: Mutex<VecDeque<Job>>,
    services: Mutex<Services>,
    outcome: Mutex<Outcome>,
    clock: Arc<dyn Clock>,
}

impl Fleet {
    async fn run(jobs: impl Iterator<Item = Job>) -> Outcome {
        let clock = clock();
        let begun = clock.now();
        let fleet = Arc::new(Fleet {
            queue: Mutex::new(jobs.collect()),
            services: Mutex::default(),
            outcome: Mutex::default(),
            clock,
        });
        let mut workers = Vec::new();
        for instance in 0..INSTANCES {
            let governor = Arc::new(Governor::default());
            for worker in 0..AT_ONCE {
                let (fleet, governor) = (Arc::clone(&fleet), Arc::clone(&governor));
                let numbers = Numbers((instance * AT_ONCE + worker) as u64);
                workers.push(tokio::spawn(async move { fleet.work(&governor, numbers).await }));
            }
        }
        let mut ends = Vec::new();
        for worker in workers {
            ends.push(worker.await.unwrap());
        }
        let last = ends.iter().max().copied().unwrap_or_default();
        let mut outcome = std::mem::take(&mut *fleet.outcome.lock().unwrap());
        outcome.took = last - begun;
        outcome.idle = ends.iter().map(|end| last - *end).sum();
        for ((_, quota), service) in fleet.services.lock().unwrap().iter() {
            let service = service.lock().unwrap();
            outcome.refused += service.refused.len();
            let hour = quota.limits().iter().find(|limit| limit.seconds == 3600).unwrap();
            outcome.used = outcome.used.max(service.busiest(hour.window()) / f64::from(hour.requests));
        }
        outcome
    }

    /// Takes messages until there are none. Gives the time.
    async fn work(&self, governor: &Governor, mut numbers: Numbers) -> Duration {
        loop {
            let next = self.queue.lock().unwrap().pop_front();
            let Some(mut job) = next else { return self.clock.now() };
            self.export(governor, &mut job, &mut numbers).await;
            let mut outcome = self.outcome.lock().unwrap();
            if job.pages == 0 {
                outcome.done += 1;
            } else if job.round == ROUNDS {
                outcome.given_up += 1;
            } else {
                self.queue.lock().unwrap().push_back(Job { round: job.round + 1, ..job });
            }
        }
    }

    /// One message: pages, until all are there or the time is over.
    async fn export(&self, governor: &Governor, job: &mut Job, numbers: &mut Numbers) {
        let begun = self.clock.now();
        sleep(START).await;
        let key = Key {
            app: "collector".to_owned(),
            tenant: job.customer.to_string(),
            family: Family::Defender,
            quota: job.quota as u8,
        };
        let class = governor.class(key, job.quota.limits(), None, self.clock.now());
        let service = self
            .services
            .lock()
            .unwrap()
            .entry((job.customer, job.quota))
            .or_insert_with(|| Service::new(Counting::Sliding, job.quota.limits()))
            .clone();
        let caller = governor.caller();
        while job.pages > 0 && self.clock.now() - begun < MESSAGE {
            send(&class, &self.clock, caller, &service, numbers).await;
            let is_last = job.pages == 1;
            sleep(if is_last { PAGE / 4 } else { PAGE }).await;
            job.pages -= 1;
            self.outcome.lock().unwrap().pages += 1;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn twenty_instances_collect_six_datasets_of_ten_thousand_customers_between_two_timers() {
    let mut numbers = Numbers(16);
    let all = (0..10_000).flat_map(|customer| jobs(customer, machines(&mut numbers)).collect::<Vec<_>>());
    let outcome = Fleet::run(all).await;
    println!(
        "{:?}: {} exports, {} pages, {} refused, idle {:?}, quota used {:.0} %",
        outcome.took,
        outcome.done,
        outcome.pages,
        outcome.refused,
        outcome.idle,
        100.0 * outcome.used
    );
    assert_eq!((outcome.done, outcome.given_up), (60_000, 0));
    assert!(outcome.took < PERIOD / 2, "{:?}", outcome.took);
    // Exports of one customer on two instances do not know of each other, so a few requests are refused.
    assert!(outcome.refused as u64 * 100 < outcome.pages, "{} of {}", outcome.refused, outcome.pages);
    assert!(outcome.used < 0.5, "{}", outcome.used);
}

#[tokio::test(start_paused = true)]
async fn with_more_customers_the_number_of_messages_at_a_time_is_what_lacks_first() {
    let mut numbers = Numbers(16);
    let all = (0..30_000).flat_map(|customer| jobs(customer, machines(&mut numbers)).collect::<Vec<_>>());
    let outcome = Fleet::run(all).await;
    println!("{:?}, idle {:?}, quota used {:.0} %", outcome.took, outcome.idle, 100.0 * outcome.used);
    assert_eq!((outcome.done, outcome.given_up), (180_000, 0));
    // All is collected, but the next timer comes first. No customer's quota is the reason, and no worker was idle.
    assert!(outcome.took > PERIOD, "{:?}", outcome.took);
    assert!(outcome.used < 0.5, "{}", outcome.used);
    let workers = u32::try_from(INSTANCES * AT_ONCE).unwrap();
    assert!(outcome.idle < outcome.took * workers / 20, "{:?}", outcome.idle);
}

#[tokio::test(start_paused = true)]
async fn a_customer_that_is_too_large_for_its_quota_is_given_up_after_twenty_messages() {
    let mut numbers = Numbers(16);
    let small = (1..1_000).flat_map(|customer| jobs(customer, machines(&mut numbers)).collect::<Vec<_>>());
    // 1,000 pages per hour for the five datasets that share a quota: more than 6 hours.
    let all = jobs(0, 1_000_000).chain(small);
    let outcome = Fleet::run(all).await;
    println!(
        "{:?}: {} done, {} given up, {} refused, quota used {:.0} %",
        outcome.took,
        outcome.done,
        outcome.given_up,
        outcome.refused,
        100.0 * outcome.used
    );
    // All others are whole.
    assert_eq!(outcome.done + outcome.given_up, 6_000);
    assert!((1..=3).contains(&outcome.given_up), "{}", outcome.given_up);
    assert!(outcome.used > 0.9, "{}", outcome.used);
}
