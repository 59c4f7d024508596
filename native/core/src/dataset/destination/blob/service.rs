//! Requests to a storage account, with their token and their retries.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use reqwest::header::{HeaderName, HeaderValue};
use url::Url;

use crate::auth;
use crate::cloud::STORAGE_SCOPE;
use crate::context::Context;
use crate::errors::{
    DATASET_CONTAINER, DATASET_STORAGE, DATASET_STORAGE_FIREWALL, DATASET_STORAGE_ROLE,
    DATASET_STORAGE_TOKEN, Error, Result, excerpt,
};
use crate::http::retry::{Attempt, Outcome, Pauses, Policy, Transient, is_transient, retry_after};
use crate::http::{Method, Received, Request, TransportError, limits, quoter, sensitive};
use crate::token::cache::Cached;

/// The newest version that the stand-in of the tests knows too.
const API_VERSION: &str = "2025-11-05";

/// Largest answer that is received. A list of 50,000 blocks, which is the longest one, has 5 MB.
const LARGEST: usize = 8 * 1024 * 1024;

const fn seconds<const N: usize>(list: [u64; N]) -> [Duration; N] {
    let mut pauses = [Duration::ZERO; N];
    let mut index = 0;
    while index < N {
        pauses[index] = Duration::from_secs(list[index]);
        index += 1;
    }
    pauses
}

/// The first four are the service's own advice. An account that is busy for longer is waited for, up to five minutes.
const PAUSES: [Duration; 12] = seconds([2, 4, 10, 30, 30, 30, 30, 30, 30, 30, 30, 30]);
const POLICY: Policy = Policy { is_transient, pauses: Pauses::Spread(&PAUSES), pauses_after: None };

/// What the service calls the absence of a container.
const NO_CONTAINER: [&str; 2] = ["ContainerNotFound", "FilesystemNotFound"];

/// A request.
#[derive(Clone)]
pub(super) struct Call {
    method: Method,
    url: Url,
    headers: Vec<(&'static str, String)>,
    body: Option<Bytes>,
}

impl Call {
    pub(super) fn new(method: Method, url: Url) -> Self {
        Call { method, url, headers: Vec::new(), body: None }
    }

    pub(super) fn query(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn body(mut self, body: Bytes) -> Self {
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
pub(super) struct Answer {
    pub(super) received: Received,
    what: String,
}

impl Answer {
    pub(super) fn status(&self) -> u16 {
        self.received.status
    }

    /// What the service calls the error.
    pub(super) fn code(&self) -> &str {
        self.received.header("x-ms-error-code").unwrap_or_default()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.received.header(name)
    }

    /// Whether there is no blob of this name. HEAD has no body, and not every proxy passes the header with the code.
    pub(super) fn is_absent(&self) -> bool {
        self.status() == 404 && !NO_CONTAINER.contains(&self.code())
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.received.body).into_owned()
    }
}

/// A storage account, as one identity reaches it.
pub(super) struct Service {
    pub(super) context: Context,
    /// Tenant that the token is requested in; empty for the home of the identity.
    tenant: String,
    container: Url,
    /// Object id of the identity, once there was a token.
    identity: Mutex<Option<String>>,
}

impl Service {
    pub(super) fn new(context: Context, container: Url) -> Self {
        // An app has tokens of a tenant; an identity itself has those of its home.
        let tenant = match (&context.settings.client_id, context.settings.tenants.first()) {
            (Some(_), Some(tenant)) => tenant.id.clone(),
            _ => String::new(),
        };
        Service { context, tenant, container, identity: Mutex::default() }
    }

    /// Sends a request until it has an answer that is not transient.
    pub(super) async fn send(&self, call: Call) -> Result<Answer> {
        let what = call.name();
        let sending = Sending { service: self, call, renewed: false };
        self.context.retry(&what, &POLICY, sending).await
    }

    /// Sends a request whose answer must have one of these statuses.
    pub(super) async fn expect(&self, call: Call, statuses: &[u16]) -> Result<Answer> {
        let answer = self.send(call).await?;
        if statuses.contains(&answer.status()) { Ok(answer) } else { Err(self.refusal(&answer)) }
    }

    /// The error of an answer.
    pub(super) fn refusal(&self, answer: &Answer) -> Error {
        self.refused(&answer.what, &answer.received)
    }

    fn refused(&self, what: &str, answer: &Received) -> Error {
        let code = answer.header("x-ms-error-code").unwrap_or_default();
        let entry = match (answer.status, code) {
            (403, "AuthorizationPermissionMismatch") => &DATASET_STORAGE_ROLE,
            (403, "AuthorizationFailure") => &DATASET_STORAGE_FIREWALL,
            (401, _) | (403, "AuthenticationFailed" | "InvalidAuthenticationInfo") => &DATASET_STORAGE_TOKEN,
            (404, code) if NO_CONTAINER.contains(&code) => &DATASET_CONTAINER,
            (409, "ContainerBeingDeleted") => &DATASET_CONTAINER,
            _ => &DATASET_STORAGE,
        };
        let code = if code.is_empty() { String::new() } else { format!(" {}", excerpt(code, 80)) };
        let id = answer.header("x-ms-request-id").map(|id| excerpt(id, 60));
        let request = id.as_ref().map_or(String::new(), |id| format!(" (request {id})"));
        let message = format!("{what} was answered with HTTP {}{code}{request}", answer.status);
        let identity = self.identity.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut error = entry.error(message).with_status(answer.status);
        if let Some(identity) = identity {
            error = error.fill("object id", identity);
        }
        error.correlation_id = id;
        error.fill("container", self.container.as_str())
    }

    fn request(&self, call: &Call, cached: &Cached) -> Result<Request> {
        let invalid = |name: &str| Error::internal(&format!("the header {name} has no valid value"));
        let mut request = Request::new(call.method.clone(), call.url.clone());
        let now = self.context.clock.now().as_secs();
        let now = Timestamp::from_second(i64::try_from(now).unwrap_or(0)).unwrap_or_default();
        let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&now).unwrap_or_default();
        let mut headers = call.headers.clone();
        headers.push(("x-ms-version", API_VERSION.to_owned()));
        headers.push(("x-ms-date", date));
        // Without a body, reqwest leaves it out, and the service refuses that with 411.
        if call.method == Method::PUT && call.body.is_none() {
            headers.push(("content-length", "0".to_owned()));
        }
        for (name, value) in headers {
            let value = HeaderValue::from_str(&value).map_err(|_| invalid(name))?;
            request.headers.insert(HeaderName::from_static(name), value);
        }
        let bearer = sensitive(&format!("Bearer {}", cached.token.secret.expose()));
        request
            .headers
            .insert(reqwest::header::AUTHORIZATION, bearer.ok_or_else(|| invalid("authorization"))?);
        request.body.clone_from(&call.body);
        Ok(request)
    }
}

struct Sending<'a> {
    service: &'a Service,
    call: Call,
    /// Whether a token that was refused has been replaced.
    renewed: bool,
}

impl Attempt for Sending<'_> {
    type Answer = Answer;

    const IS_TOKEN: bool = false;

    async fn attempt(&mut self) -> Result<Outcome<Answer>> {
        let Service { context, tenant, identity, .. } = self.service;
        let cached = auth::access_token(context, tenant, STORAGE_SCOPE, false).await?;
        identity.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&cached.token.claims().oid);
        let request = self.service.request(&self.call, &cached)?;
        let headers = request.headers.clone();
        let what = self.call.name();
        context.reporter.verbose(format!("Request: {what} of the destination."));
        match context.receive_up_to(LARGEST, request, limits::ANSWER).await {
            Ok(received) if received.status == 401 && !self.renewed => {
                self.renewed = true;
                auth::refuse(context, tenant, STORAGE_SCOPE, &cached.token, None)?;
                Ok(Outcome::Renewed)
            }
            Ok(received) if is_transient(received.status) || is_damaged(&received) => {
                let status = received.status;
                let asked = retry_after(received.header("retry-after"), context.clock.now());
                let error = self.service.refused(&what, &received).masked(&quoter(&headers));
                Ok(Outcome::Transient(Transient {
                    result: Err(error),
                    status,
                    retry_after: asked,
                    progressed: false,
                }))
            }
            Ok(received) => Ok(Outcome::Done(Answer { received, what })),
            Err(e) => {
                let error = self.unreachable(&what, &e);
                if e.kind.may_pass() { Ok(Outcome::transient(error)) } else { Err(error) }
            }
        }
    }
}

/// Whether the body did not arrive as it was sent.
fn is_damaged(answer: &Received) -> bool {
    answer.status == 400 && answer.header("x-ms-error-code") == Some("Md5Mismatch")
}

impl Sending<'_> {
    fn unreachable(&self, what: &str, e: &TransportError) -> Error {
        let host = self.call.url.host_str().unwrap_or_default();
        let message = format!("{what} has no answer from {host}");
        e.cause_of(DATASET_STORAGE.error(message).fill("container", self.service.container.as_str()))
    }
}
