//! Security baselines: profiles, and the configurations that they assess.

use crate::catalog::ColumnKind::{Bool, Dictionary, Int, Text, TextList, Time};
use crate::catalog::columns::{ADDITIONAL_COLUMN, col, shown};
use crate::catalog::{Cmdlet, Filter, Resource};

const READ: &[&str] = &["SecurityBaselinesAssessment.Read.All"];

pub(crate) const PROFILES: Resource = Resource {
    name: "baselineProfiles",
    class: "BaselineProfile",
    doc: "Baseline profiles of the tenant, with the number of machines that comply",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-security-baselines-assessment-profiles",
    list_path: Some("/api/baselineProfiles"),
    permissions: READ,
    filter: Filter::Service(&[
        "id",
        "name",
        "operatingSystem",
        "operatingSystemVersion",
        "passedDevices",
        "settingsNumber",
        "status",
        "totalDevices",
    ]),
    columns: &[
        col("id", Text, "Profile id"),
        col("name", Text, "Name"),
        col("description", Text, "Description"),
        col("benchmark", Dictionary, "Benchmark, such as CIS"),
        col("version", Dictionary, "Version of the benchmark"),
        col("operatingSystem", Dictionary, "Operating system that it applies to"),
        col("operatingSystemVersion", Dictionary, "Version of the operating system"),
        col("status", Bool, "Whether the profile is active"),
        col("complianceLevel", Dictionary, "Compliance level"),
        col("settingsNumber", Int, "Number of configurations"),
        col("createdBy", Dictionary, "Who created it"),
        col("lastUpdatedBy", Dictionary, "Who last updated it"),
        col("createdOnTimestampUTC", Time, "When it was created"),
        col("lastUpdateTimestampUTC", Time, "When it was last updated"),
        col("passedDevices", Int, "Number of machines that comply"),
        col("totalDevices", Int, "Number of machines that are assessed"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("name", "Name", 0),
        shown("benchmark", "Benchmark", 9),
        shown("status", "Active", 6),
        shown("passedDevices", "Passed", 7),
        shown("totalDevices", "Machines", 8),
    ],
    cmdlet: Some(Cmdlet::get("BaselineProfile")),
    ..Resource::DEFENDER_LIST
};

pub(crate) const CONFIGURATIONS: Resource = Resource {
    name: "baselineConfigurations",
    class: "BaselineConfiguration",
    doc: "Configurations that the active baseline profiles assess",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-security-baselines-assessment-configurations",
    list_path: Some("/api/baselineConfigurations"),
    key: "uniqueId",
    permissions: READ,
    filter: Filter::Service(&["category", "cce", "id", "name"]),
    columns: &[
        col("id", Text, "Configuration id in the benchmark"),
        col("uniqueId", Text, "Configuration id over all benchmarks"),
        col("benchmarkName", Dictionary, "Benchmark, such as CIS"),
        col("benchmarkVersion", Dictionary, "Version of the benchmark"),
        col("name", Text, "Name"),
        col("description", Text, "Description, in HTML"),
        col("category", Dictionary, "Category"),
        col("complianceLevels", TextList, "Compliance levels"),
        col("cce", Dictionary, "Number in the Common Configuration Enumeration"),
        col("rationale", Text, "Why it matters, in HTML"),
        col("remediation", Text, "How to fix it, in HTML"),
        col("recommendedValue", TextList, "Recommended value of each source"),
        col("source", TextList, "Where the current values are read"),
        col("isCustom", Bool, "Whether the configuration was customized"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("id", "Id", 8),
        shown("name", "Name", 0),
        shown("category", "Category", 16),
        shown("benchmarkName", "Benchmark", 9),
    ],
    cmdlet: Some(Cmdlet::get("BaselineConfiguration")),
    ..Resource::DEFENDER_LIST
};
