//! What `Test-FdxConnection` requests to see whether hunting works. It is no list, so the catalog has no entry for it.

use super::engine::Engine;
use crate::catalog::{Method, Resource};

/// Name of the check.
pub const CHECK: &str = "Hunting";

/// The cheapest query, which reads no table.
pub(crate) const PROBE: Resource = Resource {
    name: "hunting",
    family: Engine::Graph.family(),
    method: Method::Post(r#"{"Query":"print Ready = true"}"#),
    list_path: Some(Engine::Graph.path()),
    list_member: "results",
    probe: Some(&[]),
    permissions: Engine::Graph.permissions(),
    ..Resource::DEFAULT
};
