//! Where rows go: into batches, and with them to the consumer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use super::decode::row::RowDecoder;
use crate::batch::{Batch, BatchBuilder};
use crate::context::Context;
use crate::errors::{Error, Result};
use crate::http::{Response, TransportError};

/// Longest that a row waits for others before it is handed on.
const FLUSH_AFTER: Duration = Duration::from_millis(50);

/// What the producer sends. The last item is always `End` or `Failed`: a channel that just closes is a defect.
pub(crate) enum Item {
    Batch(Batch),
    PartFailed(Error),
    Failed(Error),
    End,
}

/// Where the rows of one tenant go.
pub(crate) struct Sink {
    context: Context,
    builder: BatchBuilder,
    decoder: RowDecoder,
    items: mpsc::Sender<Item>,
    /// Rows that the whole query may still deliver.
    left: Arc<AtomicU64>,
    /// Value of the columns that the request knows.
    pub(crate) from_request: Option<String>,
    delivered: u64,
}

impl Sink {
    pub(crate) fn new(
        context: Context,
        builder: BatchBuilder,
        decoder: RowDecoder,
        items: mpsc::Sender<Item>,
        left: Arc<AtomicU64>,
    ) -> Self {
        Sink { context, builder, decoder, items, left, from_request: None, delivered: 0 }
    }

    /// Reads a row from text that begins with an object and may be cut. Gives its length, or `None` if it is not whole
    /// and sound. [`Sink::push`] must follow for a row that was read.
    pub(crate) fn attempt(&mut self, text: &str) -> Option<usize> {
        self.decoder.attempt(text, self.from_request.as_deref(), &mut self.builder)
    }

    /// Adds a row; false when the query has had as many as it wanted.
    pub(crate) async fn push(&mut self, json: &str, is_read: bool, response: &mut Response) -> Result<bool> {
        let wanted = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if wanted.is_err() {
            self.decoder.roll_back(&mut self.builder);
            return Ok(false);
        }
        if !is_read {
            self.decoder.decode(json, self.from_request.as_deref(), &mut self.builder)?;
        }
        self.builder.end_row();
        self.delivered += 1;
        if self.builder.is_full() {
            self.flush(Some(response)).await;
        }
        Ok(true)
    }

    /// Whether the query has had as many rows as it wanted.
    pub(crate) fn is_satisfied(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }

    /// Rows of the tenant so far.
    pub(crate) fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Names the stream, where only the token tells the tenant.
    pub(crate) fn name(&mut self, tenant: Option<&str>) {
        if let Some(tenant) = tenant {
            self.builder.name(tenant);
        }
    }

    /// Hands on what there is.
    pub(crate) async fn flush(&mut self, response: Option<&mut Response>) {
        self.context.reporter.rows(u64::from(self.builder.rows()));
        if let Some(batch) = self.builder.take() {
            send(&self.items, batch, response).await;
        }
    }

    /// Ends the stream, so that its reader can forget it.
    pub(crate) async fn finish(self) {
        self.context.reporter.rows(u64::from(self.builder.rows()));
        if let Some(batch) = self.builder.finish() {
            send(&self.items, batch, None).await;
        }
    }

    /// The next part of a body; rows that wait for it longer than a moment are handed on first.
    pub(crate) async fn chunk(
        &mut self,
        response: &mut Response,
    ) -> Result<Option<bytes::Bytes>, TransportError> {
        if self.builder.rows() > 0 {
            let late = self.context.clock.sleep(FLUSH_AFTER);
            tokio::select! {
                biased;
                chunk = response.chunk() => return chunk,
                () = late => {}
            }
            self.flush(Some(response)).await;
        }
        response.chunk().await
    }
}

async fn send(items: &mpsc::Sender<Item>, batch: Batch, response: Option<&mut Response>) {
    let item = match items.try_send(Item::Batch(batch)) {
        Ok(()) => return,
        Err(mpsc::error::TrySendError::Full(item) | mpsc::error::TrySendError::Closed(item)) => item,
    };
    if let Some(response) = response {
        response.release_slot();
    }
    // A consumer that is gone cancels the query, so there is nobody to tell.
    let _ = items.send(item).await;
}
