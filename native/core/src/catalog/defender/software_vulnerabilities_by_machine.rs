//! Discovered vulnerabilities of all machines: an export assessment of Defender for Endpoint.

use crate::catalog::ColumnKind::{Bool, Dictionary, Float, Int, Text, TextList, Time};
use crate::catalog::cmdlets::BULK_EXPORT;
use crate::catalog::columns::{ADDITIONAL_COLUMN, SEVERITY, col, joined, shown};
use crate::catalog::{Cmdlet, Column, Filter, Resource, Since};
use crate::cloud::Family;

const COLUMNS: &[Column] = &[
    col("id", Text, "Row id: machine, software, version and CVE"),
    col("deviceId", Dictionary, "Machine id"),
    col("rbacGroupId", Int, "Machine group id"),
    col("rbacGroupName", Dictionary, "Machine group name; Unassigned and None are values too"),
    col("deviceName", Dictionary, "Fully qualified name of the machine"),
    col("osPlatform", Dictionary, "Operating system platform"),
    col("osVersion", Dictionary, "Operating system version"),
    col("osArchitecture", Dictionary, "Processor architecture"),
    col("softwareVendor", Dictionary, "Vendor of the software"),
    col("softwareName", Dictionary, "Name of the software"),
    col("softwareVersion", Dictionary, "Version of the software"),
    col("cveId", Dictionary, "CVE number; null for software without a known CVE"),
    col("cvssScore", Float, "CVSS score, 0 to 10"),
    col("vulnerabilitySeverityLevel", Dictionary, "Low, Medium, High, Critical; null without a CVE")
        .on(&SEVERITY),
    col("recommendedSecurityUpdate", Dictionary, "Update that fixes it"),
    col("recommendedSecurityUpdateId", Dictionary, "Id of that update"),
    col("recommendedSecurityUpdateUrl", Dictionary, "Address of that update"),
    col("diskPaths", TextList, "Files that show the software is installed"),
    col("registryPaths", TextList, "Registry keys that show the software is installed"),
    col("firstSeenTimestamp", Time, "First time the CVE was seen on the machine"),
    col("lastSeenTimestamp", Time, "Last time the CVE was seen on the machine"),
    col("exploitabilityLevel", Dictionary, "NoExploit, ExploitIsPublic, ExploitIsVerified, ExploitIsInKit"),
    col("recommendationReference", Dictionary, "Id of the security recommendation"),
    col("securityUpdateAvailable", Bool, "Whether a security update is available"),
    col("cveBatchTitle", Dictionary, "Title of the bulletin of a Linux distribution"),
    col("cveBatchUrl", Dictionary, "Address of that bulletin"),
    col("isOnboarded", Bool, "Whether the machine is onboarded"),
    ADDITIONAL_COLUMN,
];

/// What a change says before all else.
const OF_CHANGE: &[Column] = &[
    col("status", Dictionary, "New, Fixed, Updated"),
    col("eventTimestamp", Time, "When the change was noticed"),
];

pub(crate) const RESOURCE: Resource = Resource {
    name: "softwareVulnerabilitiesByMachine",
    class: "Vulnerability",
    doc: "Discovered vulnerabilities, one row per machine, software and CVE",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-assessment-software-vulnerabilities",
    family: Family::Defender,
    list_path: Some("/api/machines/SoftwareVulnerabilitiesByMachine"),
    permissions: &["Vulnerability.Read.All"],
    // The list takes pageSize and $top only.
    filter: Filter::Client(&[
        "cveId",
        "cvssScore",
        "deviceId",
        "deviceName",
        "diskPaths",
        "exploitabilityLevel",
        "firstSeenTimestamp",
        "id",
        "lastSeenTimestamp",
        "osArchitecture",
        "osPlatform",
        "osVersion",
        "rbacGroupId",
        "rbacGroupName",
        "recommendationReference",
        "recommendedSecurityUpdate",
        "recommendedSecurityUpdateId",
        "registryPaths",
        "securityUpdateAvailable",
        "softwareName",
        "softwareVendor",
        "softwareVersion",
        "vulnerabilitySeverityLevel",
    ]),
    columns: COLUMNS,
    table: &[
        shown("deviceName", "Device", 0),
        shown("softwareName", "Software", 0),
        shown("cveId", "CVE", 14),
        shown("vulnerabilitySeverityLevel", "Severity", 8),
        shown("cvssScore", "CVSS", 4),
    ],
    cmdlet: Some(Cmdlet::get("Vulnerability").with(BULK_EXPORT)),
    ..Resource::ASSESSMENT
};

/// What has changed since a time: New, Fixed or Updated.
pub(crate) const CHANGES: Resource = Resource {
    name: "softwareVulnerabilityChanges",
    class: "VulnerabilityChange",
    doc: "Changes of discovered vulnerabilities: new, fixed and updated ones",
    list_path: Some("/api/machines/SoftwareVulnerabilityChangesByMachine"),
    // It needs a time.
    probe: None,
    since: Since::Query { parameter: "sinceTime", days: 14 },
    filter: Filter::Client(&[
        "cveId",
        "cvssScore",
        "deviceId",
        "deviceName",
        "diskPaths",
        "eventTimestamp",
        "exploitabilityLevel",
        "firstSeenTimestamp",
        "id",
        "isOnboarded",
        "lastSeenTimestamp",
        "osArchitecture",
        "osPlatform",
        "osVersion",
        "rbacGroupId",
        "rbacGroupName",
        "recommendationReference",
        "recommendedSecurityUpdate",
        "recommendedSecurityUpdateId",
        "registryPaths",
        "securityUpdateAvailable",
        "softwareName",
        "softwareVendor",
        "softwareVersion",
        "status",
        "vulnerabilitySeverityLevel",
    ]),
    // The service sends all changes of a period of six hours again.
    unique: &["id", "rbacGroupId", "eventTimestamp", "status"],
    columns: &joined::<{ OF_CHANGE.len() + COLUMNS.len() }>(OF_CHANGE, COLUMNS),
    table: &[
        shown("deviceName", "Device", 0),
        shown("softwareName", "Software", 0),
        shown("cveId", "CVE", 14),
        shown("status", "Status", 7),
    ],
    cmdlet: Some(Cmdlet::get("Vulnerability").by_since()),
    ..RESOURCE
};
