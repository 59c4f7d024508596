//! The request documents, and the checks that need no network.

use std::sync::Arc;

use serde::Deserialize;

use crate::catalog::{self, Paging, Resource};
use crate::cloud::Family;
use crate::diagnose::check::CheckTarget;
use crate::diagnose::consent::Consent;
use crate::errors::{Error, Result, excerpt};
use crate::errors::{INVALID_FILTER_SETTING, INVALID_METHOD, INVALID_PAGE_SIZE, INVALID_RESOURCE};
use crate::http::CONNECTIONS_PER_HOST;
use crate::settings::{Environment, Settings, check_tenant, parse_document};

/// Tenants worked on at a time unless the request says otherwise: as many as a host gets connections. More would wait.
const DEFAULT_THROTTLE_LIMIT: usize = CONNECTIONS_PER_HOST;

/// A request document after its checks.
#[derive(Debug)]
pub(crate) struct QueryRequest {
    pub(crate) environment: Option<Environment>,
    pub(crate) tenants: Vec<String>,
    pub(crate) throttle_limit: usize,
    pub(crate) first: Option<u64>,
    pub(crate) work: Work,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) enum Work {
    Rows(RowsRequest),
    Call(ApiCall),
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

/// Rows of a resource of the catalog.
#[derive(Debug, Clone)]
pub(crate) struct RowsRequest {
    pub(crate) resource: &'static Resource,
    pub(crate) filter: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) machine_ids: Vec<String>,
    pub(crate) page_size: Option<u32>,
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    kind: RequestKind,
    environment: Option<Environment>,
    tenants: Option<Vec<String>>,
    throttle_limit: Option<usize>,
    first: Option<u64>,
    resource: Option<String>,
    filter: Option<String>,
    id: Option<String>,
    machine_ids: Option<Vec<String>>,
    page_size: Option<u32>,
    #[serde(default)]
    raw: bool,
    family: Option<Family>,
    method: Option<String>,
    path: Option<String>,
    body: Option<String>,
    paging: Option<bool>,
    #[serde(default)]
    force: bool,
    resources: Option<Vec<String>>,
    text: Option<String>,
    redirect_uri: Option<String>,
    state: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum RequestKind {
    Rows,
    Request,
    Token,
    Tokens,
    Check,
    Explain,
    Consent,
}

impl QueryRequest {
    /// Reads and checks a request document.
    pub(crate) fn parse(document: &str, settings: &Settings) -> Result<Self> {
        let document: Document = parse_document(document, "request")?;
        let work = match document.kind {
            RequestKind::Rows => Work::Rows(rows(&document)?),
            RequestKind::Request => Work::Call(call(&document)?),
            RequestKind::Token => Work::Token { scope: scope(&document, settings)?, force: document.force },
            RequestKind::Tokens => Work::Tokens,
            RequestKind::Check => Work::Check(targets(&document)?),
            RequestKind::Consent => Work::Consent(Consent {
                redirect_uri: document.redirect_uri.clone(),
                state: document.state.clone(),
            }),
            RequestKind::Explain => Work::Explain(document.text.clone().ok_or_else(|| missing("text"))?),
        };
        let mut tenants = match document.tenants {
            Some(tenants) if !tenants.is_empty() => {
                tenants.iter().map(|tenant| check_tenant(tenant)).collect::<Result<Vec<_>>>()?
            }
            _ => settings.tenants.clone(),
        };
        let mut known = std::collections::HashSet::new();
        tenants.retain(|tenant| known.insert(tenant.clone()));
        if settings.client_id.is_none() {
            // The identity's own token is for its home tenant, whatever name that has.
            tenants.truncate(1);
            if tenants.is_empty() {
                tenants.push(String::new());
            }
        }
        Ok(QueryRequest {
            environment: document.environment,
            tenants,
            throttle_limit: document.throttle_limit.unwrap_or(DEFAULT_THROTTLE_LIMIT).clamp(1, 256),
            first: document.first,
            work,
        })
    }
}

fn targets(document: &Document) -> Result<Arc<[CheckTarget]>> {
    let names = document.resources.as_deref().ok_or_else(|| missing("resources"))?;
    names.iter().map(|name| CheckTarget::parse(name)).collect()
}

fn missing(member: &str) -> Error {
    Error::invalid_argument(&format!("the request document lacks '{member}'"))
}

fn rows(document: &Document) -> Result<RowsRequest> {
    let name = document.resource.as_deref().ok_or_else(|| missing("resource"))?;
    let resource = catalog::resource(name)
        .ok_or_else(|| Error::invalid_argument(&format!("there is no resource '{}'", excerpt(name, 80))))?;
    let filter = document.filter.clone();
    if let Some(filter) = &filter {
        check_filter(filter, resource)?;
    }
    if let (Some(size), Paging::NextLinkWithPageSize { max, .. }) = (document.page_size, resource.paging)
        && !(1..=max).contains(&size)
    {
        return Err(INVALID_PAGE_SIZE
            .error(format!("a page of {size} rows is not to be had"))
            .fill("max", max.to_string()));
    }
    Ok(RowsRequest {
        resource,
        filter,
        id: document.id.clone(),
        machine_ids: document.machine_ids.clone().unwrap_or_default(),
        page_size: document.page_size,
        raw: document.raw,
    })
}

/// The service tells what is wrong with a filter badly or not at all, so what can be seen here is told here.
fn check_filter(filter: &str, resource: &Resource) -> Result<()> {
    let invalid = |why: &str| {
        Err(INVALID_FILTER_SETTING
            .error(format!("the filter {why}: {}", excerpt(filter, 200)))
            .fill("example", resource.filter_fields.first().copied().unwrap_or_default())
            .fill("fields", resource.filter_fields.join(", ")))
    };
    if resource.filter_fields.is_empty() {
        return invalid("cannot be applied: this resource has none");
    }
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

fn call(document: &Document) -> Result<ApiCall> {
    let path = document.path.clone().ok_or_else(|| missing("path"))?;
    let method = document.method.as_deref().unwrap_or("GET").to_ascii_uppercase();
    let known = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];
    let method = known
        .contains(&method.as_str())
        .then(|| reqwest::Method::from_bytes(method.as_bytes()).ok())
        .flatten();
    Ok(ApiCall {
        family: document.family.unwrap_or(Family::Defender),
        method: method.ok_or_else(|| INVALID_METHOD.error(INVALID_METHOD.cause))?,
        path,
        body: document.body.clone(),
        paging: document.paging.unwrap_or(true),
        raw: document.raw,
    })
}

/// `Defender`, `Graph` and so on mean the family's scope; anything else is a scope or a resource URI itself.
fn scope(document: &Document, settings: &Settings) -> Result<String> {
    let resource = document.resource.as_deref().unwrap_or("Defender").trim();
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
