//! One resource of the catalog.

use super::cmdlets::{Cmdlet, IdParameter, Parameter};
use super::columns::{Column, TableColumn};
use super::quota::Quota;
use super::requests::{Filter, LinkMember, Method, PageSize, Paging, Parents, Since, WithoutLink};
use crate::cloud::Family;

/// One resource of the catalog.
#[derive(Clone, Copy, Debug)]
pub struct Resource {
    /// Name in request documents.
    pub name: &'static str,
    /// Name of the row class; empty if there is no cmdlet for the rows. Entries with the same columns share one.
    pub class: &'static str,
    /// One line for the docs.
    pub doc: &'static str,
    /// Page of the service's documentation.
    pub reference: &'static str,
    /// API family: decides host and scope.
    pub family: Family,
    /// How the list is requested. An item is always requested with GET.
    pub method: Method,
    /// Path of the tenant's list, below the host.
    pub list_path: Option<&'static str>,
    /// Path of the list of one parent. `{id}` is the parent's id, here, in the query or in the body; `{time}` is a
    /// time.
    pub parent_path: Option<&'static str>,
    /// Where the parents come from if the request names no parent.
    pub parents: Option<Parents>,
    /// Path of one item; `{id}` is its id.
    pub item_path: Option<&'static str>,
    /// Query parameters of every request, such as `api-version`.
    pub query: &'static [(&'static str, &'static str)],
    /// Headers of every request, besides those that every API gets.
    pub headers: &'static [(&'static str, &'static str)],
    /// Member of the answer that holds the list.
    pub list_member: &'static str,
    /// Whether the answer may be one object, which then is the row.
    pub single: bool,
    /// Whether an element of the list may hold a list of rows, under the same name.
    pub nested: bool,
    /// How the pages follow each other.
    pub paging: Paging,
    /// How a list with links goes on after a full page that has none.
    pub without_link: WithoutLink,
    /// Member that tells the rows of the tenant's list apart.
    pub key: &'static str,
    /// Largest `$top` that the API takes for this list; `None` if it takes none.
    pub max_top: Option<u32>,
    /// What the service counts its requests with, per app and tenant.
    pub quota: Quota,
    /// Query that makes a request of the list cheap; `None` if the list cannot be requested without an id.
    pub probe: Option<&'static [(&'static str, &'static str)]>,
    /// Application permissions, any of which is enough; empty where Azure roles decide (Arm).
    pub permissions: &'static [&'static str],
    /// Whether the list can be filtered, and by which fields.
    pub filter: Filter,
    /// What `-Since` does.
    pub since: Since,
    /// Members that tell rows apart, where the service sends rows more than once.
    pub unique: &'static [&'static str],
    /// True if the service answers 404 for an empty list.
    pub not_found_is_empty: bool,
    /// Columns, in the order of the batches. The last one is [`ADDITIONAL`].
    pub columns: &'static [Column],
    /// Columns of the default table, after the tenant.
    pub table: &'static [TableColumn],
    /// The cmdlet that reads it. Without one, `Test-FdxConnection` checks its API with it.
    pub cmdlet: Option<Cmdlet>,
}

impl Resource {
    /// What most entries have in common: a GET of an OData list with nothing special about it.
    pub const DEFAULT: Resource = Resource {
        name: "",
        class: "",
        doc: "",
        reference: "",
        family: Family::Defender,
        method: Method::Get,
        list_path: None,
        parent_path: None,
        parents: None,
        item_path: None,
        query: &[],
        headers: &[],
        list_member: "value",
        single: false,
        nested: false,
        paging: Paging::Single,
        without_link: WithoutLink::Unknown,
        key: "id",
        max_top: None,
        quota: Quota::Unpublished,
        probe: None,
        permissions: &[],
        filter: Filter::None,
        since: Since::None,
        unique: &[],
        not_found_is_empty: false,
        columns: &[],
        table: &[],
        cmdlet: None,
    };

    /// A list of Defender for Endpoint with `$filter`, `$top`, `$skip` and links to the next page.
    pub(super) const DEFENDER_LIST: Resource = Resource {
        paging: Paging::ODATA,
        without_link: WithoutLink::Skip,
        max_top: Some(10_000),
        quota: Quota::Defender,
        probe: Some(&[("$top", "1")]),
        ..Resource::DEFAULT
    };

    /// What belongs to one parent in Defender for Endpoint: a list without parameters.
    pub(super) const DEFENDER_RELATION: Resource =
        Resource { paging: Paging::ODATA, quota: Quota::Defender, ..Resource::DEFAULT };

    /// An export assessment of Defender for Endpoint, page by page.
    pub(super) const ASSESSMENT: Resource = Resource {
        paging: Paging::NextLink {
            member: LinkMember::OData,
            page_size: Some(PageSize { parameter: "pageSize", default: 50_000, max: 200_000 }),
        },
        quota: Quota::DefenderExport,
        probe: Some(&[("pageSize", "1")]),
        ..Resource::DEFAULT
    };

    /// The parameters of the entry's cmdlet that belong to this entry only.
    pub fn options(&self) -> &'static [Parameter] {
        self.cmdlet.map_or(&[], |cmdlet| cmdlet.options)
    }

    /// The parameter that takes ids of parents.
    pub fn parent(&self) -> Option<IdParameter> {
        self.cmdlet?.parent
    }

    /// Whether the request says the value of a column: the id of the parent whose row it is.
    pub fn is_from_parent(&self, column: &Column) -> bool {
        column.from_request
            && self.parent().is_some_and(|parent| parent.name.eq_ignore_ascii_case(column.name))
    }
}
