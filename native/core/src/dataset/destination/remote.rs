//! Requests to a service of Azure that takes what is exported, with their token and their retries.

use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::auth;
use crate::clock::within;
use crate::context::Context;
use crate::errors::{Error, KnownError, Result, excerpt};
use crate::http::retry::{Attempt, Outcome, Pauses, Policy, Transient, is_transient, retry_after};
use crate::http::{
    Class, Method, Received, Request, TransportError, TransportErrorKind, Turn, limits, quoter, sensitive,
};
use crate::token::cache::Cached;

const fn seconds<const N: usize>(list: [u64; N]) -> [Duration; N] {
    let mut pauses = [Duration::ZERO; N];
    let mut index = 0;
    while index < N {
        pauses[index] = Duration::from_secs(list[index]);
        index += 1;
    }
    pauses
}

/// The first four are the advice of Azure Storage. A service that is busy for longer is waited for, up to five minutes.
const PAUSES: [Duration; 12] = seconds([2, 4, 10, 30, 30, 30, 30, 30, 30, 30, 30, 30]);
const POLICY: Policy = Policy { is_transient, pauses: Pauses::Spread(&PAUSES), pauses_after: None };

/// Largest answer that is received. The longest list of blocks of a blob, of 50,000, has 5 MB.
const LARGEST: usize = 8 * 1024 * 1024;

/// The header with the code of an error.
pub(super) const CODE: &str = "x-ms-error-code";

/// What messages say of the service's own number of a request.
pub(in crate::dataset) fn request_id(answer: &Received) -> String {
    let id = answer.header("x-ms-request-id").map(|id| excerpt(id, 60));
    id.map_or(String::new(), |id| format!(" (request {id})"))
}

/// A request.
#[derive(Clone)]
pub(in crate::dataset) struct Call {
    pub(super) method: Method,
    url: Url,
    headers: Vec<(&'static str, String)>,
    pub(super) body: Option<Bytes>,
}

impl Call {
    pub(in crate::dataset) fn new(method: Method, url: Url) -> Self {
        Call { method, url, headers: Vec::new(), body: None }
    }

    pub(in crate::dataset) fn query(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }

    pub(in crate::dataset) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(in crate::dataset) fn body(mut self, body: Bytes) -> Self {
        self.body = Some(body);
        self
    }

    /// What messages call it.
    fn name(&self) -> String {
        let action = self.url.query_pairs().find(|(name, _)| name == "comp");
        let action = action.map_or(String::new(), |(_, action)| format!(" ({action})"));
        format!("{} {}{action}", self.method, self.url.path())
    }
}

/// An answer that is not transient.
pub(in crate::dataset) struct Answer {
    pub(super) received: Received,
    what: String,
}

impl Answer {
    pub(in crate::dataset) fn status(&self) -> u16 {
        self.received.status
    }

    /// What the service calls the error.
    pub(in crate::dataset) fn code(&self) -> &str {
        self.header(CODE).unwrap_or_default()
    }

    pub(in crate::dataset) fn header(&self, name: &str) -> Option<&str> {
        self.received.header(name)
    }

    pub(in crate::dataset) fn text(&self) -> String {
        String::from_utf8_lossy(&self.received.body).into_owned()
    }
}

/// What a service wants of requests, and what its answers mean.
pub(in crate::dataset) trait Api: Sync {
    /// Headers that a request needs besides its own.
    fn headers(&self, _call: &Call, _now: Duration) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Whether an answer may be another one in a moment.
    fn is_transient(&self, answer: &Received) -> bool {
        is_transient(answer.status)
    }

    /// The error of an answer to `what`.
    fn refused(&self, what: &str, answer: &Received) -> Error;

    /// The error if there is no answer.
    fn unreachable(&self, message: String) -> Error;
}

/// A service, as one identity reaches it.
pub(in crate::dataset) struct Remote {
    pub(in crate::dataset) context: Context,
    /// Tenant that the token is requested in; empty for the home of the identity.
    tenant: String,
    scope: &'static str,
    /// What its requests are counted with, if it has a quota.
    quota: Option<Arc<Class>>,
    /// Object id of the identity, once there was a token.
    identity: Mutex<Option<String>>,
}

impl Remote {
    pub(in crate::dataset) fn new(context: Context, scope: &'static str, quota: Option<Arc<Class>>) -> Self {
        // An app has tokens of a tenant; an identity itself has those of its home.
        let tenant = match (&context.settings.client_id, context.settings.tenants.first()) {
            (Some(_), Some(tenant)) => tenant.id.clone(),
            _ => String::new(),
        };
        Remote { context, tenant, scope, quota, identity: Mutex::default() }
    }

    /// Sends a request until it has an answer that is not transient.
    pub(in crate::dataset) async fn send(&self, api: &dyn Api, call: Call) -> Result<Answer> {
        let what = call.name();
        let sending = Sending { remote: self, api, call, renewed: false };
        self.context.retry(&what, &POLICY, sending).await
    }

    /// The error of an answer.
    pub(in crate::dataset) fn refusal(&self, api: &dyn Api, answer: &Answer) -> Error {
        self.refused(api, &answer.what, &answer.received)
    }

    fn refused(&self, api: &dyn Api, what: &str, answer: &Received) -> Error {
        let mut error = api.refused(what, answer).with_status(answer.status);
        error.correlation_id = answer.header("x-ms-request-id").map(|id| excerpt(id, 60));
        match self.identity.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            Some(identity) => error.fill("object id", identity),
            None => error,
        }
    }

    fn request(&self, api: &dyn Api, call: &Call, cached: &Cached) -> Result<Request> {
        let invalid = |name: &str| Error::internal(&format!("the header {name} has no valid value"));
        let mut request = Request::new(call.method.clone(), call.url.clone());
        let mut headers = call.headers.clone();
        headers.extend(api.headers(call, self.context.clock.now()));
        for (name, value) in headers {
            let value = HeaderValue::from_str(&value).map_err(|_| invalid(name))?;
            request.headers.insert(HeaderName::from_static(name), value);
        }
        let bearer = sensitive(&format!("Bearer {}", cached.token.secret.expose()));
        request.headers.insert(AUTHORIZATION, bearer.ok_or_else(|| invalid("authorization"))?);
        request.body.clone_from(&call.body);
        Ok(request)
    }

    /// Sends a request once, when its quota has room for it.
    async fn receive(
        &self,
        api: &dyn Api,
        what: &str,
        request: Request,
    ) -> Result<Result<Received, TransportError>> {
        let Some(class) = &self.quota else {
            return Ok(self.context.receive_up_to(LARGEST, request, limits::ANSWER).await);
        };
        let told = |turn: Turn| {
            let now = self.context.clock.now();
            let pause = turn.at.saturating_sub(now);
            if !self.context.waits.begin(now, pause) {
                let busy = api.unreachable(format!("the service's quota is used up before {what}"));
                return Err(self.context.too_long(busy, pause));
            }
            self.context.reporter.quota(what, turn.limit, pause);
            Ok(())
        };
        let mut place = class.place(&self.context.clock, self.context.caller, told).await?;
        let answered =
            async { self.context.send(request, limits::ANSWER, &mut place).await?.whole(LARGEST).await };
        let received = within(self.context.clock.as_ref(), limits::ANSWER, answered).await;
        Ok(received.unwrap_or_else(|| Err(TransportError::new(TransportErrorKind::Timeout))))
    }
}

struct Sending<'a> {
    remote: &'a Remote,
    api: &'a dyn Api,
    call: Call,
    /// Whether a token that was refused has been replaced.
    renewed: bool,
}

impl Attempt for Sending<'_> {
    type Answer = Answer;

    const IS_TOKEN: bool = false;

    async fn attempt(&mut self) -> Result<Outcome<Answer>> {
        let Remote { context, tenant, scope, identity, .. } = self.remote;
        let cached = auth::access_token(context, tenant, scope, false).await?;
        identity.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&cached.token.claims().oid);
        let request = self.remote.request(self.api, &self.call, &cached)?;
        let headers = request.headers.clone();
        let what = self.call.name();
        context.reporter.verbose(format!("Request: {what} of the destination."));
        match self.remote.receive(self.api, &what, request).await? {
            Ok(received) if received.status == 401 && !self.renewed => {
                self.renewed = true;
                auth::refuse(context, tenant, scope, &cached.token, None)?;
                Ok(Outcome::Renewed)
            }
            Ok(received) if self.api.is_transient(&received) => {
                let status = received.status;
                let asked = retry_after(received.header("retry-after"), context.clock.now());
                let error = self.remote.refused(self.api, &what, &received).masked(&quoter(&headers));
                Ok(Outcome::Transient(Transient {
                    result: Err(error),
                    status,
                    retry_after: asked,
                    progressed: false,
                }))
            }
            Ok(received) => Ok(Outcome::Done(Answer { received, what })),
            Err(e) => {
                let host = self.call.url.host_str().unwrap_or_default();
                let message = format!("{what} has no answer from {host}");
                let error = e.cause_of(self.api.unreachable(message));
                if e.kind.may_pass() { Ok(Outcome::transient(error)) } else { Err(error) }
            }
        }
    }

    fn hold(&mut self, until: Duration) -> bool {
        let quota = &self.remote.quota;
        if let Some(class) = quota {
            class.hold(until);
        }
        quota.is_some()
    }
}

/// What the thread of a destination waits with.
pub(in crate::dataset) struct Waiter {
    handle: Handle,
    stop: CancellationToken,
}

impl Waiter {
    pub(in crate::dataset) fn new(stop: &CancellationToken) -> Result<Self> {
        let handle = Handle::try_current().map_err(|e| Error::runtime(&e))?;
        Ok(Waiter { handle, stop: stop.clone() })
    }

    pub(in crate::dataset) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Waits for requests, unless the run is stopped: that is an error of `stopped`.
    pub(in crate::dataset) fn wait<T>(
        &self,
        stopped: &'static KnownError,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        result_of(work, |work| self.run(stopped, work))
    }

    /// As above. It is compiled once, whatever the work is.
    pub(super) fn run(&self, stopped: &'static KnownError, work: Work<'_>) -> Result<()> {
        self.handle.block_on(async {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => Err(stopped.error("the run was stopped")),
                done = work => done,
            }
        })
    }
}

/// Work whose result is elsewhere.
pub(super) type Work<'a> = Pin<&'a mut dyn Future<Output = Result<()>>>;

/// Lets `run` do some work, and gives its result.
pub(super) fn result_of<T>(
    work: impl Future<Output = Result<T>>,
    run: impl FnOnce(Work<'_>) -> Result<()>,
) -> Result<T> {
    let mut result = None;
    {
        let work = pin!(async {
            result = Some(work.await?);
            Ok(())
        });
        run(work)?;
    }
    result.ok_or_else(|| Error::internal("a request has no result"))
}
