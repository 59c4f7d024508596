//! What `Export-FdxDataset` writes: the resources whose whole list is worth keeping.

use super::resource::Resource;
use super::{defender, graph, listed};

/// A dataset: the whole list of a resource.
#[derive(Clone, Copy, Debug)]
pub struct Dataset {
    /// Name in requests, and of the folder.
    pub name: &'static str,
    /// What is read.
    pub resource: &'static Resource,
    /// Path that lists the same rows as files.
    pub files: Option<&'static str>,
    /// Whether all rows are of one snapshot of the service: a link to its next page still leads on in a later run.
    pub is_snapshot: bool,
    /// What changed since a time, where the service tells that. It has a name of its own, because a change is no row of
    /// the list: a reader of one of the folders must not find the rows of the other.
    pub changes: Option<&'static Dataset>,
}

impl Dataset {
    /// Whether its rows are those of a query.
    pub fn is_hunting(&self) -> bool {
        self.name == HUNTING.name
    }

    /// Whether its rows are changes of another one.
    pub fn is_changes(&self) -> bool {
        DATASETS.iter().filter_map(|dataset| dataset.changes).any(|changes| changes.name == self.name)
    }
}

const fn snapshot(name: &'static str, resource: &Resource, files: &'static str) -> Dataset {
    Dataset { files: Some(files), is_snapshot: true, ..list(name, resource) }
}

const fn list(name: &'static str, resource: &Resource) -> Dataset {
    Dataset { name, resource: listed(resource), files: None, is_snapshot: false, changes: None }
}

/// No snapshot: what tells changes that come twice is not known to a later run, which reads them from the beginning.
const VULNERABILITY_CHANGES: Dataset =
    list("vulnerabilityChanges", &defender::software_vulnerabilities_by_machine::CHANGES);

/// Every dataset.
pub const DATASETS: &[Dataset] = &[
    Dataset {
        changes: Some(&VULNERABILITY_CHANGES),
        ..snapshot(
            "vulnerabilities",
            &defender::software_vulnerabilities_by_machine::RESOURCE,
            "/api/machines/SoftwareVulnerabilitiesExport",
        )
    },
    snapshot(
        "softwareInventory",
        &defender::assessments::SOFTWARE_INVENTORY,
        "/api/machines/SoftwareInventoryExport",
    ),
    snapshot(
        "secureConfigurations",
        &defender::assessments::SECURE_CONFIGURATION,
        "/api/machines/SecureConfigurationsAssessmentExport",
    ),
    snapshot(
        "nonCpeSoftware",
        &defender::assessments::NON_CPE_SOFTWARE,
        "/api/machines/SoftwareInventoryNonCpeExport",
    ),
    snapshot(
        "browserExtensions",
        &defender::assessments::BROWSER_EXTENSIONS,
        "/api/machines/browserextensionsinventoryExport",
    ),
    snapshot(
        "certificates",
        &defender::assessments::CERTIFICATES,
        "/api/machines/certificateAssessmentExport",
    ),
    snapshot(
        "hardwareFirmware",
        &defender::assessments::HARDWARE_FIRMWARE,
        "/api/machines/HardwareFirmwareInventoryExport",
    ),
    snapshot(
        "baselineCompliance",
        &defender::assessments::BASELINE_COMPLIANCE,
        "/api/machines/BaselineComplianceAssessmentExport",
    ),
    list("machines", &defender::machines::RESOURCE),
    list("alerts", &graph::alerts::RESOURCE),
    list("incidents", &graph::incidents::RESOURCE),
    list("software", &defender::software::RESOURCE),
    list("recommendations", &defender::recommendations::RESOURCE),
    list("cves", &defender::cves::RESOURCE),
    list("exposureScore", &defender::scores::EXPOSURE),
    list("exposureScoreByGroup", &defender::scores::EXPOSURE_BY_GROUP),
    list("deviceSecureScore", &defender::scores::CONFIGURATION),
    list("secureScores", &graph::secure_scores::SCORES),
];

/// The rows of a hunting query. The answer says their columns, and the caller names the folder.
pub const HUNTING: Dataset = Dataset {
    name: "hunting",
    resource: &Resource {
        doc: "Rows of an advanced hunting query: see -Query",
        permissions: &["ThreatHunting.Read.All"],
        ..Resource::DEFAULT
    },
    files: None,
    is_snapshot: false,
    changes: None,
};

/// Everything that `Export-FdxDataset` writes.
pub fn exported_datasets() -> impl Iterator<Item = &'static Dataset> + Clone {
    DATASETS.iter().chain(std::iter::once(&HUNTING))
}

/// Looks a dataset up by its name, without regard to case.
pub fn dataset(name: &str) -> Option<&'static Dataset> {
    DATASETS.iter().find(|dataset| dataset.name.eq_ignore_ascii_case(name))
}

/// The dataset of a resource.
pub fn dataset_of(resource: &Resource) -> Option<&'static Dataset> {
    DATASETS.iter().find(|dataset| dataset.resource.name == resource.name)
}

/// Every dataset that files can have: also the changes.
pub fn stored_datasets() -> impl Iterator<Item = &'static Dataset> + Clone {
    DATASETS.iter().chain(DATASETS.iter().filter_map(|dataset| dataset.changes))
}
