//! Defender for Endpoint.

pub(super) mod alerts;
pub(super) mod antivirus_health;
pub(super) mod assessments;
pub(super) mod baselines;
pub(super) mod browser_permissions;
pub(super) mod cves;
pub(super) mod entities;
pub(super) mod indicators;
pub(super) mod investigations;
pub(super) mod library_files;
pub(super) mod machine_actions;
pub(super) mod machine_cves;
pub(super) mod machine_references;
pub(super) mod machine_vulnerabilities;
pub(super) mod machines;
pub(super) mod missing_kbs;
pub(super) mod recommendations;
pub(super) mod remediation_tasks;
pub(super) mod scans;
pub(super) mod scores;
pub(super) mod software;
pub(super) mod software_vulnerabilities_by_machine;
