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
use crate::read::decode::described::DescribedColumn;
use crate::read::sink::{Item, Pushed, Sink};
use crate::report::{Counter, Report};
use crate::settings::Tenant;
use crate::tally::LeftOut;

/// What becomes of rows that are read back.
pub(super) enum Goal<'a> {
    /// They go to the consumer.
    Rows(mpsc::Sender<Item>),
    /// They are counted for a report.
    Report(&'a Arc<Report>, mpsc::Sender<Item>),
}

impl Goal<'_> {
    fn items(&self) -> &mpsc::Sender<Item> {
        match self {
            Goal::Rows(items) | Goal::Report(_, items) => items,
        }
    }
}

/// Reads the rows of the files that the request is about. False if that cannot be done at all.
pub(super) async fn produce(
    context: &Context,
    request: &QueryRequest,
    import: &Arc<ImportRequest>,
    goal: Goal<'_>,
) -> bool {
    let wanted = request.tenants.iter().map(|tenant| tenant.id.clone()).collect();
    let mut stored = match dataset::import(context, Arc::clone(import), wanted) {
        Ok(stored) => stored,
        Err(error) => return fail(&goal, error).await,
    };
    let left = Arc::new(AtomicU64::new(request.first.unwrap_or(u64::MAX)));
    let mut tenants: Vec<Tenant> = Vec::new();
    let mut reading: Option<Reading> = None;
    while let Some(told) = stored.next().await {
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
                let context = Context { reporter, ..context.clone() };
                let stream = u32::try_from(index).unwrap_or(u32::MAX);
                *before = Some(Reading::begin(&context, (&tenants[index], stream), import, &goal, &left));
            }
            (Stored::Snapshot(day), Some(reading)) => reading.snapshot(&day),
            (Stored::Columns(columns), Some(reading)) => reading.columns(&columns).await,
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
                let error = reading.failed(error).await;
                let _ = goal.items().send(Item::PartFailed(error)).await;
            }
            (Stored::Failed(error), None) => return fail(&goal, error).await,
            (Stored::End, _) => break,
            (Stored::Snapshot(_) | Stored::Columns(_) | Stored::Rows(_) | Stored::File(_), None) => {}
        }
    }
    if let Some(reading) = reading {
        reading.end().await;
    }
    true
}

/// A tenant with the name that the request has for it, or the connection.
fn named(context: &Context, request: &QueryRequest, id: String) -> Tenant {
    let known = request.tenants.iter().chain(&context.settings.tenants);
    let name =
        known.filter(|tenant| tenant.id.eq_ignore_ascii_case(&id)).find_map(|known| known.name.clone());
    Tenant { id, name }
}

async fn fail(goal: &Goal<'_>, error: Error) -> bool {
    let _ = goal.items().send(Item::Failed(error)).await;
    false
}

/// The tenant that is read.
struct Reading {
    tenant: Tenant,
    reporter: Reporter,
    taker: Taker,
}

enum Taker {
    Rows(Box<Sink>),
    Report(Arc<Report>, Counter),
    /// The tenant failed, and is not counted.
    Nobody,
}

impl Reading {
    fn begin(
        context: &Context,
        (tenant, stream): (&Tenant, u32),
        import: &ImportRequest,
        goal: &Goal,
        left: &Arc<AtomicU64>,
    ) -> Self {
        let taker = match goal {
            Goal::Rows(items) => {
                let (decoder, columns) = import.decoder();
                let builder = BatchBuilder::new(stream, &tenant.id, columns);
                let mut sink = Sink::new(context.clone(), builder, decoder, items.clone(), Arc::clone(left));
                sink.label(&tenant.id, Some(&tenant.id));
                Taker::Rows(Box::new(sink))
            }
            Goal::Report(report, _) => Taker::Report(Arc::clone(report), Counter::new()),
        };
        Reading { tenant: tenant.clone(), reporter: context.reporter.clone(), taker }
    }

    fn snapshot(&self, day: &str) {
        if let Taker::Report(_, counter) = &self.taker {
            counter.begin(day);
        }
    }

    async fn columns(&mut self, columns: &[DescribedColumn]) {
        if let Taker::Rows(sink) = &mut self.taker {
            sink.describe_as(columns).await;
        }
    }

    /// Hands on rows, each a line. False if the query has had as many as it wanted.
    async fn rows(&mut self, rows: &str) -> bool {
        match &mut self.taker {
            Taker::Report(_, counter) => {
                let count = rows.split_terminator('\n').map(|row| counter.row(row)).count();
                self.reporter.rows(count as u64);
                true
            }
            Taker::Rows(sink) => {
                for row in rows.split_terminator('\n') {
                    match sink.push(row, false, None).await {
                        Pushed::Kept => {}
                        Pushed::Satisfied => return false,
                        Pushed::Unreadable(reason) => {
                            let message = format!("a row of a file cannot be read: {}", reason.text());
                            sink.refuse(&self.tenant.id, UNREADABLE_ROW.error(message)).await;
                        }
                    }
                }
                true
            }
            Taker::Nobody => true,
        }
    }

    /// The rest of the tenant cannot be read.
    async fn failed(&mut self, error: Error) -> Error {
        match &mut self.taker {
            Taker::Rows(sink) => sink.flush(None).await,
            Taker::Report(report, _) => {
                report.add_failure(self.tenant.name.as_deref().unwrap_or(&self.tenant.id), &error);
                self.taker = Taker::Nobody;
            }
            Taker::Nobody => {}
        }
        self.reporter.failed(error, &self.tenant.id)
    }

    async fn end(self) {
        match self.taker {
            Taker::Rows(sink) => {
                if sink.is_satisfied() {
                    self.reporter.left_out(LeftOut::Satisfied);
                }
                sink.finish().await;
            }
            Taker::Report(report, counter) => {
                report.add(&self.tenant.id, self.tenant.name.as_deref(), &counter);
            }
            Taker::Nobody => {}
        }
        self.reporter.tenant_ended();
    }
}
