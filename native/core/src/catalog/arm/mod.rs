//! Azure Resource Manager.

pub(super) mod cloud;
pub(super) mod subscriptions;
