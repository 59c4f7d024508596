//! Incidents of Microsoft Graph.

use crate::catalog::ColumnKind::{Dictionary, Int, Text, TextList, Time, Variant};
use crate::catalog::cmdlets::item_id;
use crate::catalog::columns::{ADDITIONAL_COLUMN, ALERT_SEVERITY, col, col_at, shown};
use crate::catalog::{Cmdlet, Filter, Paging, Parameter, ParameterKind, Resource, Since, WithoutLink};
use crate::cloud::Family;

pub(crate) const RESOURCE: Resource = Resource {
    name: "incidents",
    class: "Incident",
    doc: "Incidents of Defender XDR, from Microsoft Graph",
    reference: "https://learn.microsoft.com/graph/api/security-list-incidents",
    family: Family::Graph,
    list_path: Some("/v1.0/security/incidents"),
    item_path: Some("/v1.0/security/incidents/{id}"),
    headers: &[("prefer", "include-unknown-enum-members")],
    paging: Paging::ODATA,
    without_link: WithoutLink::TimeWindow("lastUpdateDateTime"),
    // A larger $top is refused.
    max_top: Some(50),
    probe: Some(&[("$top", "1")]),
    permissions: &["SecurityIncident.Read.All", "SecurityIncident.ReadWrite.All"],
    filter: Filter::Service(&[
        "assignedTo",
        "classification",
        "createdDateTime",
        "determination",
        "lastUpdateDateTime",
        "severity",
        "status",
    ]),
    since: Since::Field("lastUpdateDateTime"),
    columns: &[
        col("id", Text, "Incident id"),
        col("displayName", Text, "Name of the incident"),
        col("status", Dictionary, "active, inProgress, awaitingAction, resolved, redirected"),
        col("severity", Dictionary, "informational, low, medium, high, unknown").on(&ALERT_SEVERITY),
        col(
            "classification",
            Dictionary,
            "falsePositive, truePositive, informationalExpectedActivity, unknown",
        ),
        col("determination", Dictionary, "Result of the investigation, such as malware or phishing"),
        col("redirectIncidentId", Text, "Incident that this one was merged into"),
        col_at("incidentTenantId", &["tenantId"], Dictionary, "Tenant that the incident was created in"),
        col("incidentWebUrl", Text, "Page of the incident in the Defender portal"),
        col("createdDateTime", Time, "When the incident was created"),
        col("lastUpdateDateTime", Time, "When the incident was last updated"),
        col("assignedTo", Dictionary, "Owner of the incident"),
        col("priorityScore", Int, "Priority, 0 to 100"),
        col("summary", Text, "Summary of the attack"),
        col("description", Text, "Description of the incident"),
        col("resolvingComment", Text, "Why the incident was resolved"),
        col("lastModifiedBy", Dictionary, "Who last changed the incident"),
        col("tags", TextList, "Tags (superseded by CustomTags)"),
        col("customTags", TextList, "Tags of people"),
        col("systemTags", TextList, "Tags of the service"),
        col("comments", Variant, "Comments: comment, createdByDisplayName, createdDateTime"),
        col("alerts", Variant, "Alerts of the incident, with -ExpandAlerts"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("id", "Id", 8),
        shown("displayName", "Name", 0),
        shown("severity", "Severity", 8),
        shown("status", "Status", 10),
        shown("lastUpdateDateTime", "Updated", 16),
    ],
    cmdlet: Some(
        Cmdlet::get("Incident")
            .choice("Engine", "Graph")
            .by_id(item_id(
                &["IncidentId"],
                &["IncidentId", "Incident.Id", "Id"],
                "Incident ids. Accepted from the pipeline, including the IncidentId of alerts.",
            ))
            .with(&[Parameter {
                name: "ExpandAlerts",
                kind: ParameterKind::Switch("$expand", "alerts"),
                doc: "Adds the alerts of each incident. In tenants with many alerts the service may fail then; \
                      Get-FdxAlert reads the same alerts.",
            }]),
    ),
    ..Resource::DEFAULT
};
