//! A query that is split, against services that cut, refuse and shuffle.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value;
use tokio::sync::mpsc;

use super::*;
use crate::batch::BatchBuilder;
use crate::batch_reader::BatchReader;
use crate::read::decode::row::RowDecoder;
use crate::read::sink::Item;
use crate::testing::{Answer, CLIENT, Network, START, TENANT, context, jwt, ok};

/// A service: its rows (seconds before now, and a value), and its habits.
#[derive(Clone, Debug)]
struct Service {
    rows: Vec<(i64, u8)>,
    /// Rows of an answer at most.
    row_limit: usize,
    /// Rows beyond which it refuses the query for its size.
    size_limit: usize,
    /// Whether the end of a window is not a part of it.
    is_open: bool,
}

impl Service {
    fn answer(&self, body: &Value) -> Answer {
        let (from, to) = body["Timespan"].as_str().unwrap().split_once('/').unwrap();
        let nanoseconds = |text: &str| text.parse::<Timestamp>().unwrap().as_nanosecond();
        let (from, to) = (nanoseconds(from), nanoseconds(to) - i128::from(self.is_open));
        let now = i64::try_from(START).unwrap();
        let inside = self
            .rows
            .iter()
            .filter(|(before, _)| (from..=to).contains(&(i128::from(now - before) * 1_000_000_000)));
        let mut rows: Vec<_> =
            inside.map(|(before, value)| format!(r#"{{"T":{before},"V":{value}}}"#)).collect();
        if rows.len() > self.size_limit {
            let error =
                json!({"error": {"message": "Query execution has exceeded the allowed result size."}});
            return Answer::Said(400, Vec::new(), error.to_string());
        }
        // The order is another one each time.
        let random = RandomState::new();
        rows.sort_by_cached_key(|row| random.hash_one(row));
        rows.truncate(self.row_limit);
        ok(format!(r#"{{"schema":[],"results":[{}]}}"#, rows.join(",")))
    }
}

/// The rows that arrive, sorted, and the errors and messages.
async fn run(service: Service, split: bool) -> (Vec<(i64, u8)>, Vec<&'static str>, String) {
    let row_limit = service.row_limit as u64;
    let network = Network::new(move |request, _| {
        if request.url.path().contains("oauth2") {
            let token = jwt(&json!({"tid": TENANT, "roles": ["ThreatHunting.Read.All"]}));
            return ok(json!({"access_token": token, "expires_in": 3600, "token_type": "Bearer"}).to_string());
        }
        service.answer(&serde_json::from_slice(request.body.as_deref().unwrap()).unwrap())
    });
    let settings = json!({
        "clientId": CLIENT, "tenants": [TENANT], "credential": {"type": "clientSecret", "secret": "fake"},
    });
    let context = context(&network, &settings.to_string(), &[]);
    let mut document = json!({"query": "T | where a", "timespan": "PT3H"});
    if split {
        document["splitBy"] = "time".into();
    } else {
        let now = i64::try_from(START).unwrap();
        let at = |second| Timestamp::from_second(second).unwrap();
        document["timespan"] = format!("{}/{}", at(now - 10_800), at(now)).into();
    }
    let mut hunting = Hunting::of(serde_json::from_value(document).unwrap()).unwrap();
    hunting.row_limit = row_limit;
    let (sender, mut items) = mpsc::channel::<Item>(1024);
    let (decoder, columns) = RowDecoder::raw();
    let builder = BatchBuilder::new(0, TENANT, columns);
    let mut sink = Sink::new(context.clone(), builder, decoder, sender, Arc::new(AtomicU64::new(u64::MAX)));
    let mut errors: Vec<_> =
        read(&context, TENANT, &hunting, &mut sink).await.err().map(|e| e.id).into_iter().collect();
    sink.finish().await;
    let (mut reader, mut rows) = (BatchReader::default(), Vec::new());
    while let Some(item) = items.recv().await {
        match item {
            Item::Batch(batch) => {
                for row in reader.read(batch.bytes()).unwrap().rows {
                    let row: Value = serde_json::from_str(row["json"].as_str().unwrap()).unwrap();
                    rows.push((
                        row["T"].as_i64().unwrap(),
                        u8::try_from(row["V"].as_u64().unwrap()).unwrap(),
                    ));
                }
            }
            Item::PartFailed(error) => errors.push(error.id),
            Item::Failed(_) | Item::End => {}
        }
    }
    rows.sort_unstable();
    let messages = context.reporter.take_messages();
    let messages =
        messages.map_or(String::new(), |batch| String::from_utf8_lossy(batch.bytes()).into_owned());
    (rows, errors, messages)
}

fn paused<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the rows are and wherever the service cuts, each row comes once, equal ones as often as they are there.
    #[test]
    fn no_row_is_lost_and_none_comes_twice(
        // Places three minutes apart, so that the smallest part has those of one of them.
        rows in prop::collection::vec((0_i64..60, 0_i64..4, 0_u8..2), 0..160),
        row_limit in 30_usize..60, size_limit in 30_usize..200, is_open: bool,
    ) {
        let mut places = std::collections::BTreeMap::<i64, u32>::new();
        let rows: Vec<_> = rows
            .into_iter()
            .filter(|(place, ..)| {
                let count = places.entry(*place).or_default();
                *count += 1;
                *count < 20
            })
            .map(|(place, second, value)| (place * 180 + second + 1, value))
            .collect();
        let service = Service { rows: rows.clone(), row_limit, size_limit, is_open };
        let (read, errors, messages) = paused(run(service, true));
        let mut expected = rows;
        expected.sort_unstable();
        prop_assert_eq!(read, expected);
        prop_assert_eq!(errors, Vec::<&str>::new());
        prop_assert!(!messages.contains("warning"), "{}", messages);
    }
}

#[test]
fn rows_that_do_not_come_again_are_said() {
    let calls = Arc::new(Mutex::new(0));
    let network = Network::new(move |request, _| {
        if request.url.path().contains("oauth2") {
            let token = jwt(&json!({"tid": TENANT}));
            return ok(json!({"access_token": token, "expires_in": 3600, "token_type": "Bearer"}).to_string());
        }
        let mut calls = calls.lock().unwrap();
        *calls += 1;
        // Each time other rows.
        let rows: Vec<_> =
            (0..if *calls == 1 { 3 } else { 1 }).map(|n| json!({"N": n + *calls * 10})).collect();
        ok(json!({"schema": [], "results": rows}).to_string())
    });
    paused(async {
        let settings = json!({
            "clientId": CLIENT, "tenants": [TENANT], "credential": {"type": "clientSecret", "secret": "fake"},
        });
        let context = context(&network, &settings.to_string(), &[]);
        let document = json!({"query": "T", "timespan": "PT3H", "splitBy": "time"});
        let mut hunting = Hunting::of(serde_json::from_value(document).unwrap()).unwrap();
        hunting.row_limit = 3;
        let (sender, _items) = mpsc::channel::<Item>(1024);
        let (decoder, columns) = RowDecoder::raw();
        let builder = BatchBuilder::new(0, TENANT, columns);
        let mut sink =
            Sink::new(context.clone(), builder, decoder, sender, Arc::new(AtomicU64::new(u64::MAX)));
        read(&context, TENANT, &hunting, &mut sink).await.unwrap();
        assert_eq!(sink.delivered(), 5);
        let messages = context.reporter.take_messages().unwrap();
        let messages = String::from_utf8_lossy(messages.bytes()).into_owned();
        assert!(messages.contains("3 rows were in an answer that was cut off"), "{messages}");
    });
}

#[test]
fn a_query_that_is_not_split_is_cut_with_a_warning() {
    let rows = (1..=40).map(|second| (second, 0)).collect();
    let service = Service { rows, row_limit: 30, size_limit: 100, is_open: false };
    let (read, errors, messages) = paused(run(service, false));
    assert_eq!((read.len(), errors), (30, vec![]));
    assert!(messages.contains("rows are missing"), "{messages}");
}
