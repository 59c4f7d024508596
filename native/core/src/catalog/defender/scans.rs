//! Authenticated scans of network devices: definitions, agents and history.

use crate::catalog::ColumnKind::{Bool, Dictionary, Int, Text, TextList, Time, Variant};
use crate::catalog::cmdlets::item_id;
use crate::catalog::columns::{ADDITIONAL_COLUMN, col, shown};
use crate::catalog::{Cmdlet, Column, IdParameter, Method, Resource, TableColumn};

const READ: &[&str] = &["Machine.Read.All", "Machine.ReadWrite.All"];

pub(crate) const DEFINITIONS: Resource = Resource {
    name: "scanDefinitions",
    class: "ScanDefinition",
    doc: "Definitions of authenticated scans",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-all-scan-definitions",
    list_path: Some("/api/DeviceAuthenticatedScanDefinitions"),
    probe: Some(&[]),
    permissions: READ,
    columns: &[
        col("id", Text, "Definition id"),
        col("scanType", Dictionary, "Network or Windows"),
        col("scanName", Text, "Name of the scan"),
        col("isActive", Bool, "Whether the scan runs"),
        col("target", Text, "What is scanned: addresses or names, with commas"),
        col("orgId", Dictionary, "Organization id"),
        col("intervalInHours", Int, "Hours between two scans"),
        col("createdBy", Dictionary, "Who created it"),
        col("targetType", Dictionary, "Ip or Hostname"),
        col("scanAuthenticationParams", Variant, "How the scan signs in"),
        col("scannerAgent", Variant, "The machine that scans"),
        col("latestScan", Variant, "The last scan: status, failureReason, executionDateTime"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("scanName", "Name", 0),
        shown("scanType", "Type", 8),
        shown("isActive", "Active", 6),
        shown("target", "Target", 18),
        shown("intervalInHours", "Hours", 5),
    ],
    cmdlet: Some(Cmdlet::get("ScanDefinition")),
    ..Resource::DEFENDER_RELATION
};

pub(crate) const AGENTS: Resource = Resource {
    name: "scanAgents",
    class: "ScanAgent",
    doc: "Machines that run authenticated scans",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-all-scan-agents",
    list_path: Some("/api/DeviceAuthenticatedScanAgents"),
    item_path: Some("/api/DeviceAuthenticatedScanAgents/{id}"),
    // The documentation has a list also for one agent.
    single: true,
    probe: Some(&[]),
    permissions: READ,
    columns: &[
        col("id", Text, "Agent id"),
        col("machineId", Text, "Machine id"),
        col("lastSeen", Time, "Last report of the agent"),
        col("computerDnsName", Dictionary, "Fully qualified name of the machine").or(&["machineName"]),
        col("assignedApplicationId", Text, "Application that the agent signs in as"),
        col("scannerSoftwareVersion", Dictionary, "Version of the scanner"),
        col("lastCommandExecutionTimestamp", Time, "When the agent last ran a command"),
        col("mdeClientVersion", Dictionary, "Version of the sensor"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("computerDnsName", "Machine", 0),
        shown("scannerSoftwareVersion", "Scanner", 8),
        shown("mdeClientVersion", "Sensor", 18),
        shown("lastSeen", "LastSeen", 16),
    ],
    cmdlet: Some(Cmdlet::get("ScanAgent").by_id(item_id(
        &["ScanAgentId"],
        &["ScanAgentId", "ScanAgent.Id", "Id"],
        "Agent ids. Accepted from the pipeline.",
    ))),
    ..Resource::DEFENDER_RELATION
};

const HISTORY_COLUMNS: &[Column] = &[
    col("orgId", Dictionary, "Organization id"),
    // The service writes one id under these names.
    col("scanDefinitionIds", Text, "Definition of the scan"),
    col("sessionIds", Text, "Session of the scan"),
    col("numberOfSuccessfullyScannedTargets", Int, "Number of targets that were scanned"),
    col("numberOfTargets", Int, "Number of targets"),
    col("scanStatus", Dictionary, "Success, Partial Success, Fail"),
    col("lastScanned", Time, "When the scan was"),
    col("scannerId", Text, "Machine that scanned"),
    col("listScannedTargets", Variant, "The targets, each with its status"),
    col("errorMessages", TextList, "Errors"),
    ADDITIONAL_COLUMN,
];

const HISTORY_TABLE: &[TableColumn] = &[
    shown("scanDefinitionIds", "Definition", 0),
    shown("numberOfTargets", "Targets", 7),
    shown("scanStatus", "Status", 15),
    shown("lastScanned", "Scanned", 16),
];

const HISTORY: Resource = Resource {
    class: "ScanHistory",
    permissions: READ,
    columns: HISTORY_COLUMNS,
    table: HISTORY_TABLE,
    ..Resource::DEFENDER_RELATION
};

pub(crate) const HISTORY_OF_DEFINITION: Resource = Resource {
    name: "scanHistoryByDefinition",
    doc: "Scans of a definition",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-scan-history-by-definition",
    method: Method::Post(r#"{"ScanDefinitionIds":["{id}"]}"#),
    parent_path: Some("/api/DeviceAuthenticatedScanDefinitions/GetScanHistoryByScanDefinitionId"),
    cmdlet: Some(Cmdlet::get("ScanHistory").of(IdParameter {
        name: "ScanDefinitionId",
        aliases: &["Id"],
        properties: &["ScanDefinition.Id"],
        takes_text: false,
        label: None,
        doc: "Gets the scans of these definitions. Accepted from the pipeline, from Get-FdxScanDefinition.",
    })),
    ..HISTORY
};

pub(crate) const HISTORY_OF_SESSION: Resource = Resource {
    name: "scanHistoryBySession",
    doc: "Targets of a scan session",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-scan-history-by-session",
    method: Method::Post(r#"{"SessionIds":["{id}"]}"#),
    parent_path: Some("/api/DeviceAuthenticatedScanDefinitions/GetScanHistoryBySessionId"),
    cmdlet: Some(Cmdlet::get("ScanHistory").of(IdParameter {
        name: "SessionId",
        aliases: &[],
        properties: &[],
        takes_text: false,
        label: None,
        doc: "Gets these sessions, with each target.",
    })),
    ..HISTORY
};
