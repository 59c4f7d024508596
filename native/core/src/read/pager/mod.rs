//! Reads the pages of one list: follows the paging rule, requests again what broke, delivers no row twice and loses
//! none.

mod admission;
mod course;
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

use self::course::Course;
use self::page::{Page, PageEnd};
use self::target::{Next, Target};
use super::plan::Plan;
use super::sink::Sink;
use crate::catalog::Paging;
use crate::context::Context;
use crate::errors::{REPEATED_NEXT_LINK, REPEATED_PAGE, Result};

/// Reads every page of the list.
pub(crate) async fn read(context: &Context, tenant: &str, plan: &Plan, sink: &mut Sink) -> Result<()> {
    // The state of a list is large, and every future around it would be.
    let outcome = Box::pin(Pager::new(context, tenant, plan).read(sink)).await;
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
    first: Target,
    /// Rows of the pages so far.
    rows: u64,
    course: Course,
    /// Whether each page is one row, like a table of Azure Resource Graph.
    is_of_documents: bool,
    /// Whether it was said that rows may be missing.
    is_warned: bool,
}

impl<'a> Pager<'a> {
    fn new(context: &'a Context, tenant: &'a str, plan: &'a Plan) -> Self {
        let first = Target { url: plan.url.clone(), body: plan.body.clone(), round: 0 };
        let course = Course::of(plan);
        Pager { context, tenant, plan, first, rows: 0, course, is_of_documents: false, is_warned: false }
    }

    async fn read(mut self, sink: &mut Sink) -> Result<()> {
        if let Some(members) = self.course.members() {
            sink.watch(members);
        }
        let mut target = self.first.clone();
        let (mut requested, mut pages) = (HashSet::new(), HashSet::new());
        for number in 1.. {
            let address = FixedState::default().hash_one((target.url.as_str(), &target.body, target.round));
            if !requested.insert(address) {
                return Err(
                    REPEATED_NEXT_LINK.error(format!("page {number} has the address of an earlier one"))
                );
            }
            let mut page = Page::new(self.context, self.tenant, self.plan, &target, number);
            page.expects_list = number > 1 && !self.is_of_documents;
            let end = page.read(sink, &mut self.course).await?;
            self.is_of_documents |= end.continuation.is_document;
            self.context.reporter.page();
            self.rows += end.rows;
            sink.flush(None).await;
            if sink.is_satisfied() {
                return Ok(());
            }
            let Some(next) = self.next(&target, &end)? else { break };
            // A time window begins with rows of the one before.
            let may_be_equal = matches!(self.course, Course::Time(_));
            if !may_be_equal && end.rows > 0 && !pages.insert((end.digest, target.round)) {
                return Err(REPEATED_PAGE.error(format!("page {number} has the rows of an earlier one")));
            }
            if !sink.page_ended(&next.url).await {
                return Ok(());
            }
            target = next;
        }
        self.tell_of_changes();
        Ok(())
    }

    /// The page after one that ended like this.
    fn next(&mut self, current: &Target, end: &PageEnd) -> Result<Option<Target>> {
        match self.plan.paging {
            Paging::NextLink { .. } => match &end.continuation.link {
                Some(link) if self.leads_on(current, link, end) => Ok(self.without_link(current, end, false)),
                Some(link) => {
                    let url = next_link::next(self.context, self.plan.family, &current.url, link)?;
                    self.course.pass(end.rows);
                    Ok(Some(Target { url, body: current.body.clone(), round: current.round }))
                }
                None => {
                    let is_last = self.plan.full_page.is_none_or(|full| end.rows < u64::from(full));
                    Ok(self.without_link(current, end, is_last))
                }
            },
            Paging::Skip { top } => Ok(self.without_link(current, end, end.rows < u64::from(top))),
            Paging::SkipToken => skip_token::next(current, end),
            Paging::Single => Ok(None),
        }
    }

    /// Whether the course of the list is better than this link: rows are missing before the page, or the link only
    /// counts rows, and loses some when others go.
    fn leads_on(&self, current: &Target, link: &str, end: &PageEnd) -> bool {
        let is_position = end.rows > 0 && next_link::is_position(&current.url, link);
        self.course.is_torn() || is_position && self.course.can_go_on()
    }

    /// The page after one that has no link, or none to follow.
    fn without_link(&mut self, current: &Target, end: &PageEnd, is_last: bool) -> Option<Target> {
        let next = self.course.next(&self.first, current, end.rows, is_last);
        let is_whole = match next {
            Next::Page(_) => !self.course.has_gap(),
            Next::End => true,
            Next::Unknown => false,
        };
        if !is_whole {
            self.warn_of_missing_rows(end);
        }
        match next {
            Next::Page(target) => Some(target),
            Next::End | Next::Unknown => None,
        }
    }

    fn warn_of_missing_rows(&mut self, end: &PageEnd) {
        if std::mem::replace(&mut self.is_warned, true) {
            return;
        }
        self.context.reporter.warning(format!(
            "Tenant {}: a page of {} came without a link to the next one, and where the list goes on is not known, so \
             rows may be missing after {} rows. Read the list in parts with -Filter.",
            self.tenant,
            self.plan.url.path(),
            self.rows.max(end.rows)
        ));
    }

    /// Rows came, went or changed while the list was read.
    fn tell_of_changes(&self) {
        if let Some(changes) = self.course.changes() {
            let (tenant, path) = (self.tenant, self.plan.url.path());
            self.context
                .reporter
                .warning(format!("Tenant {tenant}: {path} changed while it was read. {changes}"));
        }
    }
}
