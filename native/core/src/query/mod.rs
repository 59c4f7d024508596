//! Queries: a producer on the library's threads, a consumer that pulls.

mod producer;
pub(crate) mod request;
mod stored;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::batch::Batch;
use crate::broker::{BrokerGuard, Question};
use crate::clock::within_on_thread;
use crate::context::Context;
use crate::errors::{Error, catch_panics};
use crate::progress::{Reporter, Stats};
use crate::read::sink::Item;
use request::QueryRequest;

/// Batches made ahead of the consumer. With the two in hand this bounds a query's memory.
const CHANNEL_CAPACITY: usize = 4;

/// What [`Query::next`] answers.
pub enum Next {
    /// Some rows.
    Batch(Batch),
    /// Nothing within the wait.
    Pending,
    /// All rows were delivered.
    End,
    /// The query was cancelled.
    Cancelled,
    /// Another thread is in [`Query::next`].
    Busy,
    /// One tenant or item failed; the query goes on.
    ItemFailed(Error),
    /// The query needs a client assertion: answer with [`Query::answer`], then go on.
    NeedsAssertion,
    /// The query needs a signature of these bytes: answer with [`Query::answer`], then go on.
    NeedsSignature(Batch),
    /// The query failed as a whole.
    Failed(Error),
}

#[derive(Clone, Copy)]
enum Over {
    End,
    Cancelled,
}

/// A query under way. Dropping it cancels it.
pub struct Query {
    items: Mutex<mpsc::Receiver<Item>>,
    cancel: CancellationToken,
    over: OnceLock<Over>,
    reporter: Reporter,
    /// What it reads, for the summary.
    resource: String,
    broker: Arc<BrokerGuard>,
    /// The question that this consumer was told of last.
    claim: Mutex<Option<Question>>,
}

impl Query {
    pub(crate) fn start(
        handle: &Handle,
        context: Context,
        broker: Arc<BrokerGuard>,
        request: QueryRequest,
    ) -> Self {
        let (sender, items) = mpsc::channel(CHANNEL_CAPACITY);
        let cancel = CancellationToken::new();
        let reporter = context.reporter.clone();
        let resource = request.work.resource().to_owned();
        if request.work.reads_tenants() {
            reporter.begin(&request.tenants);
        }
        let cancelled = cancel.clone().cancelled_owned();
        let often_ready = request.work.is_often_ready();
        let produce = producer::produce(context, request, sender.clone());
        let mut work = Box::pin(async move {
            let last = tokio::select! {
                // Dropping the producer drops its requests: no connection is left behind.
                () = cancelled => return,
                ended = catch_panics("the query", produce) => match ended {
                    Ok(()) => Item::End,
                    Err(error) => Item::Failed(error),
                },
            };
            // The consumer may be gone, which is its right.
            let _ = sender.send(last).await;
        });
        // A cached token is ready at once: to wake a worker for it would take longer than all the rest.
        let is_done = often_ready && {
            let _runtime = handle.enter();
            work.as_mut().now_or_never().is_some()
        };
        if !is_done {
            handle.spawn(work);
        }
        Query {
            items: Mutex::new(items),
            cancel,
            over: OnceLock::new(),
            reporter,
            resource,
            broker,
            claim: Mutex::new(None),
        }
    }

    /// Waits at most `wait` for the next item. To be called from threads that are not the library's.
    pub fn next(&self, wait: Duration) -> Next {
        let mut items = match self.items.try_lock() {
            Ok(items) => items,
            Err(TryLockError::WouldBlock) => return Next::Busy,
            Err(TryLockError::Poisoned(items)) => items.into_inner(),
        };
        match self.over.get() {
            Some(Over::End) => return Next::End,
            Some(Over::Cancelled) => return Next::Cancelled,
            None => {}
        }
        // One that was not answered goes back.
        *self.claim() = None;
        within_on_thread(wait, self.receive(&mut items)).unwrap_or(Next::Pending)
    }

    /// As [`Query::next`] without a limit, for tests on paused time, which no thread may block.
    #[cfg(test)]
    #[expect(
        clippy::await_holding_lock,
        reason = "a query has one consumer, and these tests have one thread"
    )]
    async fn next_in_test(&self) -> Next {
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        self.receive(&mut items).await
    }

    async fn receive(&self, items: &mut mpsc::Receiver<Item>) -> Next {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => self.end(Over::Cancelled, Next::Cancelled),
            question = self.broker.0.next_question() => self.ask(question),
            item = items.recv() => self.told(item),
        }
    }

    fn told(&self, item: Option<Item>) -> Next {
        match item {
            Some(Item::Batch(batch)) => Next::Batch(batch),
            Some(Item::PartFailed(error)) => Next::ItemFailed(error),
            Some(Item::Failed(error)) => self.end(Over::End, Next::Failed(error)),
            Some(Item::End) => self.end(Over::End, Next::End),
            None => self.end(Over::End, Next::Failed(Error::internal("a query stopped without an end"))),
        }
    }

    fn ask(&self, question: Question) -> Next {
        let signing_input = question.signing_input().map(Batch::from);
        *self.claim() = Some(question);
        signing_input.map_or(Next::NeedsAssertion, Next::NeedsSignature)
    }

    fn claim(&self) -> MutexGuard<'_, Option<Question>> {
        self.claim.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers [`Next::NeedsAssertion`] with a token or [`Next::NeedsSignature`] with a signature, or with the
    /// reason of the failure. False if nothing was asked, and for a token that is not text.
    pub fn answer(&self, answer: Result<&[u8], &str>) -> bool {
        let accepts = |question: &mut Question| answer.map_or(true, |given| question.accepts(given));
        let question = self.claim().take_if(accepts);
        let asked = question.is_some();
        if let Some(question) = question {
            question.answer(answer);
        }
        asked
    }

    fn end(&self, over: Over, answer: Next) -> Next {
        // The lock on `items` makes this the only writer.
        let _ = self.over.set(over);
        self.reporter.over();
        answer
    }

    /// The messages so far, if there are any.
    pub fn messages(&self) -> Option<Batch> {
        self.reporter.take_messages()
    }

    /// What became of each tenant so far, one row per tenant. At any time, also after the end.
    pub fn summary(&self) -> Option<Batch> {
        self.reporter.summary(&self.resource)
    }

    /// The counters.
    pub fn stats(&self) -> Stats {
        self.reporter.stats()
    }

    /// Cancels. From any thread, as often as wanted.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }
}

impl Drop for Query {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}
