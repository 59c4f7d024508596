//! The cache as a state machine: whatever happens in whatever order, what it promises holds.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use proptest::prelude::*;

use super::super::AccessToken;
use super::{CacheKey, Cached, TokenCache, TokenKind, Want, seconds};
use crate::clock::Clock;
use crate::errors::{AUTHORITY_FAILED, ErrorKind};
use crate::secret::Secret;
use crate::testing::TestClock;

const KEYS: usize = 3;

#[derive(Clone, Debug)]
enum Outcome {
    Token { lifetime: i64, refresh_in: Option<i64> },
    Failure(ErrorKind),
}

#[derive(Clone, Debug)]
enum Op {
    Get { key: usize, callers: usize, millis: u64, outcome: Outcome },
    Advance(u64),
    Renew { key: usize, millis: u64, outcome: Outcome },
    Refuse { key: usize, claims: bool },
    Clear,
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let token = (1_i64..20_000, proptest::option::of(1_i64..10_000))
        .prop_map(|(lifetime, refresh_in)| Outcome::Token { lifetime, refresh_in });
    let kinds = [ErrorKind::Network, ErrorKind::Throttled, ErrorKind::Authentication];
    prop_oneof![3 => token, 1 => proptest::sample::select(kinds.to_vec()).prop_map(Outcome::Failure)]
}

fn op() -> impl Strategy<Value = Op> {
    let key = 0..KEYS;
    prop_oneof![
        8 => (key.clone(), 1..8_usize, prop_oneof![1..3000_u64, 1..90_000_u64], outcome())
            .prop_map(|(key, callers, millis, outcome)| Op::Get { key, callers, millis, outcome }),
        4 => prop_oneof![0..60_u64, 0..8000_u64].prop_map(Op::Advance),
        2 => (key.clone(), any::<bool>()).prop_map(|(key, claims)| Op::Refuse { key, claims }),
        2 => (key, 1..3000_u64, outcome()).prop_map(|(key, millis, outcome)| Op::Renew { key, millis, outcome }),
        1 => Just(Op::Clear),
    ]
}

/// A fetch that was begun: for which key, with which claims, since which clearing, and whether it is still under way.
#[derive(Clone)]
struct Fetch {
    key: usize,
    claims: Option<String>,
    clearings: usize,
    under_way: bool,
}

type Begun = Arc<Mutex<Vec<Fetch>>>;

/// Ends a fetch, however it ends.
struct UnderWay(Begun, usize);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.lock().unwrap()[self.1].under_way = false;
    }
}

struct Machine {
    cache: Arc<TokenCache>,
    clock: Arc<dyn Clock>,
    begun: Begun,
    /// The token that each key gave last.
    last: [Option<Arc<AccessToken>>; KEYS],
    /// Fetches whose tokens must not be seen again.
    dead: HashSet<usize>,
    /// Claims that the next fetch of a key has to bring.
    wanted: [Option<String>; KEYS],
    clearings: usize,
}

fn key(number: usize) -> CacheKey {
    let kind = TokenKind {
        authority: "https://login.example".into(),
        client: "client".into(),
        source: format!("source {number}"),
        scope: "scope".into(),
    };
    CacheKey { tenant: "tenant".into(), kind }
}

/// Key and number of the fetch that a token came from.
fn origin(token: &AccessToken) -> (usize, usize) {
    let (key, number) = token.secret.expose().split_once('/').unwrap();
    (key.parse().unwrap(), number.parse().unwrap())
}

impl Machine {
    fn new() -> Self {
        Machine {
            cache: Arc::default(),
            clock: Arc::new(TestClock::new()),
            begun: Begun::default(),
            last: [None, None, None],
            dead: HashSet::new(),
            wanted: [None, None, None],
            clearings: 0,
        }
    }

    async fn apply(&mut self, op: &Op) {
        match op {
            Op::Get { key, callers, millis, outcome } => {
                self.get(*key, *callers, *millis, outcome, false).await;
            }
            Op::Renew { key, millis, outcome } => self.get(*key, 2, *millis, outcome, true).await,
            Op::Advance(seconds) => self.clock.sleep(Duration::from_secs(*seconds)).await,
            Op::Refuse { key: number, claims } => {
                let Some(token) = self.last[*number].clone() else { return };
                let is_kept = self
                    .cache
                    .snapshot(|kind, _| *kind == key(*number).kind)
                    .iter()
                    .any(|(_, t)| Arc::ptr_eq(t, &token));
                let claims = claims.then(|| format!("claims {}", self.begun.lock().unwrap().len()));
                self.cache.refuse(&key(*number), &token, claims.clone());
                if is_kept {
                    self.dead.insert(origin(&token).1);
                    if claims.is_some() {
                        // What is under way brings a token that would be challenged again, so it may have a successor
                        // beside it.
                        let mut begun = self.begun.lock().unwrap();
                        begun
                            .iter_mut()
                            .filter(|fetch| fetch.key == *number)
                            .for_each(|fetch| fetch.under_way = false);
                    }
                    self.wanted[*number] = claims;
                }
            }
            Op::Clear => {
                self.dead.extend(0..self.begun.lock().unwrap().len());
                self.cache.clear();
                self.clearings += 1;
                self.wanted = [None, None, None];
            }
        }
    }

    async fn get(&mut self, number: usize, callers: usize, millis: u64, outcome: &Outcome, renew: bool) {
        let before = self.cache.snapshot(|kind, _| *kind == key(number).kind).pop().map(|(_, token)| token);
        let now = seconds(self.clock.as_ref());
        let fresh =
            !renew && before.as_ref().is_some_and(|token| token.is_usable(now) && now < token.refresh_on);
        let begun_before = self.begun.lock().unwrap().len();
        let (wanted, clearings) = (self.wanted[number].clone(), self.clearings);
        let calls = (0..callers).map(|_| {
            let (begun, clock, outcome) = (Arc::clone(&self.begun), Arc::clone(&self.clock), outcome.clone());
            let cache = Arc::clone(&self.cache);
            let fetch_clock = Arc::clone(&self.clock);
            let fetch = move |challenge: super::Challenge| {
                let id = {
                    let mut begun = begun.lock().unwrap();
                    let claims = challenge.map(|claims| claims.to_string());
                    let twin = begun.iter().any(|fetch| {
                        fetch.under_way
                            && fetch.key == number
                            && fetch.claims == claims
                            && fetch.clearings == clearings
                    });
                    assert!(!twin, "two fetches for one key at a time");
                    begun.push(Fetch { key: number, claims, clearings, under_way: true });
                    begun.len() - 1
                };
                let under_way = UnderWay(begun, id);
                async move {
                    let _under_way = under_way;
                    clock.sleep(Duration::from_millis(millis)).await;
                    let now = seconds(clock.as_ref());
                    match outcome {
                        Outcome::Token { lifetime, refresh_in } => Ok(AccessToken::new(
                            Secret::new(format!("{number}/{id}")),
                            now,
                            now + lifetime,
                            refresh_in,
                        )),
                        Outcome::Failure(kind) => Err(AUTHORITY_FAILED.error("scripted").of_kind(kind)),
                    }
                }
                .boxed()
            };
            async move {
                let want = if renew { Want::New } else { Want::Usable };
                cache.get(key(number), &fetch_clock, want, fetch).await
            }
        });
        let results = join_all(calls).await;
        let now_after = seconds(self.clock.as_ref());

        let begun = self.begun.lock().unwrap()[begun_before..].to_vec();
        assert!(begun.len() <= 1, "{} fetches for one key at a time", begun.len());
        assert!(!fresh || begun.is_empty(), "a token that needed no renewal was renewed");
        if let [fetch] = begun.as_slice() {
            assert_eq!(fetch.claims, wanted, "what the API said is missing was not asked for");
        }
        for result in results {
            match result {
                Ok(got) if renew && got.from_cache => panic!("a token that was there instead of a new one"),
                Ok(got) => self.check(number, &got, now, begun_before, wanted.as_deref()),
                Err(_) => assert!(!fresh, "a good token was kept back"),
            }
        }
        // A fetch that brought a token has answered the claims it was begun with.
        if !begun.is_empty() && matches!(outcome, Outcome::Token { .. }) && now_after >= now {
            let kept = self.cache.snapshot(|kind, _| *kind == key(number).kind).pop();
            if kept.is_some_and(|(_, token)| origin(&token).1 >= begun_before) {
                self.wanted[number] = None;
            }
        }
    }

    fn check(&mut self, number: usize, got: &Cached, now: i64, begun_before: usize, wanted: Option<&str>) {
        let (key, id) = origin(&got.token);
        assert_eq!(key, number, "a token of another key");
        assert!(!self.dead.contains(&id), "a token that was refused or cleared came back");
        if got.from_cache && id < begun_before {
            assert!(got.token.expires_on > now, "a token that had ended");
        }
        if wanted.is_some() {
            let claims = self.begun.lock().unwrap()[id].claims.clone();
            assert_eq!(claims.as_deref(), wanted, "a token without what the API said is missing");
        }
        self.last[number] = Some(Arc::clone(&got.token));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whatever_happens_its_promises_hold(ops in proptest::collection::vec(op(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut machine = Machine::new();
            for op in &ops {
                machine.apply(op).await;
            }
        });
    }
}
