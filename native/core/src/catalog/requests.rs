//! How a resource is requested: method, pages, limits, filters.

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
    /// The service applies `$filter` to these fields, but not reliably: the rows are filtered again here.
    Verified(&'static [&'static str]),
    /// The service takes no `$filter` for the list: the rows are filtered here.
    Client(&'static [&'static str]),
}

impl Filter {
    /// Fields that a filter may name.
    pub fn fields(self) -> &'static [&'static str] {
        match self {
            Filter::None => &[],
            Filter::Service(fields) | Filter::Verified(fields) | Filter::Client(fields) => fields,
        }
    }
}

/// What `-Since` does to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// There is no such parameter.
    None,
    /// The rows whose field has that time or a later one.
    Field(&'static str),
    /// A parameter of the query, which the service needs.
    Query {
        /// Its name.
        parameter: &'static str,
        /// How long ago the time may be, in days.
        days: u32,
    },
}

/// Where the parents of a list come from if the request names no parent.
#[derive(Clone, Copy, Debug)]
pub struct Parents {
    /// Resource that lists them.
    pub resource: &'static str,
    /// Member of its rows that holds the id.
    pub member: &'static str,
}
