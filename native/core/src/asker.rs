//! Asks the consumer of a query for what only it can make: a client assertion out of a script block.
//!
//! A connection's queries share one asker. Whichever of them is being pulled answers, for a query whose pipeline stands still could not.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

use crate::error::{Error, Result, excerpt};
use crate::knowledge::ASSERTION_SCRIPT;
use crate::secret::Secret;

type Answer = Result<Secret>;

#[derive(Default)]
struct State {
    waiting: Vec<oneshot::Sender<Answer>>,
    claimed: bool,
    closed: bool,
}

/// Where questions wait for an answer.
pub(crate) struct Asker {
    id: u64,
    state: Mutex<State>,
    changed: Notify,
}

impl Asker {
    pub(crate) fn new() -> Arc<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let id = COUNT.fetch_add(1, Ordering::Relaxed);
        Arc::new(Asker { id, state: Mutex::default(), changed: Notify::new() })
    }

    /// What tells this asker, and so the script block behind it, from all others of the process.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Waits for an assertion.
    pub(crate) async fn ask(&self) -> Answer {
        let answer = {
            let mut state = self.lock();
            if state.closed {
                return Err(nobody());
            }
            let (sender, answer) = oneshot::channel();
            state.waiting.push(sender);
            answer
        };
        self.changed.notify_waiters();
        answer.await.unwrap_or_else(|_| Err(nobody()))
    }

    /// Takes over the answering, if there is a question that nobody has taken.
    pub(crate) fn try_claim(self: &Arc<Self>) -> Option<Claim> {
        let mut state = self.lock();
        state.waiting.retain(|sender| !sender.is_closed());
        if state.claimed || state.waiting.is_empty() {
            return None;
        }
        state.claimed = true;
        Some(Claim { asker: Arc::clone(self) })
    }

    /// As [`Asker::try_claim`], when there is a question.
    pub(crate) async fn claim(self: &Arc<Self>) -> Claim {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(claim) = self.try_claim() {
                return claim;
            }
            changed.await;
        }
    }

    /// Nobody is left who could answer.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.waiting.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn nobody() -> Error {
    ASSERTION_SCRIPT
        .error("the connection was closed before its script block could be asked for an assertion")
}

/// The duty to answer. Dropped without an answer, it goes back.
pub(crate) struct Claim {
    asker: Arc<Asker>,
}

impl Claim {
    /// Answers everyone who waits. A failure is told in the words of the script block.
    pub(crate) fn answer(self, answer: &Result<Secret, &str>) {
        let waiting = std::mem::take(&mut self.asker.lock().waiting);
        for sender in waiting {
            let answer = match answer {
                Ok(secret) => Ok(secret.clone()),
                Err(why) => Err(failed(why)),
            };
            // Whoever went meanwhile needs no answer.
            let _ = sender.send(answer);
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.asker.lock().claimed = false;
        self.asker.changed.notify_waiters();
    }
}

fn failed(why: &str) -> Error {
    ASSERTION_SCRIPT.error(format!("the script block for the assertion failed: {}", excerpt(why, 300)))
}

/// Closes the asker when the last session or query that could answer has gone.
pub(crate) struct Answerers(pub(crate) Arc<Asker>);

impl Drop for Answerers {
    fn drop(&mut self) {
        self.0.close();
    }
}
