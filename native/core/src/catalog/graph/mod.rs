//! Microsoft Graph.

pub(super) mod alerts;
pub(super) mod customers;
pub(super) mod detection_rules;
pub(super) mod incidents;
pub(super) mod secure_scores;
pub(super) mod threat_intelligence;
