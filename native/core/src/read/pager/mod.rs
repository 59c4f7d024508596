//! Reads the pages of one list: follows the paging rule, requests again what broke, delivers no row twice and loses
//! none.

mod admission;
mod next_link;
mod page;
mod skip;
mod skip_token;
mod target;
#[cfg(test)]
mod tests;
mod time_window;

use std::collections::HashSet;
use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use url::Url;

use self::page::{Page, PageEnd};
use self::target::Target;
use self::time_window::TimeWindow;
use super::plan::Plan;
use super::sink::Sink;
use crate::catalog::{Paging, WithoutLink};
use crate::context::Context;
use crate::errors::{REPEATED_NEXT_LINK, REPEATED_PAGE, Result};

/// Reads every page of the list.
pub(crate) async fn read(context: &Context, tenant: &str, plan: &Plan, sink: &mut Sink) -> Result<()> {
    let outcome = Pager::new(context, tenant, plan).read(sink).await;
    // What was sound goes out before the error does.
    sink.flush(None).await;
    outcome.map_err(|mut error| {
        error.rows = sink.delivered();
        error
    })
}

/// The pages of one list.
struct Pager<'a> {
    context: &'a Context,
    tenant: &'a str,
    plan: &'a Plan,
    /// Rows of the pages so far.
    rows: u64,
    window: Option<TimeWindow>,
}

impl<'a> Pager<'a> {
    fn new(context: &'a Context, tenant: &'a str, plan: &'a Plan) -> Self {
        let window = match plan.without_link {
            WithoutLink::TimeWindow(field) => Some(TimeWindow::new(field)),
            WithoutLink::Skip | WithoutLink::Unknown => None,
        };
        Pager { context, tenant, plan, rows: 0, window }
    }

    async fn read(mut self, sink: &mut Sink) -> Result<()> {
        let mut target = Target { url: self.plan.url.clone(), body: self.plan.body.clone() };
        let (mut requested, mut pages) = (HashSet::new(), HashSet::new());
        for number in 1.. {
            let address = FixedState::default().hash_one((target.url.as_str(), &target.body));
            if !requested.insert(address) {
                return Err(
                    REPEATED_NEXT_LINK.error(format!("page {number} has the address of an earlier one"))
                );
            }
            let page = Page::new(self.context, self.tenant, self.plan, &target, number);
            let end = page.read(sink, self.window.as_mut()).await?;
            self.context.reporter.page();
            self.rows += end.rows;
            sink.flush(None).await;
            if sink.is_satisfied() {
                return Ok(());
            }
            let Some(next) = self.next(&target, &end)? else { return Ok(()) };
            // A time window begins with rows of the one before.
            if self.window.is_none() && end.rows > 0 && !pages.insert(end.digest) {
                return Err(REPEATED_PAGE.error(format!("page {number} has the rows of an earlier one")));
            }
            if !sink.page_ended(&next.url).await {
                return Ok(());
            }
            target = next;
        }
        Ok(())
    }

    /// The page after one that ended like this.
    fn next(&mut self, current: &Target, end: &PageEnd) -> Result<Option<Target>> {
        let to = |url| Target { url, body: current.body.clone() };
        match self.plan.paging {
            Paging::NextLink { .. } => match &end.continuation.link {
                Some(link) => {
                    next_link::next(self.context, self.plan.family, &current.url, link).map(to).map(Some)
                }
                None => Ok(self.without_link(&current.url, end).map(to)),
            },
            Paging::Skip { top } => Ok(skip::next(&current.url, top, self.rows, end).map(to)),
            Paging::SkipToken => skip_token::next(current, end),
            Paging::Single => Ok(None),
        }
    }

    /// The page after one that has no link.
    fn without_link(&mut self, current: &Url, end: &PageEnd) -> Option<Url> {
        let full = self.plan.full_page?;
        if end.rows < u64::from(full) {
            if self.window.as_ref().is_some_and(TimeWindow::is_ambiguous) {
                self.warn_of_missing_rows(end);
            }
            return None;
        }
        let next = match self.plan.without_link {
            WithoutLink::Skip => skip::next(current, full, self.rows, end),
            WithoutLink::TimeWindow(_) => {
                let plan = self.plan;
                self.window.as_mut().and_then(|window| window.next(&plan.url, end.rows))
            }
            WithoutLink::Unknown => None,
        };
        let is_whole = next.is_some() && self.window.as_ref().is_none_or(|window| !window.has_gap());
        if !is_whole {
            self.warn_of_missing_rows(end);
        }
        next
    }

    fn warn_of_missing_rows(&self, end: &PageEnd) {
        self.context.reporter.warning(format!(
            "Tenant {}: a page of {} came without a link to the next one, and where the list goes on is not known, so \
             rows may be missing after {} rows. Read the list in parts with -Filter.",
            self.tenant,
            self.plan.url.path(),
            self.rows.max(end.rows)
        ));
    }
}
