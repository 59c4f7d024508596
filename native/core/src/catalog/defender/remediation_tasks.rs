//! Remediation tasks of vulnerability management.

use crate::catalog::ColumnKind::{Dictionary, Int, Text, TextList, Time};
use crate::catalog::cmdlets::item_id;
use crate::catalog::columns::{ADDITIONAL_COLUMN, col, shown};
use crate::catalog::{Cmdlet, Filter, Resource, Since};

pub(crate) const RESOURCE: Resource = Resource {
    name: "remediationTasks",
    class: "RemediationTask",
    doc: "Remediation tasks",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-remediation-all-activities",
    list_path: Some("/api/remediationTasks"),
    item_path: Some("/api/remediationTasks/{id}"),
    permissions: &["RemediationTasks.Read.All"],
    filter: Filter::Service(&["createdOn", "status"]),
    since: Since::Field("createdOn"),
    columns: &[
        col("id", Text, "Task id"),
        col("title", Text, "Title"),
        col("createdOn", Time, "When the task was created"),
        col("requesterId", Dictionary, "Id of the person who requested it"),
        col("requesterEmail", Dictionary, "Address of the person who requested it"),
        col("status", Dictionary, "Active, Completed, Canceled"),
        col("statusLastModifiedOn", Time, "When the status changed"),
        col("description", Text, "Description"),
        col("relatedComponent", Dictionary, "Component that the task is about"),
        col("targetDevices", Int, "Number of machines that are to be fixed"),
        col("rbacGroupNames", TextList, "Machine groups of the task"),
        col("fixedDevices", Int, "Number of machines that are fixed"),
        col("requesterNotes", Text, "Notes of the person who requested it"),
        col("dueOn", Time, "When the task is due"),
        col("category", Dictionary, "Software or SecurityConfiguration"),
        col(
            "productivityImpactRemediationType",
            Dictionary,
            "Whether only machines are changed that the change does not affect",
        ),
        col("priority", Dictionary, "High, Medium, Low"),
        col("completionMethod", Dictionary, "Automatic or Manual"),
        col("completerId", Dictionary, "Id of the person who completed it"),
        col("completerEmail", Dictionary, "Address of the person who completed it"),
        col("scid", Dictionary, "Id of the security configuration"),
        col("type", Dictionary, "Update, Upgrade, Uninstall, ConfigurationChange"),
        col("productId", Dictionary, "Id of the product"),
        col("vendorId", Dictionary, "Vendor of the product"),
        col("nameId", Dictionary, "Name of the product"),
        col("recommendedVersion", Dictionary, "Version to update to"),
        col("recommendedVendor", Dictionary, "Vendor to change to"),
        col("recommendedProgram", Dictionary, "Program to change to"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("title", "Title", 0),
        shown("priority", "Priority", 8),
        shown("status", "Status", 9),
        shown("fixedDevices", "Fixed", 6),
        shown("targetDevices", "Targets", 7),
        shown("dueOn", "Due", 10),
    ],
    cmdlet: Some(Cmdlet::get("RemediationTask").by_id(item_id(
        &["RemediationTaskId"],
        &["RemediationTaskId", "RemediationTask.Id", "Id"],
        "Task ids. Objects are accepted from the pipeline; text in the pipeline is a tenant.",
    ))),
    ..Resource::DEFENDER_LIST
};
