//! Alerts of Microsoft Graph: those of every Defender product.

use crate::catalog::{Paging, Resource};
use crate::cloud::Family;

pub(crate) const RESOURCE: Resource = Resource {
    name: "alerts",
    doc: "Alerts of every Defender product, from Microsoft Graph",
    reference: "https://learn.microsoft.com/graph/api/security-list-alerts_v2",
    family: Family::Graph,
    list_path: Some("/v1.0/security/alerts_v2"),
    paging: Paging::ODATA,
    max_top: Some(1_000),
    probe: Some(&[("$top", "1")]),
    permissions: &["SecurityAlert.Read.All", "SecurityAlert.ReadWrite.All"],
    ..Resource::DEFAULT
};
