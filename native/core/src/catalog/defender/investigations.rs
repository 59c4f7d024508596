//! Automated investigations.

use crate::catalog::ColumnKind::{Dictionary, Text, Time};
use crate::catalog::cmdlets::item_id;
use crate::catalog::columns::{ADDITIONAL_COLUMN, col, shown};
use crate::catalog::{Cmdlet, Filter, Resource, Since};

pub(crate) const RESOURCE: Resource = Resource {
    name: "investigations",
    class: "Investigation",
    doc: "Automated investigations",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-investigation-collection",
    list_path: Some("/api/investigations"),
    item_path: Some("/api/investigations/{id}"),
    permissions: &["Alert.Read.All", "Alert.ReadWrite.All"],
    filter: Filter::Service(&["id", "machineId", "startTime", "state", "triggeringAlertId"]),
    since: Since::Field("startTime"),
    columns: &[
        col("id", Text, "Investigation id"),
        col("startTime", Time, "When it started"),
        col("endTime", Time, "When it ended"),
        col("state", Dictionary, "Running, SuccessfullyRemediated, Failed and so on"),
        col("cancelledBy", Dictionary, "Who cancelled it"),
        col("statusDetails", Text, "More about its state"),
        col("machineId", Dictionary, "Machine id"),
        col("computerDnsName", Dictionary, "Fully qualified name of the machine"),
        col("triggeringAlertId", Text, "Alert that started it"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("id", "Id", 8),
        shown("computerDnsName", "Machine", 0),
        shown("state", "State", 14),
        shown("startTime", "Started", 16),
    ],
    cmdlet: Some(Cmdlet::get("Investigation").by_id(item_id(
        &["InvestigationId"],
        &["InvestigationId", "Investigation.Id", "Id"],
        "Investigation ids. Accepted from the pipeline, including the InvestigationId of alerts of Defender for \
         Endpoint.",
    ))),
    ..Resource::DEFENDER_LIST
};
