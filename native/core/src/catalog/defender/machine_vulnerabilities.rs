//! Discovered vulnerabilities of single machines.

use crate::catalog::ColumnKind::{Bool, Dictionary, Float, Int, TextList, Time};
use crate::catalog::cmdlets::MACHINE_ID;
use crate::catalog::columns::{ADDITIONAL_COLUMN, SEVERITY, col, from_request, shown};
use crate::catalog::{Cmdlet, IdParameter, Quota, Resource};
use crate::cloud::Family;

pub(crate) const RESOURCE: Resource = Resource {
    name: "machineVulnerabilities",
    class: "MachineVulnerability",
    doc: "Discovered vulnerabilities of one machine, with the text of each CVE",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-discovered-vulnerabilities",
    family: Family::Defender,
    parent_path: Some("/api/machines/{id}/vulnerabilities"),
    quota: Quota::DefenderMachine,
    permissions: &["Vulnerability.Read.All"],
    columns: &[
        from_request("machineId", "Machine that the row belongs to"),
        col("id", Dictionary, "CVE number"),
        col("name", Dictionary, "Name, usually the CVE number"),
        col("description", Dictionary, "Description of the vulnerability"),
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
    ],
    table: &[
        shown("machineId", "Device", 0),
        shown("id", "CVE", 14),
        shown("severity", "Severity", 8),
        shown("cvssV3", "CVSS", 4),
        shown("publicExploit", "Exploit", 7),
        shown("publishedOn", "Published", 10),
    ],
    cmdlet: Some(Cmdlet::get("Vulnerability").of(IdParameter {
        aliases: &["Id", "DeviceId"],
        properties: &["MachineId", "DeviceId", "Machine.Id", "MachineReference.Id", "Id"],
        ..MACHINE_ID
    })),
    ..Resource::DEFAULT
};
