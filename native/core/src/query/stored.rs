//! The producer of rows that are read back from files. A thread reads the files of one tenant after the other.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::sync::mpsc;

use super::request::QueryRequest;
use crate::batch::BatchBuilder;
use crate::context::Context;
use crate::dataset::{self, ImportRequest, Stored};
use crate::errors::{Error, UNREADABLE_ROW};
use crate::progress::Reporter;
use crate::read::sink::{Item, Pushed, Sink};
use crate::settings::Tenant;
use crate::tally::LeftOut;

/// Hands on the rows of the files that the request is about.
pub(super) async fn produce(
    context: &Context,
    request: &QueryRequest,
    import: &Arc<ImportRequest>,
    items: mpsc::Sender<Item>,
) {
    let wanted = request.tenants.iter().map(|tenant| tenant.id.clone()).collect();
    let mut stored = match dataset::import(Arc::clone(import), wanted) {
        Ok(stored) => stored,
        Err(error) => return fail(&items, error).await,
    };
    let left = Arc::new(AtomicU64::new(request.first.unwrap_or(u64::MAX)));
    let mut tenants: Vec<Tenant> = Vec::new();
    let mut reading: Option<Reading> = None;
    while let Some(told) = stored.recv().await {
        match (told, &mut reading) {
            (Stored::Tenants(ids), _) => {
                tenants = ids.into_iter().map(|id| named(context, request, id)).collect();
                context.reporter.begin(&tenants);
                context.reporter.reading();
            }
            (Stored::Begin(index), before) => {
                if let Some(before) = before.take() {
                    before.end().await;
                }
                let reporter = context.reporter.of_tenant(index);
                reporter.tenant_begun();
                let context = Context { reporter: reporter.clone(), ..context.clone() };
                let (decoder, columns) = import.decoder();
                let id = tenants[index].id.clone();
                let stream = u32::try_from(index).unwrap_or(u32::MAX);
                let builder = BatchBuilder::new(stream, &id, columns);
                let mut sink = Sink::new(context, builder, decoder, items.clone(), Arc::clone(&left));
                sink.label(&id, Some(&id));
                *before = Some(Reading { id, reporter, sink });
            }
            (Stored::Rows(rows), Some(reading)) => {
                if !reading.rows(&rows).await {
                    break;
                }
            }
            (Stored::File(bytes), Some(reading)) => {
                reading.reporter.received(usize::try_from(bytes).unwrap_or(usize::MAX));
                reading.reporter.page();
            }
            (Stored::Failed(error), Some(reading)) => {
                reading.sink.flush(None).await;
                let error = reading.reporter.failed(error, &reading.id);
                let _ = items.send(Item::PartFailed(error)).await;
            }
            (Stored::Failed(error), None) => return fail(&items, error).await,
            (Stored::End, _) => break,
            (Stored::Rows(_) | Stored::File(_), None) => {}
        }
    }
    if let Some(reading) = reading {
        reading.end().await;
    }
}

/// A tenant with the name that the request has for it, or the connection.
fn named(context: &Context, request: &QueryRequest, id: String) -> Tenant {
    let known = request.tenants.iter().chain(&context.settings.tenants);
    let name =
        known.filter(|tenant| tenant.id.eq_ignore_ascii_case(&id)).find_map(|known| known.name.clone());
    Tenant { id, name }
}

async fn fail(items: &mpsc::Sender<Item>, error: Error) {
    let _ = items.send(Item::Failed(error)).await;
}

/// The tenant that is read.
struct Reading {
    id: String,
    reporter: Reporter,
    sink: Sink,
}

impl Reading {
    /// Hands on rows, each a line. False if the query has had as many as it wanted.
    async fn rows(&mut self, rows: &str) -> bool {
        for row in rows.split_terminator('\n') {
            match self.sink.push(row, false, None).await {
                Pushed::Kept => {}
                Pushed::Satisfied => return false,
                Pushed::Unreadable(reason) => {
                    let message = format!("a row of a file cannot be read: {}", reason.text());
                    self.sink.refuse(&self.id, UNREADABLE_ROW.error(message)).await;
                }
            }
        }
        true
    }

    async fn end(self) {
        if self.sink.is_satisfied() {
            self.reporter.left_out(LeftOut::Satisfied);
        }
        self.sink.finish().await;
        self.reporter.tenant_ended();
    }
}
