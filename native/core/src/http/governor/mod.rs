//! Keeps requests within the quotas of the services, for all sessions of the process. A service counts per app, tenant
//! and kind of request; each of these has a [`Class`] here, in which requests wait for their turn.

#[cfg(test)]
mod fleet;
mod limit;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
mod window;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use self::window::Window;
use crate::clock::{Clock, within};
use crate::cloud::Family;
pub use limit::Limit;
pub(crate) use window::Turn;

/// What a service counts together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) app: String,
    pub(crate) tenant: String,
    pub(crate) family: Family,
    /// Number of the quota.
    pub(crate) quota: u8,
}

/// The quotas that the process uses.
#[derive(Default)]
pub struct Governor {
    classes: Mutex<Classes>,
    callers: AtomicU64,
}

#[derive(Default)]
struct Classes {
    by_key: HashMap<Key, Arc<Class>>,
    /// When the idle ones are removed.
    clean_at: usize,
}

/// Number of classes from which on the idle ones are removed.
const CLEAN_AT: usize = 256;

impl Governor {
    /// A number for a caller, whose requests have their turn with those of others.
    pub(crate) fn caller(&self) -> u64 {
        self.callers.fetch_add(1, Ordering::Relaxed)
    }

    /// What counts these requests. `published` are the limits that are known beforehand, and `at_once` is how many may
    /// be under way at a time.
    pub(crate) fn class(
        &self,
        key: Key,
        published: &'static [Limit],
        at_once: Option<usize>,
        now: Duration,
    ) -> Arc<Class> {
        let mut classes = self.classes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(class) = classes.by_key.get(&key) {
            return Arc::clone(class);
        }
        if classes.by_key.len() >= classes.clean_at.max(CLEAN_AT) {
            classes
                .by_key
                .retain(|_, class| Arc::strong_count(class) > 1 || !class.lock().window.is_idle(now));
            classes.clean_at = 2 * classes.by_key.len();
        }
        let class = Arc::new(Class { state: Mutex::new(State::new(published, at_once)) });
        classes.by_key.insert(key, Arc::clone(&class));
        class
    }

    /// Forgets what services have said: waits, limits, and that others use the same quota.
    pub fn forget(&self) {
        let classes = self.classes.lock().unwrap_or_else(PoisonError::into_inner);
        for class in classes.by_key.values() {
            let mut state = class.lock();
            state.window.forget();
            state.wake_all();
        }
    }
}

impl fmt::Debug for Governor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Governor").finish_non_exhaustive()
    }
}

/// Requests that are counted together.
pub(crate) struct Class {
    state: Mutex<State>,
}

struct State {
    window: Window,
    /// How many requests may be under way at a time.
    at_once: usize,
    under_way: usize,
    /// Who waits, by the turn of its request.
    queue: BTreeMap<Position, Arc<Notify>>,
    /// The last turn of each caller that is ahead of [`State::turn`].
    turns: HashMap<u64, u64>,
    /// The last turn that was given.
    turn: u64,
    numbers: u64,
}

/// A turn, and a number that is new each time: callers take turns, and each one's requests keep their order.
type Position = (u64, u64);

impl State {
    fn new(published: &'static [Limit], at_once: Option<usize>) -> Self {
        State {
            window: Window::new(published),
            at_once: at_once.unwrap_or(usize::MAX),
            under_way: 0,
            queue: BTreeMap::new(),
            turns: HashMap::new(),
            turn: 0,
            numbers: 0,
        }
    }

    /// Whether one more request may be under way.
    fn has_room(&self) -> bool {
        self.under_way < self.at_once
    }

    fn join(&mut self, caller: u64) -> (Position, Arc<Notify>) {
        let passed = self.turn;
        self.turns.retain(|_, turn| *turn > passed);
        let turn = self.turns.get(&caller).copied().unwrap_or(passed).max(passed) + 1;
        self.turns.insert(caller, turn);
        self.numbers += 1;
        let wake = Arc::new(Notify::new());
        let position = (turn, self.numbers);
        self.queue.insert(position, Arc::clone(&wake));
        (position, wake)
    }

    fn leave(&mut self, caller: u64, position: Position) {
        let turn = position.0;
        if turn > self.turn && self.turns.get(&caller) == Some(&turn) {
            // It was not given.
            self.turns.insert(caller, turn - 1);
        }
        let was_first = self.queue.first_key_value().is_some_and(|(first, _)| *first == position);
        self.queue.remove(&position);
        if was_first {
            self.wake_first();
        }
    }

    /// Only the first one looks at the clock.
    fn wake_first(&self) {
        if let Some(first) = self.queue.values().next() {
            first.notify_one();
        }
    }

    /// The wait of everybody has changed.
    fn wake_all(&self) {
        for waiter in self.queue.values() {
            waiter.notify_one();
        }
    }
}

impl Class {
    /// A place, if a request may be sent now and nobody waits.
    pub(crate) fn try_place(self: &Arc<Self>, clock: &Arc<dyn Clock>) -> Option<Place> {
        let mut state = self.lock();
        let now = clock.now();
        let is_free = state.queue.is_empty() && state.has_room() && state.window.next(now).at <= now;
        is_free.then(|| self.take(&mut state, clock))
    }

    /// Waits for a place. `told` hears how long that will take, and again if that changes; its error ends the wait.
    pub(crate) async fn place<E>(
        self: &Arc<Self>,
        clock: &Arc<dyn Clock>,
        caller: u64,
        mut told: impl FnMut(Turn) -> Result<(), E>,
    ) -> Result<Place, E> {
        if let Some(place) = self.try_place(clock) {
            return Ok(place);
        }
        let (position, wake) = self.lock().join(caller);
        // Leaves the queue with the place, or when it is dropped.
        let _waiting = Waiting { class: self, caller, position };
        loop {
            let now = clock.now();
            let (turn, is_timed) = {
                let mut state = self.lock();
                let ahead = state.queue.range(..position).count();
                let turn = state.window.nth(now, ahead + 1);
                let is_due = ahead == 0 && turn.at <= now;
                if is_due && state.has_room() {
                    state.turn = state.turn.max(position.0);
                    return Ok(self.take(&mut state, clock));
                }
                // Nobody knows when a request that is under way will end.
                (turn, ahead == 0 && !is_due)
            };
            if turn.at > now {
                told(turn)?;
            }
            if is_timed {
                within(clock.as_ref(), turn.at.saturating_sub(now), wake.notified()).await;
            } else {
                wake.notified().await;
            }
        }
    }

    /// Sends nothing before then.
    pub(crate) fn hold(&self, until: Duration) {
        let mut state = self.lock();
        state.window.hold(until);
        state.wake_all();
    }

    /// An answer says how many requests the service still takes before then.
    pub(crate) fn told(&self, requests: usize, ends: Duration) {
        self.lock().window.told(requests, ends);
    }

    fn take(self: &Arc<Self>, state: &mut State, clock: &Arc<dyn Clock>) -> Place {
        state.under_way += 1;
        Place {
            number: state.window.take(),
            under_way: Some(UnderWay(Arc::clone(self))),
            class: Arc::clone(self),
            clock: Arc::clone(clock),
            sent: None,
            has_ended: false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that waits for its turn.
struct Waiting<'a> {
    class: &'a Class,
    caller: u64,
    position: Position,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.class.lock().leave(self.caller, self.position);
    }
}

/// A request that is under way until this is dropped.
pub(crate) struct UnderWay(Arc<Class>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.under_way -= 1;
        if state.under_way < state.at_once {
            state.wake_first();
        }
    }
}

/// The right to send one request. If it is dropped before the request was sent, somebody else has it.
pub(crate) struct Place {
    class: Arc<Class>,
    clock: Arc<dyn Clock>,
    number: u64,
    under_way: Option<UnderWay>,
    sent: Option<Duration>,
    has_ended: bool,
}

impl Place {
    /// For the answer: the request is under way until its body has been received.
    pub(crate) fn take_under_way(&mut self) -> Option<UnderWay> {
        self.under_way.take()
    }

    /// The request is sent now.
    pub(crate) fn sent(&mut self) {
        let now = self.clock.now();
        self.sent = Some(now);
        self.class.lock().window.sent(self.number, now);
    }

    /// The answer began to arrive, or none will come.
    pub(crate) fn answered(&mut self) {
        self.end(true);
    }

    /// The request did not leave this machine.
    pub(crate) fn unsent(&mut self) {
        self.end(false);
    }

    /// The service refused the request for its quota: it names a limit, or how long to wait.
    pub(crate) fn refused(&self, named: Option<Limit>, delay: Duration) {
        let now = self.clock.now();
        let mut state = self.class.lock();
        state.window.refused(now, self.sent.unwrap_or(now), named, delay);
        state.wake_all();
    }

    fn end(&mut self, reached: bool) {
        if !std::mem::replace(&mut self.has_ended, true) {
            let now = self.clock.now();
            let mut state = self.class.lock();
            state.window.ended(self.number, now, reached);
            state.wake_first();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // A request that was cancelled may still arrive. It stays under way for as long as that can take.
        if self.sent.is_none() {
            self.end(false);
        }
    }
}
