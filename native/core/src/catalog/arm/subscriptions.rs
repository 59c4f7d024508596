//! Azure subscriptions that the app may read.

use crate::catalog::ColumnKind::{Dictionary, Text, Variant};
use crate::catalog::cmdlets::IdParameter;
use crate::catalog::columns::{ADDITIONAL_COLUMN, col, col_at, shown};
use crate::catalog::{Cmdlet, Paging, Parents, Quota, Resource};
use crate::cloud::Family;

pub(crate) const RESOURCE: Resource = Resource {
    name: "subscriptions",
    class: "Subscription",
    doc: "Azure subscriptions that the app may read",
    reference: "https://learn.microsoft.com/rest/api/resources/subscriptions/list",
    family: Family::Arm,
    list_path: Some("/subscriptions"),
    query: &[("api-version", "2022-12-01")],
    paging: Paging::ARM,
    quota: Quota::Arm,
    probe: Some(&[]),
    columns: &[
        col("id", Text, "Resource id"),
        col("subscriptionId", Text, "Subscription id"),
        col("displayName", Text, "Name"),
        col("state", Dictionary, "Enabled, Disabled, Deleted, PastDue, Warned"),
        col_at("subscriptionTenantId", &["tenantId"], Dictionary, "Tenant that the subscription belongs to"),
        col("authorizationSource", Dictionary, "What gives access, such as RoleBased"),
        col("managedByTenants", Variant, "Tenants that manage the subscription (Azure Lighthouse)"),
        col("subscriptionPolicies", Variant, "Policies: locationPlacementId, quotaId, spendingLimit"),
        col("tags", Variant, "Tags"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("displayName", "Name", 0),
        shown("subscriptionId", "SubscriptionId", 36),
        shown("state", "State", 8),
    ],
    cmdlet: Some(Cmdlet::get("Subscription")),
    ..Resource::DEFAULT
};

/// Every subscription that the app may read.
pub(super) const ALL: Parents = Parents { resource: "subscriptions", member: "subscriptionId" };

/// Ids of subscriptions.
pub(super) const SUBSCRIPTION_ID: IdParameter = IdParameter {
    name: "SubscriptionId",
    aliases: &[],
    properties: &[],
    takes_text: false,
    label: None,
    doc: "Reads these Azure subscriptions, instead of all that the app may read. Subscriptions are accepted from the \
          pipeline, from Get-FdxSubscription.",
};
