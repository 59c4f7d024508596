//! Defender for Cloud: its data in each subscription.

use super::subscriptions::{ALL, SUBSCRIPTION_ID};
use crate::catalog::ColumnKind::{Bool, Dictionary, Float, Int, Text, TextList, Time, Variant};
use crate::catalog::columns::{ADDITIONAL_COLUMN, SEVERITY, col, col_at, from_request, shown};
use crate::catalog::{Cmdlet, Column, Paging, Quota, Resource};
use crate::cloud::Family;

const BASE: Resource = Resource {
    family: Family::Arm,
    parents: Some(ALL),
    paging: Paging::ARM,
    quota: Quota::Arm,
    ..Resource::DEFAULT
};

const SUBSCRIPTION: Column = from_request("subscriptionId", "Subscription that the row belongs to");

pub(crate) const ASSESSMENTS: Resource = Resource {
    name: "cloudAssessments",
    class: "CloudAssessment",
    doc: "Assessments of Azure resources by Defender for Cloud",
    reference: "https://learn.microsoft.com/rest/api/defenderforcloud/assessments/list",
    parent_path: Some("/subscriptions/{id}/providers/Microsoft.Security/assessments"),
    query: &[("api-version", "2025-05-04")],
    columns: &[
        SUBSCRIPTION,
        col("id", Text, "Resource id of the assessment"),
        col("name", Dictionary, "Name of the assessment"),
        col("type", Dictionary, "Resource type"),
        col_at("displayName", &["properties", "displayName"], Dictionary, "What is assessed"),
        col_at(
            "statusCode",
            &["properties", "status", "code"],
            Dictionary,
            "Healthy, Unhealthy, NotApplicable",
        ),
        col_at("statusCause", &["properties", "status", "cause"], Dictionary, "Why the status is so"),
        col_at(
            "statusDescription",
            &["properties", "status", "description"],
            Text,
            "Description of the status",
        ),
        col_at(
            "firstEvaluationDate",
            &["properties", "status", "firstEvaluationDate"],
            Time,
            "When it was first assessed",
        ),
        col_at(
            "statusChangeDate",
            &["properties", "status", "statusChangeDate"],
            Time,
            "When the status changed",
        ),
        col_at("resourceDetails", &["properties", "resourceDetails"], Variant, "The resource: source, id"),
        col_at("additionalData", &["properties", "additionalData"], Variant, "Further values"),
        col_at("metadata", &["properties", "metadata"], Variant, "The kind of assessment, with its severity"),
        col_at("links", &["properties", "links"], Variant, "Links to the portal"),
        col_at("partnersData", &["properties", "partnersData"], Variant, "Values of a partner"),
        col_at("risk", &["properties", "risk"], Variant, "Risk: level, factors, paths"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("displayName", "Assessment", 0),
        shown("statusCode", "Status", 13),
        shown("statusChangeDate", "Changed", 10),
        shown("subscriptionId", "Subscription", 12),
    ],
    cmdlet: Some(Cmdlet::get("CloudAssessment").of(SUBSCRIPTION_ID)),
    ..BASE
};

pub(crate) const ALERTS: Resource = Resource {
    name: "cloudAlerts",
    class: "CloudAlert",
    doc: "Alerts of Defender for Cloud",
    reference: "https://learn.microsoft.com/rest/api/defenderforcloud/alerts/list",
    parent_path: Some("/subscriptions/{id}/providers/Microsoft.Security/alerts"),
    query: &[("api-version", "2022-01-01")],
    columns: &[
        SUBSCRIPTION,
        col("id", Text, "Resource id of the alert"),
        col("name", Text, "Name of the alert"),
        col("type", Dictionary, "Resource type"),
        col_at("alertType", &["properties", "alertType"], Dictionary, "Type of the alert"),
        col_at("alertDisplayName", &["properties", "alertDisplayName"], Dictionary, "Title of the alert"),
        col_at("severity", &["properties", "severity"], Dictionary, "Informational, Low, Medium, High")
            .on(&SEVERITY),
        col_at("status", &["properties", "status"], Dictionary, "Active, InProgress, Resolved, Dismissed"),
        col_at("description", &["properties", "description"], Dictionary, "Description of the alert"),
        col_at("intent", &["properties", "intent"], Dictionary, "Step of the attack, as in MITRE ATT&CK"),
        col_at("systemAlertId", &["properties", "systemAlertId"], Text, "Id of the alert at the product"),
        col_at("productName", &["properties", "productName"], Dictionary, "Product that raised the alert"),
        col_at(
            "productComponentName",
            &["properties", "productComponentName"],
            Dictionary,
            "Plan of the product",
        ),
        col_at("vendorName", &["properties", "vendorName"], Dictionary, "Vendor of the product"),
        col_at(
            "compromisedEntity",
            &["properties", "compromisedEntity"],
            Text,
            "Resource that is affected most",
        ),
        col_at("alertUri", &["properties", "alertUri"], Text, "Page of the alert in the portal"),
        col_at("correlationKey", &["properties", "correlationKey"], Text, "Key of related alerts"),
        col_at("isIncident", &["properties", "isIncident"], Bool, "Whether the alert combines others"),
        col_at("version", &["properties", "version"], Dictionary, "Version of the form"),
        col_at("startTimeUtc", &["properties", "startTimeUtc"], Time, "First activity"),
        col_at("endTimeUtc", &["properties", "endTimeUtc"], Time, "Last activity"),
        col_at("timeGeneratedUtc", &["properties", "timeGeneratedUtc"], Time, "When the alert was raised"),
        col_at(
            "processingEndTimeUtc",
            &["properties", "processingEndTimeUtc"],
            Time,
            "When it was processed",
        ),
        col_at("remediationSteps", &["properties", "remediationSteps"], TextList, "What to do"),
        col_at(
            "resourceIdentifiers",
            &["properties", "resourceIdentifiers"],
            Variant,
            "The affected resource",
        ),
        col_at("extendedLinks", &["properties", "extendedLinks"], Variant, "Links"),
        col_at("extendedProperties", &["properties", "extendedProperties"], Variant, "Further values"),
        col_at("entities", &["properties", "entities"], Variant, "Entities of the alert"),
        col_at("techniques", &["properties", "techniques"], TextList, "Attack techniques"),
        col_at("subTechniques", &["properties", "subTechniques"], TextList, "Attack subtechniques"),
        col_at("supportingEvidence", &["properties", "supportingEvidence"], Variant, "Evidence"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("alertDisplayName", "Title", 0),
        shown("severity", "Severity", 13),
        shown("status", "Status", 10),
        shown("timeGeneratedUtc", "Raised", 16),
    ],
    cmdlet: Some(Cmdlet::get("CloudAlert").of(SUBSCRIPTION_ID)),
    ..BASE
};

pub(crate) const SECURE_SCORES: Resource = Resource {
    name: "cloudSecureScores",
    class: "CloudSecureScore",
    doc: "Secure scores of Azure subscriptions",
    reference: "https://learn.microsoft.com/rest/api/defenderforcloud/secure-scores/list",
    parent_path: Some("/subscriptions/{id}/providers/Microsoft.Security/secureScores"),
    query: &[("api-version", "2020-01-01")],
    columns: &[
        SUBSCRIPTION,
        col("id", Text, "Resource id of the score"),
        col("name", Dictionary, "Name of the initiative, such as ascScore"),
        col("type", Dictionary, "Resource type"),
        col_at("displayName", &["properties", "displayName"], Dictionary, "Name for people"),
        col_at("current", &["properties", "score", "current"], Float, "Points that the subscription has"),
        col_at("max", &["properties", "score", "max"], Float, "Points that it could have"),
        col_at("percentage", &["properties", "score", "percentage"], Float, "Their ratio, 0 to 1"),
        col_at("weight", &["properties", "weight"], Int, "Weight among the subscriptions"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("subscriptionId", "Subscription", 0),
        shown("displayName", "Score", 14),
        shown("current", "Points", 7),
        shown("max", "Max", 5),
        shown("percentage", "Ratio", 6),
    ],
    cmdlet: Some(Cmdlet::get("CloudSecureScore").of(SUBSCRIPTION_ID)),
    ..BASE
};

pub(crate) const SECURE_SCORE_CONTROLS: Resource = Resource {
    name: "cloudSecureScoreControls",
    class: "CloudSecureScoreControl",
    doc: "Controls that the secure scores of Azure subscriptions are made of",
    reference: "https://learn.microsoft.com/rest/api/defenderforcloud/secure-score-controls/list",
    parent_path: Some("/subscriptions/{id}/providers/Microsoft.Security/secureScoreControls"),
    query: &[("api-version", "2020-01-01")],
    columns: &[
        SUBSCRIPTION,
        col("id", Text, "Resource id of the control"),
        col("name", Dictionary, "Name of the control"),
        col("type", Dictionary, "Resource type"),
        col_at("displayName", &["properties", "displayName"], Dictionary, "Name for people"),
        col_at("current", &["properties", "score", "current"], Float, "Points that the subscription has"),
        col_at("max", &["properties", "score", "max"], Float, "Points that it could have"),
        col_at("percentage", &["properties", "score", "percentage"], Float, "Their ratio, 0 to 1"),
        col_at("healthyResourceCount", &["properties", "healthyResourceCount"], Int, "Healthy resources"),
        col_at(
            "unhealthyResourceCount",
            &["properties", "unhealthyResourceCount"],
            Int,
            "Unhealthy resources",
        ),
        col_at(
            "notApplicableResourceCount",
            &["properties", "notApplicableResourceCount"],
            Int,
            "Resources that the control does not apply to",
        ),
        col_at("weight", &["properties", "weight"], Int, "Weight among the subscriptions"),
        col_at("definition", &["properties", "definition"], Variant, "What the control consists of"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("displayName", "Control", 0),
        shown("current", "Points", 7),
        shown("max", "Max", 5),
        shown("unhealthyResourceCount", "Unhealthy", 9),
        shown("healthyResourceCount", "Healthy", 7),
    ],
    cmdlet: Some(Cmdlet::get("CloudSecureScoreControl").of(SUBSCRIPTION_ID)),
    ..BASE
};

pub(crate) const PLANS: Resource = Resource {
    name: "cloudPlans",
    class: "CloudPlan",
    doc: "Plans of Defender for Cloud, and whether they are turned on",
    reference: "https://learn.microsoft.com/rest/api/defenderforcloud/pricings/list",
    parent_path: Some("/subscriptions/{id}/providers/Microsoft.Security/pricings"),
    query: &[("api-version", "2024-01-01")],
    paging: Paging::Single,
    columns: &[
        SUBSCRIPTION,
        col("id", Text, "Resource id of the plan"),
        col("name", Dictionary, "Name of the plan, such as VirtualMachines"),
        col("type", Dictionary, "Resource type"),
        col_at("pricingTier", &["properties", "pricingTier"], Dictionary, "Free or Standard"),
        col_at("subPlan", &["properties", "subPlan"], Dictionary, "Part of the plan, such as P2"),
        col_at(
            "freeTrialRemainingTime",
            &["properties", "freeTrialRemainingTime"],
            Text,
            "What is left of a trial",
        ),
        col_at("enablementTime", &["properties", "enablementTime"], Time, "When the plan was turned on"),
        col_at("deprecated", &["properties", "deprecated"], Bool, "Whether the plan is replaced by others"),
        col_at("replacedBy", &["properties", "replacedBy"], TextList, "Those plans"),
        col_at("enforce", &["properties", "enforce"], Dictionary, "Whether lower scopes may change the plan"),
        col_at(
            "inherited",
            &["properties", "inherited"],
            Dictionary,
            "Whether a higher scope has set the plan",
        ),
        col_at("inheritedFrom", &["properties", "inheritedFrom"], Text, "That scope"),
        col_at(
            "resourcesCoverageStatus",
            &["properties", "resourcesCoverageStatus"],
            Dictionary,
            "FullyCovered, PartiallyCovered, NotCovered",
        ),
        col_at(
            "extensions",
            &["properties", "extensions"],
            Variant,
            "Extensions of the plan: name, isEnabled",
        ),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("subscriptionId", "Subscription", 12),
        shown("name", "Plan", 0),
        shown("pricingTier", "Tier", 8),
        shown("subPlan", "SubPlan", 10),
    ],
    cmdlet: Some(Cmdlet::get("CloudPlan").of(SUBSCRIPTION_ID)),
    ..BASE
};
