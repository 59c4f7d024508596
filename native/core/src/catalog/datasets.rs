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
    /// Whether all pages are of one snapshot of the service, so that a link still leads on in a later run.
    pub is_snapshot: bool,
}

const fn snapshot(name: &'static str, resource: &Resource) -> Dataset {
    Dataset { name, resource: listed(resource), is_snapshot: true }
}

const fn list(name: &'static str, resource: &Resource) -> Dataset {
    Dataset { name, resource: listed(resource), is_snapshot: false }
}

/// Every dataset.
pub const DATASETS: &[Dataset] = &[
    snapshot("vulnerabilities", &defender::software_vulnerabilities_by_machine::RESOURCE),
    snapshot("softwareInventory", &defender::assessments::SOFTWARE_INVENTORY),
    snapshot("secureConfigurations", &defender::assessments::SECURE_CONFIGURATION),
    snapshot("nonCpeSoftware", &defender::assessments::NON_CPE_SOFTWARE),
    snapshot("browserExtensions", &defender::assessments::BROWSER_EXTENSIONS),
    snapshot("certificates", &defender::assessments::CERTIFICATES),
    snapshot("hardwareFirmware", &defender::assessments::HARDWARE_FIRMWARE),
    snapshot("baselineCompliance", &defender::assessments::BASELINE_COMPLIANCE),
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

/// Looks a dataset up by its name, without regard to case.
pub fn dataset(name: &str) -> Option<&'static Dataset> {
    DATASETS.iter().find(|dataset| dataset.name.eq_ignore_ascii_case(name))
}
