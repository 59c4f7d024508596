//! Paging rules and entries, from the address of each request to the rows.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use url::Url;

use super::read;
use crate::batch::BatchBuilder;
use crate::batch_reader::BatchReader;
use crate::catalog::{self, Paging, Resource};
use crate::context::Context;
use crate::errors::Result;
use crate::http::Request;
use crate::read::decode::row::RowDecoder;
use crate::read::plan::{Plan, Scope};
use crate::read::sink::{Item, Sink};
use crate::read::splitter::Envelope;
use crate::testing::{Answer, CLIENT, Network, TENANT, context, jwt, ok, pairs};

/// A network with this server behind it, and a context over it.
fn over(server: impl Fn(&Url, usize) -> Value + Send + Sync + 'static) -> (Arc<Network>, Context) {
    let network = Network::new(move |request, number| {
        if request.url.path().contains("oauth2") {
            let token = jwt(&json!({"tid": TENANT, "roles": ["Incident.Read.All"]}));
            return ok(json!({"access_token": token, "expires_in": 3600, "token_type": "Bearer"}).to_string());
        }
        Answer::Said(200, Vec::new(), server(&request.url, number).to_string())
    });
    let settings = format!(
        r#"{{"clientId":"{CLIENT}","tenants":["{TENANT}"],"credential":{{"type":"clientSecret","secret":"fake"}}}}"#
    );
    let context = context(&network, &settings, &[]);
    (network, context)
}

/// Reads a plan; gives the requests to the API, and how many rows came.
async fn read_plan(
    (network, context): &(Arc<Network>, Context),
    plan: &Plan,
    first: Option<u64>,
) -> (Vec<Request>, Result<u64>) {
    let (sender, mut items) = mpsc::channel::<Item>(1024);
    let (decoder, columns) = RowDecoder::raw();
    let builder = BatchBuilder::new(0, TENANT, columns);
    let left = Arc::new(AtomicU64::new(first.unwrap_or(u64::MAX)));
    let mut sink = Sink::new(context.clone(), builder, decoder, sender, left);
    let outcome = read(context, TENANT, plan, &mut sink).await;
    items.close();
    let rows = sink.delivered();
    let sent = network.sent.lock().unwrap();
    let requests = sent.iter().filter(|request| !request.url.path().contains("oauth2")).cloned().collect();
    (requests, outcome.map(|()| rows))
}

/// Reads with a paging rule against a server; gives the queries of the requests, and how many rows came.
async fn read_list(
    paging: Paging,
    first: Option<u64>,
    server: impl Fn(&Url, usize) -> Value + Send + Sync + 'static,
) -> (Vec<String>, Result<u64>) {
    let world = over(server);
    let resource: &'static Resource = catalog::resource("xdrIncidents").unwrap();
    let plan = Plan::of(&world.1.settings, resource, Scope::List, &[]).unwrap();
    let envelope = Envelope::of(plan.envelope.shape, resource.list_member, paging);
    let (requests, outcome) = read_plan(&world, &Plan { envelope, paging, ..plan }, first).await;
    let queries = requests.iter().map(|request| request.url.query().unwrap_or_default().to_owned());
    (queries.collect(), outcome)
}

#[tokio::test(start_paused = true)]
async fn every_page_is_requested_with_the_headers_and_the_query_of_its_entry() {
    let link = "https://graph.microsoft.com/v1.0/security/alerts_v2?$skip=1";
    let world = over(move |_, number| match number {
        1 => json!({"value": rows(1), "@odata.nextLink": link}),
        _ => json!({"value": rows(1)}),
    });
    let of =
        |name: &str| Plan::of(&world.1.settings, catalog::resource(name).unwrap(), Scope::List, &[]).unwrap();
    let (requests, outcome) = read_plan(&world, &of("alerts"), None).await;
    assert_eq!((outcome.unwrap(), requests.len()), (2, 2));
    assert!(requests.iter().all(|request| request.headers["prefer"] == "include-unknown-enum-members"));
    assert_eq!(of("subscriptions").url.query(), Some("api-version=2022-12-01"));
}

fn rows(count: u64) -> Vec<Value> {
    (0..count).map(|n| json!({"id": n})).collect()
}

/// A server of `total` rows that knows `$top` and `$skip` and gives no link.
fn skipping(total: u64) -> impl Fn(&Url, usize) -> Value + Send + Sync + 'static {
    move |url, _| {
        let query = pairs(url.query().unwrap_or_default().as_bytes());
        let number = |name: &str| query.get(name).and_then(|text| text.parse::<u64>().ok());
        let left = total.saturating_sub(number("$skip").unwrap_or(0));
        json!({"value": rows(left.min(number("$top").unwrap_or(u64::MAX)))})
    }
}

#[tokio::test(start_paused = true)]
async fn skip_goes_on_until_a_page_is_short() {
    let skip = Paging::Skip { top: 100 };
    for (total, expected) in [
        (0, &["$top=100"][..]),
        (99, &["$top=100"]),
        (100, &["$top=100", "$top=100&$skip=100"]),
        (250, &["$top=100", "$top=100&$skip=100", "$top=100&$skip=200"]),
    ] {
        let (queries, read) = read_list(skip, None, skipping(total)).await;
        assert_eq!(
            (read.unwrap(), &queries[..]),
            (total, &expected.iter().map(|q| (*q).to_owned()).collect::<Vec<_>>()[..])
        );
    }
}

#[tokio::test(start_paused = true)]
async fn skip_requests_no_page_that_is_not_needed() {
    let (queries, read) = read_list(Paging::Skip { top: 100 }, Some(200), skipping(1000)).await;
    assert_eq!((read.unwrap(), queries.len()), (200, 2));
}

#[tokio::test(start_paused = true)]
async fn a_full_page_without_a_link_is_a_warning_and_a_smaller_one_is_none() {
    for (count, warned) in [(1_000, true), (999, false)] {
        let world = over(move |_, _| json!({"value": rows(count)}));
        let resource = catalog::resource("alerts").unwrap();
        let plan = Plan::of(&world.1.settings, resource, Scope::List, &[]).unwrap();
        let (requests, outcome) = read_plan(&world, &plan, None).await;
        assert_eq!((requests.len(), outcome.unwrap()), (1, count));
        let messages = world.1.reporter.take_messages().unwrap();
        let decoded = BatchReader::default().read(messages.bytes()).unwrap();
        let warning = decoded.rows.iter().find(|row| row["level"] == "warning");
        assert_eq!(warning.is_some(), warned, "{count}");
        if let Some(warning) = warning {
            let text = warning["text"].as_str().unwrap();
            assert!(text.contains("rows may be missing") && text.contains(TENANT), "{text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_api_has_its_own_link_member() {
    let base = "https://api.security.microsoft.com/api/incidents";
    for (paging, member, other) in
        [(Paging::ODATA, "@odata.nextLink", "nextLink"), (Paging::ARM, "nextLink", "@odata.nextLink")]
    {
        let server = move |url: &Url, _: usize| {
            if url.query().is_some_and(|query| query.contains("page=2")) {
                return json!({"value": rows(3)});
            }
            json!({"value": rows(2), member: format!("{base}?page=2"), other: "https://elsewhere.example/"})
        };
        let (queries, read) = read_list(paging, None, server).await;
        assert_eq!((read.unwrap(), queries.len()), (5, 2), "{member}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_single_answer_is_not_followed() {
    let server = |_: &Url, _: usize| json!({"value": rows(2), "@odata.nextLink": "https://api.security.microsoft.com/x"});
    let (queries, read) = read_list(Paging::Single, None, server).await;
    assert_eq!((read.unwrap(), queries.len()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_large_body_gives_way_to_other_work() {
    let mut polls = Vec::new();
    for size in [1 << 10, 4 << 20] {
        let mut read =
            pin!(read_list(Paging::Single, None, move |_, _| json!({"value": ["x".repeat(size)]})));
        let mut count = 0;
        let (_, rows) = poll_fn(|context| {
            count += 1;
            read.as_mut().poll(context)
        })
        .await;
        assert_eq!(rows.unwrap(), 1);
        polls.push(count);
    }
    assert!(polls[1] - polls[0] >= 15, "{polls:?}: a turn for others after each 256 KB");
}
