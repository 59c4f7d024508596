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
use crate::catalog::{self, Paging, Resource, WithoutLink};
use crate::cloud::Family;
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
        let skip = number("$skip").unwrap_or(0);
        let end = total.min(skip + number("$top").unwrap_or(total));
        json!({"value": (skip..end).map(|n| json!({"id": n})).collect::<Vec<_>>()})
    }
}

#[tokio::test(start_paused = true)]
async fn skip_goes_on_until_a_page_is_short() {
    let skip = Paging::Skip { top: 100 };
    for (total, expected) in [
        (0, &["$top=100"][..]),
        (99, &["$top=100"]),
        // Each page begins with the last row of the one before.
        (100, &["$top=100", "$top=100&$skip=99"]),
        (250, &["$top=100", "$top=100&$skip=99", "$top=100&$skip=198"]),
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
    let (queries, read) = read_list(Paging::Skip { top: 100 }, Some(199), skipping(1000)).await;
    assert_eq!((read.unwrap(), queries.len()), (199, 2));
}

#[tokio::test(start_paused = true)]
async fn a_full_page_without_a_link_is_a_warning_and_a_smaller_one_is_none() {
    for (count, warned) in [(1_000, true), (999, false)] {
        let world = over(move |_, _| json!({"value": rows(count)}));
        let resource = catalog::resource("alerts").unwrap();
        let plan = Plan::of(&world.1.settings, resource, Scope::List, &[]).unwrap();
        let plan = Plan { without_link: WithoutLink::Unknown, ..plan };
        let (requests, outcome) = read_plan(&world, &plan, None).await;
        assert_eq!((requests.len(), outcome.unwrap()), (1, count));
        let warnings = warnings(&world.1);
        assert_eq!(warnings.len(), usize::from(warned), "{count}");
        for text in warnings {
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
    let link = "https://api.security.microsoft.com/x";
    let server = move |_: &Url, _: usize| json!({"value": rows(2), "@odata.nextLink": link});
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

/// The warnings so far.
fn warnings(context: &Context) -> Vec<String> {
    let Some(messages) = context.reporter.take_messages() else { return Vec::new() };
    let decoded = BatchReader::default().read(messages.bytes()).unwrap();
    let warnings = decoded.rows.iter().filter(|row| row["level"] == "warning");
    warnings.map(|row| row["text"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn machines_without_a_link_go_on_with_skip() {
    for (total, expected) in [(9_999, 1), (10_000, 2), (20_050, 3)] {
        let world = over(move |url, _| {
            let query = pairs(url.query().unwrap_or_default().as_bytes());
            let skip = query.get("$skip").map_or(0, |text| text.parse::<u64>().unwrap());
            let rows: Vec<_> = (skip..total.min(skip + 10_000)).map(|n| json!({"id": n})).collect();
            json!({ "value": rows })
        });
        let machines = catalog::resource("machines").unwrap();
        let typed = Plan::of(&world.1.settings, machines, Scope::List, &[]).unwrap();
        let url = Url::parse("https://api.security.microsoft.com/api/machines").unwrap();
        let any = Plan::of_address(Family::Defender, reqwest::Method::GET, url, None, true);
        for plan in [typed, any] {
            world.0.sent.lock().unwrap().clear();
            let (requests, read) = read_plan(&world, &plan, None).await;
            assert_eq!((read.unwrap(), requests.len()), (total, expected));
            assert_eq!(warnings(&world.1), [""; 0]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_page_of_a_list_without_an_entry_is_a_warning() {
    for (count, expected) in [(9_999, 0), (10_000, 1)] {
        let world = over(move |_, _| json!({ "value": rows(count) }));
        let url = Url::parse("https://api.security.microsoft.com/api/deviceavinfo").unwrap();
        let plan = Plan::of_address(Family::Defender, reqwest::Method::GET, url, None, true);
        let (requests, read) = read_plan(&world, &plan, None).await;
        assert_eq!((read.unwrap(), requests.len(), warnings(&world.1).len()), (count, 1, expected));
    }
}

#[tokio::test(start_paused = true)]
async fn a_top_of_the_caller_ends_the_list() {
    let world = over(|_, _| json!({ "value": rows(10_000) }));
    let url = Url::parse("https://api.security.microsoft.com/api/machines?$top=10000").unwrap();
    let plan = Plan::of_address(Family::Defender, reqwest::Method::GET, url, None, true);
    let (requests, read) = read_plan(&world, &plan, None).await;
    assert_eq!((read.unwrap(), requests.len()), (10_000, 1));
    assert_eq!(warnings(&world.1), [""; 0]);
}

/// A service of alerts with these times, which gives at most 1,000 at a time, sorted by time and without a link.
fn alerts(
    times: Vec<&'static str>,
    is_descending: bool,
) -> impl Fn(&Url, usize) -> Value + Send + Sync + 'static {
    move |url, _| {
        let query = pairs(url.query().unwrap_or_default().as_bytes());
        assert_eq!(query["$top"], "1000");
        let skip = query.get("$skip").map_or(0, |text| text.parse::<usize>().unwrap());
        assert!(skip <= 500, "the service takes no larger $skip");
        let condition = query.get("$filter").map(|filter| {
            let words: Vec<_> = filter.rsplit(' ').collect();
            (words[1].to_owned(), words[0].to_owned())
        });
        let mut rows: Vec<_> = times.iter().enumerate().collect();
        rows.sort_by_key(|(_, time)| **time);
        if is_descending {
            rows.reverse();
        }
        let passes = |time: &str| match &condition {
            None => true,
            Some((operator, limit)) => match operator.as_str() {
                "ge" => time >= limit.as_str(),
                "gt" => time > limit.as_str(),
                "le" => time <= limit.as_str(),
                "lt" => time < limit.as_str(),
                other => panic!("{other}"),
            },
        };
        let rows = rows.into_iter().filter(|(_, time)| passes(time)).skip(skip).take(1000);
        let rows: Vec<_> =
            rows.map(|(id, time)| json!({"id": format!("a{id}"), "lastUpdateDateTime": time})).collect();
        json!({ "value": rows })
    }
}

#[tokio::test(start_paused = true)]
async fn alerts_without_a_link_go_on_from_the_last_time_and_none_comes_twice() {
    let (first, second, third) =
        ("2024-05-01T00:00:00.1Z", "2024-05-01T00:00:00.5233333Z", "2024-05-02T00:00:00Z");
    let times = |counts: [usize; 3]| {
        [first, second, third]
            .into_iter()
            .zip(counts)
            .flat_map(|(time, count)| vec![time; count])
            .collect::<Vec<_>>()
    };
    for (counts, requests, gap) in [
        ([10, 20, 30], 1, false),
        ([600, 600, 600], 3, false),
        ([999, 1, 500], 2, false),
        ([900, 300, 5], 2, false),
        ([1_000, 0, 1], 3, false),
        ([100, 1_000, 5], 3, false),
        ([1_400, 10, 10], 3, false),
        ([1_501, 10, 10], 4, true),
    ] {
        for is_descending in [false, true] {
            let counts = if is_descending { [counts[2], counts[1], counts[0]] } else { counts };
            let times = times(counts);
            let total = times.len() as u64;
            let world = over(alerts(times, is_descending));
            let alerts = catalog::resource("alerts").unwrap();
            let plan = Plan::of(&world.1.settings, alerts, Scope::List, &[]).unwrap();
            let (sent, read) = read_plan(&world, &plan, None).await;
            assert_eq!(read.unwrap(), total - u64::from(gap), "{counts:?} {is_descending}");
            if is_descending && counts[2] >= 1_000 {
                // A full page of one time does not show the order.
                assert!(sent.len() <= 3 * requests, "{counts:?}: {}", sent.len());
            } else {
                // With the newest first, what changed in the meantime is read in the end.
                let requests = requests + usize::from(is_descending && requests > 1);
                assert_eq!(sent.len(), requests, "{counts:?} {is_descending}");
            }
            assert_eq!(warnings(&world.1).len(), usize::from(gap), "{counts:?} {is_descending}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn alerts_in_no_order_are_a_warning() {
    let world = over(|_, _| {
        let time = |n: u64| if n == 500 { "2024-01-01T00:00:00Z" } else { "2024-05-01T00:00:00Z" };
        let rows: Vec<_> =
            (0..1000).map(|n| json!({"id": n.to_string(), "lastUpdateDateTime": time(n)})).collect();
        json!({ "value": rows })
    });
    let plan = Plan::of(&world.1.settings, catalog::resource("alerts").unwrap(), Scope::List, &[]).unwrap();
    let (requests, read) = read_plan(&world, &plan, None).await;
    assert_eq!((read.unwrap(), requests.len(), warnings(&world.1).len()), (1000, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_window_keeps_the_filter_of_the_caller() {
    let world = over(|url, number| {
        let rows = |id: &str, count: u64, time: &str| -> Vec<Value> {
            (0..count).map(|n| json!({"id": format!("{id}{n}"), "lastUpdateDateTime": time})).collect()
        };
        let query = pairs(url.query().unwrap_or_default().as_bytes());
        if number == 1 {
            return json!({ "value": rows("a", 1000, "2024-05-01T00:00:00.1Z") });
        }
        let filter =
            "(severity eq 'high' or status eq 'new') and lastUpdateDateTime ge 2024-05-01T00:00:00.1Z";
        assert_eq!(query["$filter"], filter);
        let mut again = rows("a", 1, "2024-05-01T00:00:00.1Z");
        again.extend(rows("b", 1, "2024-05-01T00:00:00.2Z"));
        json!({ "value": again })
    });
    let filter = [("$filter", "severity eq 'high' or status eq 'new'".to_owned())];
    let plan =
        Plan::of(&world.1.settings, catalog::resource("alerts").unwrap(), Scope::List, &filter).unwrap();
    let (requests, read) = read_plan(&world, &plan, None).await;
    assert_eq!((read.unwrap(), requests.len()), (1001, 2));
}

#[tokio::test(start_paused = true)]
async fn a_link_without_the_filter_and_pages_in_a_circle_end_the_list() {
    let base = "https://api.security.microsoft.com/api/machines";
    for (query, link, id) in [
        ("?$filter=id%20eq%20'x'", "?page=", Some("Fdx.Protocol.FilterLost")),
        ("?$filter=id%20eq%20'x'", "?$skiptoken=", Some("Fdx.Protocol.RepeatedPage")),
        ("?$filter=id%20eq%20'x'", "?$filter=id%20eq%20'x'&page=", Some("Fdx.Protocol.RepeatedPage")),
        ("", "?page=", Some("Fdx.Protocol.RepeatedPage")),
    ] {
        let world = over(move |_, number| {
            let next = format!("{base}{link}{}", "x".repeat(number));
            json!({"value": rows(3), "@odata.nextLink": next})
        });
        let url = Url::parse(&format!("{base}{query}")).unwrap();
        let plan = Plan::of_address(Family::Defender, reqwest::Method::GET, url, None, true);
        let (requests, read) = read_plan(&world, &plan, None).await;
        assert_eq!(read.err().map(|error| error.id), id, "{query} {link}");
        assert!(requests.len() <= 2, "{}", requests.len());
    }
}

#[tokio::test(start_paused = true)]
async fn resource_graph_goes_on_with_the_token_in_the_body() {
    let path =
        "https://management.azure.com/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01";
    let query = r#"{"query":"securityresources | project id","options":{"$top":2,"$skip":1}}"#;
    let plan = |body: &str| {
        let url = Url::parse(path).unwrap();
        Plan::of_address(Family::Arm, reqwest::Method::POST, url, Some(body.to_owned()), true)
    };
    let world = over(|_, number| match number {
        1 => json!({"count": 2, "resultTruncated": "true", "$skipToken": "fake+token", "data": rows(2)}),
        _ => json!({"count": 1, "resultTruncated": "false", "data": rows(1)}),
    });
    let (requests, read) = read_plan(&world, &plan(query), None).await;
    assert_eq!((read.unwrap(), requests.len()), (3, 2));
    let bodies: Vec<Value> =
        requests.iter().map(|r| serde_json::from_slice(r.body.as_deref().unwrap()).unwrap()).collect();
    assert_eq!(bodies[0], serde_json::from_str::<Value>(query).unwrap());
    let next = json!({"query": "securityresources | project id", "options": {"$top": 2, "$skipToken": "fake+token"}});
    assert_eq!(bodies[1], next);

    let world = over(|_, _| json!({"resultTruncated": "true", "data": rows(2)}));
    let (_, read) = read_plan(&world, &plan(r#"{"query":"x"}"#), None).await;
    let error = read.unwrap_err();
    assert_eq!((error.id, error.rows), ("Fdx.Protocol.ResultTruncated", 2));
}

/// An entry that is requested with POST and goes on with a token in the body.
static POSTED: Resource = Resource {
    name: "posted",
    family: Family::Arm,
    method: catalog::Method::Post(r#"{"query":"securityresources | project id"}"#),
    list_path: Some("/providers/Microsoft.ResourceGraph/resources"),
    query: &[("api-version", "2021-03-01")],
    list_member: "data",
    paging: Paging::SkipToken,
    ..Resource::DEFAULT
};

#[tokio::test(start_paused = true)]
async fn an_entry_can_be_posted_and_go_on_with_a_token_in_the_body() {
    let world = over(|_, number| match number {
        1 => json!({"resultTruncated": "true", "$skipToken": "fake", "data": rows(2)}),
        2 => json!({"data": rows(3), "$skipToken": null}),
        _ => unreachable!(),
    });
    let plan = Plan::of(&world.1.settings, &POSTED, Scope::List, &[]).unwrap();
    let (requests, read) = read_plan(&world, &plan, None).await;
    assert_eq!((read.unwrap(), requests.len()), (5, 2));
    for request in &requests {
        assert_eq!((request.method.as_str(), request.url.query()), ("POST", Some("api-version=2021-03-01")));
    }
    let second: Value = serde_json::from_slice(requests[1].body.as_deref().unwrap()).unwrap();
    assert_eq!(second, json!({"query": "securityresources | project id", "options": {"$skipToken": "fake"}}));
}
