//! Actions on machines.

use crate::catalog::ColumnKind::{Dictionary, Int, Text, Time, Variant};
use crate::catalog::cmdlets::item_id;
use crate::catalog::columns::{ADDITIONAL_COLUMN, col, shown};
use crate::catalog::{Cmdlet, Filter, Resource, Since};

pub(crate) const RESOURCE: Resource = Resource {
    name: "machineActions",
    class: "MachineAction",
    doc: "Actions on machines, such as scans and isolations",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-machineactions-collection",
    list_path: Some("/api/machineactions"),
    item_path: Some("/api/machineactions/{id}"),
    permissions: &["Machine.Read.All", "Machine.ReadWrite.All"],
    filter: Filter::Service(&["creationDateTimeUtc", "id", "machineId", "requestor", "status", "type"]),
    since: Since::Field("creationDateTimeUtc"),
    columns: &[
        col("id", Text, "Action id"),
        col("type", Dictionary, "RunAntiVirusScan, Isolate, LiveResponse and so on"),
        col("title", Dictionary, "Title"),
        col("scope", Dictionary, "Full or Selective, for isolations; Quick or Full, for scans"),
        col("requestor", Dictionary, "Who requested it"),
        col("requestSource", Dictionary, "Where it was requested, such as Portal or PublicApi"),
        col("requestorComment", Text, "Comment of the person who requested it"),
        col("status", Dictionary, "Pending, InProgress, Succeeded, Failed, TimeOut, Cancelled"),
        col("machineId", Dictionary, "Machine id"),
        col("computerDnsName", Dictionary, "Fully qualified name of the machine"),
        col("creationDateTimeUtc", Time, "When it was requested"),
        col("lastUpdateDateTimeUtc", Time, "When its status changed").or(&["lastUpdateTimeUtc"]),
        col("cancellationRequestor", Dictionary, "Who cancelled it"),
        col("cancellationComment", Text, "Why it was cancelled"),
        col("cancellationDateTimeUtc", Time, "When it was cancelled"),
        col("relatedFileInfo", Variant, "File: fileIdentifier, fileIdentifierType"),
        col("externalID", Text, "Id in another system"),
        col("errorHResult", Int, "Error code; 0 for none"),
        col("commands", Variant, "Commands of a live response, each with its status"),
        col("troubleshootInfo", Text, "Why it failed"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("type", "Type", 0),
        shown("computerDnsName", "Machine", 20),
        shown("status", "Status", 10),
        shown("creationDateTimeUtc", "Requested", 16),
    ],
    cmdlet: Some(Cmdlet::get("MachineAction").by_id(item_id(
        &["MachineActionId"],
        &["MachineActionId", "MachineAction.Id", "Id"],
        "Action ids. Objects are accepted from the pipeline; text in the pipeline is a tenant.",
    ))),
    ..Resource::DEFENDER_LIST
};
