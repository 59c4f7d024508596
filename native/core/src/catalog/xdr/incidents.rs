//! Incidents of Defender XDR.

use crate::catalog::{Paging, Quota, Resource};
use crate::cloud::Family;

pub(crate) const RESOURCE: Resource = Resource {
    name: "xdrIncidents",
    doc: "Incidents of Defender XDR",
    reference: "https://learn.microsoft.com/defender-xdr/api-list-incidents",
    family: Family::Xdr,
    list_path: Some("/api/incidents"),
    paging: Paging::Skip { top: 100 },
    max_top: Some(100),
    quota: Quota::Xdr,
    probe: Some(&[("$top", "1")]),
    permissions: &["Incident.Read.All", "Incident.ReadWrite.All"],
    ..Resource::DEFAULT
};
