//! One page, over as many attempts as it takes.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{self, HeaderName, HeaderValue};

use super::admission::{self, Admission};
use super::course::Course;
use super::target::Target;
use crate::auth;
use crate::clock::within;
use crate::context::Context;
use crate::digest;
use crate::errors::{Error, Quoter, Result};
use crate::errors::{
    NESTED_TOO_DEEPLY, NETWORK_BROKEN, NETWORK_DAMAGED, NETWORK_TIMEOUT, NETWORK_UNREACHABLE, NOT_JSON,
    NOT_LICENSED, NOT_PROVISIONED, PAGE_CHANGED, PROXY_REFUSED, TRUNCATED, UNREADABLE_ROW,
};
use crate::http::retry::{Attempt, Outcome, Policy, is_transient, quota_delay, retry_after};
use crate::http::{
    Class, ErrorBody, Limit, Request, Response, TransportError, TransportErrorKind, limits, sensitive,
};
use crate::read::members::rows_inside;
use crate::read::plan::Plan;
use crate::read::sink::{Pushed, Sink};
use crate::read::splitter::{Continuation, OnDamage, RowState, Shape, Splitter};
use crate::read::{YIELD_AFTER, hunting_refusal, refusal};
use crate::token::cache::Cached;

/// Bytes of a body that are read at a time: they stay in the cache of a core until their rows have been read.
const PART: usize = 64 * 1024;
/// A wait after which the token is looked up again.
const LONG_WAIT: Duration = Duration::from_secs(1);

/// How a page ended.
#[derive(Debug, Default)]
pub(super) struct PageEnd {
    /// Rows of the page.
    pub(super) rows: u64,
    /// Digest of those rows.
    pub(super) digest: u64,
    /// What its envelope says about the rest of the list.
    pub(super) continuation: Continuation,
}

/// One page, over as many attempts as it takes.
pub(super) struct Page<'a> {
    context: &'a Context,
    tenant: &'a str,
    plan: &'a Plan,
    target: &'a Target,
    number: u64,
    /// Whether the pages before were lists.
    pub(super) expects_list: bool,
    /// Rows that earlier attempts delivered, and the digest of their bytes: they are not delivered again.
    rows: u64,
    digest: u64,
    /// The damaged body that the last attempt received.
    damaged: Option<Received>,
    /// What counts its requests, once that is known.
    class: Option<Arc<Class>>,
    /// Until when the requests of this kind are held back, as far as that was told.
    held_until: Duration,
    /// That body is not JSON although it came as it was sent: this attempt passes over the damage.
    pass_over: bool,
}

/// Identifies a damaged body: its size, and the rows before the damage. A digest of all bytes would tell more, but cost
/// every page some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Received {
    bytes: usize,
    rows: u64,
}

/// Rows that this attempt has had, and the digest of those that an earlier attempt delivered.
#[derive(Default)]
struct Replay {
    rows: u64,
    digest: u64,
}

/// Why an attempt failed.
enum Failure {
    /// The token was refused.
    Token(Error),
    /// May pass by itself.
    Passing(Error),
    /// The JSON is damaged, which may pass or not.
    Damaged(Error),
    /// Will not.
    Final(Error),
}

impl Failure {
    /// Masks these secrets in the error.
    fn masked(self, quoter: &Quoter) -> Self {
        match self {
            Failure::Token(error) => Failure::Token(error.masked(quoter)),
            Failure::Passing(error) => Failure::Passing(error.masked(quoter)),
            Failure::Damaged(error) => Failure::Damaged(error.masked(quoter)),
            Failure::Final(error) => Failure::Final(error.masked(quoter)),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Final(error)
    }
}

/// A page and what its rows go to.
struct PageRequest<'a, 'b> {
    page: Page<'a>,
    sink: &'b mut Sink,
    course: &'b mut Course,
    /// Whether a token that was refused has been replaced.
    renewed: bool,
}

impl Attempt for PageRequest<'_, '_> {
    type Answer = PageEnd;

    const IS_TOKEN: bool = false;

    async fn attempt(&mut self) -> Result<Outcome<PageEnd>> {
        let before = self.page.rows;
        let error = match self.page.attempt(self.sink, self.course).await {
            Ok(next) => return Ok(Outcome::Done(next)),
            Err(Failure::Token(_)) if !self.renewed => {
                self.renewed = true;
                return Ok(Outcome::Renewed);
            }
            Err(Failure::Final(error) | Failure::Token(error)) => return Err(error),
            Err(Failure::Passing(error) | Failure::Damaged(error)) => error,
        };
        let progressed = self.page.rows > before;
        self.renewed &= !progressed;
        // The rows so far need not wait for the rest.
        self.sink.flush(None).await;
        Ok(Outcome::transient(error).progressed(progressed))
    }

    fn hold(&mut self, until: Duration) -> bool {
        let Some(class) = &self.page.class else { return false };
        class.hold(until);
        self.page.held_until = until;
        true
    }
}

impl<'a> Page<'a> {
    pub(super) fn new(
        context: &'a Context,
        tenant: &'a str,
        plan: &'a Plan,
        target: &'a Target,
        number: u64,
    ) -> Self {
        Page {
            context,
            tenant,
            plan,
            target,
            number,
            expects_list: false,
            rows: 0,
            digest: 0,
            damaged: None,
            class: None,
            held_until: Duration::ZERO,
            pass_over: false,
        }
    }

    pub(super) async fn read(self, sink: &mut Sink, course: &mut Course) -> Result<PageEnd> {
        let what = self.name();
        let context = self.context;
        let policy = Policy::of(&context.settings.retry);
        context.retry(&what, &policy, PageRequest { page: self, sink, course, renewed: false }).await
    }

    async fn attempt(&mut self, sink: &mut Sink, course: &mut Course) -> Result<PageEnd, Failure> {
        let target = self.context.settings.target(self.plan.family)?;
        let scope = target.scope.as_ref();
        let mut cached = auth::access_token(self.context, self.tenant, scope, false).await?;
        if !sink.label(self.tenant, cached.token.claims().tid.as_deref()) {
            return Ok(PageEnd::default());
        }
        let class = admission::class(self.context, self.tenant, self.plan, &self.target.url, &cached.token);
        self.class = Some(Arc::clone(&class));
        let begun = self.context.clock.now();
        let admission = admission::admit(self.context, &class, &self.name(), self.held_until, sink).await?;
        if self.context.clock.now() > begun + LONG_WAIT {
            // The token may have ended during the wait.
            cached = auth::access_token(self.context, self.tenant, scope, false).await?;
        }
        // What quotes the answer quotes it without the token.
        let quoter = Quoter::new([cached.token.secret.expose()]);
        let ended = self.exchange(admission, &cached, scope, &quoter, sink, course).await;
        ended.map_err(|failure| failure.masked(&quoter))
    }

    /// What messages call it.
    fn name(&self) -> String {
        let place =
            if self.tenant.is_empty() { String::new() } else { format!(" of tenant {}", self.tenant) };
        format!("{} page {}{place}", self.plan.url.path(), self.number)
    }

    /// Sends the request with this token and reads the answer.
    async fn exchange(
        &mut self,
        mut admission: Admission,
        cached: &Cached,
        scope: &str,
        quoter: &Quoter,
        sink: &mut Sink,
        course: &mut Course,
    ) -> Result<PageEnd, Failure> {
        let method = self.plan.method.as_str();
        self.context.reporter.request(method, self.tenant, self.target.url.path(), self.number);
        let is_quick = self.plan.repeatable && !self.plan.is_hunting;
        let limit = if is_quick { limits::ANSWER } else { limits::ONLY_ANSWER };
        let request = self.request(cached.token.secret.expose())?;
        let sent = self.context.send(request, limit, &mut admission.place).await;
        let mut response = sent.map_err(|e| self.broken(&e))?;
        let status = response.status;
        admission.read(&response, self.context.clock.now());
        if (200..300).contains(&status) {
            self.warn_if_partial(&response, quoter);
            let mut received = Received::default();
            return match self.body(&mut response, sink, course, &mut received).await {
                Err(Failure::Damaged(error)) => Err(self.damaged(error, response, received).await),
                ended => ended,
            };
        }
        let claims = response.header("www-authenticate").and_then(refusal::challenge);
        let asked = response.header("retry-after").map(str::to_owned);
        // Azure Resource Graph has a header of its own, with a time span.
        let resets = response.header("x-ms-user-quota-resets-after").map(|span| format!("in {span}"));
        let body = ErrorBody::read(&response.error_text(self.context.clock.as_ref()).await);
        let is_empty = status == 404 && self.plan.not_found_is_empty && self.number == 1;
        if is_empty && !refusal::is_of_proxy(status, &body) {
            return Ok(PageEnd::default());
        }
        let mut error =
            refusal::error(self.context, self.tenant, self.plan, &cached.token, status, &body, quoter);
        let now = self.context.clock.now();
        error.retry_after = match status {
            429 => {
                let delay = quota_delay(asked.as_deref(), resets.as_ref().unwrap_or(&body.message), now);
                if hunting_refusal::is_of_the_query(&error) {
                    // It is not the requests that were too many.
                    self.class.iter().for_each(|class| class.hold(now + delay));
                } else {
                    admission.place.refused(Limit::named_in(&body.message), delay);
                }
                Some(delay)
            }
            _ => retry_after(asked.as_deref(), now),
        };
        Err(match status {
            // The same query would be refused again, and costs the tenant's quota.
            _ if hunting_refusal::is_of_the_query(&error) => Failure::Final(error),
            // A new token may fix a 403 too: the old one lacks roles that were granted later.
            401 | 403 if status == 401 || cached.from_cache => {
                if error.is(&NOT_LICENSED) || error.is(&NOT_PROVISIONED) || error.is(&PROXY_REFUSED) {
                    Failure::Final(error)
                } else {
                    auth::refuse(self.context, self.tenant, scope, &cached.token, claims)?;
                    Failure::Token(error)
                }
            }
            429 => Failure::Passing(error),
            _ if is_transient(status) && self.plan.repeatable => Failure::Passing(error),
            _ => Failure::Final(error),
        })
    }

    fn request(&self, token: &str) -> Result<Request> {
        let mut request = Request::new(self.plan.method.clone(), self.target.url.clone());
        let bearer = zeroize::Zeroizing::new(format!("Bearer {token}"));
        let bearer = sensitive(&bearer)
            .ok_or_else(|| Error::internal("a token has characters that no header can hold"))?;
        request.headers.insert(header::AUTHORIZATION, bearer);
        request.headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        for &(name, value) in self.plan.headers {
            request.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        if let Some(body) = &self.target.body {
            // Without the charset, hunting takes what is not ASCII for something else.
            let of_body =
                if self.plan.is_hunting { "application/json; charset=utf-8" } else { "application/json" };
            request.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(of_body));
            request.body = Some(body.clone());
        }
        Ok(request)
    }

    /// Reads the rows of a page and hands on those that no earlier attempt did.
    async fn body(
        &mut self,
        response: &mut Response,
        sink: &mut Sink,
        course: &mut Course,
        received: &mut Received,
    ) -> Result<PageEnd, Failure> {
        let _reader = sink.begin(response).await;
        self.context.reporter.reading();
        // Damage that may have come on the way is not passed over before the page was requested again.
        let pass_over = self.pass_over || !self.plan.repeatable;
        let damage = if pass_over { OnDamage::PassOver } else { OnDamage::Stop };
        let mut envelope = self.plan.envelope;
        if envelope.shape == Shape::Any && self.expects_list {
            envelope.shape = Shape::List;
        }
        let mut splitter = Splitter::new(envelope).on_damage(damage);
        if self.plan.is_hunting {
            splitter = splitter.with_schema("schema");
        }
        let mut replay = Replay::default();
        let mut unyielded = 0;
        loop {
            let chunk = sink.chunk(response).await.map_err(|e| self.broken(&e))?;
            let Some(chunk) = chunk else { break };
            received.bytes += chunk.len();
            self.context.reporter.received(chunk.len());
            for part in chunk.chunks(PART) {
                splitter.feed(part);
                let go_on = self.rows(&mut splitter, &mut replay, response, sink, course).await;
                received.rows = replay.rows;
                if !go_on? {
                    return Ok(self.end(Continuation::default()));
                }
                unyielded += part.len();
                if unyielded >= YIELD_AFTER {
                    unyielded = 0;
                    tokio::task::yield_now().await;
                }
            }
        }
        sink.body_ended(received.bytes);
        sink.end_of_body(self.tenant, response).await;
        if received.bytes == 0 && envelope.shape == Shape::Any {
            // 204, or an action that answers nothing.
            return Ok(PageEnd::default());
        }
        if received.bytes == 0 && self.number > 1 {
            let (page, path) = (self.number, self.target.url.path());
            let message =
                format!("page {page} of {path} is empty, although the page before has a link to it");
            return Err(Failure::Damaged(TRUNCATED.error(message)));
        }
        if replay.rows < self.rows {
            return Err(Failure::Final(self.changed()));
        }
        // A body whose JSON stops in the middle was cut on its way, whatever the connection says.
        splitter.finish().map(|continuation| self.end(continuation)).map_err(Failure::Damaged)
    }

    /// Reads the rows that are there; false when the query has had as many as it wanted.
    async fn rows(
        &mut self,
        splitter: &mut Splitter,
        replay: &mut Replay,
        response: &mut Response,
        sink: &mut Sink,
        course: &mut Course,
    ) -> Result<bool, Failure> {
        loop {
            let is_new = replay.rows >= self.rows;
            let may_attempt = is_new && !self.plan.nested;
            let row = splitter.next_row(|text| if may_attempt { sink.attempt(text) } else { None });
            // A damaged compressed body shows as broken JSON before its checksum is reached.
            let row = row.map_err(|error| {
                let is_damage = splitter.has_begun() && error.is(&NOT_JSON);
                if is_damage { Failure::Damaged(error) } else { Failure::Final(error) }
            });
            let row = row?;
            if let Some(description) = splitter.take_schema() {
                sink.describe(self.tenant, &description, response).await;
            }
            let Some(row) = row else { return Ok(true) };
            let json = splitter.text(row);
            replay.rows += 1;
            if is_new {
                self.digest = digest::with_row(self.digest, json);
                let is_read = row.state == RowState::Read;
                let told = if is_read { sink.watched() } else { None };
                if !course.is_new(json, told) {
                    if is_read {
                        sink.forget();
                    }
                } else if !self.row(row.state, json, replay.rows, response, sink).await {
                    return Ok(false);
                }
                self.rows = replay.rows;
            } else {
                replay.digest = digest::with_row(replay.digest, json);
                if replay.rows == self.rows && replay.digest != self.digest {
                    return Err(Failure::Final(self.changed()));
                }
            }
        }
    }

    /// Hands on a row, or reports why it cannot be read; false when the query has had as many as it wanted.
    async fn row(
        &self,
        state: RowState,
        json: &str,
        number: u64,
        response: &mut Response,
        sink: &mut Sink,
    ) -> bool {
        if self.plan.nested
            && state == RowState::Unread
            && let Some(rows) = rows_inside(json, self.plan.envelope.list)
        {
            for row in rows {
                if matches!(sink.push(row, false, Some(&mut *response)).await, Pushed::Satisfied) {
                    return false;
                }
            }
            return true;
        }
        let (entry, why) = match state {
            RowState::Unread | RowState::Read => {
                match sink.push(json, state == RowState::Read, Some(response)).await {
                    Pushed::Kept => return true,
                    Pushed::Satisfied => return false,
                    Pushed::Unreadable(reason) => (&UNREADABLE_ROW, reason.text()),
                }
            }
            RowState::Broken => (&UNREADABLE_ROW, "it is not JSON"),
            RowState::TooDeep => (&NESTED_TOO_DEEPLY, "it is nested too deeply"),
        };
        let (page, path) = (self.number, self.target.url.path());
        let message = format!("row {number} of page {page} of {path} cannot be read: {why}");
        sink.refuse(self.tenant, entry.error(message)).await;
        true
    }

    /// Broken JSON may be damage on the way, which may pass. If the same body comes a second time, it is what the
    /// service has.
    async fn damaged(&mut self, error: Error, mut response: Response, mut received: Received) -> Failure {
        let rest = async {
            while let Some(chunk) = response.chunk().await? {
                received.bytes += chunk.len();
            }
            Ok(())
        };
        match within(self.context.clock.as_ref(), limits::ERROR_TEXT_TIME, rest).await {
            // The JSON is broken because the connection or the compression is.
            Some(Err(e)) => return self.broken(&e),
            Some(Ok(())) => {}
            None => return self.passing(error),
        }
        self.pass_over = error.is(&NOT_JSON);
        if self.damaged.replace(received) == Some(received) {
            Failure::Final(error)
        } else {
            self.passing(error)
        }
    }

    /// A failure that may pass, if the request can be repeated.
    fn passing(&self, error: Error) -> Failure {
        if self.plan.repeatable { Failure::Passing(error) } else { Failure::Final(error) }
    }

    fn end(&self, continuation: Continuation) -> PageEnd {
        PageEnd { rows: self.rows, digest: self.digest, continuation }
    }

    /// Some services answer with what they have when one of their sources failed.
    /// <https://learn.microsoft.com/graph/api/resources/security-error-codes>
    fn warn_if_partial(&self, response: &Response, quoter: &Quoter) {
        let warning = response.header("warning").filter(|text| text.starts_with("199"));
        if response.status == 206 || warning.is_some() {
            let said = warning.map_or_else(String::new, |text| format!(" ({})", quoter.text(text, 200)));
            let (tenant, path) = (self.tenant, self.target.url.path());
            self.context.reporter.warning(format!(
                "Tenant {tenant}: the answer of {path} is incomplete, as the service says{said}. Rows may be missing."
            ));
        }
    }

    fn changed(&self) -> Error {
        PAGE_CHANGED
            .error(format!("page {} broke off and was different when it was asked for again", self.number))
    }

    fn broken(&self, e: &TransportError) -> Failure {
        let host = self.target.url.host_str().unwrap_or_default();
        let (entry, what) = match e.kind {
            kind if kind.is_unsent() => (&NETWORK_UNREACHABLE, format!("{host} cannot be reached")),
            TransportErrorKind::Timeout => (&NETWORK_TIMEOUT, format!("{host} did not answer")),
            TransportErrorKind::TooSlow => {
                (&NETWORK_TIMEOUT, format!("{host} did not send its whole answer"))
            }
            TransportErrorKind::Decode => (&NETWORK_DAMAGED, format!("the answer of {host} came damaged")),
            _ => (&NETWORK_BROKEN, format!("the connection to {host} broke off")),
        };
        let error = e.cause_of(entry.error(what));
        // A request that was not sent is repeated whatever it does.
        if e.kind.may_pass() && (self.plan.repeatable || e.kind.is_unsent()) {
            Failure::Passing(error)
        } else {
            Failure::Final(error)
        }
    }
}
