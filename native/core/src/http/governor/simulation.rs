//! Whole nights on paused time, against a model of the services: they count requests when they arrive, in windows that
//! slide, or in windows that the first request opens.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::sleep;

use super::tests::{Numbers, clock, of, place, seconds};
use super::{Class, Governor, Limit};
use crate::clock::Clock;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counting {
    Sliding,
    Fixed,
}

/// A service that counts the requests of one app in one tenant.
pub(super) struct Service {
    counting: Counting,
    limits: Vec<Limit>,
    accepted: Vec<Duration>,
    /// Begin and count of the fixed window of each limit.
    windows: Vec<(Duration, u32)>,
    pub(super) refused: Vec<Duration>,
}

impl Service {
    pub(super) fn new(counting: Counting, limits: &[Limit]) -> Arc<Mutex<Self>> {
        let windows = vec![(Duration::ZERO, 0); limits.len()];
        let limits = limits.to_vec();
        Arc::new(Mutex::new(Service { counting, limits, accepted: Vec::new(), windows, refused: Vec::new() }))
    }

    /// Counts a request; or the limit that is used up, and after how many whole seconds there is room.
    fn arrives(&mut self, now: Duration) -> Result<(), (Limit, Duration)> {
        for (limit, (begun, count)) in self.limits.iter().zip(&mut self.windows) {
            let ends = match self.counting {
                Counting::Fixed => {
                    if now >= *begun + limit.window() {
                        (*begun, *count) = (now, 0);
                    }
                    (*count >= limit.requests).then_some(*begun + limit.window())
                }
                Counting::Sliding => {
                    let oldest = self.accepted.len().checked_sub(limit.requests as usize);
                    let leaves = oldest.map(|index| self.accepted[index] + limit.window());
                    leaves.filter(|leaves| *leaves > now)
                }
            };
            if let Some(ends) = ends {
                self.refused.push(now);
                return Err((
                    *limit,
                    seconds(u64::try_from((ends - now).as_nanos().div_ceil(1_000_000_000)).unwrap()),
                ));
            }
        }
        for (_, count) in &mut self.windows {
            *count += 1;
        }
        self.accepted.push(now);
        Ok(())
    }

    /// The most requests that it accepted within this time.
    pub(super) fn busiest(&self, window: Duration) -> f64 {
        let mut first = 0;
        let mut most = 0;
        for (index, at) in self.accepted.iter().enumerate() {
            while self.accepted[first] + window <= *at {
                first += 1;
            }
            most = most.max(index + 1 - first);
        }
        f64::from(u32::try_from(most).unwrap())
    }
}

/// Sends one request until it is accepted.
pub(super) async fn send(
    class: &Arc<Class>,
    clock: &Arc<dyn Clock>,
    caller: u64,
    service: &Mutex<Service>,
    numbers: &mut Numbers,
) {
    loop {
        let mut place = place(class, clock, caller).await;
        place.sent();
        sleep(Duration::from_millis(20 + numbers.below(100))).await;
        let verdict = service.lock().unwrap().arrives(clock.now());
        sleep(Duration::from_millis(50 + numbers.below(400))).await;
        place.answered();
        match verdict {
            Ok(()) => return,
            Err((named, delay)) => place.refused(Some(named), delay),
        }
    }
}

/// When the last of so many requests can be sent at the earliest.
fn best(limits: &[Limit], requests: usize) -> Duration {
    let mut sent: Vec<Duration> = Vec::new();
    for index in 0..requests {
        let leaves = limits.iter().filter_map(|limit| {
            let oldest = index.checked_sub(limit.requests as usize)?;
            Some(sent[oldest] + limit.window())
        });
        let earliest = leaves.max().unwrap_or_default();
        sent.push(earliest);
    }
    sent.last().copied().unwrap_or_default()
}

pub(super) const EXPORT: [Limit; 2] = [Limit::per_minute(30), Limit::per_hour(1000)];
const MACHINES: [Limit; 2] = [Limit::per_minute(50), Limit::per_hour(1500)];

#[tokio::test(start_paused = true)]
async fn a_night_over_a_hundred_tenants_is_never_refused_and_takes_the_least_time() {
    const TENANTS: u64 = 100;
    /// Nine assessments of several pages, and two lists of each machine: several hours for the largest tenants.
    const PAGES: usize = 9 * 8;
    for counting in [Counting::Sliding, Counting::Fixed] {
        let (governor, clock) = (Arc::new(Governor::default()), clock());
        let begun = clock.now();
        let mut tasks = Vec::new();
        let mut numbers = Numbers(7);
        let mut least = Duration::ZERO;
        for tenant in 0..TENANTS {
            // Of very different sizes.
            let machines = if tenant % 20 == 0 { 2000 } else { usize::try_from(numbers.below(300)).unwrap() };
            least = least.max(best(&MACHINES, 2 * machines));
            let kinds = [
                ("export", &EXPORT, PAGES, 1),
                ("list 1", &MACHINES, machines, 2),
                ("list 2", &MACHINES, machines, 3),
            ];
            let services = [Service::new(counting, &EXPORT), Service::new(counting, &MACHINES)];
            for (kind, limits, requests, caller) in kinds {
                let quota = usize::from(kind != "export");
                let class = of(&governor, &format!("{tenant} {quota}"), limits);
                let (clock, service) = (Arc::clone(&clock), Arc::clone(&services[quota]));
                let mut numbers = Numbers(1000 * tenant + caller);
                tasks.push(tokio::spawn(async move {
                    for _ in 0..requests {
                        send(&class, &clock, caller, &service, &mut numbers).await;
                    }
                    service.lock().unwrap().refused.len()
                }));
            }
        }
        let mut refused = 0;
        for task in tasks {
            refused += task.await.unwrap();
        }
        let took = clock.now() - begun;
        let ratio = took.as_secs_f64() / least.as_secs_f64();
        println!("{counting:?}: {refused} refused, {took:?} of {least:?} at best, ratio {ratio:.4}");
        assert_eq!(refused, 0, "{counting:?}");
        assert!(ratio < 1.05, "{counting:?}: {took:?} of {least:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_not_known_costs_one_refusal() {
    for counting in [Counting::Sliding, Counting::Fixed] {
        let (service, clock) = (Service::new(counting, &MACHINES), clock());
        let class = of(&Governor::default(), "tenant", &[]);
        let begun = clock.now();
        for _ in 0..4000 {
            send(&class, &clock, 0, &service, &mut Numbers(1)).await;
        }
        // One for the minute, one for the hour.
        assert_eq!(service.lock().unwrap().refused.len(), 2, "{counting:?}");
        let ratio = (clock.now() - begun).as_secs_f64() / best(&MACHINES, 4000).as_secs_f64();
        assert!(ratio < 1.05, "{counting:?}: {ratio}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_processes_with_one_app_settle() {
    const HOURS: u64 = 8;
    // What is measured is the second half.
    const SETTLED: Duration = seconds(HOURS * 1800);
    for limits in [&[Limit::per_minute(50)][..], &MACHINES] {
        for counting in [Counting::Sliding, Counting::Fixed] {
            let (service, clock) = (Service::new(counting, limits), clock());
            let begun = clock.now();
            // Each process has a governor of its own. The second one begins later.
            let processes = [0, 1].map(|process| {
                let class = of(&Governor::default(), "tenant", limits);
                let (clock, service) = (Arc::clone(&clock), Arc::clone(&service));
                tokio::spawn(async move {
                    let mut numbers = Numbers(process);
                    sleep(seconds(600 * process)).await;
                    let mut sent = 0_u32;
                    while clock.now() - begun < 2 * SETTLED {
                        send(&class, &clock, 0, &service, &mut numbers).await;
                        sent += u32::from(clock.now() - begun > SETTLED);
                    }
                    sent
                })
            });
            let mut sent = Vec::new();
            for process in processes {
                sent.push(process.await.unwrap());
            }
            let refused = &service.lock().unwrap().refused;
            let settled = refused.iter().filter(|at| **at - begun > SETTLED).count();
            let per_hour = f64::from(u32::try_from(settled).unwrap()) / (SETTLED.as_secs_f64() / 3600.0);
            let used = f64::from(sent.iter().sum::<u32>()) / full(limits, SETTLED);
            let (least, most) = (sent.iter().min().unwrap(), sent.iter().max().unwrap());
            let fairness = f64::from(*least) / f64::from(*most);
            println!(
                "{counting:?}, {limits:?}: {sent:?}, {:.0} % used, {per_hour:.1} refusals per hour",
                100.0 * used
            );
            assert!(used > 0.8, "{counting:?} {limits:?}: {used}");
            assert!(fairness > 0.5, "{counting:?} {limits:?}: {sent:?}");
            assert!(per_hour < 20.0, "{counting:?} {limits:?}: {per_hour}");
        }
    }
}

/// Requests that the limits allow in this time.
fn full(limits: &[Limit], time: Duration) -> f64 {
    let rates = limits.iter().map(|limit| f64::from(limit.requests) / f64::from(limit.seconds));
    rates.fold(f64::MAX, f64::min) * time.as_secs_f64()
}
