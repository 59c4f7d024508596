//! Windows updates that are missing.

use crate::catalog::ColumnKind::{Dictionary, Int, TextList};
use crate::catalog::cmdlets::{MACHINE_ID, SOFTWARE_ID};
use crate::catalog::columns::{ADDITIONAL_COLUMN, col, from_request, shown};
use crate::catalog::{Cmdlet, Resource};

const RELATION: Resource = Resource {
    class: "MissingKb",
    permissions: &["Software.Read.All"],
    columns: &[
        from_request("machineId", "Machine that misses the update"),
        from_request("softwareId", "Software that misses the update"),
        col("id", Dictionary, "Number of the update, without the letters KB"),
        col("name", Dictionary, "Name of the update"),
        col("osBuild", Int, "Operating system build that the update is for"),
        col("productsNames", TextList, "Products that the update is for"),
        col("url", Dictionary, "Address of the update"),
        col("machineMissedOn", Int, "Number of machines that miss the update"),
        col("cveAddressed", Int, "Number of CVEs that the update fixes"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("machineId", "Machine", 10),
        shown("id", "KB", 8),
        shown("name", "Name", 0),
        shown("cveAddressed", "CVEs", 5),
        shown("machineMissedOn", "Machines", 8),
    ],
    ..Resource::DEFENDER_RELATION
};

pub(crate) const OF_MACHINE: Resource = Resource {
    name: "machineMissingKbs",
    doc: "Windows updates that a machine misses",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-missing-kbs-machine",
    parent_path: Some("/api/machines/{id}/getmissingkbs"),
    cmdlet: Some(Cmdlet::get("MissingKb").of(MACHINE_ID)),
    ..RELATION
};

pub(crate) const OF_SOFTWARE: Resource = Resource {
    name: "softwareMissingKbs",
    doc: "Windows updates that are missing for software",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-missing-kbs-software",
    parent_path: Some("/api/Software/{id}/getmissingkbs"),
    cmdlet: Some(Cmdlet::get("MissingKb").of(SOFTWARE_ID)),
    ..RELATION
};
