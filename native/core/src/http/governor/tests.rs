//! The governor on paused time: its windows, whose turn it is, and what refusals teach it.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use proptest::prelude::*;
use tokio::time::{Instant, sleep};

use super::{Class, Governor, Key, Limit, Place};
use crate::clock::Clock;
use crate::cloud::Family;
pub(super) use crate::testing::Numbers;
use crate::testing::TestClock;

pub(super) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A class with these limits, of a governor of its own.
pub(super) fn class(limits: &[Limit]) -> Arc<Class> {
    of(&Governor::default(), "tenant", limits)
}

pub(super) fn of(governor: &Governor, tenant: &str, limits: &[Limit]) -> Arc<Class> {
    let key = Key { app: "app".to_owned(), tenant: tenant.to_owned(), family: Family::Defender, quota: 0 };
    governor.class(key, limits.to_vec().leak(), None, Duration::ZERO)
}

pub(super) fn clock() -> Arc<dyn Clock> {
    Arc::new(TestClock::new())
}

pub(super) async fn place(class: &Arc<Class>, clock: &Arc<dyn Clock>, caller: u64) -> Place {
    class.place(clock, caller, |_| Ok::<_, Infallible>(())).await.unwrap()
}

/// Sends a request that is answered at once.
async fn send(class: &Arc<Class>, clock: &Arc<dyn Clock>, caller: u64) {
    let mut place = place(class, clock, caller).await;
    place.sent();
    place.answered();
}

#[test]
fn limits_are_read_from_refusals_and_written_as_people_do() {
    for (text, limit) in [
        ("API calls quota exceeded! maximum allowed 45 per 00:01:00", Some((45, 60))),
        (
            "Maximum allowed 1,500 per 01:00:00 for the key X. You can send requests again in 8 seconds.",
            Some((1500, 3600)),
        ),
        ("maximum 100 calls per minute", Some((100, 60))),
        ("allowed 15 per 5 seconds", Some((15, 5))),
        ("per 00:01:00", None),
        ("0 per 00:01:00", None),
        ("45 per 00:00:00", None),
        ("45 per 48:00:00", None),
        ("4500000000 per minute", None),
        ("Try again in 30 seconds.", None),
        ("", None),
    ] {
        let expected = limit.map(|(requests, seconds)| Limit { requests, seconds });
        assert_eq!(Limit::named_in(text), expected, "{text}");
    }
    for (limit, text) in [
        (Limit::per_minute(30), "30 requests per minute"),
        (Limit::per_hour(1500), "1,500 requests per hour"),
        (Limit { requests: 1_234_567, seconds: 600 }, "1,234,567 requests per 10 minutes"),
        (Limit { requests: 15, seconds: 5 }, "15 requests per 5 seconds"),
        (Limit { requests: 2, seconds: 1 }, "2 requests per second"),
    ] {
        assert_eq!(limit.to_string(), text);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_beyond_the_window_waits_until_the_first_one_has_left_it() {
    let (class, clock) = (class(&[Limit::per_minute(3), Limit::per_hour(5)]), clock());
    let begun = Instant::now();
    let mut at = Vec::new();
    for _ in 0..6 {
        send(&class, &clock, 0).await;
        at.push(begun.elapsed().as_secs());
        sleep(seconds(10)).await;
    }
    // With the margin, which is less than a second for a minute and 3.6 s for an hour.
    assert_eq!(at, [0, 10, 20, 60, 70, 3603]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_told_at_once_and_refused_before_it_begins() {
    let (class, clock) = (class(&[Limit::per_minute(1)]), clock());
    send(&class, &clock, 0).await;
    let begun = Instant::now();
    let told =
        class.place(&clock, 0, |turn| Err((turn.at.saturating_sub(clock.now()).as_secs(), turn.limit)));
    assert_eq!(told.await.err(), Some((60, Some(Limit::per_minute(1)))));
    assert_eq!(begun.elapsed(), Duration::ZERO);
    // Behind another one that waits, it takes twice as long.
    let first = class.place(&clock, 0, |_| Ok::<_, Infallible>(()));
    let second =
        async { class.place(&clock, 1, |turn| Err(turn.at.saturating_sub(clock.now()).as_secs())).await };
    let (_, second) = tokio::join!(biased; first, second);
    assert_eq!(second.err(), Some(120));
}

#[tokio::test(start_paused = true)]
async fn a_place_that_is_dropped_or_whose_request_is_not_sent_is_free_again() {
    let (class, clock) = (class(&[Limit::per_minute(1)]), clock());
    let begun = Instant::now();
    drop(place(&class, &clock, 0).await);
    let mut unsent = place(&class, &clock, 0).await;
    unsent.sent();
    // Another one waits, and has the place when the connection fails.
    let waiting = tokio::spawn({
        let (class, clock) = (Arc::clone(&class), Arc::clone(&clock));
        async move { send(&class, &clock, 1).await }
    });
    sleep(seconds(2)).await;
    unsent.unsent();
    waiting.await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 2);
    // One that was sent and then cancelled may still arrive, within the time of making a connection.
    let mut cancelled = place(&class, &clock, 0).await;
    assert_eq!(begun.elapsed().as_secs(), 62);
    cancelled.sent();
    drop(cancelled);
    place(&class, &clock, 0).await;
    assert_eq!(begun.elapsed().as_secs(), 132);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_is_cancelled_leaves_its_place_to_the_next_one() {
    let (class, clock) = (class(&[Limit::per_minute(1)]), clock());
    send(&class, &clock, 0).await;
    let begun = Instant::now();
    let cancelled = tokio::spawn({
        let (class, clock) = (Arc::clone(&class), Arc::clone(&clock));
        async move { send(&class, &clock, 0).await }
    });
    sleep(seconds(1)).await;
    let next = tokio::spawn({
        let (class, clock) = (Arc::clone(&class), Arc::clone(&clock));
        async move { send(&class, &clock, 1).await }
    });
    sleep(seconds(1)).await;
    cancelled.abort();
    next.await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn callers_take_turns_however_many_requests_each_has() {
    let (class, clock) = (class(&[Limit::per_minute(10)]), clock());
    let order = Arc::new(Mutex::new(Vec::new()));
    let spawn = |caller: u64| {
        let (class, clock, order) = (Arc::clone(&class), Arc::clone(&clock), Arc::clone(&order));
        tokio::spawn(async move {
            send(&class, &clock, caller).await;
            order.lock().unwrap().push(caller);
        })
    };
    let many: Vec<_> = (0..2000).map(|_| spawn(1)).collect();
    sleep(seconds(1)).await;
    let few: Vec<_> = (0..20).map(|_| spawn(2)).collect();
    for task in few {
        task.await.unwrap();
    }
    let served = order.lock().unwrap().clone();
    // Ten had their turn before the second caller came; from then on every second one is its own.
    assert!(served.len() <= 10 + 2 * 20 + 1, "{}", served.len());
    for task in many {
        task.await.unwrap();
    }
    assert_eq!(order.lock().unwrap().len(), 2020);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_holds_back_all_requests_of_the_class_and_of_no_other() {
    let governor = Governor::default();
    let limits = [Limit::per_minute(100)];
    let (class, clock) = (of(&governor, "a", &limits), clock());
    let mut refused = place(&class, &clock, 0).await;
    refused.sent();
    refused.answered();
    refused.refused(None, seconds(30));
    let begun = Instant::now();
    send(&of(&governor, "b", &limits), &clock, 0).await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    send(&of(&governor, "a", &limits), &clock, 1).await;
    assert_eq!(begun.elapsed(), seconds(30));
    // It is forgotten on request.
    class.hold(clock.now() + seconds(3600));
    let waiting = tokio::spawn({
        let (class, clock) = (Arc::clone(&class), Arc::clone(&clock));
        async move { send(&class, &clock, 0).await }
    });
    sleep(seconds(1)).await;
    governor.forget();
    waiting.await.unwrap();
    assert_eq!(begun.elapsed(), seconds(31));
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_a_refusal_names_is_kept_from_then_on() {
    for published in [&[][..], &[Limit::per_minute(100), Limit::per_hour(1500)]] {
        let (class, clock) = (class(published), clock());
        for _ in 0..5 {
            send(&class, &clock, 0).await;
        }
        let mut refused = place(&class, &clock, 0).await;
        refused.sent();
        refused.answered();
        refused.refused(Some(Limit::per_minute(5)), seconds(60));
        let begun = Instant::now();
        for _ in 0..6 {
            send(&class, &clock, 0).await;
        }
        // It is not taken for the requests of others: the limit was ours to use, and still is.
        assert_eq!(begun.elapsed().as_secs(), 120, "{published:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_answers_say_of_the_rest_is_kept_to() {
    let (class, clock) = (class(&[Limit { requests: 15, seconds: 5 }]), clock());
    send(&class, &clock, 0).await;
    // Others have used the quota: two are left.
    class.told(2, clock.now() + seconds(4));
    let begun = Instant::now();
    send(&class, &clock, 0).await;
    send(&class, &clock, 0).await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    send(&class, &clock, 0).await;
    assert_eq!(begun.elapsed(), seconds(4));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_in_spite_of_room_lowers_the_share_which_grows_again() {
    let (class, clock) = (class(&[Limit::per_minute(100)]), clock());
    let in_a_minute = async || {
        let begun = Instant::now();
        let mut sent = 0;
        while begun.elapsed() < seconds(60) {
            send(&class, &clock, 0).await;
            sent += 1;
        }
        // The last one is of the next minute.
        sleep(seconds(61)).await;
        sent - 1
    };
    assert_eq!(in_a_minute().await, 100);
    let mut refused = place(&class, &clock, 0).await;
    refused.sent();
    refused.answered();
    refused.refused(Some(Limit::per_minute(100)), seconds(20));
    // Another one that was under way with it says nothing new.
    refused.refused(Some(Limit::per_minute(100)), seconds(20));
    sleep(seconds(81)).await;
    let mut shares = Vec::new();
    for _ in 0..10 {
        shares.push(in_a_minute().await);
    }
    assert!((68..=72).contains(&shares[0]), "{shares:?}");
    assert!(shares.is_sorted(), "{shares:?}");
    assert_eq!(shares.last(), Some(&100), "{shares:?}");
}

/// A clock that can be set.
struct Settable(Mutex<Duration>);

impl Clock for Settable {
    fn now(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()> {
        sleep(wait).boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_costs_one_window_at_most() {
    let settable = Arc::new(Settable(Mutex::new(seconds(1_000_000))));
    let clock: Arc<dyn Clock> = Arc::clone(&settable) as _;
    let class = class(&[Limit::per_minute(1)]);
    send(&class, &clock, 0).await;
    *settable.0.lock().unwrap() = seconds(900_000);
    let told = class.place(&clock, 0, |turn| Err(turn.at));
    assert_eq!(told.await.err().map(|at| at.as_secs()), Some(900_060));
}

/// What happens to one request: when it is made, how long it is on its way, until it is answered, and its end.
#[derive(Clone, Debug)]
struct Made {
    caller: u64,
    after: u64,
    on_its_way: u64,
    until_answer: u64,
    end: End,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Answered,
    /// It is cancelled so long after it was made.
    Cancelled(u64),
    Unsent,
}

fn made() -> impl Strategy<Value = Made> {
    let end = prop_oneof![
        8 => Just(End::Answered),
        1 => (0..20_000_u64).prop_map(End::Cancelled),
        1 => Just(End::Unsent),
    ];
    (
        0..4_u64,
        prop_oneof![0..10_u64, 0..30_000_u64],
        prop_oneof![0..50_u64, 0..9_999_u64],
        0..20_000_u64,
        end,
    )
        .prop_map(|(caller, after, on_its_way, until_answer, end)| Made {
            caller,
            after,
            on_its_way,
            until_answer,
            end,
        })
}

/// When each request arrived at the service.
async fn arrivals(limits: &[Limit], requests: &[Made]) -> Vec<Duration> {
    let (class, clock) = (class(limits), clock());
    let arrived = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for made in requests.iter().cloned() {
        let (class, clock, arrived) = (Arc::clone(&class), Arc::clone(&clock), Arc::clone(&arrived));
        tasks.push(tokio::spawn(async move {
            let request = async {
                sleep(Duration::from_millis(made.after)).await;
                let mut place = place(&class, &clock, made.caller).await;
                place.sent();
                if matches!(made.end, End::Unsent) {
                    place.unsent();
                    return;
                }
                // It arrives even if nobody waits for its answer.
                let on_its_way = tokio::spawn(async move {
                    sleep(Duration::from_millis(made.on_its_way)).await;
                    arrived.lock().unwrap().push(clock.now());
                });
                on_its_way.await.unwrap();
                sleep(Duration::from_millis(made.until_answer)).await;
                place.answered();
            };
            match made.end {
                // A request that has left may arrive after it was cancelled.
                End::Cancelled(after) => {
                    let _ = tokio::time::timeout(Duration::from_millis(made.after + after), request).await;
                }
                End::Answered | End::Unsent => request.await,
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    sleep(seconds(20)).await;
    let mut arrived = arrived.lock().unwrap().clone();
    arrived.sort();
    arrived
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_window_has_more_than_its_limit_and_nobody_waits_for_ever(
        limits in proptest::collection::vec((1..6_u32, 1..20_u32), 1..3),
        requests in proptest::collection::vec(made(), 1..40),
    ) {
        let limits: Vec<_> = limits.iter().map(|&(requests, seconds)| Limit { requests, seconds }).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        // Everybody had a turn, or this would not end.
        let arrived = runtime.block_on(arrivals(&limits, &requests));
        let expected = requests.iter().filter(|made| matches!(made.end, End::Answered)).count();
        prop_assert!(arrived.len() >= expected);
        for limit in &limits {
            for pair in arrived.windows(limit.requests as usize + 1) {
                let span = *pair.last().unwrap() - pair[0];
                prop_assert!(span >= limit.window(), "{span:?} for {limit}: {arrived:?}");
            }
        }
    }
}

#[tokio::test]
#[ignore = "a measurement"]
async fn what_a_place_costs() {
    const REQUESTS: u32 = 100_000;
    let clock: Arc<dyn Clock> = Arc::new(crate::clock::SystemClock);
    for limits in [&[][..], &[Limit::per_minute(1_000_000), Limit::per_hour(1_000_000)]] {
        let (governor, begun) = (Governor::default(), Instant::now());
        for _ in 0..REQUESTS {
            let class = of(&governor, "tenant", limits);
            send(&class, &clock, 0).await;
        }
        println!("{} limits: {:?} per request", limits.len(), begun.elapsed() / REQUESTS);
    }
}
