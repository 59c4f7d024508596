//! The secure score of the tenant, and the controls that it is made of.

use crate::catalog::ColumnKind::{Bool, Dictionary, Float, Int, Text, TextList, Time, Variant};
use crate::catalog::cmdlets::item_id;
use crate::catalog::columns::{ADDITIONAL_COLUMN, col, shown};
use crate::catalog::{Cmdlet, Paging, Quota, Resource};
use crate::cloud::Family;

const READ: &[&str] = &["SecurityEvents.Read.All", "SecurityEvents.ReadWrite.All"];

pub(crate) const SCORES: Resource = Resource {
    name: "secureScores",
    class: "SecureScore",
    doc: "Secure score of the tenant, one row per day, the newest first",
    reference: "https://learn.microsoft.com/graph/api/security-list-securescores",
    family: Family::Graph,
    list_path: Some("/v1.0/security/secureScores"),
    item_path: Some("/v1.0/security/secureScores/{id}"),
    paging: Paging::ODATA,
    quota: Quota::SecureScore,
    probe: Some(&[("$top", "1")]),
    permissions: READ,
    columns: &[
        col("id", Text, "Id: tenant and day"),
        col("azureTenantId", Dictionary, "Tenant that the score is of"),
        col("createdDateTime", Time, "Day of the score"),
        col("currentScore", Float, "Points that the tenant has"),
        col("maxScore", Float, "Points that it could have"),
        col("activeUserCount", Int, "Number of active users"),
        col("licensedUserCount", Int, "Number of licensed users"),
        col("enabledServices", TextList, "Services that the score is about"),
        col("averageComparativeScores", Variant, "Average scores of other tenants, by basis"),
        col("controlScores", Variant, "Points by control"),
        col("vendorInformation", Variant, "What provides the score"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("createdDateTime", "Day", 10),
        shown("currentScore", "Score", 8),
        shown("maxScore", "Max", 8),
        shown("activeUserCount", "Users", 7),
        shown("enabledServices", "Services", 0),
    ],
    cmdlet: Some(Cmdlet::get("SecureScore").by_id(item_id(
        &["SecureScoreId"],
        &["SecureScoreId", "SecureScore.Id", "Id"],
        "Ids of scores: tenant and day. Accepted from the pipeline.",
    ))),
    ..Resource::DEFAULT
};

pub(crate) const CONTROLS: Resource = Resource {
    name: "secureScoreControls",
    class: "SecureScoreControl",
    doc: "Controls of the secure score: what they are, and what they are worth",
    reference: "https://learn.microsoft.com/graph/api/security-list-securescorecontrolprofiles",
    family: Family::Graph,
    list_path: Some("/v1.0/security/secureScoreControlProfiles"),
    item_path: Some("/v1.0/security/secureScoreControlProfiles/{id}"),
    paging: Paging::ODATA,
    quota: Quota::SecureScore,
    probe: Some(&[("$top", "1")]),
    permissions: READ,
    columns: &[
        col("id", Text, "Name of the control"),
        col("azureTenantId", Dictionary, "Tenant that the control is of"),
        col("title", Text, "Title"),
        col("controlCategory", Dictionary, "Identity, Data, Device, Apps, Infrastructure"),
        col("service", Dictionary, "Service that the control is about"),
        col("tier", Dictionary, "Core, Defense in Depth, Advanced"),
        col("rank", Int, "Rank among the controls"),
        col("maxScore", Float, "Points that it is worth"),
        col("implementationCost", Dictionary, "Low, Moderate, High"),
        col("userImpact", Dictionary, "Low, Moderate, High"),
        col("threats", TextList, "Threats that it protects from"),
        col("remediation", Text, "How to do it, in HTML"),
        col("remediationImpact", Text, "What the change affects"),
        col("actionType", Dictionary, "Config, Review, Behavior"),
        col("actionUrl", Text, "Where to do it"),
        col("deprecated", Bool, "Whether the control is no longer used"),
        col("lastModifiedDateTime", Time, "When the control changed"),
        col("complianceInformation", Variant, "Certifications that ask for it"),
        col("controlStateUpdates", Variant, "What people have set: state, assignedTo, comment"),
        col("vendorInformation", Variant, "What provides the control"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("title", "Title", 0),
        shown("controlCategory", "Category", 10),
        shown("maxScore", "Points", 6),
        shown("implementationCost", "Cost", 8),
        shown("userImpact", "Users", 8),
    ],
    cmdlet: Some(Cmdlet::get("SecureScoreControl").by_id(item_id(
        &["ControlName"],
        &["ControlName", "SecureScoreControl.Id", "Id"],
        "Names of controls. Accepted from the pipeline.",
    ))),
    ..Resource::DEFAULT
};
