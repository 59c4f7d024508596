//! What a list of pages is requested with.

use bytes::Bytes;
use reqwest::Method;
use url::Url;

use super::address;
use super::splitter::{Envelope, Shape};
use crate::catalog::{self, Paging, Quota, Resource, WithoutLink};
use crate::cloud::Family;
use crate::errors::{Error, Result};
use crate::settings::Settings;

/// Path of Azure Resource Graph's query, in lower case. The request only reads.
/// <https://learn.microsoft.com/azure/governance/resource-graph/concepts/work-with-data>
const RESOURCE_GRAPH: &str = "/providers/microsoft.resourcegraph/resources";
/// Rows of the largest page of most lists of Defender for Endpoint.
const FULL_PAGE: Option<u32> = Some(10_000);
/// How the addresses of hunting queries end, in lower case: of Graph, of Defender XDR, of Defender for Endpoint.
const HUNTING: [&str; 3] = ["/security/runhuntingquery", "/advancedhunting/run", "/advancedqueries/run"];

/// One read: the first page, and how the others follow.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own about the resource")]
pub(crate) struct Plan {
    pub(crate) family: Family,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: &'static [(&'static str, &'static str)],
    pub(crate) body: Option<Bytes>,
    pub(crate) envelope: Envelope,
    pub(crate) paging: Paging,
    /// Rows of the largest page, if known: one that is full and has no link may not be the end of the list.
    pub(crate) full_page: Option<u32>,
    /// How the list goes on after such a page.
    pub(crate) without_link: WithoutLink,
    /// Member that tells rows apart.
    pub(crate) key: &'static str,
    /// What the service counts the requests with.
    pub(crate) quota: Quota,
    /// Whether a repeated request does no more than the first one.
    pub(crate) repeatable: bool,
    pub(crate) not_found_is_empty: bool,
    /// A hunting query: its answer describes its columns, and it is refused in ways of its own.
    pub(crate) is_hunting: bool,
    /// Whether an element of the list may hold a list of rows, under the list's name.
    pub(crate) nested: bool,
    /// Permissions, any of which is enough; empty when not known.
    pub(crate) permissions: &'static [&'static str],
    /// Fields that a filter may use, when there is one.
    pub(crate) filter_fields: Option<&'static [&'static str]>,
}

/// Which rows of a resource are read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scope<'a> {
    /// The tenant's list.
    List,
    /// The list of the parent with this id; the time is for the resources that need one.
    Parent(&'a str, &'a str),
    /// The item with this id.
    Item(&'a str),
}

impl Plan {
    /// A read of a resource of the catalog. `query` is added to what the resource always needs.
    pub(crate) fn of(
        settings: &Settings,
        resource: &'static Resource,
        scope: Scope<'_>,
        query: &[(&str, String)],
    ) -> Result<Plan> {
        let path = match scope {
            Scope::List => resource.list_path.map(|path| Ok(path.to_owned())),
            Scope::Parent(id, time) => {
                resource.parent_path.map(|path| address::with_id(&path.replace("{time}", time), id))
            }
            Scope::Item(id) => resource.item_path.map(|path| address::with_id(path, id)),
        };
        let path = path.ok_or_else(|| {
            Error::invalid_argument(&format!("the resource '{}' cannot be read like this", resource.name))
        })??;
        let parent = if let Scope::Parent(id, _) = scope { id } else { "" };
        let fixed = resource.query.iter().map(|&(name, value)| (name, value.replace("{id}", parent)));
        let mut query: Vec<_> = fixed.chain(query.iter().cloned()).collect();
        let is_item = matches!(scope, Scope::Item(_));
        let body = match resource.method {
            catalog::Method::Post(body) if !is_item => {
                let id = serde_json::Value::from(parent).to_string();
                Some(Bytes::from(body.replace("\"{id}\"", &id)))
            }
            _ => None,
        };
        let paging = if is_item || resource.single { Paging::Single } else { resource.paging };
        if let Paging::Skip { top } = paging
            && !query.iter().any(|(name, _)| *name == "$top")
        {
            query.push(("$top", top.to_string()));
        }
        if let (WithoutLink::TimeWindow(field), Scope::List, Some(top)) =
            (resource.without_link, scope, resource.max_top)
            && !query.iter().any(|(name, _)| *name == "$top")
        {
            query.extend([("$top", top.to_string()), ("$orderby", format!("{field} asc"))]);
        }
        let shape = match (resource.single, is_item) {
            // A list of one, or the one.
            (true, _) => Shape::Any,
            (false, true) => Shape::Entity,
            (false, false) => Shape::List,
        };
        Ok(Plan {
            family: resource.family,
            method: if body.is_some() { Method::POST } else { Method::GET },
            url: address::build(settings, resource.family, &path, &query)?,
            headers: resource.headers,
            body,
            envelope: Envelope::of(shape, resource.list_member, paging),
            paging,
            full_page: resource.max_top.filter(|_| !is_item),
            without_link: resource.without_link,
            key: resource.key,
            quota: resource.quota,
            repeatable: true,
            not_found_is_empty: resource.not_found_is_empty && !is_item,
            is_hunting: false,
            nested: resource.nested,
            permissions: resource.permissions,
            filter_fields: None,
        })
    }

    /// A request of any address: its answer may be a list or a single value.
    pub(crate) fn of_address(
        family: Family,
        method: Method,
        url: Url,
        body: Option<String>,
        follow: bool,
    ) -> Plan {
        let is_resource_graph = family == Family::Arm
            && method == Method::POST
            && url.path().to_ascii_lowercase().ends_with(RESOURCE_GRAPH);
        let paging = match family {
            _ if !follow => Paging::Single,
            _ if is_resource_graph => Paging::SkipToken,
            Family::Arm => Paging::ARM,
            Family::Defender | Family::Xdr | Family::Graph => Paging::ODATA,
        };
        let has_top = url.query_pairs().any(|(name, _)| name.eq_ignore_ascii_case("$top"));
        let known = catalog::RESOURCES.iter().find(|resource| {
            resource.family == family
                && resource.list_path.is_some_and(|path| path.eq_ignore_ascii_case(url.path()))
        });
        let full_page = known.map_or(FULL_PAGE.filter(|_| family == Family::Defender), |known| known.max_top);
        let without_link = match known.map(|known| known.without_link) {
            Some(WithoutLink::Skip) => WithoutLink::Skip,
            // The order is the caller's.
            _ => WithoutLink::Unknown,
        };
        let quota = if is_resource_graph { Quota::ResourceGraph } else { quota(family, url.path()) };
        Plan {
            family,
            url,
            quota,
            repeatable: is_resource_graph || matches!(method, Method::GET | Method::HEAD),
            method,
            headers: &[],
            body: body.map(Bytes::from),
            envelope: Envelope::of(Shape::Any, if is_resource_graph { "data" } else { "value" }, paging),
            paging,
            // A caller's $top says how many rows there are to be.
            full_page: full_page.filter(|_| !has_top),
            without_link,
            key: known.map_or(Resource::DEFAULT.key, |known| known.key),
            not_found_is_empty: false,
            is_hunting: false,
            nested: false,
            permissions: &[],
            filter_fields: None,
        }
    }

    /// A cheap request that shows whether the resource can be read; `None` if it takes the id of a parent.
    pub(crate) fn probe(settings: &Settings, resource: &'static Resource) -> Option<Result<Plan>> {
        let query: Vec<_> = resource.probe?.iter().map(|&(name, value)| (name, value.to_owned())).collect();
        let plan = Plan::of(settings, resource, Scope::List, &query);
        Some(plan.map(|plan| Plan { paging: Paging::Single, ..plan }))
    }

    /// Method, path and query, for people.
    pub(crate) fn request_line(&self) -> String {
        let query = self.url.query().map_or_else(String::new, |query| format!("?{query}"));
        format!("{} {}{query}", self.method, self.url.path())
    }
}

/// What a service counts a request of this path with: as the catalog says, or what most of the API's requests have.
fn quota(family: Family, path: &str) -> Quota {
    let path = path.to_ascii_lowercase();
    if HUNTING.iter().any(|hunting| path.ends_with(hunting)) {
        return Quota::Hunting;
    }
    // The version in a path of Defender is optional.
    let path = path.replacen("/api/v1.0/", "/api/", 1);
    let of_family = || catalog::RESOURCES.iter().filter(|resource| resource.family == family);
    let list = of_family().find(|resource| resource.list_path.is_some_and(|list| is_of(list, &path)));
    let known = list.or_else(|| {
        of_family().find(|resource| {
            [resource.parent_path, resource.item_path].into_iter().flatten().any(|known| is_of(known, &path))
        })
    });
    known.map_or_else(
        || match family {
            Family::Defender => Quota::Defender,
            Family::Xdr => Quota::Xdr,
            Family::Graph => Quota::Unpublished,
            Family::Arm => Quota::Arm,
        },
        |resource| resource.quota,
    )
}

/// Whether a path is one of the catalog, with any id.
fn is_of(known: &str, path: &str) -> bool {
    let (mut known, mut path) = (known.split('/'), path.split('/'));
    loop {
        match (known.next(), path.next()) {
            (None, None) => return true,
            (Some("{id}"), Some(_)) => {}
            (Some(known), Some(part)) if known.eq_ignore_ascii_case(part) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_path_has_the_quota_of_its_entry_or_of_most_requests_of_its_api() {
        for (family, path, expected) in [
            (Family::Defender, "/api/machines", Quota::Defender),
            (Family::Defender, "/api/v1.0/Machines/abc/Vulnerabilities", Quota::DefenderMachine),
            (Family::Defender, "/api/machines/SoftwareVulnerabilitiesByMachine", Quota::DefenderExport),
            (Family::Defender, "/api/somethingElse", Quota::Defender),
            (Family::Defender, "/api/advancedqueries/run", Quota::Hunting),
            (Family::Xdr, "/api/advancedhunting/run", Quota::Hunting),
            (Family::Xdr, "/api/incidents/7", Quota::Xdr),
            (Family::Graph, "/v1.0/security/runHuntingQuery", Quota::Hunting),
            (Family::Graph, "/v1.0/users", Quota::Unpublished),
            (Family::Arm, "/subscriptions/x/providers/y", Quota::Arm),
        ] {
            assert_eq!(quota(family, path), expected, "{family:?} {path}");
        }
    }
}
