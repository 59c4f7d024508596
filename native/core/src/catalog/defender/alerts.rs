//! Alerts of Defender for Endpoint, from its own API.

use crate::catalog::ColumnKind::{Dictionary, Int, Text, TextList, Time, Variant};
use crate::catalog::cmdlets::{DOMAIN, FILE_HASH, IP_ADDRESS, MACHINE_ID, USER_NAME, item_id};
use crate::catalog::columns::{ADDITIONAL_COLUMN, SEVERITY, col, shown};
use crate::catalog::{Cmdlet, Column, Filter, IdParameter, Resource, Since, TableColumn};

const READ: &[&str] = &["Alert.Read.All", "Alert.ReadWrite.All"];

const COLUMNS: &[Column] = &[
    col("id", Text, "Alert id"),
    // Text, as that of alerts of Microsoft Graph.
    col("incidentId", Dictionary, "Id of the incident that the alert belongs to"),
    col("investigationId", Dictionary, "Id of the automated investigation"),
    col("assignedTo", Dictionary, "Owner of the alert"),
    col("severity", Dictionary, "UnSpecified, Informational, Low, Medium, High").on(&SEVERITY),
    col("status", Dictionary, "Unknown, New, InProgress, Resolved"),
    col("classification", Dictionary, "TruePositive, InformationalExpectedActivity, FalsePositive"),
    col("determination", Dictionary, "Result of the investigation, such as Malware or Phishing"),
    col("investigationState", Dictionary, "State of the automated investigation"),
    col("detectionSource", Dictionary, "Technology or sensor that detected the activity"),
    col("detectorId", Dictionary, "Id of the detector"),
    col("category", Dictionary, "Attack category"),
    col("threatFamilyName", Dictionary, "Threat family"),
    col("title", Dictionary, "Title of the alert"),
    col("description", Dictionary, "Description of the alert"),
    col("recommendedAction", Dictionary, "Recommended action"),
    col("alertCreationTime", Time, "When the alert was created"),
    col("firstEventTime", Time, "First event of the alert"),
    col("lastEventTime", Time, "Last event of the alert"),
    col("lastUpdateTime", Time, "When the alert was last updated"),
    col("resolvedTime", Time, "When the alert was resolved"),
    col("machineId", Dictionary, "Machine id"),
    col("computerDnsName", Dictionary, "Fully qualified name of the machine"),
    col("rbacGroupName", Dictionary, "Machine group name"),
    col("rbacGroupId", Int, "Machine group id"),
    col("aadTenantId", Dictionary, "Tenant that the alert was created in"),
    col("threatName", Dictionary, "Threat"),
    col("mitreTechniques", TextList, "Attack techniques, as in MITRE ATT&CK"),
    col("relatedUser", Variant, "User: userName, domainName"),
    col("loggedOnUsers", Variant, "Users that were logged on: accountName, domainName"),
    col("comments", Variant, "Comments: comment, createdBy, createdTime"),
    col("evidence", Variant, "Evidence: files, processes, users and so on"),
    col("domains", Variant, "Domains of the alert"),
    col("alertProducts", TextList, "Products that raised the alert"),
    ADDITIONAL_COLUMN,
];

const TABLE: &[TableColumn] = &[
    shown("title", "Title", 0),
    shown("severity", "Severity", 13),
    shown("status", "Status", 10),
    shown("alertCreationTime", "Created", 16),
];

pub(crate) const RESOURCE: Resource = Resource {
    name: "defenderAlerts",
    class: "DefenderAlert",
    doc: "Alerts of Defender for Endpoint with their evidence, from its own API",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-alerts",
    list_path: Some("/api/alerts"),
    item_path: Some("/api/alerts/{id}"),
    query: &[("$expand", "evidence")],
    permissions: READ,
    filter: Filter::Service(&[
        "alertCreationTime",
        "assignedTo",
        "category",
        "detectionSource",
        "id",
        "incidentId",
        "investigationId",
        "lastEventTime",
        "lastUpdateTime",
        "severity",
        "status",
    ]),
    since: Since::Field("lastUpdateTime"),
    columns: COLUMNS,
    table: TABLE,
    cmdlet: Some(Cmdlet::get("Alert").choice("Engine", "Defender").by_id(item_id(
        &["AlertId"],
        &["AlertId"],
        "Alert ids. Accepted from the pipeline.",
    ))),
    ..Resource::DEFENDER_LIST
};

const RELATION: Resource = Resource {
    class: "DefenderAlert",
    permissions: READ,
    columns: COLUMNS,
    table: TABLE,
    ..Resource::DEFENDER_RELATION
};

pub(crate) const OF_MACHINE: Resource = Resource {
    name: "machineAlerts",
    doc: "Alerts of Defender for Endpoint about a machine",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-machine-related-alerts",
    parent_path: Some("/api/machines/{id}/alerts"),
    // The rows name the machine.
    cmdlet: Some(Cmdlet::get("Alert").of(IdParameter {
        properties: &["Machine.Id", "MachineReference.Id", "MachineId", "DeviceId"],
        label: None,
        ..MACHINE_ID
    })),
    ..RELATION
};

pub(crate) const OF_FILE: Resource = Resource {
    name: "fileAlerts",
    doc: "Alerts of Defender for Endpoint about a file",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-file-related-alerts",
    parent_path: Some("/api/files/{id}/alerts"),
    cmdlet: Some(Cmdlet::get("Alert").of(FILE_HASH)),
    ..RELATION
};

pub(crate) const OF_DOMAIN: Resource = Resource {
    name: "domainAlerts",
    doc: "Alerts of Defender for Endpoint about a domain",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-domain-related-alerts",
    parent_path: Some("/api/domains/{id}/alerts"),
    cmdlet: Some(Cmdlet::get("Alert").of(DOMAIN)),
    ..RELATION
};

pub(crate) const OF_IP: Resource = Resource {
    name: "ipAlerts",
    doc: "Alerts of Defender for Endpoint about an IP address",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-ip-related-alerts",
    parent_path: Some("/api/ips/{id}/alerts"),
    cmdlet: Some(Cmdlet::get("Alert").of(IP_ADDRESS)),
    ..RELATION
};

pub(crate) const OF_USER: Resource = Resource {
    name: "userAlerts",
    doc: "Alerts of Defender for Endpoint about a user",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-user-related-alerts",
    parent_path: Some("/api/users/{id}/alerts"),
    cmdlet: Some(Cmdlet::get("Alert").of(USER_NAME)),
    ..RELATION
};
