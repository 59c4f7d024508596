//! Incidents of Defender XDR.

use crate::catalog::ColumnKind::{Dictionary, Text, TextList, Time, Variant};
use crate::catalog::cmdlets::item_id;
use crate::catalog::columns::{ADDITIONAL_COLUMN, SEVERITY, col, shown};
use crate::catalog::{Cmdlet, Filter, Paging, Quota, Resource, Since};
use crate::cloud::Family;

pub(crate) const RESOURCE: Resource = Resource {
    name: "xdrIncidents",
    class: "XdrIncident",
    doc: "Incidents with their alerts, devices and entities, from the older API of Defender XDR",
    reference: "https://learn.microsoft.com/defender-xdr/api-list-incidents",
    family: Family::Xdr,
    list_path: Some("/api/incidents"),
    item_path: Some("/api/incidents/{id}"),
    paging: Paging::Skip { top: 100 },
    key: "incidentId",
    max_top: Some(100),
    quota: Quota::Xdr,
    probe: Some(&[("$top", "1")]),
    permissions: &["Incident.Read.All", "Incident.ReadWrite.All"],
    filter: Filter::Service(&["assignedTo", "createdTime", "lastUpdateTime", "status"]),
    since: Since::Field("lastUpdateTime"),
    columns: &[
        // A number here, and text in Microsoft Graph.
        col("incidentId", Text, "Incident id"),
        col("redirectIncidentId", Text, "Incident that this one was merged into"),
        col("incidentName", Text, "Name of the incident"),
        col("createdTime", Time, "When the incident was created"),
        col("lastUpdateTime", Time, "When the incident was last updated"),
        col("assignedTo", Dictionary, "Owner of the incident"),
        col("classification", Dictionary, "Unknown, FalsePositive, TruePositive and so on"),
        col("determination", Dictionary, "Result of the investigation, such as Malware or Phishing"),
        col("status", Dictionary, "Active, InProgress, Resolved, Redirected"),
        col("severity", Dictionary, "Informational, Low, Medium, High, UnSpecified").on(&SEVERITY),
        col("tags", TextList, "Tags"),
        col("comments", Variant, "Comments: comment, createdBy, createdTime"),
        col("alerts", Variant, "Alerts of the incident, each with its devices and entities"),
        col("incidentUri", Text, "Page of the incident in the Defender portal"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("incidentId", "Id", 8),
        shown("incidentName", "Name", 0),
        shown("severity", "Severity", 8),
        shown("status", "Status", 10),
        shown("lastUpdateTime", "Updated", 16),
    ],
    cmdlet: Some(Cmdlet::get("Incident").choice("Engine", "Xdr").by_id(item_id(
        &["IncidentId"],
        &["IncidentId"],
        "Incident ids. Accepted from the pipeline.",
    ))),
    ..Resource::DEFAULT
};
