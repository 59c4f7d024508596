//! The single table of resources: one file per resource. The row decoder, the C# row classes and cmdlets, the views,
//! the completers, the checks of `Test-FdxConnection` and the permission tables of the documentation come from here.

mod defender {
    pub(super) mod machine_vulnerabilities;
    pub(super) mod machines;
    pub(super) mod software_vulnerabilities_by_machine;
}
mod xdr {
    pub(super) mod incidents;
}
mod graph {
    pub(super) mod alerts;
}
mod arm {
    pub(super) mod subscriptions;
}
mod quota;
#[cfg(test)]
mod tests;

pub use self::quota::Quota;
pub use crate::batch::ColumnKind;
use crate::cloud::Family;

/// Every resource. Within a family, a check of the family itself prefers the first one that the app may read.
pub const RESOURCES: &[Resource] = &[
    defender::machines::RESOURCE,
    defender::software_vulnerabilities_by_machine::RESOURCE,
    defender::machine_vulnerabilities::RESOURCE,
    xdr::incidents::RESOURCE,
    graph::alerts::RESOURCE,
    arm::subscriptions::RESOURCE,
];

/// Looks a resource up by its name.
pub fn resource(name: &str) -> Option<&'static Resource> {
    RESOURCES.iter().find(|r| r.name == name)
}

/// One resource of the catalog.
#[derive(Clone, Copy, Debug)]
pub struct Resource {
    /// Name in request documents.
    pub name: &'static str,
    /// Name of the row class; empty if there is no cmdlet for the rows.
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
    /// Path of the list of one parent; `{id}` is the parent's id.
    pub parent_path: Option<&'static str>,
    /// Path of one item; `{id}` is its id.
    pub item_path: Option<&'static str>,
    /// Query parameters of every request, such as `api-version`.
    pub query: &'static [(&'static str, &'static str)],
    /// Headers of every request, besides those that every API gets.
    pub headers: &'static [(&'static str, &'static str)],
    /// Member of the answer that holds the list.
    pub list_member: &'static str,
    /// How the pages follow each other.
    pub paging: Paging,
    /// How a list with links goes on after a full page that has none.
    pub without_link: WithoutLink,
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
    /// True if the service answers 404 for an empty list.
    pub not_found_is_empty: bool,
    /// Columns, in the order of the batches. The last one is [`ADDITIONAL`].
    pub columns: &'static [Column],
    /// Columns of the default table, after the tenant.
    pub table: &'static [TableColumn],
    /// The cmdlet that reads it.
    pub cmdlet: Cmdlet,
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
        item_path: None,
        query: &[],
        headers: &[],
        list_member: "value",
        paging: Paging::Single,
        without_link: WithoutLink::Unknown,
        max_top: None,
        quota: Quota::Unpublished,
        probe: None,
        permissions: &[],
        filter: Filter::None,
        not_found_is_empty: false,
        columns: &[],
        table: &[],
        cmdlet: Cmdlet::None,
    };
}

/// How a list is requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET, without a body.
    Get,
    /// POST of this JSON document. The request only reads, so it is safe to repeat.
    Post(&'static str),
}

/// How the pages of a list follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paging {
    /// Follow the link to the next page while there is one.
    NextLink {
        /// Member of the answer that holds the link.
        member: LinkMember,
        /// How the query says how many rows a page has.
        page_size: Option<PageSize>,
    },
    /// `$top` rows at a time, each page after `$skip` more, until a page has fewer.
    Skip {
        /// Rows per page.
        top: u32,
    },
    /// The answer holds a token, which the body of the next request carries: `options.$skipToken` of Azure Resource
    /// Graph.
    SkipToken,
    /// One answer holds everything.
    Single,
}

/// How a list goes on after a full page without a link. Some services leave out the link although there is more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutLink {
    /// Not known: a warning says that rows may be missing.
    Unknown,
    /// The same request with a larger `$skip`.
    Skip,
    /// The rows from the time of the last one on: the list is sorted by this field, and filtered by it.
    TimeWindow(&'static str),
}

impl Paging {
    /// OData's rule, without a parameter for the page size.
    pub const ODATA: Paging = Paging::NextLink { member: LinkMember::OData, page_size: None };
    /// The rule of Azure Resource Manager.
    pub const ARM: Paging = Paging::NextLink { member: LinkMember::Arm, page_size: None };
}

/// Member of an answer that holds the link to the next page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkMember {
    /// `@odata.nextLink`.
    OData,
    /// `nextLink`, of Azure Resource Manager.
    Arm,
}

impl LinkMember {
    /// Name of the member.
    pub fn name(self) -> &'static str {
        match self {
            LinkMember::OData => "@odata.nextLink",
            LinkMember::Arm => "nextLink",
        }
    }
}

/// The query parameter that says how many rows a page has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSize {
    /// Name of the parameter.
    pub parameter: &'static str,
    /// Rows per page without the parameter.
    pub default: u32,
    /// Largest page that the service accepts.
    pub max: u32,
}

/// Who filters a list, and by which fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// The list cannot be filtered.
    None,
    /// The service applies `$filter` to these fields.
    Service(&'static [&'static str]),
    /// The service takes no `$filter` for the list: the rows are filtered here.
    Client(&'static [&'static str]),
}

impl Filter {
    /// Fields that a filter may name.
    pub fn fields(self) -> &'static [&'static str] {
        match self {
            Filter::None => &[],
            Filter::Service(fields) | Filter::Client(fields) => fields,
        }
    }
}

/// One column of a resource.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Name: that of the property in camelCase.
    pub name: &'static str,
    /// Where the value is in the row: names of members, each inside the one before it. Empty for the member with the
    /// column's own name. Names are matched without regard to case.
    pub path: &'static [&'static str],
    /// Kind of value.
    pub kind: ColumnKind,
    /// True if the request says the value and the row does not (the machine whose list it is).
    pub from_request: bool,
    /// The order of the values, if they are the levels of a scale.
    pub scale: Option<&'static Scale>,
    /// One line for the docs.
    pub doc: &'static str,
}

impl Column {
    const fn on(mut self, scale: &'static Scale) -> Self {
        self.scale = Some(scale);
        self
    }
}

/// Levels from the lowest to the highest.
#[derive(Debug)]
pub struct Scale {
    /// Name of the C# enumeration.
    pub name: &'static str,
    /// One line for the docs.
    pub doc: &'static str,
    /// The levels, as the service writes them.
    pub levels: &'static [&'static str],
}

/// Every scale.
pub const SCALES: &[&Scale] = &[&SEVERITY, &DEVICE_VALUE, &ALERT_SEVERITY];

const SEVERITY: Scale = Scale {
    name: "Severity",
    doc: "Severity of a vulnerability; risk and exposure of a machine",
    levels: &["None", "Informational", "Low", "Medium", "High", "Critical"],
};

const DEVICE_VALUE: Scale = Scale {
    name: "DeviceValue",
    doc: "Value of a machine to the organization",
    levels: &["Low", "Normal", "High"],
};

const ALERT_SEVERITY: Scale = Scale {
    name: "AlertSeverity",
    doc: "Severity of an alert",
    levels: &["unknown", "informational", "low", "medium", "high"],
};

/// A column of the default table.
#[derive(Clone, Copy, Debug)]
pub struct TableColumn {
    /// Column.
    pub name: &'static str,
    /// Heading.
    pub heading: &'static str,
    /// Width in characters; 0 for what the other columns leave.
    pub width: u32,
}

/// The cmdlet that reads a resource.
#[derive(Clone, Copy, Debug)]
pub enum Cmdlet {
    /// A cmdlet of its own: `Get-Fdx` and the noun.
    Get {
        /// Noun without its prefix.
        noun: &'static str,
        /// Parameter that takes ids of items.
        id: Option<IdParameter>,
        /// Parameter that takes ids of parents.
        parent: Option<IdParameter>,
    },
    /// The cmdlet of another entry reads these rows if it gets ids of parents.
    PartOf {
        /// Noun of that cmdlet.
        noun: &'static str,
        /// Parameter that takes the ids.
        parent: IdParameter,
    },
    /// No cmdlet reads it. `Test-FdxConnection` checks its API with it.
    None,
}

/// A parameter that takes ids, also from objects in the pipeline.
#[derive(Clone, Copy, Debug)]
pub struct IdParameter {
    /// Name.
    pub name: &'static str,
    /// Its other names.
    pub aliases: &'static [&'static str],
    /// Properties of a piped object that hold the id, the best one first.
    pub properties: &'static [&'static str],
    /// Property of the rows that names the parent, and the properties of a piped object that hold the name.
    pub label: Option<Label>,
}

/// What a piped object is called, which no answer repeats.
#[derive(Clone, Copy, Debug)]
pub struct Label {
    /// Property of the rows, and the parameter that takes it from the pipeline.
    pub name: &'static str,
    /// One line for the docs.
    pub doc: &'static str,
    /// Other properties of a piped object that hold it.
    pub aliases: &'static [&'static str],
}

/// Width of the default tables' first column, which has the tenant: the first label of its domain, or the first block
/// of its id.
pub const TENANT_WIDTH: u32 = 9;

/// Name of the column that holds what no other column does.
pub const ADDITIONAL: &str = "additionalProperties";

/// The last column of every typed resource.
const ADDITIONAL_COLUMN: Column =
    col(ADDITIONAL, ColumnKind::Variant, "Members of the answer that have no property of their own");

const fn col(name: &'static str, kind: ColumnKind, doc: &'static str) -> Column {
    Column { name, path: &[], kind, from_request: false, scale: None, doc }
}

const fn col_at(
    name: &'static str,
    path: &'static [&'static str],
    kind: ColumnKind,
    doc: &'static str,
) -> Column {
    Column { name, path, kind, from_request: false, scale: None, doc }
}

const fn from_request(name: &'static str, doc: &'static str) -> Column {
    Column { name, path: &[], kind: ColumnKind::Dictionary, from_request: true, scale: None, doc }
}

const fn shown(name: &'static str, heading: &'static str, width: u32) -> TableColumn {
    TableColumn { name, heading, width }
}
