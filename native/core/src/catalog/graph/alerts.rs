//! Alerts of Microsoft Graph: those of every Defender product.

use crate::catalog::ColumnKind::{Dictionary, Text, TextList, Time, Variant};
use crate::catalog::cmdlets::item_id;
use crate::catalog::columns::{ADDITIONAL_COLUMN, ALERT_SEVERITY, col, col_at, shown};
use crate::catalog::{Cmdlet, Filter, Paging, Resource, Since, WithoutLink};
use crate::cloud::Family;

pub(crate) const RESOURCE: Resource = Resource {
    name: "alerts",
    class: "Alert",
    doc: "Alerts of every Defender product, from Microsoft Graph",
    reference: "https://learn.microsoft.com/graph/api/security-list-alerts_v2",
    family: Family::Graph,
    list_path: Some("/v1.0/security/alerts_v2"),
    item_path: Some("/v1.0/security/alerts_v2/{id}"),
    // Without it, values that were added later arrive as unknownFutureValue.
    headers: &[("prefer", "include-unknown-enum-members")],
    paging: Paging::ODATA,
    // $skip ends at 500.
    without_link: WithoutLink::TimeWindow("lastUpdateDateTime"),
    max_top: Some(1_000),
    probe: Some(&[("$top", "1")]),
    permissions: &["SecurityAlert.Read.All", "SecurityAlert.ReadWrite.All"],
    filter: Filter::Service(&[
        "assignedTo",
        "classification",
        "createdDateTime",
        "determination",
        "lastUpdateDateTime",
        "serviceSource",
        "severity",
        "status",
    ]),
    since: Since::Field("lastUpdateDateTime"),
    columns: &[
        col("id", Text, "Alert id"),
        col("providerAlertId", Text, "Id of the alert at the product that raised it"),
        col("incidentId", Dictionary, "Id of the incident that the alert belongs to"),
        col("status", Dictionary, "new, inProgress, resolved, unknown"),
        col("severity", Dictionary, "informational, low, medium, high, unknown").on(&ALERT_SEVERITY),
        col(
            "classification",
            Dictionary,
            "falsePositive, truePositive, informationalExpectedActivity, unknown",
        ),
        col("determination", Dictionary, "Result of the investigation, such as malware or phishing"),
        col(
            "serviceSource",
            Dictionary,
            "Service that raised the alert, such as microsoftDefenderForEndpoint",
        ),
        col("detectionSource", Dictionary, "Technology or sensor that detected the activity"),
        col("productName", Dictionary, "Name of the product that raised the alert"),
        col("detectorId", Dictionary, "Id of the detector"),
        col_at("alertTenantId", &["tenantId"], Dictionary, "Tenant that the alert was created in"),
        col("title", Dictionary, "Title of the alert"),
        col("description", Dictionary, "Description of the alert"),
        col("recommendedActions", Dictionary, "Recommended response and remediation"),
        col("category", Dictionary, "Attack category, as in MITRE ATT&CK (superseded by Categories)"),
        col("categories", TextList, "Attack categories, as in MITRE ATT&CK"),
        col("assignedTo", Dictionary, "Owner of the alert"),
        col("alertWebUrl", Text, "Page of the alert in the Defender portal"),
        col("incidentWebUrl", Dictionary, "Page of the incident in the Defender portal"),
        col("actorDisplayName", Dictionary, "Adversary or activity group"),
        col("threatDisplayName", Dictionary, "Threat"),
        col("threatFamilyName", Dictionary, "Threat family"),
        col("mitreTechniques", TextList, "Attack techniques, as in MITRE ATT&CK"),
        col("createdDateTime", Time, "When the alert was created"),
        col("lastUpdateDateTime", Time, "When the alert was last updated"),
        col("resolvedDateTime", Time, "When the alert was resolved"),
        col("firstActivityDateTime", Time, "First activity of the alert"),
        col("lastActivityDateTime", Time, "Last activity of the alert"),
        col("investigationState", Dictionary, "State of the automated investigation"),
        col("alertPolicyId", Dictionary, "Id of the policy that raised the alert"),
        col("comments", Variant, "Comments: comment, createdByDisplayName, createdDateTime"),
        col("evidence", Variant, "Evidence: devices, files, processes, users and so on"),
        col("systemTags", TextList, "Tags of the service"),
        col("customDetails", Variant, "Details that a detection rule adds"),
        col("additionalData", Variant, "Further properties of the alert"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("title", "Title", 0),
        shown("severity", "Severity", 13),
        shown("status", "Status", 10),
        shown("createdDateTime", "Created", 16),
    ],
    cmdlet: Some(Cmdlet::get("Alert").choice("Engine", "Graph").by_id(item_id(
        &["AlertId"],
        &["AlertId", "Alert.Id", "DefenderAlert.Id", "Id"],
        "Alert ids. Accepted from the pipeline.",
    ))),
    ..Resource::DEFAULT
};
