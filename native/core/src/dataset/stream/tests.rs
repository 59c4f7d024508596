//! A data collection rule as its reference describes it, strict, in memory. It shares no code with the client.
//! <https://learn.microsoft.com/azure/azure-monitor/logs/logs-ingestion-api-overview>

use std::collections::HashSet;
use std::io::Read as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::batch::{Batch, LIMIT};
use super::{Outlet, remote};
use crate::context::Context;
use crate::dataset::destination::StreamAddress;
use crate::dataset::tests::stand_in::{Fates, header, machine};
use crate::errors::{Error, Result};
use crate::http::{Request, TransportErrorKind};
use crate::testing::{Answer, IDENTITY, status};

pub(in crate::dataset) const RULE: &str = "https://dce.ingest.monitor.azure.com/dataCollectionRules/dcr-1";
const HUB: &str = "https://ns.servicebus.windows.net/rows";

/// What happens to a request.
#[derive(Clone)]
pub(in crate::dataset) enum Fate {
    Answered,
    /// The rows are kept, and the answer is lost.
    Lost,
    /// The process dies, and the rows are kept or not.
    Dies(bool),
    Refused(Answer),
}

/// What receives rows.
pub(in crate::dataset) struct Receiver {
    /// The keys of the rows of each request, in their order.
    requests: Mutex<Vec<Vec<String>>>,
    fates: Fates<Fate>,
}

impl Receiver {
    pub(in crate::dataset) fn new() -> Arc<Self> {
        Arc::new(Receiver { requests: Mutex::default(), fates: Fates::new(|_, _| Fate::Answered) })
    }

    /// Decides what happens to requests from now on, by their number from now on.
    pub(in crate::dataset) fn decide(&self, fate: impl Fn(&Request, usize) -> Fate + Send + Sync + 'static) {
        self.fates.decide(fate);
    }

    pub(in crate::dataset) fn count(&self) -> usize {
        self.fates.count()
    }

    /// Number of different rows, and how many came twice.
    pub(in crate::dataset) fn rows(&self) -> (usize, usize) {
        let requests = self.requests.lock().unwrap();
        let keys: HashSet<&String> = requests.iter().flatten().collect();
        (keys.len(), requests.iter().flatten().count() - keys.len())
    }

    /// A context whose machine has a managed identity.
    pub(in crate::dataset) fn context(self: &Arc<Self>) -> Context {
        let receiver = Arc::clone(self);
        machine(move |request| receiver.answer(request)).0
    }

    pub(in crate::dataset) fn outlet(context: &Context) -> Outlet {
        let address = StreamAddress::of(RULE, &context.settings).unwrap().unwrap();
        Outlet::new(context, &address, &CancellationToken::new()).unwrap()
    }

    fn answer(&self, request: &Request) -> Answer {
        match self.fates.of(request) {
            Fate::Answered => self.take(request),
            Fate::Lost => {
                self.take(request);
                Answer::Fails(TransportErrorKind::Broken)
            }
            Fate::Dies(is_kept) => {
                if is_kept {
                    self.take(request);
                }
                // What no later attempt could change.
                Answer::Fails(TransportErrorKind::Certificate)
            }
            Fate::Refused(answer) => answer,
        }
    }

    fn take(&self, request: &Request) -> Answer {
        let is_hub = request.url.host_str() == Some("ns.servicebus.windows.net");
        let audience = if is_hub { "https://eventhubs.azure.net" } else { "https://monitor.azure.com" };
        let bearer =
            header(request, "authorization").and_then(|value| value.strip_prefix("Bearer ")).unwrap();
        let claims = URL_SAFE_NO_PAD.decode(bearer.split('.').nth(1).unwrap()).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        if claims["aud"] != audience || claims["appid"] != IDENTITY {
            return status(401);
        }
        let body = request.body.as_ref().unwrap();
        assert!(body.len() <= 1 << 20);
        let rows: Vec<Value> = if is_hub {
            assert_eq!(request.url.as_str(), format!("{HUB}/messages?timeout=60&api-version=2014-01"));
            let events: Vec<Value> = serde_json::from_slice(body).unwrap();
            let lines = events.iter().flat_map(|event| event["Body"].as_str().unwrap().lines());
            lines.map(|line| serde_json::from_str(line).unwrap()).collect()
        } else {
            assert!(request.url.as_str().starts_with(&format!("{RULE}/streams/Custom-")), "{}", request.url);
            assert_eq!(request.url.query(), Some("api-version=2023-01-01"));
            assert_eq!(
                (header(request, "content-type"), header(request, "content-encoding")),
                (Some("application/json"), Some("gzip"))
            );
            let mut text = String::new();
            flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut text).unwrap();
            assert!(text.len() <= 1 << 20);
            serde_json::from_str(&text).unwrap()
        };
        assert!(!rows.is_empty());
        let keys = rows.iter().map(|row| row["RowKey"].as_str().unwrap().to_owned()).collect();
        self.requests.lock().unwrap().push(keys);
        status(if is_hub { 201 } else { 204 })
    }
}

fn address(given: &str, context: &Context) -> StreamAddress {
    StreamAddress::of(given, &context.settings).unwrap().unwrap()
}

/// Sends so many rows of this many bytes.
async fn send(context: &Context, to: &str, rows: usize, size: usize) -> Result<u64> {
    let address = address(to, context);
    let (remote, service) = remote(context, &address);
    let mut batch = Batch::new(address.kind, address.requests("Custom-X"), "{}");
    for number in 0..rows {
        let text = "x".repeat(size - r#"{"RowKey":"000000","T":""}"#.len());
        let row = format!(r#"{{"RowKey":"{number:06}","T":"{text}"}}"#);
        while !batch.add(row.as_bytes()) {
            while batch.next(&remote, &service).await?.is_some() {}
        }
    }
    while batch.next(&remote, &service).await?.is_some() {}
    Ok(batch.requests)
}

#[tokio::test(start_paused = true)]
async fn a_request_is_as_large_as_the_service_takes_counted_to_the_byte() {
    // With brackets and commas, ten rows fit exactly.
    for (size, rows, requests) in [(LIMIT / 10 - 1, 20, 2 + 1), ((LIMIT - 11) / 10, 20, 2), (LIMIT - 2, 2, 2)]
    {
        let receiver = Receiver::new();
        assert_eq!(send(&receiver.context(), RULE, rows, size).await.unwrap(), requests, "{size}");
        assert_eq!(receiver.rows(), (rows, 0));
    }
    for size in [100, 10_000] {
        let receiver = Receiver::new();
        let requests = send(&receiver.context(), HUB, 3_000_000 / size, size).await.unwrap();
        assert!((4..=5).contains(&requests), "{requests}");
        assert_eq!(receiver.rows(), (3_000_000 / size, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_is_halved_until_it_fits_and_the_rest_is_as_small() {
    for (to, limit) in [(RULE, 3_000), (HUB, 256 * 1024)] {
        let receiver = Receiver::new();
        receiver.decide(move |request, _| {
            let is_large = request.body.as_ref().unwrap().len() > limit;
            if is_large { Fate::Refused(status(413)) } else { Fate::Answered }
        });
        send(&receiver.context(), to, 3_000, 1_000).await.unwrap();
        assert_eq!(receiver.rows(), (3_000, 0));
        let taken = receiver.requests.lock().unwrap().len();
        assert!(receiver.count() - taken <= 12, "{} refusals", receiver.count() - taken);
    }
    // One row that is too large for itself.
    let receiver = Receiver::new();
    receiver.decide(|_, _| Fate::Refused(status(413)));
    let error = send(&receiver.context(), RULE, 4, 1_000).await.unwrap_err();
    assert_eq!((error.id, error.http_status), ("Fdx.Ingestion.RowTooLarge", Some(413)));
}

#[tokio::test(start_paused = true)]
async fn a_busy_service_is_waited_for_and_a_lost_answer_is_asked_for_again() {
    let answers: Vec<(Fate, u64, u64, usize)> = vec![
        (Fate::Refused(Answer::Status(429, &[("retry-after", "17")], String::new())), 34, 36, 0),
        (Fate::Refused(status(503)), 6, 9, 0),
        (Fate::Refused(Answer::Fails(TransportErrorKind::Broken)), 6, 9, 0),
        (Fate::Lost, 6, 9, 20),
        (Fate::Refused(status(401)), 0, 1, 0),
    ];
    for (fate, least, most, doubled) in answers {
        let receiver = Receiver::new();
        let times = if matches!(&fate, Fate::Refused(Answer::Status(401, ..))) { 1 } else { 2 };
        receiver.decide(move |_, number| if number < times { fate.clone() } else { Fate::Answered });
        let context = receiver.context();
        let begun = context.clock.now();
        send(&context, RULE, 10, 100).await.unwrap();
        let waited = context.clock.now() - begun;
        assert!((Duration::from_secs(least)..Duration::from_secs(most)).contains(&waited), "{waited:?}");
        assert_eq!(receiver.rows(), (10, doubled));
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_says_what_to_do_and_is_not_repeated() {
    for (to, code, id, advice) in [
        (RULE, 403, "Fdx.Ingestion.RoleMissing", "role Monitoring Metrics Publisher on https://dce.ingest"),
        (HUB, 403, "Fdx.Ingestion.RoleMissing", "role Azure Event Hubs Data Sender on https://ns.servicebus"),
        (RULE, 404, "Fdx.Ingestion.NotFound", "immutable id"),
        (RULE, 400, "Fdx.Ingestion.Refused", "columns"),
    ] {
        let receiver = Receiver::new();
        receiver
            .decide(move |_, _| Fate::Refused(Answer::Status(code, &[], r#"{"error":"said"}"#.to_owned())));
        let error: Error = send(&receiver.context(), to, 10, 100).await.unwrap_err();
        assert_eq!((error.id, error.http_status, receiver.count()), (id, Some(code), 1));
        assert!(error.advice.contains(advice), "{}", error.advice);
        assert!(error.advice.contains(IDENTITY) || code != 403, "{}", error.advice);
        assert!(error.message.contains("said"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_gets_no_more_than_it_takes_in_a_minute_whoever_sends() {
    let receiver = Receiver::new();
    let context = receiver.context();
    let begun = context.clock.now();
    let sends = (0..3).map(|_| async {
        for _ in 0..1_500 {
            send(&context, RULE, 1, 100).await.unwrap();
        }
    });
    futures_util::future::join_all(sends).await;
    let waited = context.clock.now() - begun;
    assert_eq!(receiver.count(), 4_500);
    assert!(waited >= Duration::from_secs(120), "{waited:?}");
}
