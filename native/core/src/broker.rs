//! Asks the consumer of a query for what only it can make: a client assertion out of a script block.
//!
//! A connection's queries share one broker. Whichever of them is being pulled answers, for a query whose pipeline stands still could not.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

use crate::errors::ASSERTION_SCRIPT;
use crate::errors::{Error, Result, excerpt};
use crate::secret::Secret;

type Answer = Result<Secret>;

#[derive(Default)]
struct State {
    waiting: Vec<oneshot::Sender<Answer>>,
    claimed: bool,
    closed: bool,
}

/// Where questions wait for an answer.
pub(crate) struct AssertionBroker {
    id: u64,
    state: Mutex<State>,
    changed: Notify,
}

impl AssertionBroker {
    /// `id` tells this broker, and so the script block behind it, from all others of the process.
    pub(crate) fn new(id: u64) -> Arc<Self> {
        Arc::new(AssertionBroker { id, state: Mutex::default(), changed: Notify::new() })
    }

    /// Its number.
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
    pub(crate) fn try_take(self: &Arc<Self>) -> Option<AssertionRequest> {
        let mut state = self.lock();
        state.waiting.retain(|sender| !sender.is_closed());
        if state.claimed || state.waiting.is_empty() {
            return None;
        }
        state.claimed = true;
        Some(AssertionRequest { broker: Arc::clone(self) })
    }

    /// As [`AssertionBroker::try_take`], when there is a question.
    pub(crate) async fn next_request(self: &Arc<Self>) -> AssertionRequest {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(claim) = self.try_take() {
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
pub(crate) struct AssertionRequest {
    broker: Arc<AssertionBroker>,
}

impl AssertionRequest {
    /// Answers everyone who waits. A failure is told in the words of the script block.
    pub(crate) fn answer(self, answer: &Result<Secret, &str>) {
        let waiting = std::mem::take(&mut self.broker.lock().waiting);
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

impl Drop for AssertionRequest {
    fn drop(&mut self) {
        self.broker.lock().claimed = false;
        self.broker.changed.notify_waiters();
    }
}

fn failed(why: &str) -> Error {
    ASSERTION_SCRIPT.error(format!("the script block for the assertion failed: {}", excerpt(why, 300)))
}

/// Closes the broker when the last session or query that could answer has gone.
pub(crate) struct BrokerGuard(pub(crate) Arc<AssertionBroker>);

impl Drop for BrokerGuard {
    fn drop(&mut self) {
        self.0.close();
    }
}
