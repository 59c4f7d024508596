//! Decodes rows into columns.

pub(crate) mod described;
mod nested;
pub(crate) mod row;
pub(crate) mod surrogates;
pub(crate) mod time;
mod value;
