//! Files of the live response library.

use crate::catalog::ColumnKind::{Bool, Dictionary, Text, Time};
use crate::catalog::columns::{ADDITIONAL_COLUMN, col, shown};
use crate::catalog::{Cmdlet, Resource};

pub(crate) const RESOURCE: Resource = Resource {
    name: "libraryFiles",
    class: "LibraryFile",
    doc: "Files of the live response library",
    reference: "https://learn.microsoft.com/defender-endpoint/api/list-library-files",
    list_path: Some("/api/libraryfiles"),
    probe: Some(&[]),
    permissions: &["Library.Manage"],
    columns: &[
        col("fileName", Text, "Name of the file"),
        col("sha256", Text, "SHA-256 of the file"),
        col("description", Text, "Description"),
        col("creationTime", Time, "When it was uploaded"),
        col("lastUpdatedTime", Time, "When it was last updated"),
        col("createdBy", Dictionary, "Who uploaded it"),
        col("hasParameters", Bool, "Whether the script has parameters"),
        col("parametersDescription", Text, "Description of the parameters"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("fileName", "File", 0),
        shown("createdBy", "CreatedBy", 16),
        shown("hasParameters", "Parameters", 10),
        shown("lastUpdatedTime", "Updated", 16),
    ],
    cmdlet: Some(Cmdlet::get("LibraryFile")),
    ..Resource::DEFENDER_RELATION
};
