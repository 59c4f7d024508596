//! A storage account as its reference describes it, strict, in memory. It shares no code with the client.
//! <https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api>

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use md5::{Digest, Md5};
use serde_json::Value;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::context::Context;
use crate::dataset::tests::stand_in::{Fates, header, machine};
use crate::http::{Method, Request, TransportErrorKind};
use crate::testing::{Answer, IDENTITY, Network, Part, START, ok, pairs, status};

pub(in crate::dataset) const ADDRESS: &str = "https://acct.blob.core.windows.net/data/raw";
const HOST: &str = "acct.blob.core.windows.net";
const LEASE: Duration = Duration::from_secs(60);

/// What happens to a request.
#[derive(Clone)]
pub(in crate::dataset) enum Fate {
    /// It is answered.
    Answered,
    /// It is done, but the answer is lost.
    Lost,
    /// It is done, but the client learns that there is no way to the account.
    LastDone,
    /// It gets this answer, and nothing is done.
    Refused(Answer),
}

/// A blob.
#[derive(Clone, Default)]
struct Content {
    bytes: Vec<u8>,
    etag: String,
    run: Option<String>,
    kind: String,
}

#[derive(Clone)]
struct Lease {
    id: String,
    until: Duration,
}

/// A clock that only the test moves. Tokio's own would move on whenever its thread is idle, whatever the thread of the
/// destination does.
pub(in crate::dataset) struct ManualClock {
    now: watch::Sender<Duration>,
    /// When the waits end that are under way.
    ends: Arc<Mutex<Vec<Duration>>>,
}

/// A wait that is under way.
struct Wait(Arc<Mutex<Vec<Duration>>>, Duration);

impl Drop for Wait {
    fn drop(&mut self) {
        let mut ends = self.0.lock().unwrap();
        let index = ends.iter().position(|end| *end == self.1).unwrap();
        ends.swap_remove(index);
    }
}

impl ManualClock {
    pub(in crate::dataset) fn advance(&self, by: Duration) {
        self.now.send_modify(|now| *now += by);
    }

    /// Waits until somebody waits for exactly so long.
    pub(in crate::dataset) fn until_somebody_waits(&self, wait: Duration) {
        while !self.ends.lock().unwrap().contains(&(self.now() + wait)) {
            std::thread::yield_now();
        }
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        *self.now.borrow()
    }

    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()> {
        let (mut now, until) = (self.now.subscribe(), self.now() + wait);
        self.ends.lock().unwrap().push(until);
        let wait = Wait(Arc::clone(&self.ends), until);
        async move {
            let _wait = wait;
            let _ = now.wait_for(|now| *now >= until).await;
        }
        .boxed()
    }
}

#[derive(Default)]
struct Blobs {
    there: BTreeMap<String, Content>,
    uncommitted: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    leases: BTreeMap<String, Lease>,
    versions: u64,
    now: Duration,
    renewals: usize,
    /// What the client did that the reference does not allow.
    violations: Vec<String>,
}

/// A storage account with one container.
pub(in crate::dataset) struct Store {
    blobs: Mutex<Blobs>,
    /// What happens to requests to storage.
    fates: Fates<Fate>,
    pub(in crate::dataset) clock: Arc<ManualClock>,
}

impl Store {
    pub(in crate::dataset) fn new() -> Arc<Self> {
        Arc::new(Store {
            blobs: Mutex::default(),
            fates: Fates::new(|_, _| Fate::Answered),
            clock: Arc::new(ManualClock {
                now: watch::Sender::new(Duration::from_secs(START)),
                ends: Arc::default(),
            }),
        })
    }

    /// Decides what happens to requests from now on, by their number from now on.
    pub(in crate::dataset) fn decide(&self, fate: impl Fn(&Request, usize) -> Fate + Send + Sync + 'static) {
        self.fates.decide(fate);
    }

    pub(in crate::dataset) fn count(&self) -> usize {
        self.fates.count()
    }

    /// A context whose machine has a managed identity, and whose network has this account.
    pub(in crate::dataset) fn context(self: &Arc<Self>) -> (Context, Arc<Network>) {
        let store = Arc::clone(self);
        machine(move |request| store.answer(request))
    }

    /// As above, with the clock of the test.
    pub(in crate::dataset) fn timed(self: &Arc<Self>) -> Context {
        Context { clock: Arc::clone(&self.clock) as _, ..self.context().0 }
    }

    /// How often leases were renewed.
    pub(in crate::dataset) fn renewals(&self) -> usize {
        self.blobs.lock().unwrap().renewals
    }

    /// The blobs that anybody sees, and what is in them.
    pub(in crate::dataset) fn visible(&self) -> BTreeMap<String, Vec<u8>> {
        let blobs = self.blobs.lock().unwrap();
        assert_eq!(blobs.violations, Vec::<String>::new());
        blobs.there.iter().map(|(name, blob)| (name.clone(), blob.bytes.clone())).collect()
    }

    pub(in crate::dataset) fn content_type(&self, name: &str) -> String {
        self.blobs.lock().unwrap().there[name].kind.clone()
    }

    /// Another client takes the lease of a blob.
    pub(in crate::dataset) fn break_lease(&self, name: &str) {
        let until = self.clock.now() + LEASE;
        self.blobs.lock().unwrap().leases.insert(name.to_owned(), Lease { id: "other".to_owned(), until });
    }

    /// The blocks that nobody committed are gone, as they are after a week.
    pub(in crate::dataset) fn forget_blocks(&self) {
        self.blobs.lock().unwrap().uncommitted.clear();
    }

    /// Another client writes a blob.
    pub(in crate::dataset) fn overwrite(&self, name: &str) {
        let mut blobs = self.blobs.lock().unwrap();
        blobs.versions += 1;
        let etag = format!("\"0x{:X}\"", blobs.versions);
        blobs.there.insert(name.to_owned(), Content { etag, ..Content::default() });
    }

    fn answer(&self, request: &Request) -> Answer {
        let fate = self.fates.of(request);
        self.blobs.lock().unwrap().now = self.clock.now();
        match fate {
            Fate::Answered => self.blobs.lock().unwrap().answer(request),
            Fate::Lost | Fate::LastDone => {
                self.blobs.lock().unwrap().answer(request);
                let is_last = matches!(fate, Fate::LastDone);
                let kind = if is_last { TransportErrorKind::Certificate } else { TransportErrorKind::Broken };
                Answer::Fails(kind)
            }
            Fate::Refused(answer) => answer,
        }
    }
}

/// An answer of the service with an error.
pub(in crate::dataset) fn error(status: u16, code: &'static str) -> Answer {
    Answer::Said(
        status,
        vec![("x-ms-error-code", code.to_owned()), ("x-ms-request-id", "fake-request".to_owned())],
        format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code></Error>"),
    )
}

impl Blobs {
    fn answer(&mut self, request: &Request) -> Answer {
        if let Some(refusal) = self.check(request) {
            return refusal;
        }
        let query = pairs(request.url.query().unwrap_or_default().as_bytes());
        let path =
            percent_encoding::percent_decode_str(request.url.path()).decode_utf8().unwrap().into_owned();
        let Some(name) = path.strip_prefix("/data") else { return error(404, "ContainerNotFound") };
        let comp = query.get("comp").map(String::as_str);
        let Some(name) = name.strip_prefix('/') else {
            return match (request.method.as_str(), comp, query.get("restype").map(String::as_str)) {
                ("GET", Some("list"), Some("container")) => self.list(&query),
                _ => self.violation(format!("{} {}", request.method, request.url)),
            };
        };
        match (request.method.as_str(), comp) {
            ("PUT", Some("block")) => self.put_block(request, name, &query["blockid"]),
            ("PUT", Some("blocklist")) => self.commit(request, name),
            ("PUT", Some("lease")) => self.lease(request, name),
            ("PUT", None) => self.put(request, name),
            ("GET", Some("blocklist")) => self.blocks(name),
            ("GET" | "HEAD", None) => self.get(request, name),
            ("DELETE", None) => self.delete(request, name),
            _ => self.violation(format!("{} {}", request.method, request.url)),
        }
    }

    fn violation(&mut self, what: String) -> Answer {
        self.violations.push(what);
        error(400, "InvalidUri")
    }

    /// What every request must have.
    fn check(&mut self, request: &Request) -> Option<Answer> {
        if request.url.host_str() != Some(HOST) || request.url.scheme() != "https" {
            return Some(self.violation(format!("{} is not the account", request.url)));
        }
        let bearer = header(request, "authorization").and_then(|value| value.strip_prefix("Bearer "));
        let claims = bearer.and_then(|token| URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok());
        let claims: Value =
            claims.and_then(|claims| serde_json::from_slice(&claims).ok()).unwrap_or_default();
        // The identity's own token: one of the customers' app has another client id.
        if claims["aud"] != "https://storage.azure.com" || claims["appid"] != IDENTITY {
            return Some(self.violation(format!("a token for {} of {}", claims["aud"], claims["appid"])));
        }
        if header(request, "x-ms-version").is_none_or(|version| version < "2017-11-09") {
            return Some(error(403, "AuthenticationFailed"));
        }
        if header(request, "x-ms-date").is_none_or(|date| !date.ends_with(" GMT")) {
            return Some(error(400, "MissingRequiredHeader"));
        }
        let body = request.body.as_ref();
        if request.method == Method::PUT && body.is_none() && header(request, "content-length") != Some("0") {
            return Some(error(411, "MissingContentLengthHeader"));
        }
        if let Some(md5) = header(request, "content-md5")
            && STANDARD.encode(Md5::digest(body.map_or(&[][..], |body| body))) != md5
        {
            return Some(error(400, "Md5Mismatch"));
        }
        None
    }

    /// Why a write must not be, by its lease and its conditions.
    fn refused(&self, request: &Request, name: &str) -> Option<Answer> {
        if self.is_leased(name) && header(request, "x-ms-lease-id").is_none() {
            return Some(error(412, "LeaseIdMissing"));
        }
        let there = self.there.get(name);
        if header(request, "if-none-match") == Some("*") && there.is_some() {
            return Some(error(409, "BlobAlreadyExists"));
        }
        let wanted = header(request, "if-match")?;
        there.is_none_or(|there| there.etag != wanted).then(|| error(412, "ConditionNotMet"))
    }

    fn is_leased(&self, name: &str) -> bool {
        self.leases.get(name).is_some_and(|lease| lease.until > self.now)
    }

    fn made(&mut self, request: &Request, name: &str, bytes: Vec<u8>) -> Answer {
        self.versions += 1;
        let etag = format!("\"0x{:X}\"", self.versions);
        let content = Content {
            bytes,
            etag: etag.clone(),
            run: header(request, "x-ms-meta-run").map(str::to_owned),
            kind: header(request, "x-ms-blob-content-type").unwrap_or_default().to_owned(),
        };
        self.there.insert(name.to_owned(), content);
        self.uncommitted.remove(name);
        Answer::Said(201, vec![("etag", etag)], String::new())
    }

    fn put(&mut self, request: &Request, name: &str) -> Answer {
        if header(request, "x-ms-blob-type") != Some("BlockBlob") {
            return error(400, "MissingRequiredHeader");
        }
        if let Some(refusal) = self.refused(request, name) {
            return refusal;
        }
        let bytes = request.body.as_ref().map(|body| body.to_vec()).unwrap_or_default();
        self.made(request, name, bytes)
    }

    fn put_block(&mut self, request: &Request, name: &str, id: &str) -> Answer {
        let Ok(decoded) = STANDARD.decode(id) else { return error(400, "InvalidQueryParameterValue") };
        let blocks = self.uncommitted.entry(name.to_owned()).or_default();
        if decoded.len() > 64 || blocks.keys().any(|known| known.len() != id.len()) {
            return error(400, "InvalidBlobOrBlock");
        }
        blocks.insert(id.to_owned(), request.body.as_ref().map(|body| body.to_vec()).unwrap_or_default());
        status(201)
    }

    fn commit(&mut self, request: &Request, name: &str) -> Answer {
        if let Some(refusal) = self.refused(request, name) {
            return refusal;
        }
        let xml = String::from_utf8(request.body.as_ref().unwrap().to_vec()).unwrap();
        let ids = xml.split("<Latest>").skip(1).map(|rest| rest.split("</Latest>").next().unwrap());
        let blocks = self.uncommitted.get(name);
        let bytes: Option<Vec<&Vec<u8>>> = ids.map(|id| blocks?.get(id)).collect();
        match bytes {
            Some(bytes) => {
                let bytes = bytes.into_iter().flatten().copied().collect();
                self.made(request, name, bytes)
            }
            None => error(400, "InvalidBlockList"),
        }
    }

    fn blocks(&self, name: &str) -> Answer {
        let Some(blocks) = self.uncommitted.get(name) else {
            let none = "<BlockList><UncommittedBlocks /></BlockList>";
            return if self.there.contains_key(name) { ok(none) } else { error(404, "BlobNotFound") };
        };
        let block = |(id, bytes): (&String, &Vec<u8>)| {
            format!("<Block><Name>{id}</Name><Size>{}</Size></Block>", bytes.len())
        };
        let blocks: String = blocks.iter().map(block).collect();
        ok(format!(
            "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList><UncommittedBlocks>{blocks}\
                    </UncommittedBlocks></BlockList>"
        ))
    }

    fn get(&self, request: &Request, name: &str) -> Answer {
        let Some(blob) = self.there.get(name) else { return error(404, "BlobNotFound") };
        if header(request, "if-match").is_some_and(|wanted| wanted != blob.etag) {
            return error(412, "ConditionNotMet");
        }
        let mut headers = vec![("etag", blob.etag.clone())];
        headers.extend(blob.run.clone().map(|run| ("x-ms-meta-run", run)));
        if request.method == Method::HEAD {
            return Answer::Said(200, headers, String::new());
        }
        let Some(range) = header(request, "range") else {
            return Answer::Parts(200, headers, vec![Part::Bytes(blob.bytes.clone())]);
        };
        let (first, last) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')).unwrap();
        let (first, size) = (first.parse::<usize>().unwrap(), blob.bytes.len());
        if first >= size {
            return error(416, "InvalidRange");
        }
        let end = (last.parse::<usize>().unwrap() + 1).min(size);
        headers.push(("content-range", format!("bytes {first}-{}/{size}", end - 1)));
        Answer::Parts(206, headers, vec![Part::Bytes(blob.bytes[first..end].to_vec())])
    }

    fn delete(&mut self, request: &Request, name: &str) -> Answer {
        if !self.there.contains_key(name) {
            return error(404, "BlobNotFound");
        }
        if let Some(refusal) = self.refused(request, name) {
            return refusal;
        }
        self.there.remove(name);
        status(202)
    }

    /// Two names a page, blobs and folders.
    fn list(&self, query: &std::collections::HashMap<String, String>) -> Answer {
        let (prefix, marker) = (&query["prefix"], query.get("marker").cloned().unwrap_or_default());
        assert_eq!(query["delimiter"], "/");
        let inside = |name: &String| {
            let rest = name.strip_prefix(prefix.as_str())?;
            Some(format!("{prefix}{}", rest.split_inclusive('/').next().unwrap_or_default()))
        };
        let mut names: Vec<String> =
            self.there.keys().filter_map(inside).filter(|name| *name >= marker).collect();
        names.dedup();
        let next = names.get(2).cloned().unwrap_or_default();
        names.truncate(2);
        let element = |name: &String| {
            let kind = if name.ends_with('/') { "BlobPrefix" } else { "Blob" };
            format!("<{kind}><Name>{name}</Name></{kind}>")
        };
        let blobs: String = names.iter().map(element).collect();
        ok(format!(
            "<?xml version=\"1.0\"?><EnumerationResults><Blobs>{blobs}</Blobs><NextMarker>{next}</NextMarker>\
                    </EnumerationResults>"
        ))
    }

    fn lease(&mut self, request: &Request, name: &str) -> Answer {
        if !self.there.contains_key(name) {
            return error(404, "BlobNotFound");
        }
        let until = self.now + LEASE;
        let known = self.leases.get(name).cloned();
        let is_active = self.is_leased(name);
        let id = header(request, "x-ms-lease-id");
        match header(request, "x-ms-lease-action") {
            Some("acquire") => {
                let id = header(request, "x-ms-proposed-lease-id").unwrap().to_owned();
                assert_eq!(header(request, "x-ms-lease-duration"), Some("60"));
                if is_active && known.is_some_and(|known| known.id != id) {
                    return error(409, "LeaseAlreadyPresent");
                }
                self.leases.insert(name.to_owned(), Lease { id: id.clone(), until });
                Answer::Said(201, vec![("x-ms-lease-id", id)], String::new())
            }
            Some("renew") if known.as_ref().map(|known| known.id.as_str()) == id => {
                self.leases.insert(name.to_owned(), Lease { id: id.unwrap().to_owned(), until });
                self.renewals += 1;
                status(200)
            }
            Some("release") if known.as_ref().map(|known| known.id.as_str()) == id => {
                self.leases.remove(name);
                status(200)
            }
            _ => error(409, "LeaseIdMismatchWithLeaseOperation"),
        }
    }
}
