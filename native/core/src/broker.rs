//! Requests client assertions from the consumer of a query, which runs a script block to create them.
//!
//! The queries of a connection share one broker. Any query that is being pulled can answer, because a query whose
//! pipeline is stalled cannot.

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

/// Passes requests for assertions to the consumers of queries.
pub(crate) struct AssertionBroker {
    id: u64,
    state: Mutex<State>,
    changed: Notify,
}

impl AssertionBroker {
    /// `id` identifies this broker, and so its script block, in the process.
    pub(crate) fn new(id: u64) -> Arc<Self> {
        Arc::new(AssertionBroker { id, state: Mutex::default(), changed: Notify::new() })
    }

    /// Its id.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Waits for an assertion.
    pub(crate) async fn ask(&self) -> Answer {
        let answer = {
            let mut state = self.lock();
            if state.closed {
                return Err(closed());
            }
            let (sender, answer) = oneshot::channel();
            state.waiting.push(sender);
            answer
        };
        self.changed.notify_waiters();
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Takes the pending request, if there is one that no other query has taken.
    pub(crate) fn try_take(self: &Arc<Self>) -> Option<AssertionRequest> {
        let mut state = self.lock();
        state.waiting.retain(|sender| !sender.is_closed());
        if state.claimed || state.waiting.is_empty() {
            return None;
        }
        state.claimed = true;
        Some(AssertionRequest { broker: Arc::clone(self) })
    }

    /// Waits for a request and takes it.
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

    /// Closes the broker: no consumer is left to answer.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.waiting.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn closed() -> Error {
    ASSERTION_SCRIPT.error("the connection was closed before its script block could provide an assertion")
}

/// A request for an assertion. If it is dropped without an answer, another query can take it.
pub(crate) struct AssertionRequest {
    broker: Arc<AssertionBroker>,
}

impl AssertionRequest {
    /// Answers all waiting callers. An error contains the message of the script block.
    pub(crate) fn answer(self, answer: &Result<Secret, &str>) {
        let waiting = std::mem::take(&mut self.broker.lock().waiting);
        for sender in waiting {
            let answer = match answer {
                Ok(secret) => Ok(secret.clone()),
                Err(why) => Err(failed(why)),
            };
            // A caller that has gone needs no answer.
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

/// Closes the broker when the last session or query that could answer is dropped.
pub(crate) struct BrokerGuard(pub(crate) Arc<AssertionBroker>);

impl Drop for BrokerGuard {
    fn drop(&mut self) {
        self.0.close();
    }
}
