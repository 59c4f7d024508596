//! Custom detection rules of Microsoft Graph.

use crate::catalog::ColumnKind::{Bool, Dictionary, Text, Time, Variant};
use crate::catalog::cmdlets::item_id;
use crate::catalog::columns::{ADDITIONAL_COLUMN, col, col_at, shown};
use crate::catalog::{Cmdlet, Filter, Paging, Resource};
use crate::cloud::Family;

pub(crate) const RESOURCE: Resource = Resource {
    name: "detectionRules",
    class: "DetectionRule",
    doc: "Custom detection rules: hunting queries that raise alerts",
    reference: "https://learn.microsoft.com/graph/api/security-rulesroot-list-detectionrules",
    family: Family::Graph,
    list_path: Some("/v1.0/security/rules/detectionRules"),
    item_path: Some("/v1.0/security/rules/detectionRules/{id}"),
    headers: &[("prefer", "include-unknown-enum-members")],
    paging: Paging::ODATA,
    probe: Some(&[("$top", "1")]),
    permissions: &["CustomDetection.Read.All", "CustomDetection.ReadWrite.All"],
    filter: Filter::Service(&["createdBy", "createdDateTime", "description", "displayName"]),
    columns: &[
        col("id", Text, "Rule id"),
        col("displayName", Text, "Name of the rule"),
        col("description", Text, "Description of the rule"),
        col("status", Dictionary, "enabled or disabled, or why the service stopped the rule"),
        col("isEnabled", Bool, "Whether the rule is on (before there was Status)"),
        col("createdBy", Dictionary, "User or app that created the rule"),
        col("createdDateTime", Time, "When the rule was created"),
        col("lastModifiedBy", Dictionary, "User or app that last changed the rule"),
        col("lastModifiedDateTime", Time, "When the rule was last changed"),
        col("detectorId", Text, "DetectorId of the alerts that the rule raises"),
        col_at("queryText", &["queryCondition", "queryText"], Text, "Hunting query of the rule"),
        col_at(
            "queryModifiedDateTime",
            &["queryCondition", "lastModifiedDateTime"],
            Time,
            "When the query was last changed",
        ),
        col("schedule", Variant, "Schedule: frequency or period, nextRunDateTime"),
        col("lastRunDetails", Variant, "Last run: lastRunDateTime, status, errorCode, failureReason"),
        col("detectionAction", Variant, "What it does: alertTemplate, automatedActions, responseActions"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("displayName", "Name", 0),
        shown("status", "Status", 8),
        shown("createdBy", "Created by", 20),
        shown("lastModifiedDateTime", "Changed", 16),
    ],
    cmdlet: Some(Cmdlet::get("DetectionRule").by_id(item_id(
        &["DetectionRuleId"],
        &["DetectionRuleId", "DetectionRule.Id", "Id"],
        "Rule ids. Accepted from the pipeline.",
    ))),
    ..Resource::DEFAULT
};
