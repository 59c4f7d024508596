//! Azure subscriptions that the app may read.

use crate::catalog::{Paging, Quota, Resource};
use crate::cloud::Family;

pub(crate) const RESOURCE: Resource = Resource {
    name: "subscriptions",
    doc: "Azure subscriptions that the app may read",
    reference: "https://learn.microsoft.com/rest/api/resources/subscriptions/list",
    family: Family::Arm,
    list_path: Some("/subscriptions"),
    query: &[("api-version", "2022-12-01")],
    paging: Paging::ARM,
    quota: Quota::Arm,
    probe: Some(&[]),
    ..Resource::DEFAULT
};
