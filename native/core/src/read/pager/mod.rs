//! Reads the pages of one list: follows the paging rule, requests again what broke, delivers no row twice and loses
//! none.

mod next_link;
mod page;
mod skip;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use url::Url;

use self::page::{Page, PageEnd};
use super::plan::Plan;
use super::sink::Sink;
use crate::catalog::Paging;
use crate::context::Context;
use crate::errors::{REPEATED_NEXT_LINK, Result};

/// Reads every page of the list.
pub(crate) async fn read(context: &Context, tenant: &str, plan: &Plan, sink: &mut Sink) -> Result<()> {
    let outcome = read_pages(context, tenant, plan, sink).await;
    // What was sound goes out before the error does.
    sink.flush(None).await;
    outcome.map_err(|mut error| {
        error.rows = sink.delivered();
        error
    })
}

async fn read_pages(context: &Context, tenant: &str, plan: &Plan, sink: &mut Sink) -> Result<()> {
    let mut url = plan.url.clone();
    let mut requested = HashSet::new();
    for number in 1.. {
        if !requested.insert(FixedState::default().hash_one(url.as_str())) {
            return Err(REPEATED_NEXT_LINK.error(format!("page {number} has the address of an earlier one")));
        }
        let end = Page::new(context, tenant, plan, &url, number).read(sink).await?;
        context.reporter.page();
        sink.flush(None).await;
        if sink.is_satisfied() {
            return Ok(());
        }
        let Some(next) = next(context, plan, &url, &end)? else {
            warn_if_full(context, tenant, plan, &end);
            return Ok(());
        };
        url = next;
    }
    Ok(())
}

/// Some services leave out the link although there is more, such as Microsoft Graph for alerts.
/// <https://learn.microsoft.com/answers/questions/1611210>
fn warn_if_full(context: &Context, tenant: &str, plan: &Plan, end: &PageEnd) {
    let is_full = plan.full_page.is_some_and(|full| end.rows >= u64::from(full));
    if is_full && matches!(plan.paging, Paging::NextLink { .. }) {
        context.reporter.warning(format!(
            "Tenant {tenant}: {} ended with a full page of {} rows without a link to a next page, so rows may be \
             missing. Read the list in parts with -Filter.",
            plan.url.path(),
            end.rows
        ));
    }
}

/// The address of the page after one that ended like this.
fn next(context: &Context, plan: &Plan, current: &Url, end: &PageEnd) -> Result<Option<Url>> {
    match plan.paging {
        Paging::NextLink { .. } => next_link::next(context, plan.family, current, end),
        Paging::Skip { top } => Ok(skip::next(current, top, end)),
        Paging::Single => Ok(None),
    }
}
