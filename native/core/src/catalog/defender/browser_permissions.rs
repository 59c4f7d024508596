//! What browser extensions can be permitted to do.

use crate::catalog::ColumnKind::{Dictionary, Text};
use crate::catalog::columns::{ADDITIONAL_COLUMN, col, shown};
use crate::catalog::{Cmdlet, Resource};

pub(crate) const RESOURCE: Resource = Resource {
    name: "browserExtensionPermissions",
    class: "BrowserExtensionPermission",
    doc: "What browser extensions can be permitted to do",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-browser-extensions-permission-info",
    list_path: Some("/api/browserextensions/permissionsinfo"),
    // The documentation has a list in a list.
    nested: true,
    probe: Some(&[]),
    permissions: &["Software.Read.All"],
    columns: &[
        col("key", Text, "Permission, as in the assessment of browser extensions"),
        col("permissionName", Dictionary, "Name"),
        col("description", Text, "What it allows"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("key", "Key", 18),
        shown("permissionName", "Name", 0),
        shown("description", "Description", 0),
    ],
    cmdlet: Some(Cmdlet::get("BrowserExtensionPermission")),
    ..Resource::DEFENDER_RELATION
};
