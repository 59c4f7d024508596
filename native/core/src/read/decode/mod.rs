//! Decodes rows into columns.

mod nested;
pub(crate) mod row;
pub(crate) mod surrogates;
pub(crate) mod time;
mod value;
