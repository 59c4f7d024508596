//! Asks the consumer of a query for what only it can make: a client assertion, which a script block creates, or a
//! signature, where it holds the key.
//!
//! The queries of a connection share one broker, and so do all connections with the same certificate: they share its
//! tokens, so one may wait for a signature that another one asked for. Any query that is being pulled can answer,
//! because a query whose pipeline is stalled cannot.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::{Notify, oneshot};

use crate::errors::{ASSERTION_SCRIPT, CERTIFICATE_KEY_REFUSED};
use crate::errors::{Error, Result, excerpt};
use crate::secret::Secret;

/// A client assertion.
type Answer = Result<Secret>;

/// Makes what is to be signed: header and claims of an assertion. It runs when a consumer is there to sign, because an
/// assertion is valid for minutes only.
type SigningInput = Box<dyn Fn() -> String + Send>;

struct Waiting {
    number: u64,
    /// Without it, the consumer creates the whole assertion.
    signing_input: Option<SigningInput>,
    answer: oneshot::Sender<Answer>,
}

#[derive(Default)]
struct State {
    waiting: Vec<Waiting>,
    asked: u64,
    claimed: bool,
    closed: bool,
}

/// Passes questions to the consumers of queries.
pub(crate) struct Broker {
    id: u64,
    state: Mutex<State>,
    changed: Notify,
}

impl Broker {
    /// `id` identifies this broker, and so its script block, in the process.
    pub(crate) fn new(id: u64) -> Arc<Self> {
        Arc::new(Broker { id, state: Mutex::default(), changed: Notify::new() })
    }

    /// Its id.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Waits for an assertion.
    pub(crate) async fn assertion(&self) -> Answer {
        self.ask(None).await
    }

    /// Waits for a signature, and returns the signed assertion (RFC 7515 §3.1).
    pub(crate) async fn signed(&self, signing_input: impl Fn() -> String + Send + 'static) -> Answer {
        self.ask(Some(Box::new(signing_input))).await
    }

    async fn ask(&self, signing_input: Option<SigningInput>) -> Answer {
        let is_signature = signing_input.is_some();
        let answer = {
            let mut state = self.lock();
            if state.closed {
                return Err(closed(is_signature));
            }
            let (sender, answer) = oneshot::channel();
            state.asked += 1;
            let number = state.asked;
            state.waiting.push(Waiting { number, signing_input, answer: sender });
            answer
        };
        self.changed.notify_waiters();
        answer.await.unwrap_or_else(|_| Err(closed(is_signature)))
    }

    /// Takes the oldest question, if there is one and no other query has taken it.
    pub(crate) fn try_take(self: &Arc<Self>) -> Option<Question> {
        let mut state = self.lock();
        state.waiting.retain(|waiting| !waiting.answer.is_closed());
        if state.claimed {
            return None;
        }
        let first = state.waiting.first()?;
        let to_sign = first.signing_input.as_ref().map(|make| (first.number, make()));
        state.claimed = true;
        Some(Question { broker: Arc::clone(self), to_sign })
    }

    /// Waits for a question and takes it.
    pub(crate) async fn next_question(self: &Arc<Self>) -> Question {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(question) = self.try_take() {
                return question;
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

fn closed(is_signature: bool) -> Error {
    if is_signature {
        CERTIFICATE_KEY_REFUSED.error("the connection was closed before its certificate signed the assertion")
    } else {
        ASSERTION_SCRIPT.error("the connection was closed before its script block could provide an assertion")
    }
}

/// A question that one consumer answers. If it is dropped without an answer, another query can take it.
pub(crate) struct Question {
    broker: Arc<Broker>,
    /// Number of the waiting caller, and what it wants signed.
    to_sign: Option<(u64, String)>,
}

impl Question {
    /// What to sign. `None` asks for a whole assertion.
    pub(crate) fn signing_input(&self) -> Option<&str> {
        self.to_sign.as_ref().map(|(_, input)| input.as_str())
    }

    /// Whether these bytes can be an answer: an assertion is text.
    pub(crate) fn accepts(&self, answer: &[u8]) -> bool {
        self.to_sign.is_some() || std::str::from_utf8(answer).is_ok()
    }

    /// Answers with a signature to the caller that wants it, or with an assertion to all that wait for one. An error
    /// contains the consumer's own message.
    pub(crate) fn answer(self, answer: Result<&[u8], &str>) {
        for waiting in self.asking() {
            let answer = match answer {
                Ok(given) => Ok(self.assertion(given)),
                Err(why) => Err(self.failed(why)),
            };
            // A caller that has gone needs no answer.
            let _ = waiting.answer.send(answer);
        }
    }

    /// Takes the callers that the answer is for.
    fn asking(&self) -> Vec<Waiting> {
        let mut state = self.broker.lock();
        match &self.to_sign {
            Some((number, _)) => state.waiting.extract_if(.., |waiting| waiting.number == *number).collect(),
            None => std::mem::take(&mut state.waiting),
        }
    }

    fn assertion(&self, given: &[u8]) -> Secret {
        Secret::new(match &self.to_sign {
            Some((_, input)) => format!("{input}.{}", URL_SAFE_NO_PAD.encode(given)),
            None => String::from_utf8_lossy(given).into_owned(),
        })
    }

    fn failed(&self, why: &str) -> Error {
        let why = excerpt(why, 300);
        if self.to_sign.is_some() {
            CERTIFICATE_KEY_REFUSED.error(format!("the certificate's private key did not sign: {why}"))
        } else {
            ASSERTION_SCRIPT.error(format!("the script block for the assertion failed: {why}"))
        }
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.broker.lock().claimed = false;
        self.broker.changed.notify_waiters();
    }
}

/// Closes the broker when the last session or query that could answer is dropped.
pub(crate) struct BrokerGuard(pub(crate) Arc<Broker>);

impl Drop for BrokerGuard {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The brokers that several sessions share, by the key that their consumers hold.
#[derive(Default)]
pub(crate) struct SharedBrokers(Mutex<HashMap<String, Weak<BrokerGuard>>>);

impl SharedBrokers {
    /// The broker of all sessions with this key; `id` is that of a new one.
    pub(crate) fn of_key(&self, key: String, id: u64) -> Arc<BrokerGuard> {
        let mut brokers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(broker) = brokers.get(&key).and_then(Weak::upgrade) {
            return broker;
        }
        brokers.retain(|_, broker| broker.strong_count() > 0);
        let broker = Arc::new(BrokerGuard(Broker::new(id)));
        brokers.insert(key, Arc::downgrade(&broker));
        broker
    }
}
