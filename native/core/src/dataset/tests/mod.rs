//! A process that dies at any point of the writing: whatever it was doing, the next run makes the files of one that was
//! never disturbed.

#[cfg(target_os = "linux")]
mod folder;
pub(super) mod stand_in;

use std::cmp::Ordering::{Equal, Less};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use url::Url;

use self::blob::{Fate as BlobFate, Store};
use super::destination::{Destination, Folder, Hidden, Opened as OpenedFile, PartName, blob_tests as blob};
use super::document::{ExportDocument, ExportRequest};
use super::format::{TENANT_COLUMN, file_columns};
use super::manifest::{State, file_kind};
use super::stream::tests::{Fate, RULE, Receiver};
use super::writer::{Begin, Opened, Writer};
use super::writing::{Changes, Job, WholeList};
use crate::batch::{Batch, BatchBuilder};
use crate::catalog;
use crate::clock::Clock as _;
use crate::context::Context;
use crate::errors::{DATASET_IO, Result};
use crate::http::TransportErrorKind;
use crate::read::decode::row::RowDecoder;
use crate::read::sink::Piece;
use crate::settings::Settings;
use crate::testing::{Answer, Numbers, TENANT, TestClock, TestFolder};

const PAGES: u64 = 7;

/// A folder whose process dies after so many steps: the one that it dies in is done by half, and no other one is.
struct Dying {
    folder: Folder,
    left: Arc<AtomicI64>,
}

impl Dying {
    fn step(&self) -> Result<()> {
        step(&self.left).map_err(|e| DATASET_IO.error(e.to_string()))
    }
}

fn step(left: &AtomicI64) -> io::Result<()> {
    match left.fetch_sub(1, Ordering::Relaxed) {
        1.. => Ok(()),
        _ => Err(io::Error::other("dead")),
    }
}

impl Destination for Dying {
    fn lock(&self, name: &str) -> Result<Box<dyn Send>> {
        self.folder.lock(name)
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.step()?;
        self.folder.read(name)
    }

    fn open(&self, name: &str) -> Result<Option<Box<dyn OpenedFile>>> {
        self.step()?;
        self.folder.open(name)
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        self.step()?;
        self.folder.write(name, content)
    }

    fn create(&self, part: &PartName) -> Result<Box<dyn Hidden>> {
        self.step()?;
        let file = self.folder.create(part)?;
        Ok(Box::new(DyingFile { file, left: Arc::clone(&self.left) }))
    }

    fn waits(&self, part: &PartName, bytes: u64) -> Result<bool> {
        self.step()?;
        self.folder.waits(part, bytes)
    }

    fn publish(&self, part: &PartName, bytes: u64) -> Result<bool> {
        self.step()?;
        self.folder.publish(part, bytes)
    }

    fn remove(&self, name: &str) -> Result<()> {
        self.step()?;
        self.folder.remove(name)
    }

    fn list(&self, folder: &str) -> Result<Vec<String>> {
        self.step()?;
        self.folder.list(folder)
    }

    fn folders(&self, folder: &str) -> Result<Vec<String>> {
        self.step()?;
        self.folder.folders(folder)
    }

    fn full_name(&self, name: &str) -> String {
        self.folder.full_name(name)
    }
}

struct DyingFile {
    file: Box<dyn Hidden>,
    left: Arc<AtomicI64>,
}

impl Write for DyingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Err(dead) = step(&self.left) {
            self.file.write_all(&bytes[..bytes.len() / 2])?;
            return Err(dead);
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Hidden for DyingFile {
    fn finish(self: Box<Self>) -> io::Result<()> {
        step(&self.left)?;
        self.file.finish()
    }
}

/// Makes the rows of pages. The texts that pages share are told once, as in a run.
struct Rows {
    decoder: RowDecoder,
    builder: BatchBuilder,
}

impl Rows {
    fn new() -> Self {
        let resource = catalog::resource("softwareVulnerabilitiesByMachine").unwrap();
        let (decoder, columns) = RowDecoder::typed(resource);
        Rows { decoder, builder: BatchBuilder::new(0, TENANT, columns) }
    }

    fn page(&mut self, page: u64) -> Batch {
        for row in 0..300 {
            let json = format!(
                r#"{{"id":"{page}-{row}","deviceId":"d{}","osPlatform":"Windows11","diskPaths":["a","b{page}"]}}"#,
                page % 2
            );
            self.decoder.decode(&json, None, &mut self.builder).unwrap();
            self.builder.end_row();
        }
        self.builder.take().unwrap()
    }
}

fn address(page: u64) -> Url {
    Url::parse(&format!("https://example.com/?page={page}")).unwrap()
}

fn job(destination: Box<dyn Destination>, folder: &PathBuf, format: &str, mode: &str) -> Job {
    let document = serde_json::json!({
        "destination": folder, "datasets": ["vulnerabilities"], "rowsPerFile": 500, "format": format,
        "mode": mode,
    });
    let document: ExportDocument = serde_json::from_value(document).unwrap();
    let settings = Settings::parse(r#"{"credential":{"type":"default"}}"#).unwrap();
    Job {
        destination,
        outlet: None,
        stop: CancellationToken::new(),
        request: Arc::new(ExportRequest::of(document, &settings).unwrap()),
        dataset: catalog::dataset("vulnerabilities").unwrap(),
        list: WholeList::Pages,
        tenant: TENANT.to_owned(),
        clock: Arc::new(TestClock::new()),
        begun: TestClock::new().now(),
    }
}

/// One run, from where the last one ended. False if it died.
pub(super) async fn run(destination: Box<dyn Destination>, folder: &PathBuf, format: &str) -> bool {
    run_job(job(destination, folder, format, "Full")).await
}

async fn run_job(job: Job) -> bool {
    let opened = Writer::open(job).await;
    let Ok((mut writer, opened)) = opened else { return false };
    if opened.whole.is_some() {
        return writer.stop().await.is_ok();
    }
    let next = opened.unfinished.as_ref().and_then(|State { next, .. }| next.clone());
    let first = next.map_or(0, |next| next.split_once("page=").unwrap().1.parse().unwrap());
    writer.begin(if first == 0 { Begin::Anew(None) } else { Begin::Continued });
    let mut rows = Rows::new();
    for page in first..PAGES {
        let _ = writer.pieces.send(Piece::Batch(rows.page(page))).await;
        if page + 1 < PAGES {
            let _ = writer.pieces.send(Piece::PageEnd(address(page + 1))).await;
        }
    }
    writer.finish().await.is_ok()
}

/// As above, of rows that are sent to a rule.
async fn run_sending(destination: Box<dyn Destination>, folder: &PathBuf, context: &Context) -> bool {
    let mut job = job(destination, folder, "JsonLines", "Full");
    let document = serde_json::json!({
        "destination": RULE, "statePath": folder, "datasets": ["vulnerabilities"], "rowsPerFile": 500,
        "mode": "Full",
    });
    let document: ExportDocument = serde_json::from_value(document).unwrap();
    job.request = Arc::new(ExportRequest::of(document, &context.settings).unwrap());
    job.outlet = Some(Receiver::outlet(context));
    run_job(job).await
}

/// A context whose time stands still, whatever the thread that sends does.
fn sending(receiver: &Arc<Receiver>) -> Context {
    Context { clock: Arc::clone(&Store::new().clock) as _, ..receiver.context() }
}

/// Whatever a process dies in, the next one sends all rows, and repeats no more than one request.
#[tokio::test(start_paused = true)]
async fn a_run_that_dies_while_it_sends_repeats_at_most_one_request() {
    let all = 300 * usize::try_from(PAGES).unwrap();
    let receiver = Receiver::new();
    let whole = TestFolder::new();
    assert!(run_sending(Box::new(Folder::new(whole.0.clone())), &whole.0, &sending(&receiver)).await);
    assert_eq!(receiver.rows(), (all, 0));
    let requests = receiver.count();
    assert_eq!(requests, 4);
    // In a request.
    for (dies_at, is_kept) in (0..requests).flat_map(|request| [(request, false), (request, true)]) {
        let (receiver, folder) = (Receiver::new(), TestFolder::new());
        let context = sending(&receiver);
        receiver.decide(move |_, number| if number < dies_at { Fate::Answered } else { Fate::Dies(is_kept) });
        assert!(!run_sending(Box::new(Folder::new(folder.0.clone())), &folder.0, &context).await);
        receiver.decide(|_, _| Fate::Answered);
        assert!(run_sending(Box::new(Folder::new(folder.0.clone())), &folder.0, &context).await);
        let (rows, doubled) = receiver.rows();
        assert_eq!(rows, all, "request {dies_at}");
        // A file has at most 600 rows, which fit into one request.
        assert!(doubled <= if is_kept { 600 } else { 0 }, "request {dies_at}: {doubled}");
        assert_eq!(data(&folder), data(&whole));
        // Once more: there is nothing to send.
        let before = receiver.count();
        assert!(run_sending(Box::new(Folder::new(folder.0.clone())), &folder.0, &context).await);
        assert_eq!(receiver.count(), before);
    }
    // In a step of its files.
    let mut steps = 20;
    loop {
        steps += 1;
        let (receiver, folder) = (Receiver::new(), TestFolder::new());
        let context = sending(&receiver);
        let left = Arc::new(AtomicI64::new(steps));
        let dying = Box::new(Dying { folder: Folder::new(folder.0.clone()), left });
        if run_sending(dying, &folder.0, &context).await {
            break;
        }
        assert!(
            run_sending(Box::new(Folder::new(folder.0.clone())), &folder.0, &context).await,
            "step {steps}"
        );
        let (rows, doubled) = receiver.rows();
        assert_eq!(rows, all, "step {steps}");
        assert!(doubled <= 600, "step {steps}: {doubled}");
        let own = folder.files(|name| name.starts_with("_fedxdr/"));
        assert_eq!(own.len(), 2, "step {steps}: {:?}", own.keys());
    }
    assert!(steps > 40, "only {steps} steps");
}

fn data(folder: &TestFolder) -> BTreeMap<String, Vec<u8>> {
    folder.files(|name| !name.starts_with("_fedxdr/"))
}

#[tokio::test]
async fn a_process_that_dies_at_any_step_leaves_what_the_next_one_completes_byte_by_byte() {
    for (format, extension) in [("JsonLines", "json.gz"), ("Parquet", "parquet")] {
        dies_at_any_step(format, extension).await;
    }
}

async fn dies_at_any_step(format: &str, extension: &str) {
    let whole = TestFolder::new();
    assert!(run(Box::new(Folder::new(whole.0.clone())), &whole.0, format).await);
    let expected = data(&whole);
    assert_eq!(expected.len(), 4);

    let mut steps = 0;
    loop {
        steps += 1;
        let folder = TestFolder::new();
        // What is there before: files of another snapshot, one more than the new one has.
        let day = folder.0.join(format!("vulnerabilities/tenant={TENANT}/date=2023-11-14"));
        fs::create_dir_all(&day).unwrap();
        for number in 0..5 {
            fs::write(day.join(format!("part-{number:05}.{extension}")), "of another run").unwrap();
        }
        let dying = |steps| {
            let left = Arc::new(AtomicI64::new(steps));
            Box::new(Dying { folder: Folder::new(folder.0.clone()), left })
        };
        if run(dying(steps), &folder.0, format).await {
            break;
        }
        // It dies a second time, somewhere else.
        run(dying(steps / 2 + 3), &folder.0, format).await;
        assert!(run(Box::new(Folder::new(folder.0.clone())), &folder.0, format).await, "step {steps}");
        assert!(data(&folder) == expected, "step {steps}: {:?}", data(&folder).keys());
        let own = folder.files(|name| name.starts_with("_fedxdr/"));
        assert_eq!(own.len(), 2, "step {steps}: {:?}", own.keys());
    }
    assert!(steps > 30, "only {steps} steps");
}

/// Changes as the service tells them, as texts.
fn changes_of(page: u64) -> Vec<String> {
    let row = |row| {
        let status = ["New", "Fixed", "Updated"][usize::try_from(row % 3).unwrap()];
        format!(r#"{{"id":"{page}-{row}","status":"{status}","eventTimestamp":"2023-11-14T20:0{page}:00Z"}}"#)
    };
    (0..300).map(row).collect()
}

/// One run of changes. False if it died.
pub(super) async fn run_changes(destination: Box<dyn Destination>, folder: &PathBuf) -> bool {
    let opened = Writer::open(job(destination, folder, "JsonLines", "Delta")).await;
    let Ok((mut writer, Opened { unfinished: None, changes: Some(changes), .. })) = opened else {
        return false;
    };
    let Changes { of, mut seen, .. } = changes;
    writer.begin(Begin::Anew(None));
    let (mut decoder, columns) = RowDecoder::typed(of.resource);
    let mut builder = BatchBuilder::new(0, TENANT, columns);
    for page in 0..PAGES {
        for json in changes_of(page).iter().filter(|json| seen.is_new(json)) {
            decoder.decode(json, None, &mut builder).unwrap();
            builder.end_row();
        }
        if let Some(batch) = builder.take() {
            let _ = writer.pieces.send(Piece::Batch(batch)).await;
        }
        let _ = writer.pieces.send(Piece::Latest(seen.latest.unwrap())).await;
        if page + 1 < PAGES {
            let _ = writer.pieces.send(Piece::PageEnd(address(page + 1))).await;
        }
    }
    writer.finish().await.is_ok()
}

#[tokio::test]
async fn a_run_of_changes_that_dies_at_any_step_is_completed_byte_by_byte_and_no_change_comes_twice() {
    let folder_of = |folder: &TestFolder| Box::new(Folder::new(folder.0.clone()));
    let whole = TestFolder::new();
    assert!(run(folder_of(&whole), &whole.0, "JsonLines").await);
    let full = data(&whole);
    assert!(run_changes(folder_of(&whole), &whole.0).await);
    let expected = data(&whole);
    assert_eq!(expected.len(), full.len() + 4);
    let mut steps = 0;
    loop {
        steps += 1;
        let folder = TestFolder::new();
        for (name, content) in whole.files(|name| !name.contains("vulnerabilityChanges")) {
            let path = folder.0.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let dying = |steps| {
            let left = Arc::new(AtomicI64::new(steps));
            Box::new(Dying { folder: Folder::new(folder.0.clone()), left })
        };
        if run_changes(dying(steps), &folder.0).await {
            break;
        }
        run_changes(dying(steps / 2 + 3), &folder.0).await;
        // The second of these finds nothing new.
        for _ in 0..2 {
            assert!(run_changes(folder_of(&folder), &folder.0).await, "step {steps}");
            assert!(data(&folder) == expected, "step {steps}: {:?}", data(&folder).keys());
        }
        let own = folder.files(|name| name.starts_with("_fedxdr/"));
        assert_eq!(own.len(), 3, "step {steps}: {:?}", own.keys());
    }
    assert!(steps > 30, "only {steps} steps");
}

/// The same in a storage container: the process dies at a request, which is done or not, and its lease ends after a
/// minute.
#[tokio::test(start_paused = true)]
async fn a_process_that_dies_at_any_request_leaves_what_the_next_one_completes_byte_by_byte() {
    let path = PathBuf::from("/");
    let visible = |store: &Arc<Store>| -> BTreeMap<String, Vec<u8>> {
        store.visible().into_iter().filter(|(name, _)| !name.starts_with("raw/_fedxdr/")).collect()
    };
    let whole = Store::new();
    assert!(run(blob::open(&whole.timed()), &path, "JsonLines").await);
    let expected = visible(&whole);
    assert_eq!(expected.len(), 4);

    let mut numbers = Numbers(1611);
    let mut requests = 0;
    loop {
        requests += 1;
        let store = Store::new();
        let context = store.timed();
        let day = format!("raw/vulnerabilities/tenant={TENANT}/date=2023-11-14");
        for number in 0..5 {
            store.overwrite(&format!("{day}/part-{number:05}.json.gz"));
        }
        let mut dies_at = requests;
        let mut has_died = false;
        for _ in 0..2 {
            let is_done = numbers.below(2) == 0;
            store.decide(move |_, number| match number.cmp(&dies_at) {
                Less => BlobFate::Answered,
                Equal if is_done => BlobFate::LastDone,
                _ => BlobFate::Refused(Answer::Fails(TransportErrorKind::Certificate)),
            });
            has_died |= !run(blob::open(&context), &path, "JsonLines").await;
            store.clock.advance(Duration::from_secs(61));
            // It dies a second time, somewhere else.
            dies_at = usize::try_from(numbers.below(30)).unwrap();
        }
        store.decide(|_, _| BlobFate::Answered);
        assert!(run(blob::open(&context), &path, "JsonLines").await, "request {requests}");
        assert!(visible(&store) == expected, "request {requests}: {:?}", visible(&store).keys());
        let own = store.visible().into_keys().filter(|name| name.starts_with("raw/_fedxdr/"));
        assert_eq!(own.count(), 2, "request {requests}");
        if !has_died {
            break;
        }
    }
    assert!(requests > 30, "only {requests} requests");
}

/// Readers have tables with these columns. A file only ever gets new ones, at its end: a new line here. In the catalog
/// they come last too, before the column of additional properties.
#[test]
fn columns_of_files_are_those_of_the_list_in_its_order_and_no_key_of_a_folder_has_the_name_of_one() {
    let columns = catalog::stored_datasets().map(|dataset| {
        let columns = file_columns(dataset.resource).into_iter().map(|(_, column)| {
            assert!(!["tenant", "date"].contains(&column.name.to_ascii_lowercase().as_str()));
            assert_ne!(column.name.to_ascii_lowercase(), TENANT_COLUMN.to_ascii_lowercase());
            format!("  {} {}\n", column.name, file_kind(column.kind))
        });
        format!("{}\n{}", dataset.name, columns.collect::<String>())
    });
    let columns: String = columns.collect();
    let root = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    let file = PathBuf::from(root).join("src/dataset/columns.txt");
    let listed = fs::read_to_string(&file).unwrap_or_default();
    assert!(columns == listed, "{} lists others than these:\n{columns}", file.display());
}
