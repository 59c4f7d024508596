//! One dataset of one tenant, from its token to its manifest.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::destination::StreamAddress;
use super::document::{ExportRequest, Format, Mode};
use super::files::{Files, Listing, NewSink};
use super::format::PlainRows;
use super::manifest::{Manifest, State};
use super::snapshot;
use super::stream::Outlet;
use super::writer::{Begin, Opened, Writer};
use super::writing::{Changes, Job, WholeList};
use crate::auth;
use crate::catalog::{Dataset, PageSize, Paging, Since};
use crate::cloud::Family;
use crate::context::Context;
use crate::errors::{DATASET_FILE, DATASET_IN_USE, Error, NO_TENANT_ID, Result};
use crate::hunting::{self, document::Hunting};
use crate::read::address;
use crate::read::pager;
use crate::read::plan::{Plan, Scope};
use crate::read::row_text::RowText;
use crate::read::sink::{Piece, Sink};
use crate::settings::is_guid;

/// How often a run asks for a lock that another one holds, and how long it waits in between: one that was cancelled
/// needs a moment to end.
const LOCK_ATTEMPTS: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(200);
/// Statuses of a link that the service no longer knows.
const LINK_GONE: [u16; 3] = [400, 404, 410];

/// What became of a dataset.
pub(crate) struct Summary {
    pub(crate) result: &'static str,
    pub(crate) mode: String,
    pub(crate) rows: u64,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    /// When the service made the snapshot, if that is known.
    pub(crate) snapshot_time: Option<String>,
    pub(crate) duration: Duration,
    /// Folder of the files, or the service that the rows were sent to.
    pub(crate) path: Option<String>,
}

/// The id of a tenant, as the token for it says.
pub(crate) async fn tenant_id(context: &Context, tenant: &str, family: Family) -> Result<String> {
    let target = context.settings.target(family)?;
    let cached = auth::access_token(context, tenant, target.scope.as_ref(), false).await?;
    let id = cached.token.claims().tid.clone().unwrap_or_else(|| tenant.to_owned());
    // It becomes the name of a folder.
    if is_guid(&id) {
        Ok(id.to_ascii_lowercase())
    } else {
        Err(NO_TENANT_ID.error("the token does not say which tenant it is for"))
    }
}

/// Reads a dataset into files. `sink` makes a sink of the dataset's rows.
pub(crate) async fn export(
    context: &Context,
    (tenant, id): (&str, &str),
    request: &Arc<ExportRequest>,
    dataset: &'static Dataset,
    sink: &NewSink<'_>,
) -> Result<Summary> {
    let run = Run { context, tenant, id, request, dataset, sink };
    let begun = context.clock.now();
    let (manifest, result) = run.run().await?;
    let is_there = manifest.rows > 0 || manifest.delta.is_none();
    let path = is_there.then(|| path(request, &manifest));
    Ok(Summary {
        result,
        mode: manifest.shape.mode,
        rows: manifest.rows,
        files: manifest.parts.len() as u64,
        bytes: manifest.bytes,
        snapshot_time: manifest.snapshot_time,
        duration: context.clock.now().saturating_sub(begun),
        path,
    })
}

/// What people call the folder of the files, or the service that the rows were sent to.
fn path(request: &ExportRequest, manifest: &Manifest) -> String {
    let sent_to = request.stream.as_ref().map(StreamAddress::name);
    sent_to.unwrap_or_else(|| request.destination.full_name(&manifest.folder))
}

/// Whether the service no longer knows a link.
fn is_gone(error: &Error) -> bool {
    error.http_status.is_some_and(|status| LINK_GONE.contains(&status))
}

struct Run<'a> {
    context: &'a Context,
    tenant: &'a str,
    id: &'a str,
    request: &'a Arc<ExportRequest>,
    dataset: &'static Dataset,
    sink: &'a NewSink<'a>,
}

/// Where the rows of a run come from, and from where on.
enum Source<'a> {
    Pages(Box<Plan>),
    Files(Files<'a>, Listing, usize),
    Query(&'a Hunting),
}

impl Run<'_> {
    async fn run(&self) -> Result<(Manifest, &'static str)> {
        let asked = match self.request.mode {
            Mode::Auto => WholeList::BySize,
            Mode::Full => WholeList::Files,
            Mode::Delta => WholeList::Pages,
        };
        match self.run_with(asked).await {
            // Many firewalls let the API pass, and not the host of its files.
            Err(error) if asked == WholeList::BySize && error.is(&DATASET_FILE) => {
                self.say(&format!("{}, so the list is read page by page", error.message));
                self.run_with(WholeList::Pages).await
            }
            done => done,
        }
    }

    async fn run_with(&self, list: WholeList) -> Result<(Manifest, &'static str)> {
        let (mut writer, opened) = self.open(list).await?;
        if let Some(hunting) = self.request.hunting(self.dataset) {
            // Its rows are others each time.
            writer.begin(Begin::Anew(None));
            let read = self.read(writer, Source::Query(hunting), (self.sink)(self.dataset));
            return read.await.map(|manifest| (manifest, "Complete"));
        }
        let Opened { unfinished, whole, changes, reads_files } = opened;
        if let Some(changes) = changes {
            return self.changes(writer, changes).await;
        }
        let new_sink = || (self.sink)(self.dataset);
        let path = self.dataset.files.filter(|_| reads_files);
        let files = match path {
            Some(path) => {
                let files = Files { context: self.context, tenant: self.tenant, dataset: self.dataset, path };
                let listing = files.list(new_sink()).await?;
                Some((files, listing))
            }
            None => None,
        };
        let newest = match (&files, &unfinished, &whole) {
            (Some((_, listing)), ..) => Some(listing.generated.clone()),
            (None, None, None) => None,
            _ => self.newest(new_sink()).await?,
        };
        if let (Some(manifest), Some(newest)) = (whole, &newest)
            && manifest.snapshot.as_ref() == Some(newest)
        {
            return writer.stop().await.map(|()| (manifest, "Unchanged"));
        }
        if let Some(state) = unfinished
            && let Some(rest) = self.rest(&state, newest.as_deref(), files.as_ref())?
        {
            writer.begin(Begin::Continued);
            match self.read(writer, rest, self.text_sink(self.dataset)).await {
                Err(error) if is_gone(&error) => {
                    self.say(
                        "the service no longer has the rest of the snapshot, so the dataset is read anew",
                    );
                    (writer, _) = self.open(list).await?;
                }
                done => return done.map(|manifest| (manifest, "Resumed")),
            }
        }
        let (all, snapshot) = match files {
            Some((files, listing)) => (Source::Files(files, listing, 0), newest),
            // The links say it.
            None => (Source::Pages(Box::new(self.plan(&[])?)), None),
        };
        writer.begin(Begin::Anew(snapshot));
        self.read(writer, all, self.text_sink(self.dataset)).await.map(|manifest| (manifest, "Complete"))
    }

    /// Reads what has changed since the last run.
    async fn changes(&self, mut writer: Writer, changes: Changes) -> Result<(Manifest, &'static str)> {
        let Changes { of, since, seen } = changes;
        let Since::Query { parameter, .. } = of.resource.since else {
            return Err(Error::internal("changes need a time"));
        };
        self.context.reporter.verbose(format!(
            "Dataset: reading the changes of {} of tenant {} since {since}.",
            self.dataset.name, self.tenant
        ));
        let plan = Plan::of(&self.context.settings, of.resource, Scope::List, &[(parameter, since)])?;
        let mut rows = self.text_sink(of);
        rows.unique = Some(seen);
        writer.begin(Begin::Anew(None));
        let all = Source::Pages(Box::new(plan));
        let manifest = self.read(writer, all, rows).await?;
        let result = if manifest.rows == 0 { "Unchanged" } else { "Complete" };
        Ok((manifest, result))
    }

    /// Opens the destination. Another run in this process may have been cancelled a moment ago.
    async fn open(&self, list: WholeList) -> Result<(Writer, Opened)> {
        let mut attempts = 0;
        loop {
            let stop = CancellationToken::new();
            let stream = self.request.stream.as_ref();
            let job = Job {
                destination: self.request.destination.open(self.context, &stop)?,
                outlet: stream.map(|address| Outlet::new(self.context, address, &stop)).transpose()?,
                stop,
                request: Arc::clone(self.request),
                dataset: self.dataset,
                list,
                tenant: self.id.to_owned(),
                clock: Arc::clone(&self.context.clock),
                begun: self.context.clock.now(),
            };
            match Writer::open(job).await {
                Err(error) if error.is(&DATASET_IN_USE) && attempts < LOCK_ATTEMPTS => attempts += 1,
                opened => return opened,
            }
            self.context.clock.sleep(LOCK_PAUSE).await;
        }
    }

    /// A sink of rows that are to be text.
    fn text_sink(&self, of: &'static Dataset) -> Sink {
        let mut sink = (self.sink)(of);
        if self.request.format == Format::JsonLines {
            let format = PlainRows::new(of.resource, self.id, &self.request.buffers);
            sink.text = Some(RowText::new(Box::new(format)));
        }
        sink
    }

    fn plan(&self, query: &[(&str, String)]) -> Result<Plan> {
        Plan::of(&self.context.settings, self.dataset.resource, Scope::List, query)
    }

    /// The pages of a list from this link on.
    fn from<'b>(&self, plan: Plan, next: &str) -> Result<Source<'b>> {
        let url = address::next_page(&self.context.settings, plan.family, &plan.url, next)?;
        Ok(Source::Pages(Box::new(Plan { url, ..plan })))
    }

    /// The rest of an unfinished run, unless the service has a newer snapshot.
    fn rest<'b>(
        &'b self,
        state: &State,
        newest: Option<&str>,
        files: Option<&(Files<'b>, Listing)>,
    ) -> Result<Option<Source<'b>>> {
        let Some(next) = &state.next else { return Ok(None) };
        if let (Some(newest), Some(known)) = (newest, &state.snapshot)
            && newest != known
        {
            self.say(
                "the service has a newer snapshot than the run that was interrupted, so it is read anew",
            );
            return Ok(None);
        }
        let rest = if let Some((files, listing)) = files {
            listing.position(next).map(|first| Source::Files(*files, listing.clone(), first))
        } else {
            Some(self.from(self.plan(&[])?, next)?)
        };
        if rest.is_some() {
            let files = state.parts.len();
            self.context.reporter.verbose(format!(
                "Dataset: {} of tenant {} goes on after {files} files that are complete.",
                self.dataset.name, self.tenant
            ));
        }
        Ok(rest)
    }

    /// The newest snapshot of the service, if the link of a small first page names it.
    async fn newest(&self, mut sink: Sink) -> Result<Option<String>> {
        let Paging::NextLink { page_size: Some(PageSize { parameter, .. }), .. } =
            self.dataset.resource.paging
        else {
            return Ok(None);
        };
        let plan = self.plan(&[(parameter, "1".to_owned())])?;
        let (writer, mut pieces) = mpsc::channel(1);
        sink.writer = Some(writer);
        sink.is_one_page = true;
        let link = async {
            let mut link = None;
            while let Some(piece) = pieces.recv().await {
                if let Piece::PageEnd(next) = piece {
                    link = Some(next);
                }
            }
            link
        };
        let read = async {
            let read = pager::read(self.context, self.tenant, &plan, &mut sink).await;
            drop(sink);
            read
        };
        let (link, read) = tokio::join!(link, read);
        read?;
        Ok(link.as_ref().and_then(snapshot::of_link))
    }

    /// Reads rows into the files of a writer.
    async fn read(&self, mut writer: Writer, source: Source<'_>, mut sink: Sink) -> Result<Manifest> {
        sink.writer = Some(writer.pieces.clone());
        let read = async {
            match source {
                Source::Files(files, listing, first) => {
                    files.read(listing, first, &mut sink, self.sink).await
                }
                Source::Pages(plan) => pager::read(self.context, self.tenant, &plan, &mut sink).await,
                Source::Query(hunting) => hunting::read(self.context, self.tenant, hunting, &mut sink).await,
            }
        };
        let read = tokio::select! {
            biased;
            failed = writer.failed() => return Err(failed),
            read = read => read,
        };
        sink.tell_latest().await;
        drop(sink);
        match read {
            Ok(()) => writer.finish().await,
            Err(error) => {
                writer.stop().await?;
                Err(error)
            }
        }
    }

    fn say(&self, what: &str) {
        let message = format!("Tenant {}, dataset {}: {what}.", self.tenant, self.dataset.name);
        self.context.reporter.warning(message);
    }
}
