//! The context of a running query, and the dependencies that the core receives from outside.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use crate::blocking::Files;
use crate::broker::{Broker, SharedBrokers};
use crate::certificate::Certificate;
use crate::clock::{Clock, SystemClock, within};
use crate::errors::{Error, Result};
use crate::http::retry::{Attempt, Outcome, Policy, Schedule};
use crate::http::waits::Waits;
use crate::http::{
    self, Connections, Governor, Place, Received, SharedTransport, Slots, TransportError, TransportErrorKind,
    limits,
};
use crate::progress::{Reporter, WaitReason};
use crate::settings::{Credential, Environment, Settings};
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
    /// Keeps requests within the quotas of the services.
    pub(crate) governor: Arc<Governor>,
    /// Readers of files.
    pub(crate) files: Arc<Files>,
    /// Number of sessions opened so far.
    pub(crate) sessions: Arc<AtomicU64>,
    /// What asks the consumers of several sessions.
    pub(crate) brokers: Arc<SharedBrokers>,
}

impl Default for World {
    fn default() -> Self {
        World {
            clock: Arc::new(SystemClock),
            transport: None,
            cache: Arc::default(),
            connections: Arc::default(),
            governor: Arc::default(),
            files: Arc::default(),
            sessions: Arc::default(),
            brokers: Arc::default(),
        }
    }
}

impl World {
    /// Wipes every cached token, and forgets what services have said of waits and quotas.
    pub fn forget(&self) {
        self.cache.clear();
        self.governor.forget();
    }
}

/// What every part of a running query needs.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) settings: Arc<Settings>,
    pub(crate) environment: Arc<Environment>,
    pub(crate) transport: SharedTransport,
    /// The slots of each host.
    pub(crate) slots: Arc<Slots>,
    /// The quotas of the services.
    pub(crate) governor: Arc<Governor>,
    /// Number of this query among those that wait for a quota.
    pub(crate) caller: u64,
    /// The waits of this command.
    pub(crate) waits: Arc<Waits>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) cache: Arc<TokenCache>,
    pub(crate) files: Arc<Files>,
    /// Whether Azure Arc's agent is installed here.
    pub(crate) has_arc_agent: bool,
    pub(crate) reporter: Reporter,
    /// The app's certificate, if it comes from a file.
    pub(crate) certificate: Option<Arc<Certificate>>,
    /// Asks the consumer.
    pub(crate) broker: Arc<Broker>,
    /// Another connection, whose identity reaches the storage account that a query writes to or reads.
    pub(crate) destination: Option<Arc<Context>>,
}

impl Context {
    /// What reaches the storage account of an export or import: the other connection, if there is one, or the managed
    /// identity of this machine in its own tenant. The app of the customers, and what is passed in for it, never reach
    /// it.
    pub(crate) fn of_destination(&self) -> Context {
        let (waits, reporter) = (Arc::clone(&self.waits), self.reporter.clone());
        if let Some(destination) = &self.destination {
            return Context { waits, reporter, ..destination.as_ref().clone() };
        }
        let mut settings = self.settings.as_ref().clone();
        settings.client_id = None;
        settings.tenants = Vec::new();
        if !matches!(settings.credential, Credential::ManagedIdentity { .. }) {
            settings.credential = Credential::Default {};
        }
        Context { settings: Arc::new(settings), certificate: None, ..self.clone() }
    }

    /// Sends a request that has a place in its quota. The head of its answer must come within `limit`, and its body at
    /// the least speed.
    pub(crate) async fn send(
        &self,
        request: http::Request,
        limit: Duration,
        place: &mut Place,
    ) -> Result<http::Response, TransportError> {
        let slot = self.slots.acquire(&request.url).await;
        place.sent();
        let answer = within(self.clock.as_ref(), limit, self.transport.send(request)).await;
        let answer = answer.unwrap_or_else(|| Err(TransportError::new(TransportErrorKind::Timeout)));
        match &answer {
            Err(error) if error.kind.is_unsent() => place.unsent(),
            _ => place.answered(),
        }
        Ok(answer?.governed(slot, Arc::clone(&self.clock)).counted(place.take_under_way()))
    }

    /// Sends a request to a token endpoint and receives its whole answer. It is an error if that takes longer than
    /// `limit`.
    pub(crate) async fn receive(
        &self,
        request: http::Request,
        limit: Duration,
    ) -> Result<Received, TransportError> {
        self.receive_up_to(limits::TOKEN_SIZE, request, limit).await
    }

    /// As above, for other answers, which have `size` bytes at most. Of a larger one the rest is missing.
    pub(crate) async fn receive_up_to(
        &self,
        size: usize,
        request: http::Request,
        limit: Duration,
    ) -> Result<Received, TransportError> {
        let slot = self.slots.acquire(&request.url).await;
        let received = async {
            let answer = self.transport.send(request).await?;
            answer.governed(slot, Arc::clone(&self.clock)).whole(size).await
        };
        within(self.clock.as_ref(), limit, received)
            .await
            .unwrap_or_else(|| Err(TransportError::new(TransportErrorKind::Timeout)))
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
        let mut silence = Duration::ZERO;
        loop {
            let begun = self.spent();
            let failure = match request.attempt().await? {
                Outcome::Done(result) => return Ok(result),
                Outcome::Renewed => continue,
                Outcome::Transient(failure) => failure,
            };
            if failure.progressed {
                schedule = Schedule::new(policy);
                silence = Duration::ZERO;
            } else if failure.status == 0 {
                // One attempt counts at most as long as its limit: the machine may have slept.
                silence += self.spent().saturating_sub(begun).min(limits::ONLY_ANSWER);
            }
            if silence >= limits::SILENCE {
                return failure.result;
            }
            let Some(pause) = schedule.pause(failure.status, failure.retry_after) else {
                return failure.result;
            };
            let now = self.clock.now();
            let is_held = failure.status == 429 && request.hold(now + pause);
            if !self.waits.begin(now, pause) {
                return failure.result.map_err(|error| self.too_long(error, pause));
            }
            let reason = WaitReason::of(failure.status, A::IS_TOKEN);
            self.reporter.retry(what, failure.status, reason, pause);
            if !is_held {
                self.clock.sleep(pause).await;
            }
        }
    }

    /// The error of a request that would be sent, but too late.
    pub(crate) fn too_long(&self, mut error: Error, pause: Duration) -> Error {
        let _ = write!(
            error.message,
            "; the next attempt would be in {} s, and a command waits at most {} s in all (-MaximumWait)",
            pause.as_secs_f64().ceil(),
            self.waits.limit().as_secs_f64()
        );
        error.retry_after.get_or_insert(pause);
        error
    }

    /// The time without the waits of this command.
    fn spent(&self) -> Duration {
        self.clock.now().saturating_sub(self.waits.total())
    }
}
