//! The producer of a query: one task per tenant, all into one channel, none in another's way.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use super::request::{ApiCall, QueryRequest, RowsRequest, Work};
use super::stored::{self, Goal};
use crate::auth;
use crate::batch::{Batch, BatchBuilder, ColumnBuilder, tables, ticks};
use crate::blocking::compute;
use crate::catalog::{self, Dataset, Paging, Parents, Resource, Since};
use crate::clock::within;
use crate::context::Context;
use crate::dataset::{self, ExportRequest, RowsSent, Summary};
use crate::diagnose::{check, consent, explain};
use crate::errors::{DATASET_UNFINISHED, Error, ErrorKind, Result, SINCE_TOO_OLD, catch_panics};
use crate::hunting::{self, document::Hunting};
use crate::read::address;
use crate::read::decode::row::RowDecoder;
use crate::read::decode::time::{ParsedTime, parse_time};
use crate::read::members::{Ids, Unique};
use crate::read::pace::Pace;
use crate::read::pager;
use crate::read::plan::{Plan, Scope};
use crate::read::sink::{Item, Sink};
use crate::report::{Counter, Report};
use crate::tally::LeftOut;
use crate::token::AccessToken;

/// Runs a query to its end. Failures of single tenants are items of the channel.
pub(crate) async fn produce(context: Context, request: QueryRequest, items: mpsc::Sender<Item>) {
    let ids: Vec<String> = request.tenants.iter().map(|tenant| tenant.id.clone()).collect();
    let first = match &request.work {
        Work::Tokens => cached_tokens(&context, &ids),
        Work::Explain(text) => explain::rows(&context, &ids, text),
        Work::Check(targets) => check::connection(&context, targets.is_empty()).await,
        Work::Consent(consent) => match consent::rows(&context, &ids, consent) {
            Ok(batch) => batch,
            Err(error) => {
                let _ = items.send(Item::Failed(error)).await;
                return;
            }
        },
        Work::Send(request) => match dataset::send(&context, request).await {
            Ok(sent) => rows_sent(&sent),
            Err(error) => {
                let _ = items.send(Item::Failed(error)).await;
                return;
            }
        },
        _ => None,
    };
    if let Some(batch) = first {
        let _ = items.send(Item::Batch(batch)).await;
    }
    if let Work::Import(import) = &request.work {
        stored::produce(&context, &request, import, Goal::Rows(items)).await;
        return;
    }
    if let Work::Report(report) = &request.work {
        let is_read = if let Some(import) = &report.source {
            stored::produce(&context, &request, import, Goal::Report(report, items.clone())).await
        } else {
            tenants(&context, &request, &items).await;
            true
        };
        if is_read && let Err(error) = write(&context, report).await {
            let _ = items.send(Item::Failed(error)).await;
        }
        return;
    }
    if !request.work.reads_tenants() {
        return;
    }
    let notices = match &request.work {
        Work::Hunting(hunting) => &hunting.notices,
        Work::Export(export) => export.notices(),
        _ => &[],
    };
    for notice in notices {
        context.reporter.warning(notice.clone());
    }
    tenants(&context, &request, &items).await;
}

/// Works on every tenant.
async fn tenants(context: &Context, request: &QueryRequest, items: &mpsc::Sender<Item>) {
    if let (Work::Export(export), [_, _, ..]) = (&request.work, request.tenants.as_slice()) {
        export.reads_several_tenants();
    }
    let places = Arc::new(Semaphore::new(request.throttle_limit));
    let limits = Arc::new(Pace::new(request.readers));
    let known = Arc::new(Mutex::default());
    let left = Arc::new(AtomicU64::new(request.first.unwrap_or(u64::MAX)));
    let deadline = request.work.time_limit().map(|limit| context.clock.now() + limit);
    let is_check = matches!(request.work, Work::Check(_));
    let is_one_of_many = request.tenants.len() > 1;
    let jobs = request.tenants.iter().enumerate().map(|(index, tenant)| {
        let job = Job {
            context: Context { reporter: context.reporter.of_tenant(index), ..context.clone() },
            tenant: tenant.id.clone(),
            is_one_of_many,
            // The checks of the connection itself are stream 0.
            stream: u32::try_from(index).unwrap_or(u32::MAX) + u32::from(is_check),
            items: items.clone(),
            left: Arc::clone(&left),
            pace: Arc::clone(&limits),
            known: Arc::clone(&known),
            deadline,
        };
        let work = request.work.clone();
        async move {
            let reporter = job.context.reporter.clone();
            let (tenant, items) = (job.tenant.clone(), job.items.clone());
            reporter.tenant_begun();
            if let Err(error) = catch_panics("the work on a tenant", job.run(work)).await {
                let _ = items.send(Item::PartFailed(reporter.failed(error, &tenant))).await;
            }
            reporter.tenant_ended();
        }
    });
    if let [_] = request.tenants.as_slice() {
        // One tenant needs no task of its own.
        for job in jobs {
            job.await;
        }
        return;
    }
    let mut tasks = JoinSet::new();
    // Tenants begin in their order, and one that waits for its place takes no memory.
    for job in jobs {
        let place = Arc::clone(&places).acquire_owned().await;
        tasks.spawn(async move {
            let _place = place;
            job.await;
        });
        // A task that nobody asks for keeps its memory.
        while tasks.try_join_next().is_some() {}
    }
    while tasks.join_next().await.is_some() {}
}

/// The work on one tenant.
struct Job {
    context: Context,
    tenant: String,
    /// Whether the query reads other tenants too.
    is_one_of_many: bool,
    stream: u32,
    items: mpsc::Sender<Item>,
    /// Rows that the whole query may still deliver.
    left: Arc<AtomicU64>,
    /// Limits the requests and bodies of the whole query.
    pace: Arc<Pace>,
    /// Ids of the tenants that the query reads.
    known: Arc<Mutex<HashSet<String>>>,
    /// When the whole query has to end.
    deadline: Option<Duration>,
}

impl Job {
    async fn run(self, work: Work) {
        // Boxed: otherwise each kind of work would take the memory of the largest.
        let outcome = match work {
            Work::Rows(rows) => Box::pin(self.rows(rows)).await,
            Work::Call(call) => Box::pin(self.call(call)).await,
            Work::Hunting(hunting) => Box::pin(self.hunting(&hunting)).await,
            Work::Export(request) => {
                Box::pin(self.export(&request)).await;
                Ok(())
            }
            Work::Report(report) => {
                let read = Box::pin(self.report(&report)).await;
                read.inspect_err(|error| {
                    report.add_failure(self.tenant_name().unwrap_or(&self.tenant), error);
                })
            }
            Work::Token { scope, force } => Box::pin(self.token(&scope, force)).await,
            Work::Check(targets) => {
                let checked =
                    Box::pin(check::tenant(&self.context, &self.tenant, self.stream, &targets)).await;
                if let Some(batch) = checked {
                    let _ = self.items.send(Item::Batch(batch)).await;
                }
                Ok(())
            }
            Work::Tokens | Work::Explain(_) | Work::Consent(_) | Work::Import(_) | Work::Send(_) => Ok(()),
        };
        if let Err(error) = outcome {
            self.fail(error).await;
        }
    }

    async fn fail(&self, error: Error) {
        // An item is in one tenant, so it is no failure of the others that they do not have it.
        let is_elsewhere = self.is_one_of_many && error.item.is_some() && error.kind == ErrorKind::NotFound;
        let reporter = &self.context.reporter;
        let error = if is_elsewhere {
            reporter.named(error, &self.tenant)
        } else {
            reporter.failed(error, &self.tenant)
        };
        let _ = self.items.send(Item::PartFailed(error)).await;
    }

    /// Ends the rows of the tenant.
    async fn finish(&self, sink: Sink) {
        if sink.is_satisfied() {
            self.context.reporter.left_out(LeftOut::Satisfied);
        }
        sink.finish().await;
    }

    async fn rows(&self, rows: RowsRequest) -> Result<()> {
        let (decoder, columns) = if rows.raw { RowDecoder::raw() } else { RowDecoder::typed(rows.resource) };
        let mut sink = self.sink(decoder, columns);
        sink.filter.clone_from(&rows.row_filter);
        sink.unique = Unique::by(rows.resource.unique);
        let outcome = self.read_rows(&rows, &mut sink).await;
        self.finish(sink).await;
        outcome.map_err(|mut error| {
            // Another tenant may have the item that the request is about.
            if self.is_one_of_many && error.kind == ErrorKind::NotFound {
                error.item = error.item.take().or(rows.id);
            }
            error
        })
    }

    async fn read_rows(&self, rows: &RowsRequest, sink: &mut Sink) -> Result<()> {
        let listed;
        let parents = match rows.resource.parents {
            Some(parents) if rows.parent_ids.is_empty() => {
                listed = self.parents(parents).await?;
                &listed
            }
            _ => &rows.parent_ids,
        };
        if rows.options.reads_files {
            return self.read_files(rows, sink).await;
        }
        if parents.is_empty() && rows.resource.parents.is_none() {
            let plan = self.plan(rows, None)?;
            return pager::read(&self.context, &self.tenant, &plan, sink).await;
        }
        for parent in parents {
            sink.from_request = Some(parent.clone());
            let plan = self.plan(rows, Some(parent))?;
            // One parent that does not exist must not end the work on the others.
            if let Err(mut error) = pager::read(&self.context, &self.tenant, &plan, sink).await {
                error.item = Some(parent.clone());
                let ends_tenant = error.http_status != Some(404);
                if ends_tenant {
                    return Err(error);
                }
                self.fail(error).await;
            }
        }
        Ok(())
    }

    /// Reads the files of the resource's dataset.
    async fn read_files(&self, rows: &RowsRequest, sink: &mut Sink) -> Result<()> {
        let dataset = catalog::dataset_of(rows.resource)
            .ok_or_else(|| Error::internal("the catalog has no dataset of the resource"))?;
        let id = dataset::tenant_id(&self.context, &self.tenant, rows.resource.family).await?;
        if !sink.label(&self.tenant, Some(&id)) {
            return Ok(());
        }
        let new_sink = |of: &'static Dataset| self.list_sink(of.resource, RowDecoder::raw());
        dataset::read_files(&self.context, &self.tenant, dataset, sink, &new_sink).await
    }

    /// The ids of every parent that the tenant has.
    async fn parents(&self, parents: Parents) -> Result<Vec<String>> {
        let resource = catalog::resource(parents.resource)
            .ok_or_else(|| Error::internal("the catalog has no such resource of parents"))?;
        let plan = Plan::of(&self.context.settings, resource, Scope::List, &[])?;
        let (decoder, columns) = RowDecoder::raw();
        let mut sink = self.sink(decoder, columns);
        sink.known = Arc::default();
        sink.ids = Some(Ids::of(parents.member));
        pager::read(&self.context, &self.tenant, &plan, &mut sink).await?;
        Ok(sink.ids.take().map(|ids| ids.found).unwrap_or_default())
    }

    fn plan(&self, rows: &RowsRequest, parent: Option<&str>) -> Result<Plan> {
        let resource = rows.resource;
        let time = rows.options.time.clone().unwrap_or_else(|| utc(self.context.clock.now()));
        let scope = match (&rows.id, parent) {
            (Some(id), _) => Scope::Item(id),
            (None, Some(parent)) => Scope::Parent(parent, &time),
            (None, None) => Scope::List,
        };
        let mut query = rows.options.query.clone();
        if let (Since::Query { parameter, days }, Some(since)) = (resource.since, &rows.since) {
            check_age(since, days, self.context.clock.now())?;
            query.push((parameter, since.clone()));
        }
        if let Some(filter) = &rows.filter {
            query.push(("$filter", filter.clone()));
        }
        // A page that is filtered here may have none of the rows that are wanted.
        if rows.id.is_none() && rows.row_filter.is_none() {
            query.extend(self.page_size(rows));
        }
        let plan = Plan::of(&self.context.settings, resource, scope, &query)?;
        Ok(Plan { filter_fields: rows.filter.as_ref().map(|_| resource.filter.fields()), ..plan })
    }

    /// How many rows the first page has to have, where the API takes that.
    fn page_size(&self, rows: &RowsRequest) -> Option<(&'static str, String)> {
        let first = u32::try_from(self.left.load(Ordering::Relaxed)).ok();
        let size = match (rows.resource.max_top, rows.resource.paging) {
            // With $top there is no link to a next page, so one page must be enough.
            (Some(max), _) if first.is_some_and(|first| first <= max) => ("$top", first?),
            (_, Paging::NextLink { page_size: Some(size), .. }) => {
                (size.parameter, rows.page_size.or(first.filter(|first| *first < size.default))?)
            }
            _ => return None,
        };
        Some((size.0, size.1.to_string()))
    }

    async fn call(&self, call: ApiCall) -> Result<()> {
        let (decoder, columns) = if call.raw { RowDecoder::raw() } else { RowDecoder::dynamic() };
        let url = address::build(&self.context.settings, call.family, &call.path, &[])?;
        let plan = Plan::of_address(call.family, call.method, url, call.body, call.paging);
        let mut sink = self.sink(decoder, columns);
        let outcome = pager::read(&self.context, &self.tenant, &plan, &mut sink).await;
        self.finish(sink).await;
        outcome
    }

    async fn hunting(&self, hunting: &Hunting) -> Result<()> {
        let columns = hunting.columns.clone();
        let (decoder, columns) = if hunting.raw { RowDecoder::raw() } else { RowDecoder::described(columns) };
        let mut sink = self.sink(decoder, columns);
        let outcome = hunting::read(&self.context, &self.tenant, hunting, &mut sink).await;
        self.finish(sink).await;
        outcome
    }

    /// Writes datasets one after the other. Each has a row that says what became of it, also if it failed.
    async fn export(&self, request: &Arc<ExportRequest>) {
        let mut summaries = tables::EXPORT.builder(self.stream, &self.tenant);
        let mut is_known = false;
        for dataset in &request.datasets {
            // Boxed: what waits for a time limit has its future more than once.
            let exported = Box::pin(async {
                let id = dataset::tenant_id(&self.context, &self.tenant, request.family_of(dataset)).await?;
                if !std::mem::replace(&mut is_known, true) && !self.is_first(&id) {
                    return Ok(None);
                }
                summaries.label(&id, self.tenant_name());
                self.export_dataset(&id, request, dataset).await.map(Some)
            });
            let mut failed = None;
            let name = request.name_of(dataset);
            match self.in_time(exported).await {
                Ok(None) => return,
                Ok(Some(summary)) => put_summary(summaries.columns(), name, &summary),
                Err(error) if error.is(&DATASET_UNFINISHED) => {
                    put_failure(summaries.columns(), (name, "Unfinished"), &error);
                }
                Err(mut error) => {
                    put_failure(summaries.columns(), (name, "Failed"), &error);
                    error.item = Some(name.to_owned());
                    failed = Some(error);
                }
            }
            summaries.end_row();
            if let Some(batch) = summaries.take() {
                let _ = self.items.send(Item::Batch(batch)).await;
            }
            if let Some(error) = failed {
                self.fail(error).await;
            }
        }
    }

    async fn export_dataset(
        &self,
        id: &str,
        request: &Arc<ExportRequest>,
        dataset: &'static Dataset,
    ) -> Result<Summary> {
        let opening = self.pace.opening().await;
        let sink = |of: &'static Dataset| {
            let decoder =
                if of.is_hunting() { RowDecoder::described_once() } else { RowDecoder::typed(of.resource) };
            let mut sink = self.list_sink(of.resource, decoder);
            sink.opening = opening.clone();
            sink
        };
        dataset::export(&self.context, (&self.tenant, id), request, dataset, &sink).await
    }

    /// What the work gives, unless the time of the query ends before.
    async fn in_time<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let Some(deadline) = self.deadline else { return work.await };
        let clock = self.context.clock.as_ref();
        let left = deadline.saturating_sub(clock.now());
        let ended = || DATASET_UNFINISHED.error("the time limit ended before the dataset was complete");
        within(clock, left, work).await.unwrap_or_else(|| Err(ended()))
    }

    /// Counts the rows of the report's dataset.
    async fn report(&self, report: &Report) -> Result<()> {
        let resource = report.dataset.resource;
        let id = dataset::tenant_id(&self.context, &self.tenant, resource.family).await?;
        if !self.is_first(&id) {
            return Ok(());
        }
        let counter = Counter::new();
        let mut sink = self.list_sink(resource, RowDecoder::raw());
        sink.each = Some(counter.taker());
        let now = utc(self.context.clock.now());
        counter.begin(now.split('T').next().unwrap_or_default());
        let plan = Plan::of(&self.context.settings, resource, Scope::List, &[])?;
        pager::read(&self.context, &self.tenant, &plan, &mut sink).await?;
        report.add(&id, self.tenant_name(), &counter);
        Ok(())
    }

    /// Name of the tenant, or its domain if that was given.
    fn tenant_name(&self) -> Option<&str> {
        let domain = self.tenant.contains('.').then_some(self.tenant.as_str());
        self.context.reporter.tenant_name().or(domain)
    }

    /// Whether the query does not work on this tenant already, under another name.
    fn is_first(&self, id: &str) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned())
    }

    /// A sink of a whole list. The query may read several lists of a tenant.
    fn list_sink(&self, resource: &Resource, (decoder, columns): (RowDecoder, Vec<ColumnBuilder>)) -> Sink {
        let mut sink = self.sink(decoder, columns);
        sink.unique = Unique::by(resource.unique);
        sink.known = Arc::default();
        sink
    }

    fn sink(&self, decoder: RowDecoder, columns: Vec<ColumnBuilder>) -> Sink {
        let builder = BatchBuilder::new(self.stream, &self.tenant, columns);
        let (items, left) = (self.items.clone(), Arc::clone(&self.left));
        let mut sink = Sink::new(self.context.clone(), builder, decoder, items, left);
        sink.pace = Some(Arc::clone(&self.pace));
        sink.known = Arc::clone(&self.known);
        sink
    }

    async fn token(&self, scope: &str, force: bool) -> Result<()> {
        let cached = auth::access_token(&self.context, &self.tenant, scope, force).await?;
        let token = &cached.token;
        let claims = &token.claims();
        let label = self.label(claims.tid.as_deref());
        let mut builder = tables::TOKEN.builder(self.stream, label).secret();
        builder.label(label, self.context.reporter.tenant_name());
        let c = builder.columns();
        c[0].text(token.secret.expose());
        c[1].int(ticks(token.expires_on));
        c[2].int(ticks(token.refresh_on));
        text_or_null(&mut c[3], claims.audience());
        text_or_null(&mut c[4], claims.client_id());
        text_or_null(&mut c[5], claims.oid.as_deref());
        put_roles(&mut c[6], token);
        text_or_null(&mut c[7], claims.tid.as_deref());
        c[8].text(scope);
        c[9].bool(cached.from_cache);
        builder.end_row();
        if let Some(batch) = builder.finish() {
            let _ = self.items.send(Item::Batch(batch)).await;
        }
        Ok(())
    }

    /// Name of the tenant: as it was asked for, or for the identity's home what the token says.
    fn label<'a>(&'a self, tid: Option<&'a str>) -> &'a str {
        match tid {
            Some(tid) if self.tenant.is_empty() => tid,
            _ => &self.tenant,
        }
    }
}

/// Writes the page of a report.
async fn write(context: &Context, report: &Arc<Report>) -> Result<()> {
    let report = Arc::clone(report);
    let written = utc(context.clock.now());
    compute("the writing of a report", move || report.write(&written)).await?
}

fn rows_sent(sent: &RowsSent) -> Option<Batch> {
    let mut builder = tables::ROWS_SENT.builder(0, "");
    let columns = builder.columns();
    for (column, number) in columns.iter_mut().zip([sent.rows, sent.requests, sent.bytes]) {
        column.int(i64::try_from(number).unwrap_or(i64::MAX));
    }
    builder.end_row();
    builder.finish()
}

fn put_summary(columns: &mut [ColumnBuilder], dataset: &str, summary: &Summary) {
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    columns[0].text(dataset);
    columns[1].text(summary.result);
    columns[2].text(&summary.mode);
    columns[3].int(whole(summary.rows));
    columns[4].int(whole(summary.files));
    columns[5].int(whole(summary.bytes));
    match summary.snapshot_time.as_deref().map(parse_time) {
        Some(ParsedTime::Ticks(time)) => columns[6].int(time),
        _ => columns[6].null(),
    }
    columns[7].float(summary.duration.as_secs_f64());
    text_or_null(&mut columns[8], summary.path.as_deref());
    columns[9].null();
    columns[10].null();
}

fn put_failure(columns: &mut [ColumnBuilder], (dataset, result): (&str, &str), error: &Error) {
    columns[0].text(dataset);
    columns[1].text(result);
    for column in &mut columns[2..9] {
        column.null();
    }
    columns[9].text(error.id);
    columns[10].text(&error.advice);
}

/// The service refuses an older time badly.
fn check_age(since: &str, days: u32, now: Duration) -> Result<()> {
    let oldest = seconds(now) - i64::from(days) * 24 * 3600;
    if let ParsedTime::Ticks(since) = parse_time(since)
        && since < ticks(oldest)
    {
        return Err(SINCE_TOO_OLD
            .error(format!("the service has changes of the last {days} days only"))
            .fill("days", days.to_string()));
    }
    Ok(())
}

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

/// A time as the services write it.
fn utc(time: Duration) -> String {
    jiff::Timestamp::from_second(seconds(time)).unwrap_or_default().to_string()
}

fn cached_tokens(context: &Context, tenants: &[String]) -> Option<Batch> {
    let mut builder = tables::TOKEN_STATE.builder(0, "");
    let flow = auth::flow(context, "").ok()?;
    let source = flow.source_key(context);
    let client = context.settings.client_id.clone().unwrap_or_default();
    let authority = context.settings.authority();
    let mut known = context.cache.snapshot(|kind, tenant| {
        kind.source == source
            && kind.client == client
            && kind.authority == authority
            && tenants.iter().any(|wanted| wanted == tenant)
    });
    known.sort_by(|(a, _), (b, _)| (&a.tenant, &a.kind.scope).cmp(&(&b.tenant, &b.kind.scope)));
    for (key, token) in known {
        let c = builder.columns();
        c[0].text(&key.tenant);
        c[1].text(&key.kind.scope);
        c[2].int(ticks(token.expires_on));
        put_roles(&mut c[3], &token);
        builder.end_row();
    }
    builder.take()
}

fn put_roles(column: &mut ColumnBuilder, token: &AccessToken) {
    let begun = column.begin_list();
    for role in &token.claims().roles {
        column.item(Some(role));
    }
    column.end_list(begun, u32::try_from(token.claims().roles.len()).unwrap_or(u32::MAX));
}

fn text_or_null(column: &mut ColumnBuilder, text: Option<&str>) {
    match text {
        Some(text) => column.text(text),
        None => column.null(),
    }
}
