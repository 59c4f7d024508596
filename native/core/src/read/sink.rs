//! Where rows go: into batches, and with them to the consumer.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, mpsc};
use url::Url;

use super::decode::described::DescribedColumn;
use super::decode::row::{RowDecoder, Unreadable};
use super::delivered::Delivered;
use super::filter::RowFilter;
use super::members::{Ids, Unique};
use super::pace::{Opening, Pace};
use super::row_text::RowText;
use crate::batch::{Batch, BatchBuilder};
use crate::blocking::compute_here;
use crate::context::Context;
use crate::errors::{Error, UNREADABLE_ROW};
use crate::http::{Response, TransportError};
use crate::tally::LeftOut;

/// Longest that a row waits for others before it is handed on.
const FLUSH_AFTER: Duration = Duration::from_millis(50);

/// Bytes of a row, or of rows, that take milliseconds to decode or to copy.
const LARGE: usize = 1 << 20;

/// Rows of a tenant that cannot be read and that are reported one by one.
const REPORTED_ROWS: u64 = 100;

/// What the producer sends. The last item is always `End` or `Failed`: a channel that just closes is a defect.
pub(crate) enum Item {
    Batch(Batch),
    PartFailed(Error),
    Failed(Error),
    End,
}

/// What a sink hands to a writer, in the order of the list.
pub(crate) enum Piece {
    Batch(Batch),
    /// Rows as the text of a file, and their number.
    Text(u64, Vec<u8>),
    /// The latest time of the members that tell the rows so far apart, in ticks.
    Latest(i64),
    /// The columns of the rows that follow. The last one holds what no other column does.
    Columns(Vec<DescribedColumn>),
    /// The service has left rows out.
    Cut,
    /// The rows so far are those of whole answers.
    AnswerEnd,
    /// The rows so far are whole pages; the list goes on at this address.
    PageEnd(Url),
    /// The rows so far are whole files; the next one has this name.
    FileEnd(String),
    /// The rows so far are the whole list.
    End,
}

/// What is done with each row.
pub(crate) type EachRow = Box<dyn Fn(&str) + Send + Sync>;

/// Where the rows of one tenant go.
pub(crate) struct Sink {
    context: Context,
    builder: BatchBuilder,
    decoder: RowDecoder,
    items: mpsc::Sender<Item>,
    /// Takes the rows in place of the query's consumer.
    pub(crate) writer: Option<mpsc::Sender<Piece>>,
    /// Takes the rows that become text at once. It is empty while there are rows in columns.
    pub(crate) text: Option<RowText>,
    /// Whether the rows after the first page are not wanted.
    pub(crate) is_one_page: bool,
    /// Rows that the whole query may still deliver.
    left: Arc<AtomicU64>,
    /// Value of the columns that the request knows.
    pub(crate) from_request: Option<String>,
    /// Limits the requests and bodies of the query.
    pub(crate) pace: Option<Arc<Pace>>,
    /// Ends with the first request.
    pub(crate) opening: Opening,
    /// Applied to each row, where the service has no filter.
    pub(crate) filter: Option<Arc<RowFilter>>,
    /// Rows that answers before delivered, where a list is read again in parts.
    pub(crate) delivered_before: Option<Delivered>,
    /// Rows that wait for the description of their columns.
    waiting: Vec<String>,
    /// Drops the rows that came before, where the service sends rows more than once.
    pub(crate) unique: Option<Unique>,
    /// Columns whose texts are noted.
    watched: Option<[usize; 2]>,
    /// Takes the ids of the rows, which then go to no other place.
    pub(crate) ids: Option<Ids>,
    /// Gets each row that is new, which then goes to no other place.
    pub(crate) each: Option<EachRow>,
    /// Takes the rows as they are, which then go to no other place.
    pub(crate) texts: Option<Vec<String>>,
    /// Ids of the tenants that the query reads.
    pub(crate) known: Arc<Mutex<HashSet<String>>>,
    /// Whether the query reads the tenant of this stream already, under another name.
    is_repeated: Option<bool>,
    delivered: u64,
    /// Rows that came, whatever became of them.
    received: u64,
    /// Rows that cannot be read.
    refused: u64,
}

/// What became of a row.
pub(crate) enum Pushed {
    Kept,
    /// The query has had as many rows as it wanted.
    Satisfied,
    Unreadable(Unreadable),
}

impl Sink {
    pub(crate) fn new(
        context: Context,
        builder: BatchBuilder,
        decoder: RowDecoder,
        items: mpsc::Sender<Item>,
        left: Arc<AtomicU64>,
    ) -> Self {
        Sink {
            context,
            builder,
            decoder,
            items,
            writer: None,
            text: None,
            is_one_page: false,
            left,
            from_request: None,
            pace: None,
            opening: Opening::default(),
            filter: None,
            delivered_before: None,
            waiting: Vec::new(),
            unique: None,
            watched: None,
            ids: None,
            each: None,
            texts: None,
            known: Arc::default(),
            is_repeated: None,
            delivered: 0,
            received: 0,
            refused: 0,
        }
    }

    /// Says which tenant the rows are from, as the token for them does. False if the query reads that tenant already,
    /// under another name.
    pub(crate) fn label(&mut self, requested: &str, tid: Option<&str>) -> bool {
        if let Some(is_repeated) = self.is_repeated {
            return !is_repeated;
        }
        let id = tid.unwrap_or(requested).to_ascii_lowercase();
        // Without an app, nothing has shown that the domain is the token's tenant.
        let is_shown = self.context.settings.client_id.is_some() && requested.contains('.');
        let reporter = &self.context.reporter;
        let name = reporter.tenant_name().or(is_shown.then_some(requested));
        self.builder.label(&id, name);
        reporter.label(&id, name);
        let is_repeated = !self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        self.is_repeated = Some(is_repeated);
        if is_repeated {
            reporter.left_out(LeftOut::Repeated);
        }
        !is_repeated
    }

    /// Waits until the query may send one more request, which ends when the result is dropped.
    pub(crate) async fn request(&self) -> Option<OwnedSemaphorePermit> {
        let request = self.pace.as_ref()?.request().await;
        self.opening.end();
        request
    }

    /// Whether nobody waits to read a body.
    pub(crate) fn has_reader_to_spare(&self) -> bool {
        self.pace.as_ref().is_none_or(|pace| pace.has_reader_to_spare())
    }

    /// Waits until the query may read one more body, and counts it as read until the result is dropped.
    pub(crate) async fn begin(&self, response: &mut Response) -> Option<OwnedSemaphorePermit> {
        let pace = self.pace.as_ref()?;
        if let Some(reader) = pace.try_read() {
            return Some(reader);
        }
        response.release_slot();
        pace.read().await
    }

    /// A body of so many bytes has come to its end.
    pub(crate) fn body_ended(&self, bytes: usize) {
        if let Some(pace) = &self.pace {
            pace.body_ended(bytes);
        }
    }

    /// Reads a row from text that begins with an object and may be cut. Gives its length, or `None` if it is not whole
    /// and sound. [`Sink::push`] or [`Sink::forget`] must follow for a row that was read.
    pub(crate) fn attempt(&mut self, text: &str) -> Option<usize> {
        let is_picked = self.ids.is_some() || self.texts.is_some() || self.each.is_some();
        if self.filter.is_some() || is_picked {
            // The row's end must be known first.
            return None;
        }
        if let Some(rows) = &mut self.text
            && self.builder.rows() == 0
        {
            let length = rows.add(text);
            if length.is_some() || rows.rows() > 0 {
                return length;
            }
        }
        self.decoder.attempt(text, self.from_request.as_deref(), &mut self.builder)
    }

    /// Makes text of a row. If that takes columns, what there is of text is handed on first.
    async fn add_text(&mut self, json: &str, response: Option<&mut Response>) -> bool {
        let Some(rows) = &mut self.text else { return false };
        let is_added = self.builder.rows() == 0 && rows.add_whole(json);
        if !is_added && rows.rows() > 0 {
            self.flush(response).await;
        }
        is_added
    }

    /// Notes the texts that rows have in these columns, for [`Sink::watched`].
    pub(crate) fn watch(&mut self, names: [&str; 2]) {
        let columns = self.builder.columns();
        let indexes = names.map(|name| columns.iter().position(|column| column.name() == name));
        if let [Some(first), Some(second)] = indexes {
            columns[first].watch();
            columns[second].watch();
            self.watched = Some([first, second]);
        }
    }

    /// What the row that [`Sink::attempt`] read has in the columns that are watched, if it has text in both.
    pub(crate) fn watched(&mut self) -> Option<[&str; 2]> {
        let [first, second] = self.watched?;
        let columns = &*self.builder.columns();
        Some([columns[first].watched()?, columns[second].watched()?])
    }

    /// Drops a row that was read.
    pub(crate) fn forget(&mut self) {
        if let Some(rows) = &mut self.text {
            rows.forget();
        }
        self.decoder.roll_back(&mut self.builder);
    }

    /// Adds a row, of this answer if it is one of an answer.
    pub(crate) async fn push(
        &mut self,
        json: &str,
        is_read: bool,
        mut response: Option<&mut Response>,
    ) -> Pushed {
        self.received += 1;
        // A row that cannot be tested cannot be decoded either, and is reported then.
        if self.filter.as_ref().is_some_and(|filter| filter.matches(json) == Some(false)) {
            return Pushed::Kept;
        }
        if let Some(ids) = &mut self.ids {
            ids.note(json);
            return Pushed::Kept;
        }
        if let Some(texts) = &mut self.texts {
            texts.push(json.to_owned());
            return Pushed::Kept;
        }
        let is_repeated = self.delivered_before.as_mut().is_some_and(|before| !before.is_new(json))
            || self.unique.as_mut().is_some_and(|unique| !unique.is_new(json));
        if is_repeated {
            if is_read {
                self.forget();
            }
            return Pushed::Kept;
        }
        if let Some(each) = &self.each {
            each(json);
            self.delivered += 1;
            self.context.reporter.rows(1);
            return Pushed::Kept;
        }
        let wanted = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if wanted.is_err() && self.decoder.awaits_description() {
            // The rows that are wanted wait for what comes after this one. An answer has 50 MB at most.
            return Pushed::Kept;
        }
        if wanted.is_err() {
            self.forget();
            return Pushed::Satisfied;
        }
        if self.decoder.awaits_description() {
            self.waiting.push(json.to_owned());
            return Pushed::Kept;
        }
        if !is_read
            && !self.add_text(json, response.as_deref_mut()).await
            && let Err(reason) = self.decode(json)
        {
            self.left.fetch_add(1, Ordering::Relaxed);
            return Pushed::Unreadable(reason);
        }
        let is_text = self.text.as_mut().is_some_and(RowText::keep);
        if !is_text {
            self.builder.end_row();
        }
        self.delivered += 1;
        if self.builder.is_full() || self.text.as_ref().is_some_and(RowText::is_full) {
            self.flush(response).await;
        }
        Pushed::Kept
    }

    /// Reports a row that is not delivered. The query goes on.
    pub(crate) async fn refuse(&mut self, tenant: &str, error: Error) {
        self.refused += 1;
        if self.refused <= REPORTED_ROWS {
            let error = self.context.reporter.failed(error, tenant);
            let _ = self.items.send(Item::PartFailed(error)).await;
        } else if self.refused == REPORTED_ROWS + 1 {
            self.context.reporter.warning(format!(
                "Tenant {tenant}: more than {REPORTED_ROWS} rows cannot be read. The rest is not reported row by row."
            ));
        }
    }

    /// Takes the description of the columns of the rows, which may come after some of them.
    pub(crate) async fn describe(&mut self, tenant: &str, description: &str, response: &mut Response) {
        // New columns begin with a batch of their own.
        self.flush(Some(response)).await;
        let is_first = self.decoder.awaits_description();
        for name in self.decoder.describe(description, &mut self.builder) {
            self.context.reporter.warning(format!(
                "Tenant {tenant}: the column {name} has another type than in the answers before, so its values are not \
                 converted."
            ));
        }
        if !self.decoder.awaits_description() {
            self.tell_columns(is_first).await;
            self.deliver_waiting(tenant, response).await;
        }
    }

    /// Takes the columns of the rows that follow, as the manifest of their files has them.
    pub(crate) async fn describe_as(&mut self, columns: &[DescribedColumn]) {
        self.flush(None).await;
        // A column that has another type in other files has values of any kind here.
        let _ = self.decoder.describe_as(columns, &mut self.builder);
    }

    /// The body has ended: rows that still wait are read without a description of their columns.
    pub(crate) async fn end_of_body(&mut self, tenant: &str, response: &mut Response) {
        if self.waiting.is_empty() {
            return;
        }
        self.decoder.do_without_description(&mut self.builder);
        self.tell_columns(true).await;
        self.context.reporter.warning(format!(
            "Tenant {tenant}: the answer does not describe its columns, so their values are not converted."
        ));
        self.deliver_waiting(tenant, response).await;
    }

    /// Tells a writer the columns of the first description.
    async fn tell_columns(&mut self, is_first: bool) {
        if let (Some(writer), true) = (&self.writer, is_first) {
            let columns = self
                .builder
                .columns()
                .iter()
                .map(|column| DescribedColumn { name: column.name().into(), kind: column.kind() });
            let _ = writer.send(Piece::Columns(columns.collect())).await;
        }
    }

    async fn deliver_waiting(&mut self, tenant: &str, response: &mut Response) {
        for json in std::mem::take(&mut self.waiting) {
            if let Err(reason) = self.decode(&json) {
                self.left.fetch_add(1, Ordering::Relaxed);
                let message =
                    format!("a row before the description of the columns cannot be read: {}", reason.text());
                self.refuse(tenant, UNREADABLE_ROW.error(message)).await;
                continue;
            }
            self.builder.end_row();
            self.delivered += 1;
            if self.builder.is_full() {
                self.flush(Some(response)).await;
            }
        }
    }

    fn decode(&mut self, json: &str) -> Result<(), Unreadable> {
        let mut decode = || self.decoder.decode(json, self.from_request.as_deref(), &mut self.builder);
        if json.len() < LARGE { decode() } else { compute_here(decode) }
    }

    /// Whether the query has had as many rows as it wanted.
    pub(crate) fn is_satisfied(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }

    /// Whether the query wants as many rows as there are.
    pub(crate) fn wants_every_row(&self) -> bool {
        self.left.load(Ordering::Relaxed) > u64::MAX / 2
    }

    /// Rows that came so far, also those that were not delivered.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Rows of the tenant so far.
    pub(crate) fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Hands on what there is.
    pub(crate) async fn flush(&mut self, mut response: Option<&mut Response>) {
        if let (Some((rows, text)), Some(writer)) = (self.text.as_mut().and_then(RowText::take), &self.writer)
        {
            self.context.reporter.rows(rows);
            send(writer, Piece::Text(rows, text), response.as_deref_mut()).await;
        }
        self.context.reporter.rows(u64::from(self.builder.rows()));
        let is_large = self.builder.bytes() >= LARGE;
        let batch = if is_large { compute_here(|| self.builder.take()) } else { self.builder.take() };
        if let Some(batch) = batch {
            self.send(batch, response).await;
        }
    }

    /// Tells a writer that a page has ended, and where the list goes on. False if nobody wants more.
    pub(crate) async fn page_ended(&self, next: &Url) -> bool {
        match &self.writer {
            Some(writer) => {
                self.tell_latest().await;
                writer.send(Piece::PageEnd(next.clone())).await.is_ok() && !self.is_one_page
            }
            None => true,
        }
    }

    /// Tells a writer the latest time so far of the members that tell rows apart.
    pub(crate) async fn tell_latest(&self) {
        let latest = self.unique.as_ref().and_then(|unique| unique.latest);
        if let (Some(writer), Some(latest)) = (&self.writer, latest) {
            // A writer that has stopped says so itself.
            let _ = writer.send(Piece::Latest(latest)).await;
        }
    }

    /// Tells a writer that the service has left rows out.
    pub(crate) async fn tell_cut(&self) {
        if let Some(writer) = &self.writer {
            let _ = writer.send(Piece::Cut).await;
        }
    }

    /// As [`Sink::page_ended`], for the answer to a query.
    pub(crate) async fn answer_ended(&self) -> bool {
        match &self.writer {
            Some(writer) => writer.send(Piece::AnswerEnd).await.is_ok(),
            None => true,
        }
    }

    /// As [`Sink::page_ended`], for a file.
    pub(crate) async fn file_ended(&self, next: &str) -> bool {
        match &self.writer {
            Some(writer) => writer.send(Piece::FileEnd(next.to_owned())).await.is_ok(),
            None => true,
        }
    }

    async fn send(&self, batch: Batch, response: Option<&mut Response>) {
        match &self.writer {
            Some(writer) => send(writer, Piece::Batch(batch), response).await,
            None => send(&self.items, Item::Batch(batch), response).await,
        }
    }

    /// Ends the stream, so that its reader can forget it.
    pub(crate) async fn finish(self) {
        self.context.reporter.rows(u64::from(self.builder.rows()));
        if let Some(batch) = self.builder.finish() {
            send(&self.items, Item::Batch(batch), None).await;
        }
    }

    /// The next part of a body; rows that wait for it longer than a moment are handed on first.
    pub(crate) async fn chunk(
        &mut self,
        response: &mut Response,
    ) -> Result<Option<bytes::Bytes>, TransportError> {
        if self.builder.rows() > 0 || self.text.as_ref().is_some_and(|text| text.rows() > 0) {
            let late = self.context.clock.sleep(FLUSH_AFTER);
            tokio::select! {
                biased;
                chunk = response.chunk() => return chunk,
                () = late => {}
            }
            if let Some(pace) = &self.pace {
                pace.body_is_slow();
            }
            self.flush(Some(response)).await;
        }
        response.chunk().await
    }
}

async fn send<T>(items: &mpsc::Sender<T>, item: T, response: Option<&mut Response>) {
    let item = match items.try_send(item) {
        Ok(()) => return,
        Err(mpsc::error::TrySendError::Full(item) | mpsc::error::TrySendError::Closed(item)) => item,
    };
    if let Some(response) = response {
        response.release_slot();
    }
    // A consumer that is gone has cancelled the query.
    let _ = items.send(item).await;
}
