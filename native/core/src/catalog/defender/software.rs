//! The software inventory of vulnerability management.

use crate::catalog::ColumnKind::{Bool, Dictionary, Float, Int, Text};
use crate::catalog::cmdlets::{MACHINE_ID, RECOMMENDATION_ID, SOFTWARE_ID, item_id};
use crate::catalog::columns::{ADDITIONAL_COLUMN, col, from_request, shown};
use crate::catalog::{Cmdlet, Column, Filter, Resource, TableColumn};

const READ: &[&str] = &["Software.Read.All"];

const COLUMNS: &[Column] = &[
    from_request("machineId", "Machine that the software is installed on"),
    from_request("recommendationId", "Recommendation that is about the software"),
    col("id", Text, "Software id: vendor and name"),
    col("name", Dictionary, "Name of the software"),
    col("vendor", Dictionary, "Vendor of the software"),
    col("weaknesses", Int, "Number of vulnerabilities"),
    col("publicExploit", Bool, "Whether an exploit is public for any of them"),
    col("activeAlert", Bool, "Whether an alert is active that is related to it"),
    col("exposedMachines", Int, "Number of exposed machines"),
    col("installedMachines", Int, "Number of machines that it is installed on"),
    col("impactScore", Float, "Impact on the exposure score"),
    col("isNormalized", Bool, "Whether the software has a product code (CPE)"),
    col("category", Dictionary, "Category of the software"),
    ADDITIONAL_COLUMN,
];

const TABLE: &[TableColumn] = &[
    shown("name", "Name", 0),
    shown("vendor", "Vendor", 14),
    shown("weaknesses", "CVEs", 5),
    shown("publicExploit", "Exploit", 7),
    shown("exposedMachines", "Exposed", 7),
    shown("impactScore", "Impact", 6),
];

pub(crate) const RESOURCE: Resource = Resource {
    name: "software",
    class: "Software",
    doc: "Software of the tenant, with the number of its vulnerabilities",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-software",
    list_path: Some("/api/Software"),
    item_path: Some("/api/Software/{id}"),
    permissions: READ,
    filter: Filter::Service(&["id", "name", "vendor"]),
    columns: COLUMNS,
    table: TABLE,
    cmdlet: Some(Cmdlet::get("Software").by_id(item_id(
        &["SoftwareId"],
        &["SoftwareId", "Software.Id", "Id"],
        "Software ids, such as microsoft-_-edge. Accepted from the pipeline.",
    ))),
    ..Resource::DEFENDER_LIST
};

pub(crate) const OF_MACHINE: Resource = Resource {
    name: "machineSoftware",
    class: "Software",
    doc: "Software of a machine",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-installed-software",
    parent_path: Some("/api/machines/{id}/software"),
    permissions: READ,
    columns: COLUMNS,
    table: TABLE,
    cmdlet: Some(Cmdlet::get("Software").of(MACHINE_ID)),
    ..Resource::DEFENDER_RELATION
};

pub(crate) const OF_RECOMMENDATION: Resource = Resource {
    name: "recommendationSoftware",
    class: "Software",
    doc: "Software that a recommendation is about",
    reference: "https://learn.microsoft.com/defender-endpoint/api/list-recommendation-software",
    parent_path: Some("/api/recommendations/{id}/software"),
    single: true,
    permissions: READ,
    columns: COLUMNS,
    table: TABLE,
    cmdlet: Some(Cmdlet::get("Software").of(RECOMMENDATION_ID)),
    ..Resource::DEFENDER_RELATION
};

pub(crate) const VERSIONS: Resource = Resource {
    name: "softwareVersions",
    class: "SoftwareVersion",
    doc: "Versions of software, with the number of their installations",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-software-ver-distribution",
    parent_path: Some("/api/Software/{id}/distributions"),
    permissions: READ,
    columns: &[
        from_request("softwareId", "Software that the version is of"),
        col("version", Dictionary, "Version"),
        col("installations", Int, "Number of installations"),
        col("vulnerabilities", Int, "Number of vulnerabilities"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("softwareId", "Software", 0),
        shown("version", "Version", 22),
        shown("installations", "Machines", 8),
        shown("vulnerabilities", "CVEs", 5),
    ],
    cmdlet: Some(Cmdlet::get("SoftwareVersion").of(SOFTWARE_ID)),
    ..Resource::DEFENDER_RELATION
};
