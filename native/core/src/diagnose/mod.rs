//! Diagnoses connections and explains errors.

pub(crate) mod check;
pub(crate) mod consent;
pub(crate) mod explain;
mod findings;
