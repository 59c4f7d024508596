//! The context of a running query, and the dependencies that the core receives from outside.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use crate::blocking::Files;
use crate::broker::AssertionBroker;
use crate::certificate::Certificate;
use crate::clock::{Clock, SystemClock, within};
use crate::errors::Result;
use crate::http::retry::{Attempt, Outcome, Policy, Schedule};
use crate::http::{self, Connections, Received, SharedTransport, TransportError, TransportErrorKind};
use crate::progress::Reporter;
use crate::settings::{Environment, Settings};
use crate::token::TokenCache;

/// The dependencies that tests replace, and the state that all sessions of a process share. Core keeps none of it in
/// statics: the process has one world, and each test its own.
#[derive(Clone)]
pub struct World {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The network. `None` is the real one.
    pub transport: Option<SharedTransport>,
    /// The token cache.
    pub cache: Arc<TokenCache>,
    /// HTTP clients, and the slots of each host.
    pub(crate) connections: Arc<Connections>,
    /// Readers of files.
    pub(crate) files: Arc<Files>,
    /// Number of sessions opened so far.
    pub(crate) sessions: Arc<AtomicU64>,
}

impl Default for World {
    fn default() -> Self {
        World {
            clock: Arc::new(SystemClock),
            transport: None,
            cache: Arc::default(),
            connections: Arc::default(),
            files: Arc::default(),
            sessions: Arc::default(),
        }
    }
}

/// What every part of a running query needs.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) settings: Arc<Settings>,
    pub(crate) environment: Arc<Environment>,
    pub(crate) transport: SharedTransport,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) cache: Arc<TokenCache>,
    pub(crate) files: Arc<Files>,
    /// Whether Azure Arc's agent is installed here.
    pub(crate) has_arc_agent: bool,
    pub(crate) reporter: Arc<Reporter>,
    /// The app's certificate, if it has one.
    pub(crate) certificate: Option<Arc<Certificate>>,
    /// Requests assertions from the consumer.
    pub(crate) broker: Arc<AssertionBroker>,
}

impl Context {
    /// Sends a request and receives its whole answer. It is an error if that takes longer than `timeout`.
    pub(crate) async fn receive(
        &self,
        request: http::Request,
        timeout: Duration,
    ) -> Result<Received, TransportError> {
        let received = async { self.transport.send(request).await?.whole().await };
        within(self.clock.as_ref(), timeout, received)
            .await
            .unwrap_or_else(|| Err(TransportError { kind: TransportErrorKind::Timeout, causes: Vec::new() }))
    }

    /// The only retry loop: repeats attempts until one succeeds or fails permanently, or the policy allows no more.
    /// `what` names the request in messages.
    pub(crate) async fn retry<A: Attempt>(
        &self,
        what: &str,
        policy: &Policy,
        mut request: A,
    ) -> Result<A::Answer> {
        let mut schedule = Schedule::new(policy);
        loop {
            let failure = match request.attempt().await? {
                Outcome::Done(result) => return Ok(result),
                Outcome::Renewed => continue,
                Outcome::Transient(failure) => failure,
            };
            if failure.progressed {
                schedule = Schedule::new(policy);
            }
            let Some(pause) = schedule.pause(failure.status, failure.retry_after) else {
                return failure.result;
            };
            self.reporter.retry(what, failure.status, pause);
            self.wait(pause).await;
        }
    }

    async fn wait(&self, pause: Duration) {
        self.reporter.waiting(pause);
        self.clock.sleep(pause).await;
    }
}
