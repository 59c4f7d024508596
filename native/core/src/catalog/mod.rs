//! The single table of resources: one file per resource, or per family of alike resources. The row decoder, the C# row
//! classes and cmdlets, the views, the completers, the checks of `Test-FdxConnection` and the tables of the
//! documentation come from here.

mod arm;
mod cmdlets;
mod columns;
mod datasets;
mod defender;
mod documentation;
mod graph;
mod log_tables;
mod quota;
mod requests;
mod resource;
#[cfg(test)]
mod tests;
mod xdr;

pub use self::cmdlets::{Choice, Cmdlet, IdParameter, Label, Parameter, ParameterKind};
pub use self::columns::{ADDITIONAL, Column, SCALES, Scale, TENANT_WIDTH, TableColumn};
pub use self::datasets::{
    DATASETS, Dataset, HUNTING, dataset, dataset_of, exported_datasets, stored_datasets,
};
pub use self::log_tables::{
    LogColumn, ROW_KEY, TIME_GENERATED, log_column, log_columns, log_stream, log_table,
};
pub use self::quota::Quota;
pub use self::requests::{Filter, LinkMember, Method, PageSize, Paging, Parents, Since, WithoutLink};
pub use self::resource::Resource;
pub use crate::batch::ColumnKind;

/// Every resource. Within a family, a check of the family itself prefers the first one that the app may read. Of the
/// entries of a cmdlet, the first one describes it.
pub const RESOURCES: &[Resource] = &documentation::of_each([
    defender::machines::RESOURCE,
    defender::machines::BY_IP,
    defender::machines::BY_TAG,
    defender::machine_references::OF_CVE,
    defender::machine_references::OF_SOFTWARE,
    defender::machine_references::OF_RECOMMENDATION,
    defender::machine_references::OF_REMEDIATION_TASK,
    defender::machines::OF_ALERT,
    defender::machines::OF_FILE,
    defender::machines::OF_DOMAIN,
    defender::machines::OF_USER,
    defender::software_vulnerabilities_by_machine::RESOURCE,
    defender::machine_vulnerabilities::RESOURCE,
    defender::software_vulnerabilities_by_machine::CHANGES,
    defender::cves::RESOURCE,
    defender::cves::OF_SOFTWARE,
    defender::cves::OF_RECOMMENDATION,
    defender::machine_cves::RESOURCE,
    defender::software::RESOURCE,
    defender::software::OF_MACHINE,
    defender::software::OF_RECOMMENDATION,
    defender::software::VERSIONS,
    defender::missing_kbs::OF_MACHINE,
    defender::missing_kbs::OF_SOFTWARE,
    defender::recommendations::RESOURCE,
    defender::recommendations::OF_MACHINE,
    defender::scores::EXPOSURE,
    defender::scores::EXPOSURE_BY_GROUP,
    defender::scores::CONFIGURATION,
    defender::remediation_tasks::RESOURCE,
    defender::machine_actions::RESOURCE,
    defender::investigations::RESOURCE,
    defender::indicators::RESOURCE,
    defender::entities::FILES,
    defender::entities::FILES_OF_ALERT,
    defender::entities::FILE_STATISTICS,
    defender::entities::DOMAINS,
    defender::entities::DOMAINS_OF_ALERT,
    defender::entities::IP_ADDRESSES,
    defender::entities::IP_ADDRESSES_OF_ALERT,
    defender::entities::USERS_OF_MACHINE,
    defender::entities::USER_OF_ALERT,
    defender::library_files::RESOURCE,
    defender::antivirus_health::RESOURCE,
    defender::baselines::PROFILES,
    defender::baselines::CONFIGURATIONS,
    defender::browser_permissions::RESOURCE,
    defender::scans::DEFINITIONS,
    defender::scans::AGENTS,
    defender::scans::HISTORY_OF_DEFINITION,
    defender::scans::HISTORY_OF_SESSION,
    defender::assessments::SOFTWARE_INVENTORY,
    defender::assessments::SECURE_CONFIGURATION,
    defender::assessments::NON_CPE_SOFTWARE,
    defender::assessments::BROWSER_EXTENSIONS,
    defender::assessments::CERTIFICATES,
    defender::assessments::HARDWARE_FIRMWARE,
    defender::assessments::BASELINE_COMPLIANCE,
    graph::alerts::RESOURCE,
    defender::alerts::RESOURCE,
    defender::alerts::OF_MACHINE,
    defender::alerts::OF_FILE,
    defender::alerts::OF_DOMAIN,
    defender::alerts::OF_IP,
    defender::alerts::OF_USER,
    graph::incidents::RESOURCE,
    xdr::incidents::RESOURCE,
    graph::detection_rules::RESOURCE,
    graph::secure_scores::SCORES,
    graph::secure_scores::CONTROLS,
    graph::threat_intelligence::ARTICLES,
    graph::threat_intelligence::PROFILES,
    graph::threat_intelligence::VULNERABILITIES,
    graph::threat_intelligence::HOSTS,
    graph::customers::RESOURCE,
    arm::subscriptions::RESOURCE,
    arm::cloud::ASSESSMENTS,
    arm::cloud::ALERTS,
    arm::cloud::SECURE_SCORES,
    arm::cloud::SECURE_SCORE_CONTROLS,
    arm::cloud::PLANS,
]);

/// Looks a resource up by its name.
pub fn resource(name: &str) -> Option<&'static Resource> {
    RESOURCES.iter().find(|r| r.name == name)
}

/// The entry of the table that has this one's name: constants that refer to a resource share it. A name that is not in
/// the table does not compile: the index leaves the table.
const fn listed(wanted: &Resource) -> &'static Resource {
    let mut number = 0;
    loop {
        if is_same(RESOURCES[number].name.as_bytes(), wanted.name.as_bytes()) {
            return &RESOURCES[number];
        }
        number += 1;
    }
}

/// `==`, which constants cannot use.
const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}
