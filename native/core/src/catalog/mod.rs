//! The one table of Defender resources. The row decoder, the C# row classes, the views, the completers and the
//! tables in the docs all come from here: a new resource is a new entry.

pub use crate::batch::ColumnKind;
use crate::cloud::Family;

/// One column of a resource.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Name in the API's JSON (camelCase; matched without regard to case).
    pub name: &'static str,
    /// Kind of value.
    pub kind: ColumnKind,
    /// True for a column that the request knows and the row does not say (the machine whose list it is).
    pub from_request: bool,
    /// One line for the docs.
    pub doc: &'static str,
}

/// How the pages of a list follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paging {
    /// Follow `@odata.nextLink` while there is one.
    NextLink,
    /// As `NextLink`; the query takes `pageSize`, at most this many rows.
    NextLinkWithPageSize {
        /// Rows a page unless told otherwise.
        default: u32,
        /// Largest page that the service accepts.
        max: u32,
    },
    /// One answer holds everything.
    Single,
}

/// One resource of the catalog.
#[derive(Clone, Copy, Debug)]
pub struct Resource {
    /// Name in requests.
    pub name: &'static str,
    /// Name of the row class.
    pub class: &'static str,
    /// API family: decides host and scope.
    pub family: Family,
    /// Path below the host; `{id}` is replaced.
    pub path: &'static str,
    /// Path of one item, where the API has one.
    pub item_path: Option<&'static str>,
    /// Application permissions, any of which is enough.
    pub permissions: &'static [&'static str],
    /// Page rule.
    pub paging: Paging,
    /// Fields that `$filter` accepts; empty where the API has no `$filter`.
    pub filter_fields: &'static [&'static str],
    /// True where the service answers 404 for an empty list.
    pub not_found_is_empty: bool,
    /// Columns, in the order of the batches.
    pub columns: &'static [Column],
    /// Columns of the default table, after the tenant.
    pub table: &'static [Shown],
    /// One line for the docs.
    pub doc: &'static str,
}

/// A column of the default table.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// Column.
    pub name: &'static str,
    /// Heading.
    pub heading: &'static str,
    /// Width in characters; 0 to leave it to the console.
    pub width: u32,
}

const fn shown(name: &'static str, heading: &'static str, width: u32) -> Shown {
    Shown { name, heading, width }
}

const fn col(name: &'static str, kind: ColumnKind, doc: &'static str) -> Column {
    Column { name, kind, from_request: false, doc }
}

const fn from_request(name: &'static str, doc: &'static str) -> Column {
    Column { name, kind: ColumnKind::Dictionary, from_request: true, doc }
}

/// Name of the column that every typed resource ends with.
pub const ADDITIONAL: &str = "additionalProperties";

use ColumnKind::{Bool, Dictionary, Float, Int, Text, TextList, Time, Variant};

/// Every resource.
pub const RESOURCES: &[Resource] = &[MACHINES, SOFTWARE_VULNERABILITIES_BY_MACHINE, MACHINE_VULNERABILITIES];

/// Looks a resource up by its name.
pub fn resource(name: &str) -> Option<&'static Resource> {
    RESOURCES.iter().find(|r| r.name == name)
}

const MACHINES: Resource = Resource {
    name: "machines",
    class: "Machine",
    family: Family::Defender,
    path: "/api/machines",
    item_path: Some("/api/machines/{id}"),
    permissions: &["Machine.Read.All", "Machine.ReadWrite.All"],
    paging: Paging::NextLink,
    filter_fields: &[
        "aadDeviceId",
        "computerDnsName",
        "deviceValue",
        "exposureLevel",
        "healthStatus",
        "id",
        "lastIpAddress",
        "lastSeen",
        "machineTags",
        "onboardingStatus",
        "osPlatform",
        "rbacGroupId",
        "riskScore",
        "version",
    ],
    not_found_is_empty: true,
    columns: &[
        col("id", Text, "Machine id: 40 hexadecimal digits"),
        col("computerDnsName", Text, "Fully qualified name of the machine"),
        col("firstSeen", Time, "First time the service saw the machine"),
        col("lastSeen", Time, "Last full report of the machine"),
        col("osPlatform", Dictionary, "Operating system platform, such as Windows11"),
        col("osVersion", Dictionary, "Operating system version; often null, see Version"),
        col("version", Dictionary, "Operating system release, such as 22H2"),
        col("osProcessor", Dictionary, "Processor architecture (superseded by OsArchitecture)"),
        col("osArchitecture", Dictionary, "32-bit or 64-bit"),
        col("osBuild", Int, "Operating system build number"),
        col("lastIpAddress", Text, "Last internal IP address"),
        col("lastExternalIpAddress", Text, "Last IP address as seen from the internet"),
        col("healthStatus", Dictionary, "Active, Inactive, ImpairedCommunication, NoSensorData, …"),
        col("onboardingStatus", Dictionary, "Onboarded, CanBeOnboarded, Unsupported, InsufficientInfo"),
        col("rbacGroupId", Int, "Machine group id"),
        col("rbacGroupName", Dictionary, "Machine group name"),
        col("riskScore", Dictionary, "None, Informational, Low, Medium, High"),
        col("exposureLevel", Dictionary, "None, Low, Medium, High"),
        col("deviceValue", Dictionary, "Low, Normal, High"),
        col("isAadJoined", Bool, "Whether the machine is joined to Entra"),
        col("aadDeviceId", Text, "Entra device id"),
        col("machineTags", TextList, "Tags"),
        col("ipAddresses", Variant, "Addresses: ipAddress, macAddress, type, operationalStatus"),
        col("agentVersion", Dictionary, "Version of the sensor"),
        col("managedBy", Dictionary, "Management channel, such as Intune"),
        col("managedByStatus", Dictionary, "State of the management channel"),
        col("mergedIntoMachineId", Text, "Machine that this one was merged into"),
        col("isPotentialDuplication", Bool, "Whether the service takes it for a duplicate"),
        col("isExcluded", Bool, "Whether it is excluded from vulnerability management"),
        col("exclusionReason", Dictionary, "Why it is excluded"),
        col(
            "vmMetadata",
            Variant,
            "Cloud virtual machine data: vmId, cloudProvider, resourceId, subscriptionId",
        ),
        col(ADDITIONAL, Variant, "Members of the answer that have no property of their own"),
    ],
    table: &[
        shown("computerDnsName", "Name", 0),
        shown("osPlatform", "OS", 17),
        shown("healthStatus", "Health", 14),
        shown("riskScore", "Risk", 8),
        shown("exposureLevel", "Exposure", 8),
        shown("lastSeen", "LastSeen", 16),
    ],
    doc: "Machines onboarded to, or seen by, Defender for Endpoint",
};

const SOFTWARE_VULNERABILITIES_BY_MACHINE: Resource = Resource {
    name: "softwareVulnerabilitiesByMachine",
    class: "Vulnerability",
    family: Family::Defender,
    path: "/api/machines/SoftwareVulnerabilitiesByMachine",
    item_path: None,
    permissions: &["Vulnerability.Read.All"],
    paging: Paging::NextLinkWithPageSize { default: 50_000, max: 200_000 },
    filter_fields: &[
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
    ],
    not_found_is_empty: false,
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
        col("recommendedSecurityUpdate", Dictionary, "Update that mends it"),
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
        col("securityUpdateAvailable", Bool, "Whether an update is there"),
        col(ADDITIONAL, Variant, "Members of the answer that have no property of their own"),
    ],
    table: &[
        shown("deviceName", "Device", 0),
        shown("softwareName", "Software", 0),
        shown("softwareVersion", "Version", 14),
        shown("cveId", "CVE", 15),
        shown("vulnerabilitySeverityLevel", "Severity", 8),
        shown("cvssScore", "CVSS", 4),
    ],
    doc: "Discovered vulnerabilities, one row per machine, software and CVE",
};

const MACHINE_VULNERABILITIES: Resource = Resource {
    name: "machineVulnerabilities",
    class: "MachineVulnerability",
    family: Family::Defender,
    path: "/api/machines/{id}/vulnerabilities",
    item_path: None,
    permissions: &["Vulnerability.Read.All"],
    paging: Paging::Single,
    filter_fields: &[],
    not_found_is_empty: false,
    columns: &[
        from_request("machineId", "Machine whose list this row is of"),
        col("id", Dictionary, "CVE number"),
        col("name", Dictionary, "Name, mostly the CVE number"),
        col("description", Dictionary, "What the vulnerability is"),
        col("severity", Dictionary, "Low, Medium, High, Critical"),
        col("cvssV3", Float, "CVSS v3 score, 0 to 10"),
        col("cvssVector", Dictionary, "CVSS vector"),
        col("exposedMachines", Int, "Machines of the tenant that are exposed"),
        col("publishedOn", Time, "When the CVE was published"),
        col("updatedOn", Time, "When the CVE was last changed"),
        col("firstDetected", Time, "When the tenant first had it"),
        col("publicExploit", Bool, "Whether an exploit is public"),
        col("exploitVerified", Bool, "Whether an exploit is verified"),
        col("exploitInKit", Bool, "Whether an exploit is part of a kit"),
        col("exploitTypes", TextList, "Kinds of exploit"),
        col("exploitUris", TextList, "Where exploits are described"),
        col("cveSupportability", Dictionary, "Supported, Not Supported, SupportedInPremium"),
        col("tags", TextList, "Tags"),
        col("epss", Float, "Exploit prediction score, 0 to 1"),
        col(ADDITIONAL, Variant, "Members of the answer that have no property of their own"),
    ],
    table: &[
        shown("machineId", "MachineId", 0),
        shown("id", "CVE", 15),
        shown("severity", "Severity", 8),
        shown("cvssV3", "CVSS", 4),
        shown("publicExploit", "Exploit", 7),
        shown("publishedOn", "Published", 16),
    ],
    doc: "Discovered vulnerabilities of one machine, with the text of each CVE",
};
