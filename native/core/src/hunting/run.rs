//! Runs a query in a tenant: in one request, or in as many parts as its rows need.

use bytes::Bytes;
use reqwest::Method;
use serde_json::json;

use super::document::Hunting;
use super::parts::{Part, Split};
use super::timespan::Window;
use crate::catalog::{Paging, Quota, Resource, WithoutLink};
use crate::context::Context;
use crate::errors::{Error, HUNTING_PART_TOO_LARGE, Result};
use crate::read::delivered::Delivered;
use crate::read::sink::Sink;
use crate::read::splitter::{Envelope, Shape};
use crate::read::{address, hunting_refusal, pager, plan::Plan};

/// Reads the rows of a query.
pub(crate) async fn read(context: &Context, tenant: &str, hunting: &Hunting, sink: &mut Sink) -> Result<()> {
    let first = first_part(context, hunting)?;
    sink.delivered_before = hunting.split.is_some().then(Delivered::default);
    let mut parts = vec![first];
    while let Some(part) = parts.pop() {
        let before = sink.received();
        let plan = plan(context, hunting, part)?;
        let outcome = pager::read(context, tenant, &plan, sink).await;
        if sink.is_satisfied() {
            return outcome;
        }
        let is_cut = match &outcome {
            Ok(()) => sink.received() - before >= hunting.row_limit,
            Err(error) => hunting.split.is_some() && hunting_refusal::may_fit_in_parts(error),
        };
        if !is_cut {
            outcome?;
            end_answer(sink, false);
        } else if hunting.split.is_none() {
            sink.tell_cut().await;
            warn_of_cut(context, tenant, hunting.row_limit);
        } else if let Some([first, second]) = part.halves() {
            end_answer(sink, true);
            context.reporter.verbose(format!(
                "Hunting: the rows of {} do not fit into one answer; tenant {tenant} reads them in two parts.",
                part.name()
            ));
            parts.extend([second, first]);
        } else {
            end_answer(sink, false);
            sink.tell_cut().await;
            sink.refuse(tenant, too_large(part, hunting.row_limit, outcome.err())).await;
        }
        if !sink.answer_ended().await {
            break;
        }
    }
    warn_of_changes(context, tenant, sink);
    Ok(())
}

fn first_part(context: &Context, hunting: &Hunting) -> Result<Part> {
    Ok(match hunting.split {
        None => Part::Whole,
        Some(Split::ByKey { .. }) => Part::Group { of: 1, number: 0 },
        Some(Split::ByTime) => {
            let now = i64::try_from(context.clock.now().as_secs()).unwrap_or(i64::MAX / 2);
            Part::Window(Window::of(hunting.timespan.as_ref(), now)?)
        }
    })
}

fn plan(context: &Context, hunting: &Hunting, part: Part) -> Result<Plan> {
    let (engine, settings) = (hunting.engine, &context.settings);
    let mut body = json!({"Query": part.query(&hunting.text, hunting.split.as_ref())});
    let timespan = match part {
        Part::Window(window) => Some(window.text()),
        _ => hunting.timespan.as_ref().map(|timespan| timespan.text.clone()),
    };
    if let Some(timespan) = timespan {
        body["Timespan"] = timespan.into();
    }
    Ok(Plan {
        family: engine.family(),
        method: Method::POST,
        url: address::build(settings, engine.family(), engine.path(), &[])?,
        headers: &[],
        body: Some(Bytes::from(body.to_string())),
        envelope: Envelope::of(Shape::List, "results", Paging::Single),
        paging: Paging::Single,
        full_page: None,
        without_link: WithoutLink::Unknown,
        key: Resource::DEFAULT.key,
        quota: Quota::Hunting,
        // It only reads.
        repeatable: true,
        not_found_is_empty: false,
        nested: false,
        is_hunting: true,
        permissions: engine.permissions(),
        filter_fields: None,
    })
}

/// The rows of the last answer come again, or they do not.
fn end_answer(sink: &mut Sink, is_cut: bool) {
    match &mut sink.delivered_before {
        Some(delivered) if is_cut => delivered.cut(),
        Some(delivered) => delivered.complete(),
        None => {}
    }
}

fn warn_of_cut(context: &Context, tenant: &str, row_limit: u64) {
    context.reporter.warning(format!(
        "Tenant {tenant}: the answer has {row_limit} rows, which is the most that the service sends, so rows are \
         missing. Filter more, use a shorter -Timespan, or use -SplitBy Time."
    ));
}

fn warn_of_changes(context: &Context, tenant: &str, sink: &Sink) {
    let changed = sink.delivered_before.as_ref().map_or(0, Delivered::outstanding);
    if changed > 0 {
        context.reporter.warning(format!(
            "Tenant {tenant}: {changed} rows were in an answer that was cut off, and did not come again in its parts. \
             The data changed while it was read, or the query does not give the same rows each time, so some of its \
             rows may be there in two versions."
        ));
    }
}

fn too_large(part: Part, row_limit: u64, cause: Option<Error>) -> Error {
    let name = part.name();
    match cause {
        Some(cause) => HUNTING_PART_TOO_LARGE
            .error(format!("the rows of {name} do not fit into one answer: {}", cause.message)),
        None => HUNTING_PART_TOO_LARGE.error(format!(
            "{name} has more than {row_limit} rows, and it is the smallest part that is asked for"
        )),
    }
}

#[cfg(test)]
mod tests;
