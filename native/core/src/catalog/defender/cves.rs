//! The CVEs of a tenant, with their text.

use crate::catalog::ColumnKind::{Bool, Dictionary, Float, Int, Text, TextList, Time};
use crate::catalog::cmdlets::{RECOMMENDATION_ID, SOFTWARE_ID, item_id};
use crate::catalog::columns::{ADDITIONAL_COLUMN, SEVERITY, col, from_request, shown};
use crate::catalog::{Cmdlet, Column, Filter, Paging, Resource, Since, TableColumn};

const READ: &[&str] = &["Vulnerability.Read.All"];

const COLUMNS: &[Column] = &[
    from_request("softwareId", "Software that the CVE is in"),
    from_request("recommendationId", "Recommendation that fixes the CVE"),
    col("id", Text, "CVE number"),
    col("name", Text, "Name, usually the CVE number"),
    col("description", Text, "Description of the vulnerability"),
    col("severity", Dictionary, "Low, Medium, High, Critical").on(&SEVERITY),
    col("cvssV3", Float, "CVSS v3 score, 0 to 10"),
    col("cvssVector", Dictionary, "CVSS vector"),
    col("exposedMachines", Int, "Number of exposed machines in the tenant"),
    col("publishedOn", Time, "When the CVE was published"),
    col("updatedOn", Time, "When the CVE was last updated"),
    col("firstDetected", Time, "When it was first detected in the tenant"),
    col("publicExploit", Bool, "Whether an exploit is public"),
    col("exploitVerified", Bool, "Whether an exploit is verified"),
    col("exploitInKit", Bool, "Whether an exploit is part of a kit"),
    col("exploitTypes", TextList, "Types of exploit"),
    col("exploitUris", TextList, "Addresses that describe exploits"),
    col("cveSupportability", Dictionary, "Supported, Not Supported, SupportedInPremium"),
    col("tags", TextList, "Tags"),
    col("epss", Float, "Exploit prediction score, 0 to 1"),
    ADDITIONAL_COLUMN,
];

const TABLE: &[TableColumn] = &[
    shown("id", "CVE", 14),
    shown("severity", "Severity", 8),
    shown("cvssV3", "CVSS", 4),
    shown("exposedMachines", "Machines", 8),
    shown("publishedOn", "Published", 10),
    shown("description", "Description", 0),
];

pub(crate) const RESOURCE: Resource = Resource {
    name: "cves",
    class: "Cve",
    doc: "CVEs that the service knows, with their text and the number of exposed machines",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-all-vulnerabilities",
    list_path: Some("/api/vulnerabilities"),
    item_path: Some("/api/vulnerabilities/{id}"),
    // The size of a page without $top is not documented.
    paging: Paging::Skip { top: 8_000 },
    without_link: crate::catalog::WithoutLink::Unknown,
    max_top: Some(8_000),
    permissions: READ,
    filter: Filter::Service(&["cvssV3", "description", "id", "name", "publishedOn", "severity", "updatedOn"]),
    since: Since::Field("updatedOn"),
    columns: COLUMNS,
    table: TABLE,
    cmdlet: Some(Cmdlet::get("Cve").by_id(item_id(
        &["CveId"],
        &["CveId", "Cve.Id", "MachineVulnerability.Id", "Id"],
        "CVE numbers, such as CVE-2026-10000. Accepted from the pipeline, including the CveId of other rows.",
    ))),
    ..Resource::DEFENDER_LIST
};

const RELATION: Resource = Resource {
    class: "Cve",
    permissions: READ,
    columns: COLUMNS,
    table: TABLE,
    ..Resource::DEFENDER_RELATION
};

pub(crate) const OF_SOFTWARE: Resource = Resource {
    name: "softwareCves",
    doc: "CVEs of software",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-vuln-by-software",
    parent_path: Some("/api/Software/{id}/vulnerabilities"),
    cmdlet: Some(Cmdlet::get("Cve").of(SOFTWARE_ID)),
    ..RELATION
};

pub(crate) const OF_RECOMMENDATION: Resource = Resource {
    name: "recommendationCves",
    doc: "CVEs that a recommendation fixes",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-recommendation-vulnerabilities",
    parent_path: Some("/api/recommendations/{id}/vulnerabilities"),
    cmdlet: Some(Cmdlet::get("Cve").of(RECOMMENDATION_ID)),
    ..RELATION
};
