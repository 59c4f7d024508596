//! Discovered vulnerabilities of all machines: an export assessment of Defender for Endpoint.

use crate::catalog::ColumnKind::{Bool, Dictionary, Float, Int, Text, TextList, Time};
use crate::catalog::{
    ADDITIONAL_COLUMN, Cmdlet, Filter, LinkMember, PageSize, Paging, Quota, Resource, col, shown,
};
use crate::cloud::Family;

pub(crate) const RESOURCE: Resource = Resource {
    name: "softwareVulnerabilitiesByMachine",
    class: "Vulnerability",
    doc: "Discovered vulnerabilities, one row per machine, software and CVE",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-assessment-software-vulnerabilities",
    family: Family::Defender,
    list_path: Some("/api/machines/SoftwareVulnerabilitiesByMachine"),
    paging: Paging::NextLink {
        member: LinkMember::OData,
        page_size: Some(PageSize { parameter: "pageSize", default: 50_000, max: 200_000 }),
    },
    quota: Quota::DefenderExport,
    probe: Some(&[("pageSize", "1")]),
    permissions: &["Vulnerability.Read.All"],
    filter: Filter::Service(&[
        "cveId",
        "deviceId",
        "deviceName",
        "exploitabilityLevel",
        "id",
        "lastSeenTimestamp",
        "osPlatform",
        "rbacGroupName",
        "softwareName",
        "softwareVendor",
        "softwareVersion",
        "vulnerabilitySeverityLevel",
    ]),
    columns: &[
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
        col("vulnerabilitySeverityLevel", Dictionary, "Low, Medium, High, Critical; null without a CVE"),
        col("recommendedSecurityUpdate", Dictionary, "Update that fixes it"),
        col("recommendedSecurityUpdateId", Dictionary, "Id of that update"),
        col("recommendedSecurityUpdateUrl", Dictionary, "Address of that update"),
        col("diskPaths", TextList, "Files that show the software is installed"),
        col("registryPaths", TextList, "Registry keys that show the software is installed"),
        col("firstSeenTimestamp", Time, "First time the CVE was seen on the machine"),
        col("lastSeenTimestamp", Time, "Last time the CVE was seen on the machine"),
        col(
            "exploitabilityLevel",
            Dictionary,
            "NoExploit, ExploitIsPublic, ExploitIsVerified, ExploitIsInKit",
        ),
        col("recommendationReference", Dictionary, "Id of the security recommendation"),
        col("securityUpdateAvailable", Bool, "Whether a security update is available"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("deviceName", "Device", 0),
        shown("softwareName", "Software", 0),
        shown("cveId", "CVE", 14),
        shown("vulnerabilitySeverityLevel", "Severity", 8),
        shown("cvssScore", "CVSS", 4),
    ],
    cmdlet: Cmdlet::Get { noun: "Vulnerability", id: None, parent: None },
    ..Resource::DEFAULT
};
