//! Security recommendations of vulnerability management.

use crate::catalog::ColumnKind::{Bool, Dictionary, Float, Int, Text, TextList};
use crate::catalog::cmdlets::{MACHINE_ID, item_id};
use crate::catalog::columns::{ADDITIONAL_COLUMN, col, from_request, shown};
use crate::catalog::{Cmdlet, Column, Filter, Resource, TableColumn};

const READ: &[&str] = &["SecurityRecommendation.Read.All"];

const COLUMNS: &[Column] = &[
    from_request("machineId", "Machine that the recommendation is for"),
    col("id", Text, "Recommendation id"),
    col("productName", Dictionary, "Name of the product"),
    col("recommendationName", Text, "Name of the recommendation"),
    col("weaknesses", Int, "Number of vulnerabilities"),
    col("vendor", Dictionary, "Vendor of the product"),
    col("recommendedVersion", Dictionary, "Version to update to"),
    col("recommendedVendor", Dictionary, "Vendor to change to"),
    col("recommendedProgram", Dictionary, "Program to change to"),
    col("recommendationCategory", Dictionary, "Category, such as Application"),
    col("subCategory", Dictionary, "Subcategory"),
    col("severityScore", Float, "Impact of the configuration, 0 to 10"),
    col("publicExploit", Bool, "Whether an exploit is public"),
    col("activeAlert", Bool, "Whether an alert is active that is related to it"),
    col("associatedThreats", TextList, "Ids of threat reports"),
    col("remediationType", Dictionary, "ConfigurationChange, Update, Upgrade, Uninstall"),
    col("status", Dictionary, "Active, Exception"),
    col("configScoreImpact", Float, "Impact on the device secure score"),
    col("exposureImpact", Float, "Impact on the exposure score"),
    col("totalMachineCount", Int, "Number of machines with the product"),
    col("exposedMachinesCount", Int, "Number of exposed machines"),
    col("nonProductivityImpactedAssets", Int, "Number of machines that the change does not affect"),
    col("relatedComponent", Dictionary, "Component that is affected"),
    col("hasUnpatchableCve", Bool, "Whether a vulnerability has no fix"),
    col("tags", TextList, "Tags"),
    col("exposedCriticalDevices", Int, "Number of exposed critical machines"),
    ADDITIONAL_COLUMN,
];

const TABLE: &[TableColumn] = &[
    shown("recommendationName", "Recommendation", 0),
    shown("remediationType", "Type", 10),
    shown("weaknesses", "CVEs", 5),
    shown("exposedMachinesCount", "Exposed", 7),
    shown("exposureImpact", "Impact", 6),
    shown("status", "Status", 9),
];

pub(crate) const RESOURCE: Resource = Resource {
    name: "recommendations",
    class: "Recommendation",
    doc: "Security recommendations",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-all-recommendations",
    list_path: Some("/api/recommendations"),
    item_path: Some("/api/recommendations/{id}"),
    permissions: READ,
    filter: Filter::Service(&[
        "id",
        "productName",
        "recommendationCategory",
        "recommendedProgram",
        "recommendedVendor",
        "recommendedVersion",
        "remediationType",
        "severityScore",
        "status",
        "subCategory",
        "vendor",
    ]),
    columns: COLUMNS,
    table: TABLE,
    cmdlet: Some(Cmdlet::get("Recommendation").by_id(item_id(
        &["RecommendationId"],
        &["RecommendationId", "Recommendation.Id", "Id"],
        "Recommendation ids, such as va-_-microsoft-_-edge. Accepted from the pipeline.",
    ))),
    ..Resource::DEFENDER_LIST
};

pub(crate) const OF_MACHINE: Resource = Resource {
    name: "machineRecommendations",
    class: "Recommendation",
    doc: "Security recommendations for a machine",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-security-recommendations",
    parent_path: Some("/api/machines/{id}/recommendations"),
    permissions: READ,
    columns: COLUMNS,
    table: TABLE,
    cmdlet: Some(Cmdlet::get("Recommendation").of(MACHINE_ID)),
    ..Resource::DEFENDER_RELATION
};
