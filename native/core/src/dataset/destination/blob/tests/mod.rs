//! A storage container with the faults that Azurite does not have.

mod store;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

pub(in crate::dataset) use self::store::{ADDRESS, Fate, Store, error};
use super::md5;
use super::service::Service;
use crate::context::Context;
use crate::dataset::destination::remote::{Answer as Answered, Call};
use crate::dataset::destination::{Destination, PartName, Place};
use crate::errors::{Error, Result};
use crate::http::{Method, Request};
use crate::testing::{Answer, Network};

const PART: &str = "raw/x/part-00000.json.gz";
const RUN: &str = "00000000000000aa";

fn name() -> PartName {
    let (hidden, name) = ("_fedxdr/x/part-00000.json.gz".to_owned(), "x/part-00000.json.gz".to_owned());
    PartName { run: RUN.to_owned(), hidden, name }
}

pub(in crate::dataset) fn open(context: &Context) -> Box<dyn Destination> {
    let place = Place::of(ADDRESS, &context.settings).unwrap();
    place.open(context, &CancellationToken::new()).unwrap()
}

/// Does something with a destination on a thread of its own, as a writer does.
async fn with<T: Send + 'static>(
    context: &Context,
    work: impl FnOnce(&dyn Destination) -> T + Send + 'static,
) -> T {
    let destination = open(context);
    let (done, has_done) = oneshot::channel();
    std::thread::spawn(move || done.send(work(destination.as_ref())).ok());
    has_done.await.unwrap()
}

fn write(destination: &dyn Destination, bytes: &[u8]) -> Result<()> {
    let mut hidden = destination.create(&name())?;
    hidden.write_all(bytes).and_then(|()| hidden.finish()).map_err(|e| super::super::io_error("x", &e))
}

fn is(request: &Request, method: &Method, query: &str) -> bool {
    request.method == *method && request.url.query().unwrap_or_default().contains(query)
}

/// What happens to the first requests of a kind.
fn first(store: &Store, method: Method, query: &'static str, times: usize, fate: Fate) {
    let left = std::sync::Mutex::new(times);
    store.decide(move |request, _| {
        let mut left = left.lock().unwrap();
        if *left > 0 && is(request, &method, query) {
            *left -= 1;
            return fate.clone();
        }
        Fate::Answered
    });
}

fn refused(status: u16, code: &'static str) -> Fate {
    Fate::Refused(error(status, code))
}

#[tokio::test(start_paused = true)]
async fn a_file_is_blocks_that_nobody_sees_until_they_are_committed_as_one() {
    let store = Store::new();
    let (context, _network) = store.context();
    let bytes: Vec<u8> = (0..20_000_000_u32).map(|n| (n % 251) as u8).collect();
    let (expected, size) = (bytes.clone(), bytes.len() as u64);
    let seen = Arc::clone(&store);
    with(&context, move |destination| {
        write(destination, &bytes).unwrap();
        assert!(seen.visible().is_empty());
        assert!(destination.waits(&name(), size).unwrap());
        assert!(!destination.waits(&name(), size + 1).unwrap());
        // Another run's file of this name is something else.
        let other = PartName { run: "b".to_owned(), ..name() };
        assert!(!destination.waits(&other, size).unwrap());
        assert!(!destination.publish(&other, size).unwrap());
        assert!(destination.publish(&name(), size).unwrap());
        // Again: it has happened already.
        assert!(destination.publish(&name(), size).unwrap());
    })
    .await;
    assert_eq!(store.visible()[PART], expected);
    assert_eq!(store.content_type(PART), "application/gzip");
}

#[tokio::test(start_paused = true)]
async fn small_files_are_written_at_once_and_lists_have_pages() {
    let store = Store::new();
    let (context, _network) = store.context();
    with(&context, |destination| {
        assert_eq!(destination.read("a.json").unwrap(), None);
        for content in ["1", "2"] {
            destination.write("a.json", content.as_bytes()).unwrap();
            assert_eq!(destination.read("a.json").unwrap().unwrap(), content.as_bytes());
        }
        for name in ["f/1.json", "f/2.json", "f/3.json", "f/g/4.json", "fa/5.json"] {
            destination.write(name, b"{}").unwrap();
        }
        assert_eq!(destination.list("f").unwrap(), ["1.json", "2.json", "3.json"]);
        assert_eq!(destination.list("none").unwrap(), Vec::<String>::new());
        assert_eq!(destination.folders("f").unwrap(), ["g"]);
        assert_eq!(destination.folders("none").unwrap(), Vec::<String>::new());
        destination.remove("f/1.json").unwrap();
        destination.remove("f/1.json").unwrap();
        assert_eq!(destination.list("f").unwrap(), ["2.json", "3.json"]);
        assert_eq!(destination.full_name("f/tenant=1"), format!("{ADDRESS}/f/tenant=1"));
    })
    .await;
    assert_eq!(store.content_type("raw/a.json"), "application/json");
}

/// The content of a file that is opened, read and read again.
fn read_twice(destination: &dyn Destination, name: &str) -> Vec<u8> {
    let mut file = destination.open(name).unwrap().unwrap();
    let (mut first, mut second) = (Vec::new(), Vec::new());
    file.read_to_end(&mut first).unwrap();
    file.rewind().unwrap();
    file.read_to_end(&mut second).unwrap();
    assert!(first == second, "{} bytes, then {}", first.len(), second.len());
    first
}

#[tokio::test(start_paused = true)]
async fn a_file_of_any_size_is_read_in_parts_of_one_version() {
    const PART: usize = 4 * 1024 * 1024;
    let store = Store::new();
    let (context, network) = store.context();
    with(&context, |destination| {
        for size in [0, 1, PART, PART + 1, 10_000_001] {
            // Also bytes that are no text.
            let bytes: Vec<u8> = (0..=250).cycle().take(size).collect();
            destination.write("large.json", &bytes).unwrap();
            assert!(read_twice(destination, "large.json") == bytes, "{size}");
            assert!(destination.read("large.json").unwrap().unwrap() == bytes, "{size}");
        }
        assert!(destination.open("none").unwrap().is_none());
    })
    .await;
    let sent = network.sent.lock().unwrap();
    let read = sent.iter().filter(|request| request.method == Method::GET);
    let header = |request: &Request, name: &str| {
        request.headers.get(name).map(|value| value.to_str().unwrap().to_owned())
    };
    let mut parts = 0;
    for request in read.filter(|request| request.url.path().ends_with("large.json")) {
        let range = header(request, "range").unwrap();
        let (first, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
        let first: usize = first.parse().unwrap();
        assert_eq!(last.parse::<usize>().unwrap() + 1 - first, PART);
        assert!(first == 0 || header(request, "if-match").is_some(), "{range}");
        parts += usize::from(first > 0);
    }
    assert_eq!(parts, 3 + 3 * 2);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_replaced_or_removed_while_it_is_read_is_an_error() {
    for is_removed in [false, true] {
        let store = Store::new();
        let (context, _network) = store.context();
        let other = Arc::clone(&store);
        with(&context, move |destination| {
            destination.write("part.json", &vec![b'x'; 9_000_000]).unwrap();
            let mut file = destination.open("part.json").unwrap().unwrap();
            file.read_exact(&mut [0; 1000]).unwrap();
            if is_removed {
                destination.remove("part.json").unwrap();
            } else {
                other.overwrite("raw/part.json");
            }
            let error = file.read_to_end(&mut Vec::new()).unwrap_err();
            let error = super::super::read_error("x", &error);
            assert_eq!(error.id, "Fdx.Dataset.Replaced");
            assert!(error.message.contains("raw/part.json was replaced"), "{error}");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_lost_does_no_harm() {
    for (method, query) in
        [(Method::PUT, "comp=blocklist"), (Method::PUT, "comp=block&"), (Method::PUT, ""), (Method::GET, "")]
    {
        let store = Store::new();
        let (context, _network) = store.context();
        first(&store, method, query, 1, Fate::Lost);
        with(&context, |destination| {
            destination.write("a.json", b"1").unwrap();
            destination.write("a.json", b"2").unwrap();
            write(destination, b"rows").unwrap();
            assert!(destination.publish(&name(), 4).unwrap());
            assert_eq!(read_twice(destination, &name().name), b"rows");
        })
        .await;
        assert_eq!(store.visible()["raw/a.json"], b"2");
        assert_eq!(store.visible()[PART], b"rows");
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_account_is_waited_for_but_not_for_ever() {
    // On the thread of the runtime: the time of a test stands still only while that one works.
    let waited = async |times: usize, answer: Answer| -> (Result<Answered>, Duration) {
        let store = Store::new();
        let (context, _network) = store.context();
        let url = |text: &str| url::Url::parse(text).unwrap();
        let service = Service::new(context.of_destination(), url("https://acct.blob.core.windows.net/data"));
        let block = Call::new(Method::PUT, url(&format!("{ADDRESS}/a"))).query("comp", "block");
        let block = block.query("blockid", "YQ==").header("content-md5", md5(b"rows"));
        first(&store, Method::PUT, "comp=block&", times, Fate::Refused(answer));
        let begun = context.clock.now();
        let sent = service.expect(block.body(bytes::Bytes::from_static(b"rows")), &[201]).await;
        (sent, context.clock.now() - begun)
    };
    let within = |waited: Duration, least: u64, most: u64| {
        let range = Duration::from_secs(least)..Duration::from_secs(most);
        assert!(range.contains(&waited), "{waited:?} instead of {range:?}");
    };
    let (written, time) = waited(4, error(503, "ServerBusy")).await;
    assert!(written.is_ok());
    within(time, 46, 60);
    let (written, time) = waited(2, Answer::Status(503, &[("retry-after", "17")], String::new())).await;
    assert!(written.is_ok());
    within(time, 34, 36);
    // Damage on the way: the same block is sent again.
    let (written, time) = waited(1, error(400, "Md5Mismatch")).await;
    assert!(written.is_ok());
    within(time, 2, 4);
    let (written, time) = waited(usize::MAX, error(503, "ServerBusy")).await;
    let error = written.err().unwrap();
    assert_eq!((error.id, error.http_status), ("Fdx.Dataset.StorageFailed", Some(503)));
    assert!(error.message.contains("503 ServerBusy"), "{error}");
    within(time, 240, 400);
}

#[tokio::test(start_paused = true)]
async fn each_refusal_says_what_to_do() {
    for (status, code, id, advice) in [
        (
            403,
            "AuthorizationPermissionMismatch",
            "Fdx.Dataset.StorageRoleMissing",
            "Storage Blob Data Contributor",
        ),
        (403, "AuthorizationFailure", "Fdx.Dataset.StorageFirewall", "Networking"),
        (403, "AuthenticationFailed", "Fdx.Dataset.StorageTokenRefused", "-DestinationConnection"),
        (404, "ContainerNotFound", "Fdx.Dataset.ContainerNotFound", "Create the container"),
        (409, "BlobImmutableDueToPolicy", "Fdx.Dataset.StorageFailed", "Check the storage account"),
    ] {
        let store = Store::new();
        let (context, _network) = store.context();
        store.decide(move |_, _| refused(status, code));
        let errors: Vec<Error> = with(&context, |destination| {
            vec![
                destination.lock("lock").err().unwrap(),
                destination.read("a.json").unwrap_err(),
                destination.write("a.json", b"1").unwrap_err(),
                write(destination, b"rows").unwrap_err(),
                destination.publish(&name(), 4).unwrap_err(),
                destination.list("f").unwrap_err(),
            ]
        })
        .await;
        for error in errors {
            assert_eq!((error.id, error.http_status), (id, Some(status)));
            assert!(error.message.contains(code) && error.message.contains("fake-request"), "{error}");
            assert!(error.advice.contains(advice), "{}", error.advice);
            assert!(error.advice.contains("https://acct.blob.core.windows.net/data"), "{}", error.advice);
        }
        assert_eq!(store.count(), 6, "{code}: a refusal is not repeated");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_replaced_once() {
    for (times, works) in [(1, true), (2, false)] {
        let store = Store::new();
        let (context, network) = store.context();
        first(&store, Method::GET, "", times, refused(401, "InvalidAuthenticationInfo"));
        let read = with(&context, |destination| destination.read("a.json")).await;
        assert_eq!(read.as_ref().err().map(|e| e.id), (!works).then_some("Fdx.Dataset.StorageTokenRefused"));
        assert_eq!(tokens(&network), 2);
    }
}

fn tokens(network: &Network) -> usize {
    let sent = network.sent.lock().unwrap();
    sent.iter().filter(|request| request.url.host_str() == Some("127.0.0.1")).count()
}

/// Lets the lease be renewed once.
fn renew(store: &Store) {
    let (before, pause) = (store.renewals(), Duration::from_secs(20));
    store.clock.until_somebody_waits(pause);
    store.clock.advance(pause);
    store.clock.until_somebody_waits(pause);
    assert_eq!(store.renewals(), before + 1);
}

#[tokio::test(start_paused = true)]
async fn a_lease_keeps_others_away_until_it_is_given_back() {
    let store = Store::new();
    let (context, other, of_test) = (store.timed(), store.timed(), Arc::clone(&store));
    let handle = tokio::runtime::Handle::current();
    with(&context, move |destination| {
        let second = handle.block_on(async { open(&other) });
        let lock = destination.lock("lock").unwrap();
        // It is renewed for as long as it takes.
        for _ in 0..7 {
            assert_eq!(second.lock("lock").err().unwrap().id, "Fdx.Dataset.InUse");
            renew(&of_test);
            destination.write("a.json", b"1").unwrap();
        }
        drop(lock);
        // A process that dies gives nothing back, and renews nothing.
        of_test.decide(|request, _| {
            if is(request, &Method::PUT, "comp=lease") && request.headers["x-ms-lease-action"] != "acquire" {
                return refused(400, "InvalidUri");
            }
            Fate::Answered
        });
        drop(second.lock("lock").unwrap());
        let third = handle.block_on(async { open(&other) });
        assert_eq!(third.lock("lock").err().unwrap().id, "Fdx.Dataset.InUse");
        of_test.clock.advance(Duration::from_secs(61));
        drop(third.lock("lock").unwrap());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_lease_ends_the_run() {
    let store = Store::new();
    let (context, of_test) = (store.timed(), Arc::clone(&store));
    let error = with(&context, move |destination| {
        let _lock = destination.lock("lock").unwrap();
        renew(&of_test);
        of_test.break_lease("raw/lock");
        of_test.clock.advance(Duration::from_secs(61));
        destination.write("a.json", b"1").unwrap_err()
    })
    .await;
    assert_eq!(error.id, "Fdx.Dataset.LeaseLost");
    assert!(error.detail().contains("LeaseIdMismatchWithLeaseOperation"), "{}", error.detail());
    assert!(!store.visible().contains_key("raw/a.json"));
}

/// A machine that slept, or a clock that was set, ends no run: nobody has taken the lease since.
#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_is_no_lost_lease() {
    let store = Store::new();
    let (context, of_test) = (store.timed(), Arc::clone(&store));
    with(&context, move |destination| {
        let _lock = destination.lock("lock").unwrap();
        of_test.clock.advance(Duration::from_secs(3 * 3600));
        destination.write("a.json", b"1").unwrap();
    })
    .await;
    assert_eq!(store.visible()["raw/a.json"], b"1");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_cannot_be_renewed_in_time_ends_the_run_also_while_it_waits() {
    let store = Store::new();
    let (context, of_test) = (store.timed(), Arc::clone(&store));
    let error = with(&context, move |destination| {
        let _lock = destination.lock("lock").unwrap();
        of_test.decide(|request, _| {
            let is_lease = is(request, &Method::PUT, "comp=lease");
            if is_lease { refused(503, "ServerBusy") } else { Fate::Refused(Answer::Never) }
        });
        let clock = Arc::clone(&of_test.clock);
        let time = std::thread::spawn(move || {
            // Until the lease is renewed, and from then on until it ends.
            for wait in [20, 40].map(Duration::from_secs) {
                clock.until_somebody_waits(wait);
                clock.advance(wait);
            }
        });
        let error = destination.write("a.json", b"1").unwrap_err();
        time.join().unwrap();
        error
    })
    .await;
    assert_eq!(error.id, "Fdx.Dataset.LeaseLost");
}

#[tokio::test(start_paused = true)]
async fn what_another_run_wrote_is_not_overwritten() {
    let store = Store::new();
    let (context, _network) = store.context();
    let other = Arc::clone(&store);
    with(&context, move |destination| {
        destination.write("a.json", b"1").unwrap();
        other.overwrite("raw/a.json");
        let error = destination.write("a.json", b"2").unwrap_err();
        assert_eq!((error.id, error.http_status), ("Fdx.Dataset.LeaseLost", Some(412)));
        assert_eq!(other.visible()["raw/a.json"], b"");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn blocks_that_the_service_has_removed_are_not_taken_for_a_file() {
    let store = Store::new();
    let (context, _network) = store.context();
    let other = Arc::clone(&store);
    with(&context, move |destination| {
        write(destination, b"rows").unwrap();
        other.forget_blocks();
        assert!(!destination.waits(&name(), 4).unwrap());
        assert!(!destination.publish(&name(), 4).unwrap());
    })
    .await;
}
