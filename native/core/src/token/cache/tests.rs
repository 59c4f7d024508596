use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::errors::AUTHORITY_FAILED;
use crate::secret::Secret;
use crate::testing::{START, TestClock};

const HOUR: i64 = 3600;

fn key(tenant: &str) -> CacheKey {
    let kind = TokenKind {
        authority: "https://login.example".into(),
        client: "client".into(),
        source: "source".into(),
        scope: "scope".into(),
    };
    CacheKey { tenant: tenant.into(), kind }
}

fn token(name: &str, lifetime: i64) -> AccessToken {
    let now = i64::try_from(START).unwrap();
    AccessToken::new(Secret::new(name.into()), now, now + lifetime, None)
}

fn failure(kind: ErrorKind) -> Error {
    AUTHORITY_FAILED.error("scripted").of_kind(kind)
}

/// A cache, its clock, and a count of the fetches.
struct Bench {
    cache: Arc<TokenCache>,
    clock: Arc<dyn Clock>,
    fetches: Arc<AtomicUsize>,
}

impl Bench {
    fn new() -> Self {
        Bench { cache: Arc::default(), clock: Arc::new(TestClock::new()), fetches: Arc::default() }
    }

    /// A fetch that takes `millis` and gives a token that lives for `lifetime` from now on.
    async fn get(&self, tenant: &str, millis: u64, lifetime: i64) -> Result<Cached> {
        self.get_with(tenant, millis, Ok(lifetime)).await
    }

    async fn get_with(&self, tenant: &str, millis: u64, outcome: Result<i64, ErrorKind>) -> Result<Cached> {
        let (fetches, clock) = (Arc::clone(&self.fetches), Arc::clone(&self.clock));
        self.cache
            .get(key(tenant), &self.clock, Want::Usable, move |_| {
                async move {
                    let number = fetches.fetch_add(1, Ordering::SeqCst);
                    clock.sleep(Duration::from_millis(millis)).await;
                    let now = seconds(clock.as_ref());
                    let secret = Secret::new(format!("token {number}"));
                    outcome
                        .map(|lifetime| AccessToken::new(secret, now, now + lifetime, None))
                        .map_err(failure)
                }
                .boxed()
            })
            .await
    }

    fn count(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    async fn advance(&self, seconds: i64) {
        self.clock.sleep(Duration::from_secs(u64::try_from(seconds).unwrap())).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_callers_on_one_key_make_one_fetch() {
    let bench = Bench::new();
    let all = futures_util::future::join_all((0..1000).map(|_| bench.get("a", 50, HOUR))).await;
    assert_eq!(bench.count(), 1);
    assert!(all.iter().all(|got| got.as_ref().unwrap().token.secret.expose() == "token 0"));
    // And again when it has ended.
    bench.advance(HOUR + 1).await;
    let all = futures_util::future::join_all((0..1000).map(|_| bench.get("a", 50, HOUR))).await;
    assert_eq!(bench.count(), 2);
    assert!(all.iter().all(|got| got.as_ref().unwrap().token.secret.expose() == "token 1"));
}

#[tokio::test(start_paused = true)]
async fn a_slow_tenant_holds_no_other() {
    let bench = Bench::new();
    let slow = bench.get("slow", 60_000, HOUR);
    let others = async {
        let begun = bench.clock.now();
        futures_util::future::join_all((0..8).map(|i| {
            let bench = &bench;
            async move { bench.get(&format!("t{i}"), 20, HOUR).await }
        }))
        .await;
        assert!(bench.clock.now() - begun < Duration::from_secs(1));
    };
    let (slow, ()) = tokio::join!(slow, others);
    slow.unwrap();
    assert_eq!(bench.count(), 9);
}

#[tokio::test(start_paused = true)]
async fn a_token_serves_until_five_minutes_before_its_end() {
    let bench = Bench::new();
    assert!(!bench.get("a", 1, HOUR).await.unwrap().from_cache);
    bench.advance(HOUR - 1000).await;
    assert!(bench.get("a", 1, HOUR).await.unwrap().from_cache);
    assert_eq!(bench.count(), 1);
    bench.advance(750).await;
    assert!(!bench.get("a", 1, HOUR).await.unwrap().from_cache);
    assert_eq!(bench.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn it_is_renewed_ahead_in_the_background_while_the_old_one_serves() {
    let bench = Bench::new();
    bench.get("a", 1, HOUR).await.unwrap();
    bench.advance(HOUR - 500).await;
    let old = bench.get("a", 1000, HOUR).await.unwrap();
    assert_eq!((old.from_cache, old.token.secret.expose()), (true, "token 0"));
    bench.advance(2).await;
    let new = bench.get("a", 1, HOUR).await.unwrap();
    assert_eq!((new.from_cache, new.token.secret.expose()), (true, "token 1"));
    assert_eq!(bench.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_for_now_keeps_the_old_token_and_one_that_fails_for_good_does_not_after_its_end()
{
    let bench = Bench::new();
    bench.get("a", 1, HOUR).await.unwrap();
    // Inside the margin: no longer used by itself, but better than nothing.
    bench.advance(HOUR - 200).await;
    let kept = bench.get_with("a", 1, Err(ErrorKind::Network)).await.unwrap();
    assert_eq!(kept.token.secret.expose(), "token 0");
    let refused = bench.get_with("a", 1, Err(ErrorKind::Authentication)).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Authentication);
    bench.advance(300).await;
    assert_eq!(bench.get_with("a", 1, Err(ErrorKind::Network)).await.unwrap_err().kind, ErrorKind::Network);
    bench.get("a", 1, HOUR).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn failed_renewals_ahead_are_not_repeated_at_every_call() {
    let bench = Bench::new();
    bench.get("a", 1, HOUR).await.unwrap();
    bench.advance(HOUR - 500).await;
    for _ in 0..50 {
        assert!(bench.get_with("a", 1, Err(ErrorKind::Service)).await.unwrap().from_cache);
        bench.clock.sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(bench.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_a_service_asked_to_wait_holds_for_the_calls_that_come_after() {
    let bench = Bench::new();
    let throttled = |asked: u64| {
        let fetches = Arc::clone(&bench.fetches);
        move |_: Challenge| -> BoxFuture<'static, Result<AccessToken>> {
            fetches.fetch_add(1, Ordering::SeqCst);
            let mut error = failure(ErrorKind::Throttled);
            error.retry_after = Some(Duration::from_secs(asked));
            async move { Err(error) }.boxed()
        }
    };
    for (asked, held) in [(60, 60), (1_000_000, 3600)] {
        bench.cache.get(key("a"), &bench.clock, Want::Usable, throttled(asked)).await.unwrap_err();
        let fetches = bench.count();
        bench.advance(held - 10).await;
        let error = bench.get("a", 1, HOUR).await.unwrap_err();
        assert_eq!(error.retry_after, Some(Duration::from_secs(10)));
        // Nobody else is held.
        bench.get(&format!("b{asked}"), 1, HOUR).await.unwrap();
        assert_eq!(bench.count(), fetches + 1);
        bench.advance(10).await;
        bench.get("a", 1, HOUR).await.unwrap();
        bench.cache.clear();
    }
    // Nor is a renewal ahead begun before its time.
    bench.get("c", 1, HOUR).await.unwrap();
    bench.advance(HOUR - 550).await;
    assert!(bench.cache.get(key("c"), &bench.clock, Want::Usable, throttled(60)).await.unwrap().from_cache);
    bench.advance(31).await;
    let fetches = bench.count();
    assert!(bench.get("c", 1, HOUR).await.unwrap().from_cache);
    bench.advance(1).await;
    assert_eq!(bench.count(), fetches);
    // A token that still lives goes before the wait.
    bench.get("a", 1, HOUR).await.unwrap();
    bench.advance(HOUR - 200).await;
    for _ in 0..2 {
        let kept = bench.cache.get(key("a"), &bench.clock, Want::Usable, throttled(60)).await.unwrap();
        assert!(kept.from_cache);
    }
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_nobody_wants_any_more_does_not_end_the_wait_of_the_one_that_came_after_it() {
    let bench = Bench::new();
    let old = bench.get("a", 1, HOUR).await.unwrap().token;
    bench.advance(HOUR - 500).await;
    // A renewal ahead that takes long; meanwhile an API wants claims, and the fetch with them hears that it is to wait.
    assert!(bench.get_with("a", 100_000, Err(ErrorKind::Service)).await.unwrap().from_cache);
    bench.cache.refuse(&key("a"), &old, Some("claims".to_owned()));
    let throttled = |_: Challenge| -> BoxFuture<'static, Result<AccessToken>> {
        let mut error = failure(ErrorKind::Throttled);
        error.retry_after = Some(Duration::from_secs(3600));
        async move { Err(error) }.boxed()
    };
    bench.cache.get(key("a"), &bench.clock, Want::Usable, throttled).await.unwrap_err();
    bench.advance(200).await;
    let fetches = bench.count();
    assert_eq!(bench.get("a", 1, HOUR).await.unwrap_err().kind, ErrorKind::Throttled);
    assert_eq!(bench.count(), fetches);
}

#[tokio::test(start_paused = true)]
async fn a_new_one_is_asked_for_while_the_old_one_serves_and_stays_if_there_is_none() {
    let bench = Bench::new();
    bench.get("a", 1, HOUR).await.unwrap();
    let renew = |outcome: Result<i64, ErrorKind>| {
        let (clock, fetches) = (Arc::clone(&bench.clock), Arc::clone(&bench.fetches));
        bench.cache.get(key("a"), &bench.clock, Want::New, move |_| {
            async move {
                let number = fetches.fetch_add(1, Ordering::SeqCst);
                clock.sleep(Duration::from_secs(1)).await;
                let now = seconds(clock.as_ref());
                let secret = Secret::new(format!("token {number}"));
                outcome.map(|life| AccessToken::new(secret, now, now + life, None)).map_err(failure)
            }
            .boxed()
        })
    };
    let (failed, served) = tokio::join!(renew(Err(ErrorKind::Network)), bench.get("a", 1, HOUR));
    assert_eq!(failed.unwrap_err().kind, ErrorKind::Network);
    assert_eq!(served.unwrap().token.secret.expose(), "token 0");
    assert!(bench.get("a", 1, HOUR).await.unwrap().from_cache);
    // Ten who want a new one get the same.
    let all = futures_util::future::join_all((0..10).map(|_| renew(Ok(HOUR)))).await;
    assert!(all.iter().all(|got| got.as_ref().unwrap().token.secret.expose() == "token 2"));
    assert_eq!(bench.get("a", 1, HOUR).await.unwrap().token.secret.expose(), "token 2");
}

#[tokio::test(start_paused = true)]
async fn one_that_has_ended_is_asked_for_although_a_renewal_ahead_has_just_failed() {
    let bench = Bench::new();
    bench.get("a", 1, HOUR).await.unwrap();
    bench.advance(HOUR - 305).await;
    assert!(bench.get_with("a", 1, Err(ErrorKind::Service)).await.unwrap().from_cache);
    bench.advance(6).await;
    assert!(!bench.get("a", 1, HOUR).await.unwrap().from_cache);
    assert_eq!(bench.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn many_callers_at_the_time_of_renewal_begin_one() {
    let bench = Bench::new();
    bench.get("a", 1, HOUR).await.unwrap();
    bench.advance(HOUR - 500).await;
    let all = futures_util::future::join_all((0..1000).map(|_| bench.get("a", 50, HOUR))).await;
    assert!(all.iter().all(|got| got.as_ref().unwrap().from_cache));
    bench.advance(1).await;
    assert_eq!(bench.count(), 2);
}

#[test]
fn a_clock_that_was_set_back_says_nothing_of_a_token() {
    let now = i64::try_from(START).unwrap();
    let token = token("t", HOUR);
    assert!(token.is_usable(now - 59) && !token.is_usable(now - 61));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_ends_the_fetch_only_when_it_was_the_last() {
    let bench = Arc::new(Bench::new());
    let first = Box::pin(bench.get("a", 1000, HOUR));
    let second = {
        let bench = Arc::clone(&bench);
        tokio::spawn(async move {
            bench.get("a", 1000, HOUR).await.map(|got| got.token.secret.expose().to_owned())
        })
    };
    // The first one starts the fetch and is dropped in its middle.
    let _ = tokio::time::timeout(Duration::from_millis(100), first).await;
    assert_eq!(second.await.unwrap().unwrap(), "token 0");
    assert_eq!(bench.count(), 1);

    let only_one = tokio::time::timeout(Duration::from_millis(100), bench.get("b", 1000, HOUR)).await;
    assert!(only_one.is_err());
    bench.get("b", 1, HOUR).await.unwrap();
    assert_eq!(bench.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_replaced_once_however_many_refuse_it() {
    let bench = Bench::new();
    let old = bench.get("a", 1, HOUR).await.unwrap().token;
    let renewals = (0..1000).map(|_| async {
        bench.cache.refuse(&key("a"), &old, None);
        bench.get("a", 20, HOUR).await.unwrap()
    });
    let all = futures_util::future::join_all(renewals).await;
    assert_eq!(bench.count(), 2);
    assert!(all.iter().all(|got| got.token.secret.expose() == "token 1"));
    // A late refusal of the old one does not touch the new one.
    bench.cache.refuse(&key("a"), &old, None);
    assert!(bench.get("a", 1, HOUR).await.unwrap().from_cache);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_fetch_is_an_error_for_all_that_wait_and_the_next_call_works() {
    let bench = Bench::new();
    let panicking =
        || bench.cache.get(key("a"), &bench.clock, Want::Usable, |_| async { panic!("scripted") }.boxed());
    let (one, two) = tokio::join!(panicking(), panicking());
    assert_eq!(one.unwrap_err().kind, ErrorKind::Internal);
    assert_eq!(two.unwrap_err().kind, ErrorKind::Internal);
    bench.get("a", 1, HOUR).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_fetch_from_before_a_clearing_brings_nothing_back() {
    let bench = Bench::new();
    let (got, ()) = tokio::join!(bench.get("a", 1000, HOUR), async {
        bench.clock.sleep(Duration::from_millis(100)).await;
        bench.cache.clear();
    });
    got.unwrap();
    assert!(!bench.get("a", 1, HOUR).await.unwrap().from_cache);
}

#[tokio::test(start_paused = true)]
async fn each_part_of_the_key_makes_another_token() {
    let bench = Bench::new();
    let plain = key("a");
    let of_kind = |kind: TokenKind| CacheKey { kind, ..plain.clone() };
    let others = [
        CacheKey { tenant: "x".into(), ..plain.clone() },
        of_kind(TokenKind { authority: "x".into(), ..plain.kind.clone() }),
        of_kind(TokenKind { client: "x".into(), ..plain.kind.clone() }),
        of_kind(TokenKind { source: "x".into(), ..plain.kind.clone() }),
        of_kind(TokenKind { scope: "x".into(), ..plain.kind.clone() }),
    ];
    bench.get("a", 1, HOUR).await.unwrap();
    for other in others {
        let fetched = bench
            .cache
            .get(other, &bench.clock, Want::Usable, |_| async { Ok(token("other", HOUR)) }.boxed())
            .await
            .unwrap();
        assert!(!fetched.from_cache);
    }
}

#[tokio::test(start_paused = true)]
async fn the_cache_is_bounded_and_drops_what_ends_first() {
    let bench = Bench::new();
    for i in 0..=CAPACITY {
        let lifetime = HOUR + i64::try_from(i).unwrap();
        bench
            .cache
            .get(key(&i.to_string()), &bench.clock, Want::Usable, |_| {
                async move { Ok(token("t", lifetime)) }.boxed()
            })
            .await
            .unwrap();
    }
    assert_eq!(bench.cache.lock().len(), CAPACITY);
    assert!(bench.cache.lock().get(&key("0")).is_none());
}

#[test]
fn a_short_token_has_a_short_margin_and_a_long_one_is_renewed_at_half_its_life() {
    let now = i64::try_from(START).unwrap();
    let short = token("t", 60);
    assert!(short.is_usable(now + 44) && !short.is_usable(now + 45));
    // Up to a tenth earlier by chance, so that what was fetched together is not renewed together.
    let half = token("t", 24 * HOUR).refresh_on - now;
    assert!((12 * HOUR - 300..=12 * HOUR).contains(&half), "{half}");
    let told = AccessToken::new(Secret::new("t".into()), now, now + 24 * HOUR, Some(HOUR));
    assert!((HOUR - 300..=HOUR).contains(&(told.refresh_on - now)));
    let times: std::collections::HashSet<_> = (0..64).map(|_| token("t", 24 * HOUR).refresh_on).collect();
    assert!(times.len() > 8, "{times:?}");
}
