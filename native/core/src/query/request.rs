//! The request documents, and the checks that need no network.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::{DeserializeOwned, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

pub(crate) use self::options::Options;
use crate::catalog::{self, Filter, PageSize, Paging, Resource, Since};
use crate::cloud::Family;
use crate::dataset::{
    ExportDocument, ExportRequest, ImportDocument, ImportRequest, SendDocument, SendRequest,
};
use crate::diagnose::check::CheckTarget;
use crate::diagnose::consent::Consent;
use crate::errors::{Error, Result, excerpt};
use crate::errors::{
    INVALID_FILTER_SETTING, INVALID_METHOD, INVALID_PAGE_SIZE, INVALID_RESOURCE, PARAMETER_MISFIT,
};
use crate::http::CONNECTIONS_PER_HOST;
use crate::hunting;
use crate::hunting::document::{Hunting, HuntingDocument};
use crate::read::filter::RowFilter;
use crate::read::pace::Readers;
use crate::report::{Report, ReportDocument};
use crate::settings::{Environment, Settings, Tenant, each_once, misfit, parse_document};

/// Tenants worked on at a time unless the request says otherwise. A tenant uses two hosts in turn, Entra's and the
/// API's, so twice as many as a host gets connections keep both busy. More would wait.
const DEFAULT_THROTTLE_LIMIT: usize = 2 * CONNECTIONS_PER_HOST;
/// Bodies read at a time unless the request says how many tenants: the others wait for answers, which takes no memory.
const DEFAULT_READERS: Readers = Readers { first: 3, most: 8 };

/// A request document after its checks.
#[derive(Debug)]
pub(crate) struct QueryRequest {
    pub(crate) environment: Option<Environment>,
    /// How long the command has waited so far, in other queries.
    pub(crate) waited: Duration,
    pub(crate) tenants: Vec<Tenant>,
    pub(crate) throttle_limit: usize,
    pub(crate) readers: Readers,
    pub(crate) first: Option<u64>,
    pub(crate) work: Work,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) enum Work {
    Rows(RowsRequest),
    Call(ApiCall),
    Hunting(Box<Hunting>),
    /// Whole lists into files.
    Export(Arc<ExportRequest>),
    /// Rows from such files.
    Import(Arc<ImportRequest>),
    /// Rows of anybody's own, to a service.
    Send(Arc<SendRequest>),
    /// Counts of rows, as a page.
    Report(Arc<Report>),
    Token {
        scope: String,
        force: bool,
    },
    Tokens,
    /// Checks of the connection, and of each tenant for these targets.
    Check(Arc<[CheckTarget]>),
    /// What a text or code says.
    Explain(String),
    /// Addresses for an administrator's consent.
    Consent(Consent),
}

impl Work {
    /// How long it may take.
    pub(crate) fn time_limit(&self) -> Option<Duration> {
        match self {
            Work::Export(request) => request.time_limit,
            _ => None,
        }
    }

    /// Whether it reads what an export wrote.
    pub(crate) fn reads_files(&self) -> bool {
        match self {
            Work::Import(_) => true,
            Work::Report(report) => report.source.is_some(),
            _ => false,
        }
    }

    /// Whether it does something in each tenant.
    pub(crate) fn reads_tenants(&self) -> bool {
        match self {
            Work::Tokens | Work::Explain(_) | Work::Consent(_) | Work::Import(_) | Work::Send(_) => false,
            Work::Report(report) => report.source.is_none(),
            Work::Check(targets) => !targets.is_empty(),
            Work::Rows(_) | Work::Call(_) | Work::Hunting(_) | Work::Export(_) | Work::Token { .. } => true,
        }
    }

    /// What it reads, for the summary.
    pub(crate) fn resource(&self) -> &str {
        match self {
            Work::Rows(rows) => rows.resource.name,
            Work::Import(import) => import.dataset.resource.name,
            Work::Call(call) => &call.path,
            Work::Hunting(_) => hunting::CHECK,
            _ => "",
        }
    }

    /// Whether the answer is often there without a request to any service.
    pub(crate) fn is_often_ready(&self) -> bool {
        matches!(self, Work::Token { .. } | Work::Tokens | Work::Explain(_) | Work::Consent(_))
    }
}

/// Rows of a resource of the catalog.
#[derive(Debug, Clone)]
pub(crate) struct RowsRequest {
    pub(crate) resource: &'static Resource,
    /// For the service.
    pub(crate) filter: Option<String>,
    /// Applied here, where the service has no filter.
    pub(crate) row_filter: Option<Arc<RowFilter>>,
    pub(crate) id: Option<String>,
    pub(crate) parent_ids: Vec<String>,
    pub(crate) page_size: Option<u32>,
    /// The oldest time wanted, where the service takes that in a parameter.
    pub(crate) since: Option<String>,
    pub(crate) options: Options,
    pub(crate) raw: bool,
}

/// A request of any path.
#[derive(Debug, Clone)]
pub(crate) struct ApiCall {
    pub(crate) family: Family,
    pub(crate) method: reqwest::Method,
    pub(crate) path: String,
    pub(crate) body: Option<String>,
    pub(crate) paging: bool,
    pub(crate) raw: bool,
}

/// What every request document has.
#[derive(Deserialize)]
struct Document {
    kind: Kind,
    environment: Option<Environment>,
    #[serde(rename = "waitedMs", default)]
    waited_ms: u64,
    tenants: Option<Vec<Tenant>>,
    /// What belongs to the kind.
    #[serde(flatten)]
    members: Members,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Kind {
    Rows,
    Request,
    Hunting,
    Export,
    Import,
    Send,
    Report,
    Token,
    Tokens,
    Check,
    Explain,
    Consent,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RowsDocument {
    throttle_limit: Option<usize>,
    first: Option<u64>,
    #[serde(default)]
    raw: bool,
    resource: String,
    filter: Option<String>,
    id: Option<String>,
    parent_ids: Option<Vec<String>>,
    page_size: Option<u32>,
    since: Option<String>,
    #[serde(default)]
    options: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CallDocument {
    throttle_limit: Option<usize>,
    first: Option<u64>,
    #[serde(default)]
    raw: bool,
    family: Option<Family>,
    method: Option<String>,
    path: String,
    body: Option<String>,
    paging: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TokenDocument {
    throttle_limit: Option<usize>,
    resource: Option<String>,
    #[serde(default)]
    force: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokensDocument {}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CheckDocument {
    throttle_limit: Option<usize>,
    resources: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExplainDocument {
    text: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ConsentDocument {
    redirect_uri: Option<String>,
    state: Option<String>,
}

/// The members of a document, none of them twice.
struct Members(Map<String, Value>);

impl Members {
    /// The members as what the kind has; any other member is an error.
    fn read<T: DeserializeOwned>(self, kind: Kind) -> Result<T> {
        T::deserialize(Value::Object(self.0)).map_err(|e| misfit(&format!("{kind:?} request"), &e))
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Members, A::Error> {
                let mut members = Map::new();
                while let Some((name, value)) = access.next_entry::<String, Value>()? {
                    if members.insert(name.clone(), value).is_some() {
                        return Err(A::Error::custom(format!("duplicate field `{}`", excerpt(&name, 40))));
                    }
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

impl QueryRequest {
    /// Reads and checks a request document. `destination` has the cloud of the storage account that an export writes
    /// to, or an import reads.
    pub(crate) fn parse(document: &str, settings: &Settings, destination: &Settings) -> Result<Self> {
        let Document { kind, environment, waited_ms, tenants, members } =
            parse_document(document, "request")?;
        let (mut throttle_limit, mut first) = (None, None);
        let work = match kind {
            Kind::Rows => {
                let document: RowsDocument = members.read(kind)?;
                (throttle_limit, first) = (document.throttle_limit, document.first);
                Work::Rows(rows(document)?)
            }
            Kind::Request => {
                let document: CallDocument = members.read(kind)?;
                (throttle_limit, first) = (document.throttle_limit, document.first);
                Work::Call(call(document)?)
            }
            Kind::Hunting => {
                let document: HuntingDocument = members.read(kind)?;
                (throttle_limit, first) = (document.throttle_limit, document.first);
                Work::Hunting(Box::new(Hunting::of(document)?))
            }
            Kind::Export => {
                let document: ExportDocument = members.read(kind)?;
                throttle_limit = document.throttle_limit;
                Work::Export(Arc::new(ExportRequest::of(document, destination)?))
            }
            Kind::Import => {
                let document: ImportDocument = members.read(kind)?;
                first = document.first;
                Work::Import(Arc::new(ImportRequest::of(&document, destination)?))
            }
            Kind::Send => {
                let document: SendDocument = members.read(kind)?;
                Work::Send(Arc::new(SendRequest::of(document, destination)?))
            }
            Kind::Report => {
                let document: ReportDocument = members.read(kind)?;
                throttle_limit = document.throttle_limit;
                Work::Report(Arc::new(Report::of(&document, destination)?))
            }
            Kind::Token => {
                let document: TokenDocument = members.read(kind)?;
                throttle_limit = document.throttle_limit;
                Work::Token { scope: scope(document.resource.as_deref(), settings)?, force: document.force }
            }
            Kind::Tokens => {
                let TokensDocument {} = members.read(kind)?;
                Work::Tokens
            }
            Kind::Check => {
                let document: CheckDocument = members.read(kind)?;
                throttle_limit = document.throttle_limit;
                Work::Check(
                    document.resources.iter().map(|name| CheckTarget::parse(name)).collect::<Result<_>>()?,
                )
            }
            Kind::Explain => {
                let document: ExplainDocument = members.read(kind)?;
                Work::Explain(document.text)
            }
            Kind::Consent => {
                let ConsentDocument { redirect_uri, state } = members.read(kind)?;
                Work::Consent(Consent { redirect_uri, state })
            }
        };
        let throttle_limit = throttle_limit.map(|limit| limit.clamp(1, 256));
        Ok(QueryRequest {
            environment,
            waited: Duration::from_millis(waited_ms),
            // A folder says which tenants it has.
            tenants: match (&work, &tenants) {
                (work, None) if work.reads_files() || matches!(work, Work::Send(_)) => Vec::new(),
                _ => self::tenants(tenants.as_deref().unwrap_or_default(), settings)?,
            },
            throttle_limit: throttle_limit.unwrap_or(DEFAULT_THROTTLE_LIMIT),
            readers: throttle_limit.map_or(DEFAULT_READERS, |limit| Readers { first: limit, most: limit }),
            first,
            work,
        })
    }
}

/// The tenants that a request is for, each once; the connection's unless it names its own.
fn tenants(named: &[Tenant], settings: &Settings) -> Result<Vec<Tenant>> {
    let mut tenants = if named.is_empty() {
        settings.tenants.clone()
    } else {
        named.iter().map(Tenant::checked).collect::<Result<Vec<_>>>()?
    };
    // What the connection calls a tenant holds for its queries.
    for tenant in tenants.iter_mut().filter(|tenant| tenant.name.is_none()) {
        let known = settings.tenants.iter().find(|known| known.id == tenant.id);
        tenant.name = known.and_then(|known| known.name.clone());
    }
    let mut tenants = each_once(tenants);
    if tenants.is_empty() && settings.client_id.is_none() {
        tenants.push(Tenant::home());
    }
    Ok(tenants)
}

fn rows(document: RowsDocument) -> Result<RowsRequest> {
    let name = &document.resource;
    let resource = catalog::resource(name)
        .filter(|resource| !resource.columns.is_empty())
        .ok_or_else(|| Error::invalid_argument(&format!("there is no resource '{}'", excerpt(name, 80))))?;
    check_members(&document, resource)?;
    let options = Options::read(&document.options, resource)?;
    if let Some(filter) = &document.filter {
        check_filter(filter, resource)?;
    }
    let filter = options::with_since(document.filter, document.since.as_deref(), resource)?;
    let mut row_filter = None;
    if let (Some(filter), Filter::Client(fields) | Filter::Verified(fields)) = (&filter, resource.filter) {
        let parsed = RowFilter::parse(filter, fields);
        let parsed = parsed.map_err(|why| invalid_filter(filter, resource, &why))?;
        row_filter = Some(Arc::new(parsed));
    }
    if document.page_size.is_some() && options.reads_files {
        return Err(Error::invalid_argument("the member 'pageSize' does not apply to files"));
    }
    if let (Some(size), Paging::NextLink { page_size: Some(PageSize { max, .. }), .. }) =
        (document.page_size, resource.paging)
        && !(1..=max).contains(&size)
    {
        return Err(INVALID_PAGE_SIZE
            .error(format!("the service has no pages of {size} rows"))
            .fill("max", max.to_string()));
    }
    Ok(RowsRequest {
        resource,
        filter: filter.filter(|_| !matches!(resource.filter, Filter::Client(_))),
        row_filter,
        id: document.id,
        parent_ids: document.parent_ids.unwrap_or_default(),
        page_size: document.page_size,
        since: document.since.filter(|_| matches!(resource.since, Since::Query { .. })),
        options,
        raw: document.raw,
    })
}

/// Each member must mean something to the resource, and to what else was given: a member that is ignored would give
/// other rows than those asked for.
fn check_members(document: &RowsDocument, resource: &Resource) -> Result<()> {
    let by_id = document.id.is_some();
    let is_paged = matches!(resource.paging, Paging::NextLink { page_size: Some(_), .. });
    let members = [
        ("id", by_id, resource.item_path.is_some()),
        ("filter", document.filter.is_some(), !resource.filter.fields().is_empty() && !by_id),
        ("parentIds", document.parent_ids.is_some(), resource.parent_path.is_some() && !by_id),
        ("pageSize", document.page_size.is_some(), is_paged && !by_id),
        ("options", !document.options.is_empty(), !resource.options().is_empty()),
        ("since", document.since.is_some(), resource.since != Since::None && !by_id),
    ];
    if let Some((name, ..)) = members.iter().find(|(_, is_given, applies)| *is_given && !applies) {
        let with = if by_id && *name != "id" { " with an 'id'" } else { "" };
        let what = |name: &str| format!("'{name}' does not apply to the resource '{}'{with}", resource.name);
        return Err(match *name {
            // What cmdlets let people combine.
            "filter" | "since" => PARAMETER_MISFIT.error(what(name)),
            "options" => {
                let option = document.options.keys().next().map_or("options", String::as_str);
                PARAMETER_MISFIT.error(what(option))
            }
            _ => Error::invalid_argument(&format!("the member {}", what(name))),
        });
    }
    let has_parents = document.parent_ids.as_ref().is_some_and(|ids| !ids.is_empty());
    let has_list = resource.list_path.is_some() || resource.parents.is_some();
    if let (Since::Query { .. }, None) = (resource.since, &document.since) {
        let message = format!("the resource '{}' needs the member 'since'", resource.name);
        return Err(Error::invalid_argument(&message));
    }
    if !has_list && !by_id && !has_parents {
        let message =
            format!("the resource '{}' needs the member 'parentIds' with at least one id", resource.name);
        return Err(Error::invalid_argument(&message));
    }
    Ok(())
}

/// The service tells what is wrong with a filter badly or not at all, so what can be seen here is told here.
fn check_filter(filter: &str, resource: &Resource) -> Result<()> {
    let invalid = |why: &str| Err(invalid_filter(filter, resource, why));
    if filter.trim().is_empty() {
        return invalid("is empty");
    }
    let (mut quoted, mut depth) = (false, 0_i32);
    for c in filter.chars() {
        match c {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            break;
        }
    }
    if quoted {
        return invalid("has a quote that is not closed");
    }
    if depth != 0 {
        return invalid("has brackets that do not match");
    }
    Ok(())
}

fn invalid_filter(filter: &str, resource: &Resource, why: &str) -> Error {
    let fields = resource.filter.fields();
    INVALID_FILTER_SETTING
        .error(format!("the filter {why}: {}", excerpt(filter, 200)))
        .fill("example", fields.first().copied().unwrap_or_default())
        .fill("fields", fields.join(", "))
}

fn call(document: CallDocument) -> Result<ApiCall> {
    let method = document.method.as_deref().unwrap_or("GET").to_ascii_uppercase();
    let known = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];
    let method = known
        .contains(&method.as_str())
        .then(|| reqwest::Method::from_bytes(method.as_bytes()).ok())
        .flatten();
    Ok(ApiCall {
        family: document.family.unwrap_or(Family::Defender),
        method: method.ok_or_else(|| INVALID_METHOD.error(INVALID_METHOD.cause))?,
        path: document.path,
        body: document.body,
        paging: document.paging.unwrap_or(true),
        raw: document.raw,
    })
}

/// `Defender`, `Graph` and so on mean the family's scope; anything else is a scope or a resource URI itself.
fn scope(resource: Option<&str>, settings: &Settings) -> Result<String> {
    let resource = resource.unwrap_or(Family::Defender.name()).trim();
    if let Some(family) = Family::from_name(resource) {
        return Ok(settings.target(family)?.scope.into_owned());
    }
    let is_uri =
        resource.split_once("://").is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty());
    if !(is_uri || crate::settings::is_guid(resource)) || resource.contains(char::is_whitespace) {
        return Err(INVALID_RESOURCE
            .error(format!("'{}' is neither a known resource nor a URI", excerpt(resource, 120))));
    }
    Ok(crate::cloud::scope_of(resource))
}

mod options;
#[cfg(test)]
mod tests;
