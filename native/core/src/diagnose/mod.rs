//! Tells what is wrong with a connection, and what an error means.

pub(crate) mod check;
pub(crate) mod consent;
pub(crate) mod explain;
mod findings;
