//! Machines that a CVE, software, a recommendation or a remediation task is about.

use crate::catalog::ColumnKind::{Dictionary, Text};
use crate::catalog::cmdlets::{CVE_ID, RECOMMENDATION_ID, SOFTWARE_ID};
use crate::catalog::columns::{ADDITIONAL_COLUMN, col, from_request, shown};
use crate::catalog::{Cmdlet, IdParameter, Resource};

const RELATION: Resource = Resource {
    class: "MachineReference",
    columns: &[
        from_request("cveId", "CVE that the machine is exposed to"),
        from_request("softwareId", "Software that is installed on the machine"),
        from_request("recommendationId", "Recommendation that the machine is exposed to"),
        from_request("remediationTaskId", "Remediation task that the machine belongs to"),
        col("id", Text, "Machine id: 40 hexadecimal digits"),
        col("computerDnsName", Text, "Fully qualified name of the machine"),
        col("osPlatform", Dictionary, "Operating system platform, such as Windows11"),
        col("rbacGroupName", Dictionary, "Machine group name"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("computerDnsName", "Name", 0),
        shown("osPlatform", "OS", 13),
        shown("rbacGroupName", "Group", 20),
        shown("id", "Id", 10),
    ],
    ..Resource::DEFENDER_RELATION
};

pub(crate) const OF_CVE: Resource = Resource {
    name: "cveMachines",
    doc: "Machines that are exposed to a CVE",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-machines-by-vulnerability",
    parent_path: Some("/api/vulnerabilities/{id}/machineReferences"),
    permissions: &["Vulnerability.Read.All"],
    cmdlet: Some(Cmdlet::get("Machine").of(CVE_ID)),
    ..RELATION
};

pub(crate) const OF_SOFTWARE: Resource = Resource {
    name: "softwareMachines",
    doc: "Machines that software is installed on",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-machines-by-software",
    parent_path: Some("/api/Software/{id}/machineReferences"),
    permissions: &["Software.Read.All"],
    cmdlet: Some(Cmdlet::get("Machine").of(SOFTWARE_ID)),
    ..RELATION
};

pub(crate) const OF_RECOMMENDATION: Resource = Resource {
    name: "recommendationMachines",
    doc: "Machines that are exposed to what a recommendation is about",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-recommendation-machines",
    parent_path: Some("/api/recommendations/{id}/machineReferences"),
    permissions: &["SecurityRecommendation.Read.All"],
    cmdlet: Some(Cmdlet::get("Machine").of(RECOMMENDATION_ID)),
    ..RELATION
};

pub(crate) const OF_REMEDIATION_TASK: Resource = Resource {
    name: "remediationTaskMachines",
    doc: "Machines that a remediation task is about",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-remediation-exposed-devices-activities",
    parent_path: Some("/api/remediationTasks/{id}/machineReferences"),
    permissions: &["RemediationTasks.Read.All"],
    cmdlet: Some(Cmdlet::get("Machine").of(IdParameter {
        name: "RemediationTaskId",
        aliases: &[],
        properties: &["RemediationTask.Id"],
        takes_text: true,
        label: None,
        doc: "Gets the machines of these remediation tasks. Accepted from the pipeline, from Get-FdxRemediationTask.",
    })),
    ..RELATION
};
