//! Advanced hunting: a query in the Kusto query language, its parameters, and the parts of one whose rows do not fit
//! into one answer.

pub(crate) mod document;
mod engine;
mod literal;
mod parts;
mod probe;
mod run;
mod syntax;
mod timespan;

pub use probe::CHECK;
pub(crate) use probe::PROBE;
pub(crate) use run::read;
