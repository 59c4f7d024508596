//! The CVEs of each machine, without their text: a list that the service can filter.

use crate::catalog::ColumnKind::{Dictionary, Text};
use crate::catalog::columns::{ADDITIONAL_COLUMN, SEVERITY, col, shown};
use crate::catalog::{Cmdlet, Filter, Resource};

pub(crate) const RESOURCE: Resource = Resource {
    name: "machineCves",
    class: "MachineCve",
    doc: "CVEs of each machine and product, with the update that fixes them",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-all-vulnerabilities-by-machines",
    list_path: Some("/api/vulnerabilities/machinesVulnerabilities"),
    permissions: &["Vulnerability.Read.All"],
    // The service has given rows that its own filter excludes.
    filter: Filter::Verified(&[
        "cveId",
        "fixingKbId",
        "id",
        "machineId",
        "productName",
        "productVendor",
        "productVersion",
        "severity",
    ]),
    columns: &[
        col("id", Text, "Row id: machine, CVE, product and update"),
        col("cveId", Dictionary, "CVE number"),
        col("machineId", Dictionary, "Machine id"),
        col("fixingKbId", Dictionary, "Update that fixes it; null if no update does"),
        col("productName", Dictionary, "Name of the product"),
        col("productVendor", Dictionary, "Vendor of the product"),
        col("productVersion", Dictionary, "Version of the product"),
        col("severity", Dictionary, "Low, Medium, High, Critical").on(&SEVERITY),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("machineId", "Machine", 10),
        shown("cveId", "CVE", 14),
        shown("severity", "Severity", 8),
        shown("productName", "Product", 0),
        shown("fixingKbId", "KB", 7),
    ],
    cmdlet: Some(Cmdlet::get("MachineCve")),
    ..Resource::DEFENDER_LIST
};
